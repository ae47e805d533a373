"""How a spreadsheet shows a number: "19%", "00017", "12.50 €". Pure. Source: ECMA-376, part 1, 18.8.31.

The decimal point is a point, and no character parts thousands: how these look depends on who opens the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

_TOKEN = re.compile(r'"([^"]*)"|\\(.)|_.|\*.|\[\$([^\]-]*)[^\]]*\]|(\[[^\]]*\])|(General)|(.)', re.S | re.I)
_DIGITS = "0#?"
_PLACES = frozenset(_DIGITS)
_MOST = 30  # digits after the point
_PRECISE = Context(prec=60)
_PLAIN = (Decimal("1e-9"), Decimal("1e21"))  # what is written without an exponent


def shown(value: float, code: str) -> str:
    """Return a number as its format shows it; all digits where the format is none that is known here."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    number = Decimal(f"{value:.15g}")
    sections = _sections(code)
    if sections is None:
        return _digits(number)
    section, number = _chosen(sections, number)
    if section is None:
        return _digits(number)
    return " ".join(section.written(number).split())


def _digits(number: Decimal) -> str:
    if number and not _PLAIN[0] <= abs(number) < _PLAIN[1]:
        return f"{number.normalize()}"
    said = f"{number:f}"
    return said.rstrip("0").rstrip(".") if "." in said else said


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of a format. pieces: each a literal, or a place for digits, "" for all digits there are."""

    pieces: tuple[tuple[str, bool], ...]
    scale: Decimal
    needed: int
    decimals: int

    def written(self, number: Decimal) -> str:
        sign = "-" if number < 0 else ""
        number = abs(number) * self.scale
        if any(is_place and not piece for piece, is_place in self.pieces):
            return sign + "".join(_digits(number) if is_place else piece for piece, is_place in self.pieces)
        if number >= _PLAIN[1]:
            return sign + _digits(number)
        rounded = number.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP, _PRECISE)
        whole, _, part = f"{rounded:f}".partition(".")
        while len(part) > self.needed and part.endswith("0"):
            part = part[:-1]
        return ("-" if rounded and sign else "") + self._placed(whole.lstrip("0"), part)

    def _placed(self, whole: str, part: str) -> str:
        """Return the digits in their places: those before the point from right to left."""
        point = next((i for i, piece in enumerate(self.pieces) if piece == (".", True)), None)
        before = self.pieces if point is None else self.pieces[:point]
        after = () if point is None else self.pieces[point + 1 :]
        first = next((i for i, (_, is_place) in enumerate(before) if is_place), 0)
        said: list[str] = []
        for at in range(len(before) - 1, -1, -1):
            piece, is_place = before[at]
            if not is_place:
                said.append(piece)
            elif at == first:
                is_bare = part and not any(each.isdigit() for each in said)  # ".5" is written "0.5"
                said.append(whole or ("0" if piece == "0" or is_bare else ""))
            else:
                said.append(whole[-1:] or ("0" if piece == "0" else ""))
                whole = whole[:-1]
        literals = "".join(piece for piece, is_place in after if not is_place)
        return "".join(reversed(said)) + (f".{part}" if part else "") + literals


@lru_cache(512)
def _sections(code: str) -> tuple[_Section | None, ...] | None:
    """Return the parts of a format, None for one that has conditions. A part that is not known is None."""
    parts: list[list[tuple[str, bool]]] = [[]]
    for quoted, escaped, currency, bracket, general, other in _TOKEN.findall(code):
        if bracket and bracket[1] in "<>=":
            return None
        if general:
            parts[-1].append(("", True))
        elif other == ";":
            parts.append([])
        elif other and other in f"{_DIGITS}.,%Ee/@":
            parts[-1].append((other, True))
        elif literal := quoted or escaped or currency or other:
            parts[-1].append((literal, False))
        elif not bracket:
            parts[-1].append((" ", False))  # a space as wide as a character, or one that fills the cell
    return tuple(map(_section, parts))


def _section(pieces: list[tuple[str, bool]]) -> _Section | None:
    marks = [piece for piece, is_mark in pieces if is_mark]
    if not any(mark == "" or mark in _DIGITS for mark in marks) or any(
        mark in ("E", "e", "/", "@") for mark in marks
    ):
        return None
    scale = Decimal(100) ** marks.count("%")
    kept: list[tuple[str, bool]] = []
    for at, (piece, is_mark) in enumerate(pieces):
        if not is_mark or piece == "" or piece in _DIGITS:
            kept.append((piece, is_mark))
        elif piece == "%":
            kept.append(("%", False))
        elif piece == "." and (".", True) not in kept:
            kept.append((".", True))
        elif piece == "," and not any(mark and later in _PLACES for later, mark in pieces[at + 1 :]):
            scale /= 1000  # one after the last digit divides by a thousand
    point = marks.index(".") if "." in marks else len(marks)
    places = [mark for mark in marks[point:] if mark and mark in _DIGITS]
    needed = max((i for i, mark in enumerate(places, 1) if mark == "0"), default=0)
    return _Section(tuple(kept), scale, needed, min(len(places), _MOST))


def _chosen(sections: tuple[_Section | None, ...], number: Decimal) -> tuple[_Section | None, Decimal]:
    """Return the part for a number, and what that part shows of it: a part of negative ones has the sign."""
    if number < 0 and len(sections) > 1 and sections[1] is not None:
        section = sections[1]
        has_sign = any(not is_place and set(piece) & set("-(−") for piece, is_place in section.pieces)
        return section, abs(number) if has_sign else number
    if number == 0 and len(sections) > 2 and sections[2] is not None:
        return sections[2], number
    return sections[0], number
