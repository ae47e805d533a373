"""How many records have to be looked at. Pure."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil, sqrt
from statistics import NormalDist

from .items import ReviewItem, escalated_first, least_sure_first

SEED = 0


def sample_of(items: Sequence[ReviewItem], size: int | None, by: str) -> list[ReviewItem]:
    """Return the records to look at, for by="uncertainty" the least sure ones, for "escalation" those with
    escalated values, for "random" such drawn at random, the same each time.
    """
    if by == "random":
        drawn = random.Random(SEED).sample(range(len(items)), min(size or len(items), len(items)))
        return [items[index] for index in sorted(drawn)]
    return (escalated_first if by == "escalation" else least_sure_first)(items)[:size]


def random_needed(population: int, within: float, assurance: float, share: float = 0.5) -> int:
    """Return how many records, drawn at random, tell the share of right ones within so much to either side.

    within, assurance: fractions. share: the expected one; 0.5 needs the most. Source: Cochran 1977, Sampling
    Techniques, section 4.4, with the correction for a finite population.
    """
    z = NormalDist().inv_cdf(0.5 + assurance / 2)
    endless = z * z * share * (1 - share) / (within * within)
    return min(population, ceil(endless / (1 + (endless - 1) / population))) if population else 0


def doubtful_needed(records: Sequence[Sequence[float]], precision: float, assurance: float) -> int:
    """Return how many records, from the first on, have to be looked at so that of all values the share
    `precision` is right, with probability `assurance`; those that are looked at are right then.

    records: in the order in which they are looked at; for each, the probabilities of its values that they are
    right, independent of each other. The
    number of right ones is a sum of Bernoulli variables; its lower bound is that of the normal distribution.
    """
    z, total = NormalDist().inv_cdf(assurance), sum(map(len, records))
    mean = sum(p for values in records for p in values)
    spread = sum(p * (1 - p) for values in records for p in values)
    sure = 0
    for looked, values in enumerate(records):
        if sure + mean - z * sqrt(max(spread, 0.0)) >= precision * total - 1e-9:
            return looked
        sure += len(values)
        mean, spread = mean - sum(values), spread - sum(p * (1 - p) for p in values)
    return len(records)
