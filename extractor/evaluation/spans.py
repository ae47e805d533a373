"""How well the evidence of a record agrees with gold spans. Pure counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from ..messages import JSON
from .gold import Place, Places
from .metrics import MISSING, assign, matched
from .scoring import PLAIN, Scoring

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
    """Return the intersection over union of two spans, a fraction: 0 if they are apart."""
    shared = min(one[1], other[1]) - max(one[0], other[0])
    union = max(one[1], other[1]) - min(one[0], other[0])
    return shared / union if shared > 0 else float(one == other)


def grounding(
    gold: JSON, gold_places: Places, predicted: JSON, places: Places, scoring: Scoring = PLAIN
) -> Grounding:
    """Return how well one record's evidence agrees with gold, leaves paired as `score` pairs them."""
    leaves = Grounding()
    for pair in matched(gold, predicted, scoring):
        expected = list(gold_places.get(pair.pointer, ())) if pair.wanted else []
        found = list(places.get(pair.there, ())) if pair.claimed else []
        leaves += _leaf(expected, found, pair.claimed, pair.right)
    return leaves


def no_grounding(gold: JSON, gold_places: Places, scoring: Scoring = PLAIN) -> Grounding:
    """Return the counts of a failed extraction: it has missed every span."""
    return grounding(gold, gold_places, MISSING, {}, scoring)


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


def same_place(expected: Sequence[Place], found: Sequence[Place]) -> bool:
    """Return whether some span of the one side is the same place as some span of the other."""
    return any(iou(one, other) >= OVERLAP for one in expected for other in found)


def _pairs(expected: list[Place], found: list[Place], least: float) -> int:
    """Return how many spans of the two sides can be paired so that all pairs agree."""
    agree = [[int(iou(one, other) >= least) for other in found] for one in expected]
    return sum(agree[row][column] for row, column in assign(agree))
