#!/usr/bin/env python3
"""Prints the denials of the newest session: what was tried, and the rule that stopped it.

usage: recorded.py STATE-DIRECTORY [COLOUR]"""
import json
import pathlib
import sys


def main():
    colour = len(sys.argv) > 2 and sys.argv[2]
    sessions = sorted(pathlib.Path(sys.argv[1], "sessions").glob("*/events.jsonl"))
    if not sessions:
        print("  no record")
        return 1
    events = [json.loads(line) for line in sessions[-1].read_text(encoding="utf-8").splitlines()]
    denied = [e for e in events if e.get("decision") == "deny"]
    for e in denied:
        rule = f"{e.get('rule', '')} ({e.get('origin', '')})"
        line = f"  {e.get('op', e['type']):<9} {e.get('path', e.get('what', '')):<34}"
        print(line + (f"\033[32mdenied\033[0m by {rule}" if colour else f"denied by {rule}"))
    print(f"  {len(events)} events, {len(denied)} denials, each on disk before the agent got its answer")
    return 0


sys.exit(main())
