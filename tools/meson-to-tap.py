#!/usr/bin/env python3
"""Turns meson's testlog.json into TAP: a cmocka program (run with CMOCKA_MESSAGE_OUTPUT=TAP) counts case by case,
any other test counts as one.

usage: meson-to-tap.py testlog.json EXIT-STATUS-OF-MESON"""
import json
import re
import sys

CASE = re.compile(r"^(not )?ok \d+ -? ?(# SKIP )?(.*)$")


def results(test):
    """The (good, skipped, name) of each case in one test program; a crash is a failure of its own."""
    name = test["name"]
    good = test["result"] in ("OK", "EXPECTEDFAIL")
    lines = (test.get("stdout") or "").splitlines()
    cases = [m for m in map(CASE.match, lines) if m]
    if not cases or test["result"] == "SKIP":
        reason = next((l for l in lines if l.strip()), "skipped")
        yield good, reason if test["result"] == "SKIP" else None, name
        return
    for m in cases:
        yield not m[1] or bool(m[2]), "skipped by the test" if m[2] else None, f"{name}: {m[3]}"
    if not good and not any(m[1] and not m[2] for m in cases):
        yield False, None, f"{name}: {test['result']} (status {test.get('returncode')})"


def main():
    n = failures = 0
    try:
        with open(sys.argv[1], encoding="utf-8") as log:
            tests = [json.loads(line) for line in log]
    except OSError as why:
        print(f"1..1\nnot ok 1 meson test: {why}")
        return
    for test in tests:
        for good, skip, name in results(test):
            n += 1
            print(f"{'ok' if good or skip else 'not ok'} {n} {name}" + (f" # skip {skip}" if skip else ""))
            if not good and not skip:
                failures += 1
                text = (test.get("stdout") or "") + (test.get("stderr") or "")
                print("\n".join("# " + line for line in text.splitlines()[-40:]))
    print(f"1..{n}")
    if not failures:
        print(f"# exit {sys.argv[2]}")


main()
