"""A record and its text -> evidence: where each value stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import cache, cached_property
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from .choice import choose
from .customs import Customs, customs_of
from .folding import Folded, fold
from .fuzzy import TextWords, find_fuzzy
from .leaves import Leaf, leaves
from .numbers import Numbers, normal, numbers
from .spans import Evidence, How, Span
from .strings import MOST_PLACES
from .strings import find as find_in

if TYPE_CHECKING:
    from .dates import Calendar

_QUOTED = 0.8  # a value that is nowhere in its quote rests on the model's word for it
_ANSWERED = 0.85  # "gift wrap: yes"
_YES = frozenset(
    [
        "yes",
        "y",
        "true",
        "x",
        "ja",
        "oui",
        "si",
        "sí",
        "sim",
        "да",
        "はい",
        "是",
        "✓",
        "✔",
        "☑",
        "☒",
        "checked",
    ]
)
_NO = frozenset(
    ["no", "n", "false", "nein", "non", "não", "nee", "нет", "いいえ", "否", "✗", "✘", "☐", "unchecked"]
)
_ANSWERS = _YES | _NO
_PLACES = 200_000  # of all values together that are looked at; past them few of each
_FEW = 100
_PREFIXES = re.compile(r"^(?:is|has|was|are|did|does|can|should)[_ ]")
_WITHIN = 3  # words between the name of a boolean field and its answer
_ISO = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d:\d\d.*)?)?|\d\d:\d\d(:\d\d.*)?|-?P.*\d.*")
_DIGITS = re.compile(r"[-+]?\d+(?:\.\d+)?")


def aligned(
    record: Any,
    text: str,
    quotes: Mapping[str, Sequence[str]],
    reference_date: date | None,
    locale: str | None = None,
) -> Evidence:
    """Do what `align` says."""
    source, found = _Source(text, reference_date, customs_of(locale)), leaves(record)
    cited = {pointer: source.quoted(tuple(pieces)) for pointer, pieces in quotes.items()}
    citing = _Citing()
    candidates = {
        leaf.path: citing.cited(source.candidates(leaf), _quotes_of(leaf.pointer, cited)) for leaf in found
    }
    names = {
        key for path, spans in candidates.items() if len(spans) > 1 for key in path if isinstance(key, str)
    }
    chosen = choose(candidates, text, {name: source.labels(name) for name in names})
    return {leaf.pointer: (chosen[leaf.path],) if leaf.path in chosen else () for leaf in found}


def _quotes_of(pointer: str, cited: Mapping[str, list[Span]]) -> list[Span]:
    """The spans of the quotes of a leaf, or else of the nearest object around it that has some."""
    while pointer and not cited.get(pointer):
        pointer = pointer.rpartition("/")[0]
    return cited.get(pointer, [])


class _Citing:
    """The spans of values that lie in quotes, found once for the same spans and quotes."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Sequence[Span], list[Span], Sequence[Span]]] = {}

    def cited(self, spans: Sequence[Span], quotes: list[Span]) -> Sequence[Span]:
        """Return the spans inside of a quote, those of the quotes if there are none."""
        if not quotes:
            return spans
        key = id(spans), id(quotes)
        if key not in self._known:  # with what it was found for, so that identities stay their own
            self._known[key] = spans, quotes, _inside(spans, quotes)
        return self._known[key][2]


def _inside(spans: Sequence[Span], quotes: list[Span]) -> Sequence[Span]:
    """quotes: in order."""
    starts, reach = [q.start for q in quotes], list(accumulate((q.end for q in quotes), max))
    before = (bisect_right(starts, s.start) for s in spans)
    inside = [s for s, at in zip(spans, before, strict=True) if at and s.end <= reach[at - 1]]
    return inside or [replace(q, how=How.QUOTE, score=_QUOTED) for q in quotes]


