"""Field-level accuracy of records against gold ones. Pure counts; no model judges.

The conventions are those of ExtractBench and SOB. A failed extraction has missed everything. Arrays are
aligned by their best assignment, so order in them does not count. Values and nulls are counted separately.
Everything is compared twice, strictly and normalised. Records are JSON values, or what `model_dump()` gives:
then Decimals and dates compare by value in the strict reading too. A `Scoring` says where a field is to be
compared otherwise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from enum import Enum
from math import inf
from typing import Any, Final, NamedTuple, TypeAlias

from ..pointers import pointer
from .scoring import PLAIN, Scoring, field_of

JSON: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]
Pair: TypeAlias = tuple[Path, Path, JSON, JSON]  # where in the gold record, and in the other; their leaves


class _Missing(Enum):
    MISSING = "missing"


MISSING: Final = _Missing.MISSING  # no record at all: what a failed extraction predicts


@dataclass(frozen=True, slots=True)
class LeafCounts:
    """Counts of leaves. gold, predicted: leaves with a value; correct: those that agree.
    nulls: gold leaves that are null; correct_nulls: those for which nothing was predicted.
    """

    gold: int = 0
    predicted: int = 0
    correct: int = 0
    nulls: int = 0
    correct_nulls: int = 0

    @property
    def perfect(self) -> bool:
        """Whether nothing is missed, wrong or invented."""
        return self.correct == self.gold == self.predicted and self.correct_nulls == self.nulls

    @property
    def precision(self) -> float:
        """The share of predicted values that are correct."""
        return self._share(self.correct, self.predicted)

    @property
    def recall(self) -> float:
        """The share of gold values that were found."""
        return self._share(self.correct, self.gold)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return self._share(2 * self.correct, self.gold + self.predicted)

    @property
    def null_accuracy(self) -> float | None:
        """The share of gold nulls for which nothing was predicted; None if there are no nulls."""
        return self.correct_nulls / self.nulls if self.nulls else None

    def _share(self, part: int, whole: int) -> float:
        return part / whole if whole else float(self.perfect)

    def __add__(self, other: LeafCounts) -> LeafCounts:
        return LeafCounts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(LeafCounts)))


@dataclass(frozen=True, slots=True)
class FieldCounts:
    """One way to compare, over one record or many. perfect: how many records are wholly right.
    by_field: a tally for each JSON pointer, with `*` for array indices: `/items/*/amount`.
    """

    by_field: Mapping[str, LeafCounts] = field(default_factory=dict)
    perfect: int = 0

    @property
    def overall(self) -> LeafCounts:
        """All fields together, each leaf counting once."""
        return sum(self.by_field.values(), LeafCounts())

    def __add__(self, other: FieldCounts) -> FieldCounts:
        names = dict.fromkeys((*self.by_field, *other.by_field))
        both = {
            name: self.by_field.get(name, LeafCounts()) + other.by_field.get(name, LeafCounts())
            for name in names
        }
        return FieldCounts(both, self.perfect + other.perfect)


@dataclass(frozen=True, slots=True)
class Score:
    """How well records agree with gold: of one, or summed over many.

    - valid: how many extractions gave a record.
    - strict: how many values are exactly equal.
    - normalised: how many are equal if numbers are compared by value, and strings without case, width, space
      and punctuation.
    """

    records: int = 0
    valid: int = 0
    strict: FieldCounts = FieldCounts()
    normalised: FieldCounts = FieldCounts()

    def __add__(self, other: Score) -> Score:
        return Score(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Score)))


def score(gold: JSON, predicted: JSON, scoring: Scoring = PLAIN) -> Score:
    """Return how well one record agrees with its gold record; MISSING stands for a failed extraction.

    - scoring: how fields are compared if not as usual. Tolerances and similarity apply to the normalised
      comparison only.
    """
    return Score(
        records=1,
        valid=int(predicted is not MISSING),
        strict=_reading(gold, predicted, _Comparison(scoring, lenient=False)),
        normalised=_reading(_normalised(gold), _normalised(predicted), _Comparison(scoring)),
    )


class LeafPair(NamedTuple):
    """Two leaves that are compared. pointer, there: where they stand in the gold record and in the other;
    field: the pointer with `*` for indexes. wanted, claimed: whether the one and the other are values.
    """

    pointer: str
    there: str
    field: str
    wanted: bool
    claimed: bool
    right: bool


def matched(gold: JSON, predicted: JSON, scoring: Scoring = PLAIN) -> Iterator[LeafPair]:
    """Yield the leaves of both records in pairs, as the normalised reading compares them."""
    comparison = _Comparison(scoring)
    for path, there, one, other in comparison.pairs((), (), _normalised(gold), _normalised(predicted)):
        tally = comparison.tally(path, one, other)
        sides = bool(tally.gold), bool(tally.predicted), bool(tally.correct)
        yield LeafPair(pointer(path), pointer(there), field_of(path), *sides)


def equal(one: JSON, other: JSON) -> bool:
    """Return whether two leaves are values that are equal as they are."""
    return _is_value(one) and _same(one, other)


def alike(one: JSON, other: JSON) -> bool:
    """Return whether two leaves are values that are equal in the normalised reading."""
    return _is_value(one) and _same(_normalised(one), _normalised(other))


def agreeing(record: JSON, other: JSON) -> dict[str, bool]:
    """Return for each leaf of a record, by JSON pointer, whether another record says the same there, in the
    normalised reading: the same value, or no value in both.
    """
    pairs = _Comparison(PLAIN).pairs((), (), _normalised(record), _normalised(other))
    return {pointer(path): _agree(one, another) for path, _, one, another in pairs if one is not MISSING}


def _agree(one: JSON, other: JSON) -> bool:
    return _same(one, other) if _is_value(one) else not _is_value(other)


def total(scores: Iterable[Score]) -> Score:
    """Return the sum of scores: shares of it are micro-averages, each leaf counting once."""
    return sum(scores, Score())


def flatten(record: JSON) -> dict[str, JSON]:
    """Return the leaves of a record, nulls too, by JSON pointer (RFC 6901); empty containers have none."""
    return {pointer(path): leaf for path, leaf in _leaves(record)}


def by_field(record: JSON) -> dict[str, dict[str, JSON]]:
    """Return the leaves of a record that are values by their field, and there by their JSON pointer."""
    fields: dict[str, dict[str, JSON]] = {}
    for path, leaf in _leaves(record):
        if _is_value(leaf):
            fields.setdefault(field_of(path), {})[pointer(path)] = leaf
    return fields


def assign(weights: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """Return the pairs (row, column) of greatest summed weight, as many as the shorter side has.

    weights: (rows, columns). Ordered by row; quadratic in the shorter side, linear in the longer.
    Source: Kuhn 1955, the Hungarian method; scipy's would cost 35 MB for this one function.
    """
    rows, columns = len(weights), len(weights[0]) if weights else 0
    if rows > columns:
        return sorted((row, column) for column, row in assign(list(zip(*weights, strict=True))))
    row_of, row_price, column_price = [0] * (columns + 1), [0] * (rows + 1), [0] * (columns + 1)
    for row in range(1, rows + 1):  # rows and columns count from 1; 0 is none
        _give_column(row, weights, row_of, row_price, column_price)
    return sorted((row - 1, column - 1) for column, row in enumerate(row_of) if row and column)


def _give_column(
    row: int,
    weights: Sequence[Sequence[int]],
    row_of: list[int],
    row_price: list[int],
    column_price: list[int],
) -> None:
    """Find `row` a column by the cheapest chain of rows that move over to another one. In place."""
    slack: dict[int, float] = dict.fromkeys(range(1, len(row_of)), inf)  # of columns not yet in the tree
    before: dict[int, int] = {}
    tree, column = [0], 0
    row_of[0] = row
    while holder := row_of[column]:
        for other, least in slack.items():
            cost = -weights[holder - 1][other - 1] - row_price[holder] - column_price[other]
            if cost < least:
                slack[other], before[other] = cost, column
        following = min(slack, key=slack.__getitem__)
        step = int(slack.pop(following))
        for inside in tree:
            row_price[row_of[inside]] += step
            column_price[inside] -= step
        for other in slack:
            slack[other] -= step
        tree.append(following)
        column = following
    while column:
        row_of[column], column = row_of[before[column]], before[column]


def _reading(gold: JSON, predicted: JSON, comparison: _Comparison) -> FieldCounts:
    by_field: dict[str, LeafCounts] = {}
    for path, _, one, other in comparison.pairs((), (), gold, predicted):
        name = field_of(path)
        by_field[name] = by_field.get(name, LeafCounts()) + comparison.tally(path, one, other)
    return FieldCounts(
        by_field, int(predicted is not MISSING and sum(by_field.values(), LeafCounts()).perfect)
    )


def _same(one: JSON, other: JSON) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How two records are compared. lenient: whether values may agree that are not equal."""

    scoring: Scoring
    lenient: bool = True

    def tally(self, path: Path, gold: JSON, predicted: JSON) -> LeafCounts:
        """Return the counts of one pair of leaves."""
        wanted, claimed = _is_value(gold), _is_value(predicted)
        same = wanted and claimed and self._agree(path, gold, predicted)
        return LeafCounts(wanted, claimed, same, gold is None, gold is None and predicted is None)

    def _agree(self, path: Path, gold: JSON, predicted: JSON) -> bool:
        if _same(gold, predicted) or not self.lenient or not self.scoring:
            return _same(gold, predicted)
        return self.scoring.of(path).agree(gold, predicted)

    def pairs(self, path: Path, there: Path, gold: JSON, predicted: JSON) -> Iterator[Pair]:
        """Yield the leaves of both sides in pairs. MISSING stands where one side has no such place."""
        if self.scoring and self.scoring.ignored(path):
            return
        if isinstance(gold, Mapping) and isinstance(predicted, Mapping):
            for key in dict.fromkeys((*gold, *predicted)):
                below = gold.get(key, MISSING), predicted.get(key)
                yield from self.pairs((*path, str(key)), (*there, str(key)), *below)
        elif _is_array(gold) and _is_array(predicted):
            yield from self._arrays(path, there, list(gold), list(predicted))
        elif _is_container(gold) or _is_container(predicted):
            yield from self._one_sided(path, there, gold, predicted)
        else:
            yield path, there, gold, predicted

    def _one_sided(self, path: Path, there: Path, gold: JSON, predicted: JSON) -> Iterator[Pair]:
        claims = predicted is MISSING or any(_is_value(leaf) for _, leaf in _leaves(predicted))
        for deeper, leaf in self._kept(path, gold):
            yield (*path, *deeper), (*there, *deeper), leaf, MISSING if claims else None
        for deeper, leaf in self._kept(path, predicted):
            yield (*path, *deeper), (*there, *deeper), MISSING, leaf

    def _kept(self, path: Path, value: JSON) -> Iterator[tuple[Path, JSON]]:
        for deeper, leaf in _leaves(value):
            if not (self.scoring and self.scoring.ignored((*path, *deeper))):
                yield deeper, leaf

    def _arrays(self, path: Path, there: Path, gold: list[JSON], predicted: list[JSON]) -> Iterator[Pair]:
        aligned = self._aligned(path, gold, predicted)
        for index, one in enumerate(gold):
            at = aligned.get(index)
            other = MISSING if at is None else predicted[at]
            yield from self.pairs((*path, index), (*there, index if at is None else at), one, other)
        for index in sorted(set(range(len(predicted))) - set(aligned.values())):
            yield from self.pairs((*path, index), (*there, index), MISSING, predicted[index])

    def _aligned(self, path: Path, gold: list[JSON], predicted: list[JSON]) -> dict[int, int]:
        if self.scoring and self.scoring.ordered(path):
            return {index: index for index in range(min(len(gold), len(predicted)))}
        # one value outweighs all nulls together
        unit = 1 + sum(1 for _ in _leaves(gold))
        weights = [[self._weight((*path, 0), one, other, unit) for other in predicted] for one in gold]
        return dict(assign(weights))

    def _weight(self, path: Path, gold: JSON, predicted: JSON, unit: int) -> int:
        pairs = self.pairs(path, path, gold, predicted)
        together = sum((self.tally(at, one, other) for at, _, one, other in pairs), LeafCounts())
        return unit * together.correct + together.correct_nulls


