"""How often a promise is missed on real answers, over 1,000 resamplings into calibration and test.

    python -m tests.benchmarks.promise REPORT.json [RIGHT ...]

REPORT.json is written by `extractor eval --confidence -o`. For each share RIGHT (0.3 0.5 0.7 0.9) and each
field, a promise is made 1,000 times, in two ways. `half`: the texts are parted at random, and the promise is
held against the other half, whose own chance counts too. `drawn`: as many texts as there are, drawn with
replacement, are held against all texts, which is what the assurance of 95 % speaks of.
"""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from extractor.evaluation import EvalReport, load_report
from extractor.evaluation.metrics import agreeing
from extractor.evaluation.promising import Judged, field_promise
from extractor.pointers import any_index

ROUNDS, ASSURANCE = 1000, 0.95


@dataclass
class Tally:
    """How many promises were made, and how many of them were missed by what they were held against."""

    made: int = 0
    missed: int = 0
    kept: float = 0.0

    def take(self, values: Sequence[Judged], held_against: Sequence[Judged], right: float) -> None:
        """Make a promise on some values, and hold it against others."""
        promise = field_promise(values, right, ASSURANCE)
        if promise.threshold is None:
            return
        above = [each.right for each in held_against if each.score >= promise.threshold]
        self.made += 1
        self.kept += promise.kept
        self.missed += bool(above) and sum(above) / len(above) < right

    def __str__(self) -> str:
        kept = f"{self.kept / self.made:.0%}" if self.made else "–"
        return f"{self.made} | {kept} | {self.missed / ROUNDS:.1%}"


def values_of(report: EvalReport) -> dict[str, list[list[Judged]]]:
    """Return the values of each field, text by text."""
    found: dict[str, list[list[Judged]]] = defaultdict(list)
    for record in report.records:
        detail = record.detail
        if detail is None or detail.found is None:
            continue
        right, of_text = agreeing(detail.found, detail.gold), defaultdict(list)
        for pointer, score in detail.confidence.items():
            if pointer in right:
                judged = Judged(record.id, pointer, score, right[pointer])
                of_text[any_index(pointer)].append(judged)
        for field, some in of_text.items():
            found[field].append(some)
    return found


def held(texts: Sequence[list[Judged]], right: float, rng: random.Random) -> tuple[Tally, Tally]:
    """Return what became of the promises of one field: by halves, and by drawing."""
    half, drawn = Tally(), Tally()
    everything = [each for some in texts for each in some]
    for _ in range(ROUNDS):
        order = rng.sample(range(len(texts)), len(texts))
        first, second = order[: len(texts) // 2], order[len(texts) // 2 :]
        half.take([v for i in first for v in texts[i]], [v for i in second for v in texts[i]], right)
        some = rng.choices(texts, k=len(texts))
        values = [replace(v, text=f"{n}") for n, each in enumerate(some) for v in each]
        drawn.take(values, everything, right)
    return half, drawn


def main(path: str, shares: Sequence[float]) -> None:
    """Print a row for each share and field of which a promise could be made at all."""
    print(
        "| right | field | texts | right in fact | half: made | kept | missed | drawn: made | kept | missed |"
    )
    print(f"| {' | '.join(['---'] * 10)} |")
    for right in shares:
        for field, texts in sorted(values_of(load_report(path)).items()):
            half, drawn = held(texts, right, random.Random(7))
            if half.made + drawn.made:
                rate = sum(v.right for some in texts for v in some) / sum(map(len, texts))
                print(f"| {right} | {field} | {len(texts)} | {rate:.0%} | {half} | {drawn} |")


if __name__ == "__main__":
    main(sys.argv[1], [float(each) for each in sys.argv[2:]] or [0.3, 0.5, 0.7, 0.9])
