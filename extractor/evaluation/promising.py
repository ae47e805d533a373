"""Labelled values -> the score from which they are right as often as asked for, with finite-sample assurance.

Thresholds are tested from the highest one down, each by the exact binomial tail, until one fails. This is
fixed-sequence testing: the tests of a field err together with a probability of 1 - assurance at most. If
they begin depends on how many values there are, never on which are right. Values of one text depend on each
other, so one of each text counts, drawn by its hash. Pure. Source: Angelopoulos et al. 2021, Learn then Test,
arXiv:2110.01052; Clopper and Pearson 1934.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..confidence.promise import FieldPromise, Promise
from ..errors import ConfigError
from ..pointers import any_index
from .calibrating import Labelled

GRID = tuple(round(1 - step / 1000, 3) for step in range(20)) + tuple(
    round(0.98 - step / 100, 2) for step in range(99)
)  # thresholds that are tried, the highest first; fixed before any label is seen
MOST_NEEDED = 100_000  # labels; more are as good as impossible
ROOM = 2  # the first threshold keeps so many times the least number of values, if there are enough


@dataclass(frozen=True, slots=True)
class Judged:
    """One value, or one whole record, with its score and whether it is right. text: the id of its text."""

    text: str
    place: str
    score: float
    right: bool


def promised(
    values: Iterable[Labelled],
    records: Iterable[Judged],
    right: float,
    assurance: float,
    model: str,
    fingerprint: str,
    samples: int = 1,
) -> Promise:
    """Return from which scores on the fields and whole records are right in the share `right` of cases.

    Raises ConfigError unless `right` and `assurance` lie between 0 and 1.
    """
    check_shares(right, assurance)
    by_field: dict[str, list[Judged]] = {}
    texts = set[str]()
    for each in values:
        judged = Judged(each.text, each.pointer, each.signals.score, each.right)
        by_field.setdefault(any_index(each.pointer), []).append(judged)
        texts.add(each.text)
    found = {name: field_promise(some, right, assurance) for name, some in sorted(by_field.items())}
    whole = field_promise(list(records), right, assurance)
    return Promise(right, assurance, model, fingerprint, samples, len(texts), found, whole)


def check_shares(right: float, assurance: float) -> None:
    """Raise ConfigError unless both are shares that can be promised."""
    for name, share in (("right", right), ("assurance", assurance)):
        if not 0 < share < 1:
            raise ConfigError(f"{name} must be a share between 0 and 1, such as 0.97, not {share}")


def field_promise(values: Sequence[Judged], right: float, assurance: float) -> FieldPromise:
    """Return the lowest threshold that the tests come down to, or why there is none."""
    error, counts = 1 - assurance, counted(values)
    first = _first(counts, fewest(right, error))
    if first is None:
        return _too_few(counts[-1], right, error)
    best: AboveThreshold | None = None
    for each in counts[first:]:
        if tail(each.wrong, each.texts, 1 - right) > error:
            break
        best = each
    if best is None:
        return _not_right(counts[first], right, error)
    floor, kept = lower_bound(best.wrong, best.texts, error), best.kept / len(values)
    return FieldPromise(best.threshold, best.texts, best.wrong, floor, kept)


class AboveThreshold(NamedTuple):
    """What is at or above a threshold. kept: all values; texts: those drawn, one of each text; wrong: of
    these.
    """

    threshold: float
    kept: int
    texts: int
    wrong: int


def counted(values: Sequence[Judged]) -> list[AboveThreshold]:
    """Return what is at or above each threshold of GRID. Of each text that has such values one counts, drawn
    by their hashes: the texts are independent of each other, values of one text are not.
    """
    falling = sorted(values, key=lambda each: each.score, reverse=True)
    chosen: dict[str, tuple[bytes, bool]] = {}
    at, found, wrong = 0, list[AboveThreshold](), 0
    for threshold in GRID:
        while at < len(falling) and falling[at].score >= threshold:
            drawn, known = (_ticket(falling[at]), falling[at].right), chosen.get(falling[at].text)
            if known is None or drawn < known:
                chosen[falling[at].text] = drawn
                wrong += (not drawn[1]) - (known is not None and not known[1])
            at += 1
        found.append(AboveThreshold(threshold, at, len(chosen), wrong))
    return found


def fewest(right: float, error: float) -> int:
    """Return how many values it takes, all of them right, to promise a share of right ones."""
    return math.ceil(math.log(error) / math.log(right))


def tail(wrong: int, count: int, share: float) -> float:
    """Return the probability of at most so many wrong ones of `count`, where each is with probability
    `share`: the exact p-value of "no fewer are wrong than that".
    """
    if wrong >= count:
        return 1.0
    if share <= 0:
        return 1.0
    if share >= 1:
        return 0.0
    logs = math.log(share), math.log1p(-share)
    whole = math.lgamma(count + 1)
    terms = (
        math.exp(
            whole - math.lgamma(k + 1) - math.lgamma(count - k + 1) + k * logs[0] + (count - k) * logs[1]
        )
        for k in range(wrong + 1)
    )
    return min(1.0, math.fsum(terms))


def lower_bound(wrong: int, count: int, error: float) -> float:
    """Return the one-sided lower Clopper–Pearson bound of the share that is right, in [0, 1]."""
    if wrong >= count:
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(60):  # the tail falls as the share of wrong ones grows
        middle = (low + high) / 2
        low, high = (middle, high) if tail(wrong, count, middle) > error else (low, middle)
    return 1 - high


def needed(share_right: float, right: float, error: float) -> int | None:
    """Return how many values it would take to promise `right` where the share `share_right` is; None if
    no number would do, or more than MOST_NEEDED.
    """
    if share_right <= right:
        return None
    low, high = 1, fewest(right, error)
    while not _enough(high, share_right, right, error):
        low, high = high, high * 2
        if high > MOST_NEEDED:
            return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _enough(middle, share_right, right, error) else (middle + 1, high)
    return high


def _enough(count: int, share_right: float, right: float, error: float) -> bool:
    return tail(math.ceil(count * (1 - share_right) - 1e-9), count, 1 - right) <= error


def _first(counts: Sequence[AboveThreshold], least: int) -> int | None:
    """Return where to begin: at a threshold that keeps enough values for a test that may bear an error."""
    wanted = max(least, min(ROOM * least, counts[-1].texts // 2))
    return next((i for i, each in enumerate(counts) if each.texts >= wanted), None)


def _too_few(all_of_them: AboveThreshold, right: float, error: float) -> FieldPromise:
    least, count, wrong = fewest(right, error), all_of_them.texts, all_of_them.wrong
    share = (count - wrong) / count if count else 1.0
    wants = max(least, needed(share, right, error) or least)
    why = f"{count} labelled texts have a value here, but at least {least} are needed, all of them right"
    return FieldPromise(None, count, wrong, why=why, needed=wants)


def _not_right(surest: AboveThreshold, right: float, error: float) -> FieldPromise:
    count, wrong = surest.texts, surest.wrong
    share = (count - wrong) / count
    wants = needed(share, right, error)
    why = f"of the {count} surest values {share:.1%} are right"
    if wants is None:
        why += f": no number of labels shows that {right:.1%} are"
    else:
        why += ", and so few labels do not show it of all"
    return FieldPromise(None, count, wrong, why=why, needed=wants)


def _ticket(each: Judged) -> bytes:
    told = f"{each.text}\0{each.place}".encode("utf-8", "surrogatepass")
    return hashlib.sha256(told).digest()


def whole_records(values: Sequence[Labelled], perfect: Mapping[str, bool]) -> list[Judged]:
    """Return a judgement for each text that gave a record: its score is that of its least sure value.
    perfect: by the id of the text, whether the record is wholly right, missed items of lists counted.
    """
    least: dict[str, Judged] = {}
    for each in values:
        known = least.get(each.text) or Judged(each.text, "", 1.0, perfect.get(each.text, False))
        least[each.text] = replace(known, score=min(known.score, each.signals.score))
    return list(least.values())