class _Source:
    """A text with what has been found in it, each kind read once, and only if a value asks for it."""

    def __init__(self, text: str, reference: date | None, customs: Customs) -> None:
        self.text, self.reference, self.customs = text, reference, customs
        self._found: dict[tuple[object, ...], Sequence[Span]] = {}
        self._labels: dict[tuple[str, ...], list[int]] = {}
        self._left = _PLACES

    @cached_property
    def folded(self) -> Folded:
        return fold(self.text)

    @cached_property
    def vocabulary(self) -> TextWords:
        return TextWords(self.folded)

    @cached_property
    def numbers(self) -> Numbers:
        return numbers(self.text, self.customs.decimal)

    @cached_property
    def calendar(self) -> Calendar:
        from .dates import calendar  # a tenth of a second of regular expressions

        return calendar(self.text, self.numbers, self.reference, self.customs.first)

    def labels(self, name: str) -> list[int]:
        """Where the name of a field, as words, ends in the text."""
        words = fold(_words_of(name)).words
        if words and words not in self._labels:
            runs = islice(self.folded.runs(words), self._most())
            self._labels[words] = [self.folded.ends[past - 1] for _, past in runs]
            self._left -= len(self._labels[words])
        return self._labels.get(words, [])

    def _most(self) -> int:
        """How many places of one more value are looked at."""
        return max(_FEW, min(MOST_PLACES, self._left))

    def find(self, value: str) -> list[Span]:
        """Where the words of a string stand, in order."""
        found = find_in(value, self.folded, self._most())
        self._left -= len(found)
        return found

    def quoted(self, pieces: tuple[str, ...]) -> list[Span]:
        return sorted({s for piece in pieces for s in self.find(piece)}, key=lambda s: s.start)

    def candidates(self, leaf: Leaf) -> Sequence[Span]:
        """Where the value of a leaf stands, in order; the same list for equal values."""
        if leaf.value is None or leaf.json is None:
            return []
        if isinstance(leaf.value, bool):
            return self._answered(
                str(next((k for k in reversed(leaf.path) if isinstance(k, str)), "")), leaf.value
            )
        key = (type(leaf.value), str(leaf.value), str(leaf.json))
        if key not in self._found:
            spans = self._of(leaf.value, leaf.json)
            in_order = isinstance(spans, tuple)  # those of a number, shared by all who write it otherwise
            self._found[key] = spans if in_order else sorted(spans, key=lambda s: (s.start, -s.score))
        return self._found[key]

    def _of(self, value: Any, plain: Any) -> Sequence[Span]:
        if isinstance(value, Enum):
            named = self.find(value.name.replace("_", " ")) if isinstance(plain, str) else []
            return [replace(s, how=How.LABEL) for s in self.find(str(plain)) or named]
        if isinstance(value, int | float | Decimal):
            number = normal(Decimal(str(value)))
            return self.numbers.get(number, ()) if number is not None else ()
        for kind, look in _BY_KIND.items():
            if isinstance(value, kind):
                return look(self, value)
        return self._of_string(plain if isinstance(plain, str) else str(value))

    def _of_string(self, value: str) -> Sequence[Span]:
        spans = self.find(value)
        if spans and any(s.how is How.EXACT for s in spans):
            return spans
        typed = _typed(value)
        if typed is not None:
            others = self._of(typed, typed)
            return [*spans, *others] if spans else others
        return spans or find_fuzzy(fold(value), self.vocabulary)

    def _answered(self, name: str, value: bool) -> Sequence[Span]:
        """Where the name of the field stands with "yes", or "no", right after it."""
        words, text = fold(_PREFIXES.sub("", _words_of(name).lower())).words, self.folded
        if (words, value) in self._found:
            return self._found[words, value]
        wanted, spans = (_YES if value else _NO), list[Span]()
        for first, past in islice(text.runs(words), self._most()) if words else ():
            self._left -= 1
            after = text.words[past : past + _WITHIN]
            at = next((i for i, word in enumerate(after) if word in _ANSWERS), None)
            if at is not None and after[at] in wanted:
                start, end = text.starts[first], text.ends[past + at]
                spans.append(Span(start, end, text.text[start:end], How.LABEL, _ANSWERED))
        self._found[words, value] = spans
        return spans


_BY_KIND: dict[type, Callable[[_Source, Any], list[Span]]] = {
    datetime: lambda source, value: source.calendar.of_moment(value),
    date: lambda source, value: source.calendar.of_day(value),
    time: lambda source, value: source.calendar.of_time(value),
    timedelta: lambda source, value: source.calendar.of_duration(value),
}


def _words_of(name: str) -> str:
    """The name of a field as words: unitPrice and unit_price are "unit price"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ")


def _typed(text: str) -> Any:
    """Return the number, date, time or duration that a string spells as JSON does; None if none."""
    if _DIGITS.fullmatch(text):
        try:
            return Decimal(text)
        except InvalidOperation:
            return None
    if not _ISO.fullmatch(text):
        return None
    for kind in (date, datetime, time, timedelta):
        try:
            return _adapter(kind).validate_python(text)
        except ValidationError:
            continue
    return None


@cache
def _adapter(kind: type) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
