"""Align gold values with their texts: `python -m tests.benchmarks.alignment DIR [--misses N]`.

DIR has a folder a set, with `data.jsonl`: text, gold, and evidence as [{path, start, end}]. Prints for each
set the F1 of spans that are exactly the gold ones, of those that share at least half of the union with
them, of those that touch them, and the seconds; beside it langextract's aligner on the same values, where
it is installed. A set of normalised values is also aligned by those: dates, times, durations, numbers.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from datetime import time as clock
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from extractor.evidence import align

Pieces = dict[str, tuple[int, int]]


class Case(NamedTuple):
    """A text, a record, the gold spans by pointer, and the day that relative dates are counted from."""

    text: str
    record: Any
    gold: Pieces
    today: date | None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--misses", type=int, default=0)
    options = parser.parse_args()
    aligners = {"extractor": ours} | ({"langextract": theirs()} if installed() else {})
    print(f"{'set':<22}{'aligner':<13}{'values':>7}{'exact':>8}{'IoU>=.5':>9}{'touch':>8}{'seconds':>9}")
    for name, cases in sets(options.folder):
        for aligner, run in aligners.items():
            begun = time.perf_counter()
            found = [run(case) for case in cases]
            seconds = time.perf_counter() - begun
            exact, half, touch = (f1(cases, found, least) for least in (1.0, 0.5, 1e-9))
            total = sum(len(case.gold) for case in cases)
            print(f"{name:<22}{aligner:<13}{total:>7}{exact:>8.4f}{half:>9.4f}{touch:>8.4f}{seconds:>9.2f}")
            if aligner == "extractor":
                show(cases, found, options.misses)


def sets(folder: Path) -> Iterator[tuple[str, list[Case]]]:
    """Yield each set's name and cases."""
    for path in sorted(folder.glob("*/data.jsonl")):
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        rows = [row for row in rows if row.get("evidence")]
        if rows:
            yield path.parent.name, [as_given(row) for row in rows]
        if rows and "mentions" in rows[0]["gold"]:
            for kind in ("numbers", "dates", "times", "durations"):
                cases = [by_value(row, kind) for row in rows]
                yield f"{path.parent.name}, {kind}", [case for case in cases if case.gold]


def as_given(row: Mapping[str, Any]) -> Case:
    """The gold record; of mentions only their texts."""
    gold = {e["path"]: (e["start"], e["end"]) for e in row["evidence"]}
    record = row["gold"]
    if "mentions" in record:
        record = {"mentions": [{"text": m["text"]} for m in record["mentions"]]}
    return Case(row["text"], record, gold, None)


def by_value(row: Mapping[str, Any], kind: str) -> Case:
    """The mentions' normalised values of one kind, each in the place of its text."""
    gold = {e["path"]: (e["start"], e["end"]) for e in row["evidence"]}
    values = [typed(mention, kind) for mention in row["gold"]["mentions"]]
    kept = {f"/mentions/{i}/text" for i, value in enumerate(values) if value is not None}
    stamp = row.get("context", {}).get("reference_datetime")
    today = datetime.fromisoformat(stamp).date() if stamp else None
    record = {"mentions": [{"text": value} for value in values]}
    return Case(row["text"], record, {p: s for p, s in gold.items() if p in kept}, today)


def typed(mention: Mapping[str, Any], kind: str) -> Any:
    """The Python value of a mention that is of `kind`; None of others."""
    value, of = mention.get("value"), mention.get("type")
    if value in (None, "not resolved"):
        return None
    types: dict[str, tuple[str, type]] = {
        "date": ("dates", date),
        "datetime": ("times", datetime),
        "time": ("times", clock),
        "duration": ("durations", timedelta),
    }
    group, python = types.get(str(of), ("numbers", Decimal))
    plain = float(value) if of == "duration" else value
    return TypeAdapter(python).validate_python(plain) if group == kind else None


def ours(case: Case) -> Pieces:
    """The spans that `align` finds."""
    found = align(case.record, case.text, reference_date=case.today)
    return {pointer: (spans[0].start, spans[0].end) for pointer, spans in found.items() if spans}


def installed() -> bool:
    """Whether langextract is there."""
    try:
        import langextract  # noqa: F401
    except ImportError:
        return False
    return True


def theirs() -> Callable[[Case], Pieces]:
    """langextract's own aligner, asked as its resolver asks it, about each value as a string."""
    from langextract.core import data
    from langextract.resolver import Resolver

    resolver = Resolver()

    def run(case: Case) -> Pieces:
        pointers = [p for p in case.gold if value_at(case.record, p) is not None]
        pointers.sort(key=lambda p: list(walk(case.record)).index(p))
        asked = [data.Extraction(p, str(value_at(case.record, p))) for p in pointers]
        spans = [
            (e.extraction_class, e.char_interval)
            for e in resolver.align(asked, case.text, token_offset=0, char_offset=0)
        ]
        return {p: (i.start_pos, i.end_pos) for p, i in spans if i and i.start_pos is not None}

    return run


def walk(record: Any, pointer: str = "") -> Iterator[str]:
    """Yield the pointers of the leaves."""
    children = (
        record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    )
    if not isinstance(record, dict | list):
        yield pointer
    for key, child in children:
        yield from walk(child, f"{pointer}/{key}")


def value_at(record: Any, pointer: str) -> Any:
    """The value at a JSON pointer."""
    for key in pointer.split("/")[1:]:
        record = record[int(key)] if isinstance(record, list) else record[key]
    return record


def f1(cases: list[Case], found: list[Pieces], least: float) -> float:
    """F1 of the spans whose intersection over union with the gold one is at least `least`."""
    right = sum(
        overlap(pieces[p], case.gold[p]) >= least
        for case, pieces in zip(cases, found, strict=True)
        for p in case.gold.keys() & pieces.keys()
    )
    given = sum(len(pieces) for pieces in found)
    wanted = sum(len(case.gold) for case in cases)
    return 2 * right / (given + wanted) if given + wanted else 0.0


def overlap(a: tuple[int, int], b: tuple[int, int]) -> float:
    """Intersection over union."""
    shared = max(0, min(a[1], b[1]) - max(a[0], b[0]))
    return shared / ((a[1] - a[0]) + (b[1] - b[0]) - shared)


def show(cases: list[Case], found: list[Pieces], many: int) -> None:
    """Print the first misses."""
    for case, pieces in zip(cases, found, strict=True):
        for pointer, (start, end) in case.gold.items():
            span = pieces.get(pointer)
            if many > 0 and span != (start, end):
                many -= 1
                value, wanted = value_at(case.record, pointer), case.text[start:end]
                got = case.text[slice(*span)] if span else None
                print(f"  {value!r}: {got!r} at {span}, not {wanted!r} at {start}")
                print(f"      {case.text[:160]!r}")


if __name__ == "__main__":
    main()
