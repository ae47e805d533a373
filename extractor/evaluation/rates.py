"""What an evaluation reports: shares over records, with bootstrap intervals, and paired differences. Pure.

Every figure is one sum over records divided by another: F1 is 2 x correct / (gold + predicted). So two
numbers of each record suffice for resampling. Source: Efron 1979, the percentile bootstrap over documents.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .detail import CaseDetail
from .metrics import FieldCounts, LeafCounts, Score
from .spans import Grounding

Ratio: TypeAlias = tuple[float, float]  # one record's share in numerator and denominator
RESAMPLES = 1000
SEED = 0


@dataclass(frozen=True, slots=True)
class Scored:
    """One record, scored. first_try: it was valid without repair. calls: requests, retries included.
    tokens: of all of them. cost: US dollars, None if no price is known. seconds: of the whole
    dialogue. grounding: None if the gold spans are not known. detail: what stands behind the figures;
    None in reports of older versions.
    """

    id: str
    outcome: str
    score: Score
    grounding: Grounding | None = None
    first_try: bool = False
    calls: int = 0
    tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    detail: CaseDetail | None = None


@dataclass(frozen=True, slots=True)
class Rate:
    """One figure of the report. good: whether more of it is better; None if that depends."""

    name: str
    of: Callable[[Scored], Ratio]
    good: bool | None = True
    percent: bool = True


@dataclass(frozen=True, slots=True)
class RateEstimate:
    """A figure over all records, and its 95 % bootstrap interval; None if nothing was counted."""

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """How much the second of two runs is above the first, over the same records. sure: the share of
    resamples in which the difference has the sign of `value`; None if there is no difference.
    """

    value: float | None
    low: float | None
    high: float | None
    sure: float | None


def _of(
    reading: Callable[[Score], FieldCounts], counts: Callable[[LeafCounts], Ratio]
) -> Callable[[Scored], Ratio]:
    return lambda record: counts(reading(record.score).overall)


def _perfect(reading: Callable[[Score], FieldCounts]) -> Callable[[Scored], Ratio]:
    return lambda record: (reading(record.score).perfect, 1)


def _grounded(counts: Callable[[Grounding], Ratio]) -> Callable[[Scored], Ratio]:
    return lambda record: (0, 0) if record.grounding is None else counts(record.grounding)


def _f1(tally: LeafCounts) -> Ratio:
    return 2 * tally.correct, tally.gold + tally.predicted


def _strict(score: Score) -> FieldCounts:
    return score.strict


def _normalised(score: Score) -> FieldCounts:
    return score.normalised


RATES: tuple[Rate, ...] = (
    Rate("valid on the first try", lambda r: (r.first_try, 1)),
    Rate("valid in the end", lambda r: (r.score.valid, 1)),
    Rate("value F1", _of(_normalised, _f1)),
    Rate("value F1, strict", _of(_strict, _f1)),
    Rate("precision", _of(_normalised, lambda t: (t.correct, t.predicted))),
    Rate("recall", _of(_normalised, lambda t: (t.correct, t.gold))),
    Rate("nulls left empty", _of(_normalised, lambda t: (t.correct_nulls, t.nulls))),
    Rate("perfect records", _perfect(_normalised)),
    Rate("perfect records, strict", _perfect(_strict)),
    Rate("values with evidence", _grounded(lambda g: (g.placed, g.predicted)), good=None),
    Rate("span F1, exact", _grounded(lambda g: (2 * g.exact, g.gold_spans + g.spans))),
    Rate("span F1, IoU 0.5", _grounded(lambda g: (2 * g.overlapping, g.gold_spans + g.spans))),
    Rate("grounded F1", _grounded(lambda g: (2 * g.grounded, g.gold_placed + g.placed))),
    Rate("requests a record", lambda r: (r.calls, 1), good=False, percent=False),
    Rate("tokens a record", lambda r: (r.tokens, 1), good=False, percent=False),
    Rate(
        "US dollars a record",
        lambda r: (0, 0) if r.cost is None else (r.cost, 1),
        good=False,
        percent=False,
    ),
    Rate("seconds a record", lambda r: (r.seconds, 1), good=False, percent=False),
)


def estimates(records: Sequence[Scored], resamples: int = RESAMPLES) -> dict[str, RateEstimate]:
    """Return each figure of RATES with its interval, by name."""
    drawn = _draws(len(records), resamples)
    return {rate.name: _estimate([rate.of(record) for record in records], drawn) for rate in RATES}


def differences(
    before: Sequence[Scored], after: Sequence[Scored], resamples: int = RESAMPLES
) -> dict[str, Difference]:
    """Return by how much each figure changed from one run to the other, on the records that both have."""
    pairs = paired(before, after)
    drawn = _draws(len(pairs), resamples)
    return {
        rate.name: _difference([rate.of(b) for b, _ in pairs], [rate.of(a) for _, a in pairs], drawn)
        for rate in RATES
    }


def field_differences(
    before: Sequence[Scored], after: Sequence[Scored], resamples: int = RESAMPLES
) -> dict[str, Difference]:
    """Return by how much the F1 of each field changed, normalised, on the records that both runs have."""
    pairs = paired(before, after)
    drawn = _draws(len(pairs), resamples)
    names = dict.fromkeys(name for pair in pairs for each in pair for name in each.score.normalised.by_field)
    return {
        name: _difference(
            [_field_f1(b, name) for b, _ in pairs], [_field_f1(a, name) for _, a in pairs], drawn
        )
        for name in names
    }


def _field_f1(record: Scored, name: str) -> Ratio:
    return _f1(record.score.normalised.by_field.get(name, LeafCounts()))


def paired(before: Sequence[Scored], after: Sequence[Scored]) -> list[tuple[Scored, Scored]]:
    """Return the records that both runs have, by their id, in the order of the first."""
    second = {record.id: record for record in after}
    return [(record, second[record.id]) for record in before if record.id in second]


def by_field(records: Sequence[Scored]) -> Mapping[str, LeafCounts]:
    """Return the counts of each field over all records, in the normalised reading."""
    fields: dict[str, LeafCounts] = {}
    for record in records:  # in place: sums of whole readings would be quadratic
        for name, tally in record.score.normalised.by_field.items():
            fields[name] = fields.get(name, LeafCounts()) + tally
    return fields


def _draws(records: int, resamples: int) -> list[list[int]]:
    rng = random.Random(SEED)
    return [rng.choices(range(records), k=records) for _ in range(resamples)] if records else []


def _ratio(numbers: Sequence[float], wholes: Sequence[float], draw: Sequence[int]) -> float | None:
    whole = sum(map(wholes.__getitem__, draw))
    return sum(map(numbers.__getitem__, draw)) / whole if whole else None


def _estimate(ratios: Sequence[Ratio], drawn: Sequence[Sequence[int]]) -> RateEstimate:
    numbers, wholes = [n for n, _ in ratios], [w for _, w in ratios]
    value = _ratio(numbers, wholes, range(len(ratios)))
    found = [r for r in (_ratio(numbers, wholes, draw) for draw in drawn) if r is not None]
    return RateEstimate(value, *_middle(found))


def _difference(
    before: Sequence[Ratio], after: Sequence[Ratio], drawn: Sequence[Sequence[int]]
) -> Difference:
    sides = [([n for n, _ in side], [w for _, w in side]) for side in (before, after)]
    values = [_minus(sides, draw) for draw in (range(len(before)), *drawn)]
    value, *resampled = values
    found = [v for v in resampled if v is not None]
    sure = None
    if value and found:
        sure = sum(v * value > 0 for v in found) / len(found)
    return Difference(value, *_middle(found), sure)


def _minus(sides: Sequence[tuple[list[float], list[float]]], draw: Sequence[int]) -> float | None:
    first, second = (_ratio(numbers, wholes, draw) for numbers, wholes in sides)
    return None if first is None or second is None else second - first


def _middle(found: list[float]) -> tuple[float | None, float | None]:
    """Return the bounds of the middle 95 % of the values."""
    if not found:
        return None, None
    found = sorted(found)
    return found[int(0.025 * (len(found) - 1))], found[-1 - int(0.025 * (len(found) - 1))]
