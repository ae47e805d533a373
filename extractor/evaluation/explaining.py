"""Errors explained: each leaf beside its gold one, the kind of error, and the difference.

Leaves are paired as `score` pairs them, so counts of verdicts are counts of the score. Pure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from ..evidence.edits import distance
from ..evidence.leaves import value_at
from ..messages import JSON
from .gold import Places
from .metrics import MISSING, LeafPair, alike, by_field, equal, matched
from .scoring import PLAIN, Scoring
from .spans import same_place

CLOSE = 2  # edits: so few are a slip of spelling
TELLING = 4  # characters of a value that is known again in another field
CHOICES = 12  # different values of a field that still make a matrix that can be read


class VerdictKind(StrEnum):
    """The verdict on one leaf. The first two count as right. A wrong span does too, but is not grounded."""

    RIGHT = "right"
    WRONG_FORM = "wrong form"  # right but for the way of writing
    WRONG_SPAN = "wrong span"  # right, but found at another place than gold's
    MISSED = "missed"  # a gold value, and nothing
    INVENTED = "invented"  # a value, and nothing in gold
    WRONG_ITEM = "wrong item"  # the value of another item of the list
    WRONG_VALUE = "wrong value"
    EMPTY = "empty"  # nothing, and rightly so

    @property
    def counts_as_right(self) -> bool:
        """Whether the value counts as found."""
        return self in (VerdictKind.RIGHT, VerdictKind.WRONG_FORM, VerdictKind.WRONG_SPAN)


ERRORS = tuple(each for each in VerdictKind if each not in (VerdictKind.RIGHT, VerdictKind.EMPTY))


@dataclass(frozen=True, slots=True)
class LeafVerdict:
    """The verdict on one leaf.

    - pointer, there: where it stands in the gold record, and in the other.
    - gold, found: the two values; None if there is none.
    - field: its pointer with `*` for indexes.
    - how: the difference in words.
    """

    pointer: str
    there: str
    field: str
    gold: JSON
    found: JSON
    verdict: VerdictKind
    how: str = ""


def explained(
    gold: JSON,
    found: JSON,
    gold_places: Places | None = None,
    places: Places | None = None,
    scoring: Scoring = PLAIN,
) -> list[LeafVerdict]:
    """Return a verdict for each leaf of the two records. found: MISSING if there is no record. Spans are
    compared if both sides have some.
    """
    others = by_field(gold)
    return [
        _verdict(pair, gold, found, gold_places or {}, places or {}, others)
        for pair in matched(gold, found, scoring)
    ]


def _verdict(
    pair: LeafPair,
    gold: JSON,
    found: JSON,
    gold_places: Places,
    places: Places,
    others: Mapping[str, Mapping[str, JSON]],
) -> LeafVerdict:
    one = value_at(gold, pair.pointer) if pair.wanted else None
    other = value_at(found, pair.there) if pair.claimed else None
    verdict, how = VerdictKind.EMPTY, ""
    if pair.right:
        expected, got = gold_places.get(pair.pointer, ()), places.get(pair.there, ())
        how = "" if equal(one, other) else difference(one, other)
        verdict = VerdictKind.WRONG_FORM if how else VerdictKind.RIGHT
        if expected and got and not same_place(expected, got):
            verdict, how = VerdictKind.WRONG_SPAN, "found at another place"
    elif pair.wanted and pair.claimed:
        items = others.get(pair.field, {})
        elsewhere = any(alike(items[where], other) for where in items if where != pair.pointer)
        verdict = VerdictKind.WRONG_ITEM if elsewhere else VerdictKind.WRONG_VALUE
        how = "the value of another item" if elsewhere else _told(one, other, pair.field, others)
    elif pair.wanted:
        verdict, how = VerdictKind.MISSED, "no record" if found is MISSING else "nothing found"
    elif pair.claimed:
        verdict, how = VerdictKind.INVENTED, "found, but gold has nothing"
    return LeafVerdict(pair.pointer, pair.there, pair.field, one, other, verdict, how)


def _told(one: JSON, other: JSON, name: str, others: Mapping[str, Mapping[str, JSON]]) -> str:
    for field_name, values in others.items():  # of short values many are the same by chance
        if (
            field_name != name
            and len(_written(other)) >= TELLING
            and any(alike(value, other) for value in values.values())
        ):
            return f"the value of {field_name}"
    return difference(one, other)


# -- two values, and how they differ


def difference(gold: JSON, found: JSON) -> str:
    """Return in a few words how a found value differs from the gold one; the same words for the same slip."""
    if isinstance(gold, bool) or isinstance(found, bool):
        return f"{_written(found)} for {_written(gold)}"
    days, numbers = (_date(gold), _date(found)), (_number(gold), _number(found))
    if days[0] is not None and days[1] is not None:
        return _of_dates(days[0], days[1])
    if numbers[0] is not None and numbers[1] is not None:
        return _of_numbers(numbers[0], numbers[1])
    return _of_texts(_written(gold), _written(found))


def _written(value: JSON) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _date(value: JSON) -> date | None:
    if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d(?:[T ]|$)", value):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None


def _of_dates(gold: date, found: date) -> str:
    days = (found - gold).days
    tests: Sequence[tuple[bool, str]] = (
        (days == 0, "the same day, at another time"),
        ((gold.year, gold.day, gold.month) == (found.year, found.month, found.day), "day and month swapped"),
        (abs(days) == 1, "one day off"),
        ((gold.month, gold.day) == (found.month, found.day), "another year"),
        ((gold.year, gold.day) == (found.year, found.day), "another month"),
        ((gold.year, gold.month) == (found.year, found.month), "another day of the month"),
    )
    return next((told for holds, told in tests if holds), "another date")


def _number(value: JSON) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(value).strip().replace(",", ""))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _of_numbers(gold: Decimal, found: Decimal) -> str:
    if gold == found:
        return "the same number in another form"
    if gold == -found:
        return "the sign is wrong"
    if gold and found:
        larger, smaller = max(abs(gold), abs(found)), min(abs(gold), abs(found))
        power = (larger / smaller).log10() if gold * found > 0 else Decimal("0.5")
        if power == power.to_integral_value():
            factor = f"{10 ** int(power):,}"
            return f"{factor} times too large" if abs(found) > abs(gold) else f"{factor} times too small"
    if gold.to_integral_value() == found or found.to_integral_value() == gold:
        return "rounded" if gold.to_integral_value() == found else "a fraction added"
    if abs(gold - found) == 1:
        return "one too many" if found > gold else "one too few"
    if sorted(str(abs(gold))) == sorted(str(abs(found))):
        return "digits swapped"
    return "another number"


def _of_texts(gold: str, found: str) -> str:
    one, other = (" ".join(each.casefold().split()) for each in (gold, found))
    if one == other:
        return "different case or space"
    words, others = re.findall(r"\w+", one), re.findall(r"\w+", other)
    if words == others:
        return "other punctuation"
    if sorted(words) == sorted(others):
        return "different order of words"
    if other and other in one:
        return "cut short"
    if one and one in other:
        return "more text than gold"
    if distance(one, other) <= CLOSE < min(len(one), len(other)):
        return "small difference in spelling"
    return "some words in common" if set(words) & set(others) else "another text"


# -- many leaves, and what often happens


@dataclass(frozen=True, slots=True)
class Confusion:
    """One kind of error in one field.

    - texts: the ids of the texts that have it, in order, each once.
    """

    field: str
    verdict: VerdictKind
    how: str
    count: int
    texts: tuple[str, ...]

    def __str__(self) -> str:
        times = "once" if self.count == 1 else f"{self.count:,} times"
        return f"{self.field or '(record)'}: {self.how or self.verdict}, {times}"


def confusions(leaves: Iterable[tuple[str, LeafVerdict]]) -> list[Confusion]:
    """Return what went wrong, the most frequent first. leaves: each with the id of its text."""
    counts = Counter[tuple[str, VerdictKind, str]]()
    texts: dict[tuple[str, VerdictKind, str], dict[str, None]] = defaultdict(dict)
    for text, leaf in leaves:
        if leaf.verdict in ERRORS:
            key = leaf.field, leaf.verdict, leaf.how
            counts[key] += 1
            texts[key][text] = None
    found = [Confusion(*key, count, tuple(texts[key])) for key, count in counts.items()]
    return sorted(found, key=lambda each: (-each.count, each.field, each.verdict, each.how))


NONE = "(nothing)"
OTHER = "(another value)"


@dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """How often each value was found for each gold value, in a field of few values.

    - counts: a row for each gold value in `rows`, a column for each found value in `columns`. The first row
      and column may be "(nothing)".
    """

    field: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def matrices(
    leaves: Sequence[LeafVerdict], choices: Mapping[str, Sequence[str]] | None = None
) -> list[ConfusionMatrix]:
    """Return a matrix for each field of few values: those of `choices`, by field; and those whose gold
    values are few texts or booleans, each twice or more on average. A leaf without any value is in none.
    """
    by_field: dict[str, list[LeafVerdict]] = defaultdict(list)
    for leaf in leaves:
        by_field[leaf.field].append(leaf)
    found = (_matrix(name, some, (choices or {}).get(name)) for name, some in by_field.items())
    return [each for each in found if each is not None]


def _matrix(
    name: str, leaves: Sequence[LeafVerdict], declared: Sequence[str] | None
) -> ConfusionMatrix | None:
    pairs = [leaf for leaf in leaves if leaf.verdict is not VerdictKind.EMPTY]
    gold = [_written(leaf.gold) for leaf in pairs if leaf.gold is not None]
    are_texts = all(isinstance(leaf.gold, str | bool | None) for leaf in pairs)
    few = are_texts and len(set(gold)) <= CHOICES and len(gold) >= 2 * len(set(gold)) > 2
    if not gold or (declared is None and not few) or len(set(gold)) > 4 * CHOICES:
        return None
    known = [each for each in (declared or sorted(set(gold))) if declared is None or each in gold]
    known += sorted(set(gold) - set(known))
    cells = Counter((_row(leaf), _column(leaf, known)) for leaf in pairs)
    rows = [each for each in (NONE, *known) if any(row == each for row, _ in cells)]
    columns = [each for each in (NONE, *known, OTHER) if each in known or any(c == each for _, c in cells)]
    counts = tuple(tuple(cells[row, column] for column in columns) for row in rows)
    return ConfusionMatrix(name, tuple(rows), tuple(columns), counts)


def _row(leaf: LeafVerdict) -> str:
    return NONE if leaf.gold is None else _written(leaf.gold)


def _column(leaf: LeafVerdict, known: Sequence[str]) -> str:
    if leaf.found is None:
        return NONE
    if leaf.verdict.counts_as_right:
        return _row(leaf)
    return _written(leaf.found) if _written(leaf.found) in known else OTHER


@dataclass(frozen=True, slots=True)
class FieldVerdicts:
    """How many leaves of one field have which verdict."""

    field: str
    counts: Mapping[VerdictKind, int]


def verdicts_by_field(leaves: Iterable[LeafVerdict]) -> list[FieldVerdicts]:
    """Return the counts of each field, in the order in which fields come."""
    counts: dict[str, Counter[VerdictKind]] = defaultdict(Counter)
    for leaf in leaves:
        counts[leaf.field][leaf.verdict] += 1
    return [FieldVerdicts(name, dict(each)) for name, each in counts.items()]
