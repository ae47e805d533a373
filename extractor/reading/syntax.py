"""JSON text as models write it: strict, or with the few slips that leave one reading. Pure, linear."""

from __future__ import annotations

import json
import math
import re
from typing import Any

INDENT = "  "
LONGEST_INTEGER = 4_300  # digits that Python turns into an integer by default
RAW_CHARACTERS = "raw line breaks or tabs in texts"
TRAILING_COMMAS = "trailing commas"
ESCAPED_APOSTROPHES = "escaped apostrophes"
_WORD = re.compile(r'"(?:[^"\\]++|\\.)*+"|,(?=[ \t\r\n]*+[}\]])', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f]")
_ESCAPE_OR_CONTROL = re.compile(r"\\.|[\x00-\x1f]", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Digits(float):
    """A number as it was written."""

    __slots__ = ("digits",)
    digits: str

    @classmethod
    def of(cls, digits: str) -> Digits:
        """Return the number that `digits` say."""
        number = cls(digits)
        number.digits = digits
        return number


class _Text(str):
    """Text that is not searched for line breaks for each error: that would be quadratic."""

    __slots__ = ()

    def count(self, *_: object) -> int:
        """Return no number of lines, which nobody reads."""
        return 0

    def rfind(self, *_: object) -> int:
        """Return no column, likewise."""
        return -1


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= LONGEST_INTEGER else Digits.of(digits)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs) and any(found[name] != value for name, value in pairs):
        raise ValueError("an object has two values of one name")
    return found


_decoder = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Digits.of,
    parse_int=_integer,
    parse_constant=_no_constant,
)
_SPACE = re.compile(r"[ \t\r\n]*+")


def unsearched(text: str) -> str:
    """Return the text as one in which errors are cheap."""
    return _Text(text)


def value_at(text: str, start: int) -> tuple[Any, int]:
    """Return the JSON value that begins at `start`, and where it ends. Raises ValueError, RecursionError.
    An object with two values of one name is none: it has two readings. Numbers with a point or an exponent
    are `Digits`.
    """
    return _decoder.raw_decode(text, start)


def whole_value(text: str) -> Any:
    """Return the JSON value that all of `text` is. Raises ValueError and RecursionError."""
    value, end = value_at(text, _after_space(text, 0))
    if _after_space(text, end) < len(text):
        raise ValueError("more than one value")
    return value


def _after_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches everywhere


def mended(text: str) -> tuple[str, tuple[str, ...]]:
    """Return JSON text without slips that leave one reading, and what they were."""
    slips: dict[str, None] = {}

    def mend(word: re.Match[str]) -> str:
        said = word.group()
        if said == ",":
            slips[TRAILING_COMMAS] = None
            return ""
        if "\\'" in said:
            straight = _ESCAPE.sub(lambda escape: "'" if escape[1] == "'" else escape[0], said)
            if straight != said:
                slips[ESCAPED_APOSTROPHES] = None
            said = straight
        if _CONTROL.search(said):
            slips[RAW_CHARACTERS] = None
            said = _ESCAPE_OR_CONTROL.sub(_escaped, said)
        return said

    return _WORD.sub(mend, text), tuple(slips)


def _escaped(found: re.Match[str]) -> str:
    said = found[0]
    return said if said.startswith("\\") else json.dumps(said)[1:-1]  # a backslash before a line break stays


def written(value: Any, sort: bool = False) -> str:
    """Return a value as JSON text, its numbers as they were written. sort: members by name, and numbers
    without zeros at the end, so that equal values are equal texts. Raises RecursionError.
    """
    if isinstance(value, dict):
        items = sorted(value.items()) if sort else value.items()
        return "{" + ",".join(f"{_quoted(key)}:{written(item, sort)}" for key, item in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(written(item, sort) for item in value) + "]"
    if isinstance(value, Digits):
        return _without_zeros(value.digits) if sort else value.digits
    return _quoted(value) if not isinstance(value, float) or math.isfinite(value) else "null"


def laid_out(value: Any, depth: int | None = 0) -> str:
    """Return a value as JSON text over several lines, its numbers as they were written. Lists without an
    object in them stand in one line. depth: how far the lines are indented; None for all in one line.
    """
    if not isinstance(value, list | dict):
        return written(value)
    depth = depth if _has_object(value) else None
    before, comma, after = ("", ", ", "") if depth is None else _separators(depth)
    inner = None if depth is None else depth + 1
    if isinstance(value, dict):
        inside = [f"{_quoted(key)}: {laid_out(item, inner)}" for key, item in value.items()]
        return f"{{{before}{comma.join(inside)}{after}}}" if inside else "{}"
    return f"[{before}{comma.join(laid_out(item, inner) for item in value)}{after}]"


def _separators(depth: int) -> tuple[str, str, str]:
    before = "\n" + INDENT * (depth + 1)
    return before, f",{before}", "\n" + INDENT * depth


def _has_object(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_object, value)))


def _without_zeros(digits: str) -> str:
    plain = "." in digits and "e" not in digits.lower()
    return digits.rstrip("0").removesuffix(".") if plain else digits


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
