"""How well the evidence of a record agrees with gold spans. Pure counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

from ..messages import JSON
from .metrics import MISSING, assign, matched

Place: TypeAlias = tuple[int, int]  # start and end in the text, end exclusive
Places: TypeAlias = Mapping[str, Sequence[Place]]  # by the JSON pointer of a leaf
OVERLAP = 0.5  # from this intersection over union on, two spans are the same place


@dataclass(frozen=True, slots=True)
class Grounding:
    """Counts over the leaves of records whose gold spans are known.

    predicted: values that were predicted; placed: those with a span. gold_spans, spans: spans on the
    gold side and on the predicted one; exact, overlapping: pairs of them that agree, one to one.
    gold_placed: gold values with a span; grounded: those whose value and place were both found.
    """

    predicted: int = 0
    placed: int = 0
    gold_spans: int = 0
    spans: int = 0
    exact: int = 0
    overlapping: int = 0
    gold_placed: int = 0
    grounded: int = 0

    def __add__(self, other: Grounding) -> Grounding:
        return Grounding(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Grounding)))


def iou(one: Place, other: Place) -> float:
    """Return the intersection over union of two spans, a fraction: 0 where they are apart."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    union = max(one[1], other[1]) - min(one[0], other[0])
    return shared / union if shared > 0 else float(one == other)


def grounding(gold: JSON, gold_places: Places, predicted: JSON, places: Places) -> Grounding:
    """Return how well one record's evidence agrees with gold, leaves paired as `score` pairs them."""
    leaves = Grounding()
    for pointer, there, wanted, claimed, right in matched(gold, predicted):
        expected = list(gold_places.get(pointer, ())) if wanted else []
        found = list(places.get(there, ())) if claimed else []
        leaves += _leaf(expected, found, claimed, right)
    return leaves


def no_grounding(gold: JSON, gold_places: Places) -> Grounding:
    """Return the counts of a failed extraction: it has missed every span."""
    return grounding(gold, gold_places, MISSING, {})


def _leaf(expected: list[Place], found: list[Place], claimed: bool, right: bool) -> Grounding:
    overlapping = _pairs(expected, found, OVERLAP)
    return Grounding(
        predicted=int(claimed),
        placed=int(bool(found)),
        gold_spans=len(expected),
        spans=len(found),
        exact=_pairs(expected, found, 1.0),
        overlapping=overlapping,
        gold_placed=int(bool(expected)),
        grounded=int(right and overlapping > 0),
    )


def _pairs(expected: list[Place], found: list[Place], least: float) -> int:
    """Return how many spans of the two sides can be paired so that all pairs agree."""
    agree = [[int(iou(one, other) >= least) for other in found] for one in expected]
    return sum(agree[row][column] for row, column in assign(agree))
