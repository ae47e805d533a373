"""Seconds of work on inputs of n, 2n and 4n: `python -m tests.benchmarks.growth [WORD ...]`.

WORD: only the cases that have it in their name. A trial ends after a minute.
"""

from __future__ import annotations

import sys
import time

from tests.attacks.bounds import run
from tests.attacks.growing import CASES

LONGEST, MOST = 60.0, 3000.0  # seconds, megabytes


def seconds_of(name: str, n: int) -> float:
    work = CASES[name].make(n)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(words: list[str]) -> None:
    print(f"{'case':50} {'n':>7} {'s at n':>8} {'2n':>8} {'4n':>8}  times")
    for name, case in CASES.items():
        if words and not any(word in name for word in words):
            continue
        told, before, last = [], None, None
        for n in (case.n, 2 * case.n, 4 * case.n):
            outcome = run(seconds_of, (name, n), LONGEST, MOST)
            before, last = last, outcome.value
            told.append(f"{last:8.3f}" if last is not None else f"{outcome!s:.40}")
            if last is None:
                break
        grown = f"{last / before:6.1f}" if before and last else ""
        print(f"{name:50} {case.n:7} {' '.join(told)} {grown}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
