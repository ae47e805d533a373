"""The numbers that stand in a text in digits, in every way in which they may be read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

_NUMERAL = re.compile(r"\d+(?:[.,'’٫٬]\d+|[ \u00a0\u2009\u202f]\d{3}(?!\d))*")
_NEGATIVE = re.compile(r"[-−–(]\s?[^\w\s.,]?\s?$")
_POINTS = ".,٫"
_SPACES = " \u00a0\u2009\u202f"


@lru_cache(maxsize=16)
def numbers_in(text: str) -> frozenset[Decimal]:
    """Return each number that stands in `text` in digits: 1234.5 for `1,234.50`, `1.234,50`, `1 234.5`.

    If a numeral can be read in two ways, as `1,234`, both are in; so is the negative after a minus
    sign or an opening bracket. Numbers in words, and those with a unit such as `2k`, are not.
    """
    found = set[Decimal]()
    for numeral in _NUMERAL.finditer(text):
        read = set(_readings(numeral[0]))
        found |= read
        if _NEGATIVE.search(text[max(numeral.start() - 4, 0) : numeral.start()]):
            found |= {-number for number in read}
    return frozenset(found)


def _readings(numeral: str) -> Iterator[Decimal]:
    groups, marks = re.findall(r"\d+", numeral), re.findall(r"\D", numeral)
    whole = _grouped(groups, marks)
    if whole:
        yield Decimal(whole)
    if marks and marks[-1] in _POINTS and marks[-1] not in marks[:-1]:
        before = _grouped(groups[:-1], marks[:-1])
        if before:
            yield Decimal(f"{before}.{groups[-1]}")
            return
    if not whole or any(mark in _SPACES for mark in marks):  # a date, a version, a column of numbers
        for part in re.split(f"[{_SPACES}]", numeral) if whole else groups:
            yield from _readings(part) if part != numeral else ()


def _grouped(groups: Sequence[str], marks: Sequence[str]) -> str | None:
    """Return the digits of an integer in groups of three; None if the groups are others."""
    if len(groups) == 1:
        return groups[0]
    threes = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    return "".join(groups) if threes and len(set(marks)) == 1 else None
