#!/usr/bin/env python3
"""Passes the demo's output through, one attempt a line: what was tried, what came back, and why. The raw text goes to a file.

usage: show.py RAW-FILE PROJECT COLOUR WALLED (the last two: empty for no)

The why is brattice's own line about the refusal where it printed one, else what the error code means for a process that
has a root, a home, a pid namespace and a network namespace of its own."""
import re
import sys

REFUSED = re.compile(r"^brattice: \w+ refused: (?P<path>.*) \((?P<rule>.*), (?P<origin>[^,)]*)\): (?P<why>.*)$")
HANDOFF = re.compile(r"^\s+(note|warn|block)\s+(.*)$")
MEANING = {
    "ENOENT": "not there: the sandbox has a root and a home of its own",
    "EACCES": "hidden: looks like a secret, and git doesn't track it",
    "ESRCH": "no such process in its pid namespace",
    "ECONNREFUSED": "its loopback is its own; nobody listens there",
    "ENETUNREACH": "its network has no way out",
}
HANDOFF_TITLE = "brattice: what this run changed"
HARMLESS = {
    "add a line to ~/.bashrc": "into the session's own home, which is built anew each time",
    "leave a daemon behind": "until the session ends, and everything in it",
}


def main():
    raw = open(sys.argv[1], "w", encoding="utf-8")
    project = sys.argv[2].rstrip("/") + "/"
    colour, walled = sys.argv[3:5]

    def paint(code, text):
        return f"\033[{code}m{text}\033[0m" if colour else text

    refusals, attempts, handoff = [], False, False
    for line in sys.stdin:
        raw.write(line)
        line = line.rstrip("\n")
        parts = line.split("\t")
        m, h = REFUSED.match(line), HANDOFF.match(line)
        if parts[0] == "attempt" and len(parts) == 4:
            name, code, text = parts[1:]
            if code == "ok":
                print(f"  {name:<42} {paint(33, 'no error    ')} " + (paint(2, HARMLESS.get(name, "")) if walled and name in HARMLESS else text[:50]))
            else:
                why = "; ".join(f"{r['rule']} ({r['origin']}): {r['why']}" for r in refusals) or MEANING.get(code, text)
                why = why.replace("guarded: ", "").split("; only")[0]
                print(f"  {name:<42} {paint(32, f'{code:<12}')} {paint(2, why)}")
            refusals, attempts = [], True
        elif m:
            refusals.append(m)
        elif line.startswith(HANDOFF_TITLE):
            print(paint(1, f"\n● {line.removeprefix('brattice: ')}"))
            handoff = True
        elif handoff and h:
            print(f"  {h[1]:<6}{h[2].replace(project, '')}")
        else:
            print(paint(2, f"    {line}") if attempts and not handoff else line)
        sys.stdout.flush()


main()
