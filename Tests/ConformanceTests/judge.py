#!/usr/bin/env python3
"""Compares a fuzzing server's report with the committed expectation, case by case.

usage: judge.py INDEX_JSON EXPECTED [--accept]

Each line of EXPECTED is `case behavior behaviorClose`. Beside the comparison a few rules hold whatever EXPECTED says:
all 301 cases are there, and each is OK or one of those that the suite itself only informs about.
"""
import collections
import json
import sys

CASES = 301
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


def order(case):
    return [int(number) for number in case.split(".")]


def main():
    index, expected_path = sys.argv[1:3]
    with open(index) as file:
        report = json.load(file)
    if list(report) != ["quota_voice"]:
        sys.exit("conformance: FAILED, the report is about %s" % (list(report) or "nobody"))
    found = {case: (result["behavior"], result["behaviorClose"]) for case, result in report["quota_voice"].items()}
    if "--accept" in sys.argv:
        with open(expected_path, "w") as file:
            for case in sorted(found, key=order):
                file.write("%s %s %s\n" % (case, *found[case]))
    with open(expected_path) as file:
        expected = {line.split()[0]: tuple(line.split()[1:]) for line in file if line.strip()}

    complaints = []
    for case in sorted(set(found) | set(expected), key=order):
        have, want = found.get(case), expected.get(case)
        if have != want:
            complaints.append("%s: expected %s, found %s" % (case, want, have))
        allowed = ("INFORMATIONAL",) if case in INFORMATIONAL else ("OK",)
        if have and not set(have) <= {*allowed, "OK"}:
            complaints.append("%s: %s is no pass" % (case, have))
    if len(found) != CASES:
        complaints.append("%d cases instead of %d" % (len(found), CASES))

    counts = collections.Counter(behavior for behavior, _ in found.values())
    print("Autobahn|Testsuite: %d cases, %s" % (len(found), ", ".join("%d %s" % (n, b) for b, n in counts.most_common())))
    if complaints:
        print("\n".join(complaints))
        sys.exit("conformance: FAILED, %d differences" % len(complaints))
    print("conformance: passed")


main()
