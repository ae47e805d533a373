"""How well stated confidence agrees with what is right. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The values whose confidence lies in (low, high]: how many, their mean confidence, the share of them
    that is right.
    """

    low: float
    high: float
    count: int
    stated: float
    right: float


def reliability(stated: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """Return the bins of equal width that hold values, lowest first.

    stated: confidences in [0, 1]; right: whether each value is. Raises ValueError unless there are as many.
    """
    if len(stated) != len(right) or not stated:
        raise ValueError(f"need as many confidences as judgements, not {len(stated)} and {len(right)}")
    held: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in zip(stated, right, strict=True):
        held.setdefault(max(math.ceil(confidence * bins) - 1, 0), []).append((confidence, is_right))
    return [
        Bin(
            i / bins,
            (i + 1) / bins,
            len(held[i]),
            sum(confidence for confidence, _ in held[i]) / len(held[i]),
            sum(is_right for _, is_right in held[i]) / len(held[i]),
        )
        for i in sorted(held)
    ]


def calibration_error(stated: Sequence[float], right: Sequence[bool], bins: int = BINS) -> float:
    """Return the expected calibration error, a fraction: 0 is perfect, 1 is worst.

    Source: Guo et al. 2017, arXiv:1706.04599, section 2.
    """
    found = reliability(stated, right, bins)
    return sum(each.count * abs(each.right - each.stated) for each in found) / len(stated)


def errors_caught(stated: Sequence[float], right: Sequence[bool], share: float = 0.2) -> float | None:
    """Return which share of all errors is among the least sure `share` of the values; None without errors.

    Of values that are equally sure, a part is reviewed that holds as many errors as the whole of them does.
    """
    errors = len(right) - sum(right)
    if not errors:
        return None
    left, caught = share * len(right), 0.0
    for _, tied in groupby(sorted(zip(stated, right, strict=True)), key=lambda pair: pair[0]):
        group = [is_right for _, is_right in tied]
        part = min(1.0, left / len(group))
        caught += part * (len(group) - sum(group))
        left -= part * len(group)
    return caught / errors