def _leaves(value: JSON, path: Path = ()) -> Iterator[tuple[Path, JSON]]:
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _leaves(below, (*path, str(key)))
    elif _is_array(value):
        for index, below in enumerate(value):
            yield from _leaves(below, (*path, index))
    elif value is not MISSING:
        yield path, value


def _is_array(value: JSON) -> bool:
    return isinstance(value, list | tuple | set | frozenset)


def _is_container(value: JSON) -> bool:
    return isinstance(value, Mapping) or _is_array(value)


def _is_value(leaf: JSON) -> bool:
    return leaf is not None and leaf is not MISSING


_NUMBER = re.compile(r"-?(0|[1-9]\d*|[1-9]\d{0,2}(,\d{3})+)(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)


def _normalised(value: JSON) -> JSON:
    if isinstance(value, Mapping):
        return {key: _normalised(below) for key, below in value.items()}
    if _is_array(value):
        return [_normalised(below) for below in value]
    if isinstance(value, bool) or not _is_value(value):
        return value
    text = str(value.value if isinstance(value, Enum) else value).strip()
    return Decimal(text.replace(",", "")) if _NUMBER.fullmatch(text) else _folded(text)


def _folded(text: str) -> str:
    """Fold case and width; drop space and punctuation, but keep 1.5 apart from 15, and C# from C."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    marked = "".join(" " if unicodedata.category(c)[0] in "PZC" and c not in "#%&@" else c for c in text)
    return re.sub(r"(?<=\d) +(?=\d)|( +)", lambda gap: "" if gap[1] else " ", marked) or text
