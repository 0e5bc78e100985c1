#!/usr/bin/env python3
"""Prints what the newest session recorded: its denials, each with the rule that made it.

usage: recorded.py STATE-DIRECTORY PROJECT [COLOUR]"""
import json
import pathlib
import subprocess
import sys


def lines(log):
    """Those of a log's segments (docs/log-format.md), which are compressed once they are full or the session has ended."""
    for segment in sorted({p.name.removesuffix(".zst") for p in log.glob("*.jsonl*")}):
        packed = log / (segment + ".zst")
        if packed.exists():
            text = subprocess.run(["zstdcat", "-q", packed], check=True, stdout=subprocess.PIPE).stdout
        else:
            text = (log / segment).read_bytes()
        yield from text.decode().splitlines()


def main():
    project = sys.argv[2].rstrip("/") + "/"
    colour = len(sys.argv) > 3 and sys.argv[3]
    sessions = sorted(pathlib.Path(sys.argv[1], "sessions").glob("*/log"))
    if not sessions:
        print("  no record")
        return 1
    events = [json.loads(line) for line in lines(sessions[-1])]
    denied = [e for e in events if e.get("decision") == "deny"]
    for e in denied:
        by = f"{e.get('comm', '?')}[{e.get('pid', '?')}]"
        what = e.get("path", e.get("call", "")).replace(project, "")
        text = f"denied {e.get('op', e['type']):<10} {what:<26} by {e.get('rule', '')} ({e.get('origin', '')}), {by}"
        print("  " + (f"\033[32m{text[:6]}\033[0m{text[6:]}" if colour else text))
    print(f"  {len(events)} events; each denial was on disk before the agent got its answer")
    return 0


sys.exit(main())
