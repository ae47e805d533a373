"""The numbers that Word shows before paragraphs; they stand in no text. Source: ECMA-376, part 1, 17.9."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .opc import attribute, child, local

BULLET = "•"
MOST = 780  # a number past it is shown in digits, however it should be
_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
    (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


def _roman(number: int) -> str:
    said = ""
    for value, letters in _ROMAN:
        said += letters * (number // value)
        number %= value
    return said


def _letters(number: int) -> str:
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


_FORMS: Mapping[str, Callable[[int], str]] = {
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "decimalZero": lambda number: f"{number:02}",
    "none": lambda number: "",
}


def written(number: int, form: str) -> str:
    """Return a number in one of Word's forms; in digits for a form that is not known here."""
    return _FORMS[form](number) if form in _FORMS and 0 < number <= MOST else str(number)


@dataclass(frozen=True, slots=True)
class _Level:
    start: int
    form: str
    text: str
    style: str | None
    legal: bool

    @classmethod
    def of(cls, element: Any) -> _Level:
        start = _whole(_value(element, "start"), 1)
        form, text = _value(element, "numFmt") or "decimal", _value(element, "lvlText") or ""
        return cls(start, form, text, _value(element, "pStyle"), child(element, "isLgl") is not None)


@dataclass(frozen=True, slots=True)
class _Style:
    based_on: str | None
    list_id: str | None
    level: str | None


class Numbering:
    """Counts the paragraphs of lists, and says what stands before each."""

    def __init__(self, numbering: Any = None, styles: Any = None) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._lists: dict[str, str] = {}
        self._restarts: dict[str, dict[int, int]] = {}
        self._counts: defaultdict[str, dict[int, int]] = defaultdict(dict)
        self._styles: dict[str, _Style] = {}
        for element in () if numbering is None else numbering:
            if local(element) == "abstractNum":
                self._add_levels(element)
            elif local(element) == "num":
                self._add_list(element)
        for element in () if styles is None else styles:
            if local(element) == "style":
                given = child(element, "pPr", "numPr")
                at = (None, None) if given is None else (_value(given, "numId"), _value(given, "ilvl"))
                self._styles[attribute(element, "styleId") or ""] = _Style(_value(element, "basedOn"), *at)

    def _add_levels(self, element: Any) -> None:
        levels = {
            _whole(attribute(each, "ilvl"), 0): _Level.of(each) for each in element if local(each) == "lvl"
        }
        self._levels[attribute(element, "abstractNumId") or ""] = levels

    def _add_list(self, element: Any) -> None:
        name = attribute(element, "numId") or ""
        self._lists[name] = _value(element, "abstractNumId") or ""
        self._restarts[name] = {
            _whole(attribute(each, "ilvl"), 0): _whole(start, 1)
            for each in element
            if local(each) == "lvlOverride" and (start := _value(each, "startOverride")) is not None
        }

    def label(self, paragraph: Any) -> str:
        """Return what stands before this paragraph, "" for nothing, and count it."""
        name, level = self._place(child(paragraph, "pPr"))
        family = self._lists.get(name or "", "")
        levels = self._levels.get(family, {})
        if level not in levels:
            return ""
        counts = self._counts[family]
        for at, start in self._restarts.pop(name or "", {}).items():
            counts[at] = start - 1
        counts[level] = counts.get(level, levels[level].start - 1) + 1
        for deeper in [at for at in counts if at > level]:
            del counts[deeper]
        return self._said(levels, counts, level)

    def _said(self, levels: Mapping[int, _Level], counts: Mapping[int, int], level: int) -> str:
        own = levels[level]
        if own.form == "bullet":
            return BULLET

        def number(found: re.Match[str]) -> str:
            at = int(found[1]) - 1
            if at not in levels:
                return ""
            return written(counts.get(at, levels[at].start), "decimal" if own.legal else levels[at].form)

        return re.sub(r"%([1-9])", number, own.text).strip()

    def _place(self, properties: Any) -> tuple[str | None, int]:
        """Return the list of a paragraph, and its level, from 0."""
        if properties is None:
            return None, 0
        style = _value(properties, "pStyle")
        given = child(properties, "numPr")
        name, level = (None, None) if given is None else (_value(given, "numId"), _value(given, "ilvl"))
        if name is None:
            for each in self._chain(style):
                name, level = name or each.list_id, level or each.level
        if level is None and style is not None:
            levels = self._levels.get(self._lists.get(name or "", ""), {})
            return name, next((at for at, each in levels.items() if each.style == style), 0)
        return name, _whole(level, 0)

    def _chain(self, style: str | None) -> Iterator[_Style]:
        seen: set[str] = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            yield self._styles[style]
            style = self._styles[style].based_on


def _value(element: Any, name: str) -> str | None:
    found = child(element, name)
    return None if found is None else attribute(found, "val")


def _whole(value: str | None, otherwise: int) -> int:
    with suppress(TypeError, ValueError):
        return int(value or "")
    return otherwise
