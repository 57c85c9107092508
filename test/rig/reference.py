#!/usr/bin/env python3
"""Random questions on random worlds, answered by the engine and by the references of the tests.

usage: reference.py [--trials N] [--seed S] [--only NAME,…] [--build DIR]

The references stand in src/query/*_test.c, each written from the contract's words, slow and apart
from the kernels. A trial is one question of which all numbers were compared. `same` compares the
ways to read (plain arrays whole, in single units on three threads, in parts, backwards; the real
store, before and after compaction, on several threads) and each number with the people behind it;
`invariant` asks what must hold between answers. The last line is `N passed, N failed`.
"""
import argparse
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Test program: its part of the questions, and how many come of one round of its loops. A round
# whose question would be refused (names nobody has) asks nothing.
PROGRAMS = {
    "funnel": (0.30, 4.7),
    "trends": (0.22, 0.47),
    "lifecycle": (0.16, 0.485),
    "retention": (0.14, 0.225),
    "behaviour": (0.10, 1.31),
    "paths": (0.08, 0.249),
}
WAYS = {"same": (1.0, 1.0)}


def ask(program, build, rounds, seed):
    """(questions asked, what failed)."""
    path = os.path.join(build, "src", "query", f"query_{program}_test")
    done = subprocess.run([path], text=True, errors="replace", check=False, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, cwd=ROOT,
                          env={**os.environ, "QUERY_RANDOM": str(rounds), "QUERY_SEED": str(seed)})
    asked = sum(int(n) for n in re.findall(r"^asked (\d+)$", done.stdout, flags=re.M))
    if done.returncode == 0 and asked:
        return asked, None
    return asked, (f"again: QUERY_RANDOM={rounds} QUERY_SEED={seed} {os.path.relpath(path, ROOT)}\n"
                   + done.stdout[-4000:])


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--trials", type=int, default=20000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--only", default="", help="names, separated by commas")
    options.add_argument("--build", default=os.path.join(ROOT, "build", "c"))
    args = options.parse_args()
    both = {**PROGRAMS, **WAYS}
    names = [n for n in args.only.split(",") if n] or list(PROGRAMS)
    if set(names) - set(both):
        sys.exit(f"reference: --only takes {', '.join(both)}")
    build = os.environ.get("TENURE_BUILD", args.build)
    whole = sum(both[n][0] for n in names)
    passed = failed = 0
    for name in names:
        share, each = both[name]
        left, turn = args.trials * share / whole, 0
        while left >= 1:  # a short turn more, where a round gave less than was hoped
            asked, why = ask(name, build, max(8, int(left / each) + 1), args.seed + turn)
            left -= max(asked, 1)
            turn += 1
            passed += asked
            if why:
                failed += 1
                print(f"FAILED {name}: {why}", flush=True)
                break
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
