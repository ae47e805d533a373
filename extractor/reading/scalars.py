"""What is doubtful in a scalar, by the schemas that its place has. Pure.

Pydantic takes a number for a day in 1970, `true` for 1 and "05:06" for hours and minutes. Such values are
asked for again, or a note names them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final, TypeAlias

JSON: TypeAlias = Any
Schema: TypeAlias = Mapping[str, JSON]
TIMES: Final = frozenset({"date", "date-time", "time"})
FORMED: Final = TIMES | {"duration"}
ADDRESSES: Final = frozenset({"ipv4", "ipv6", "ipvanyaddress"})
LONG_DIGITS: Final = re.compile(r"(?<![0-9])[0-9]{309}")  # an integer that a float has only as infinity
NOTHING_IN_TEXT: Final = frozenset({"N/A", "n/a", "null", "None"})  # what could hardly be meant as a text
PLACEHOLDERS: Final = frozenset({"string", "<string>", "...", "…"})  # likewise
LOST: Final = "\ufffd"  # what stands for a character that could not be read
# How targets are told of formats, where a schema has no `format`: by a pattern, or in words.
_PATTERNS: Final = (
    (re.compile(r"\^\[0-9\]\{4\}-.*T\("), "date-time"),
    (re.compile(r"\^\[0-9\]\{4\}-"), "date"),
    (re.compile(r"\^\(\[01\]\[0-9\]"), "time"),
    (re.compile(r"\^\[\+-\]\?P\("), "duration"),
)
_WORDS: Final = (
    ("A date as YYYY-MM-DD.", "date"),
    ("A date and time as YYYY-MM-DDTHH:MM:SS", "date-time"),
    ("A time as HH:MM:SS", "time"),
    ("A duration as in ISO 8601", "duration"),
    ("An IPv4 address.", "ipv4"),
    ("An IPv6 address.", "ipv6"),
    ("An IPv4 or IPv6 address.", "ipvanyaddress"),
)
_JSON_TEXT = re.compile(r"(Any JSON value, as )?JSON text\b")  # how the description of its place begins
_DIGITS = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}")
_NUMERAL = re.compile(r"\s*[-+]?[\d_]+(\.[\d_]*)?([eE][-+]?\d+)?\s*")  # Pydantic takes it for a number
NUMBERS: Final = frozenset({"integer", "number"})


def has_lost(text: str) -> bool:
    """Return whether characters were lost from JSON text."""
    return LOST in text or "\\ufffd" in text or "\\uFFFD" in text


def doubtful_text(leaves: Sequence[Schema]) -> re.Pattern[str]:
    """Return a pattern that JSON text has something of where a text in it may be doubtful, though no
    characters were lost. leaves: all schemas for scalars in it.
    """
    texts = [*map(re.escape, sorted(NOTHING_IN_TEXT | PLACEHOLDERS))]
    formats = {format_of(leaf) for leaf in leaves}
    if formats & TIMES:
        texts.append(_DIGITS.pattern)
    if "date-time" in formats:
        texts.append(_DAY.pattern)
    if "duration" in formats:
        texts.append(_CLOCK.pattern)
    if formats & FORMED and type_names(leaves) & NUMBERS:
        texts.append(_NUMERAL.pattern)
    return re.compile(rf'"(?:{"|".join(texts)})"')


def doubts(value: JSON, leaves: Sequence[Schema]) -> list[str]:
    """Return what may be said of a text that has a type which is asked for."""
    if not isinstance(value, str):
        return []
    chosen = any("enum" in leaf or is_json_text(leaf) for leaf in leaves)
    days = [leaf for leaf in leaves if leaf.get("type") != "null"]
    told = {
        "texts that may mean null": value in NOTHING_IN_TEXT and not chosen,
        "texts that may be placeholders": value in PLACEHOLDERS and not chosen,
        "texts with characters that could not be read": LOST in value,
        "dates whose time is not told and became midnight": bool(_DAY.fullmatch(value))
        and all(format_of(leaf) == "date-time" for leaf in days),
    }
    return [what for what, holds in told.items() if holds]


def mistyped(value: JSON, leaves: Sequence[Schema]) -> str | None:
    """Return what is wrong with a value that a validator would make another one of; None if it would not.
    It may still be of another type than asked for.
    """
    asked = type_names(leaves)
    digits = is_number(value) or (isinstance(value, str) and bool(_DIGITS.fullmatch(value)))
    texts = [leaf for leaf in leaves if type_names([leaf]) & {"string", "null"}]
    others = asked - {"null"} - ({"string"} if all(map(is_time, texts)) else set())
    if isinstance(value, str):  # a number in quotes is not a number, but Pydantic still takes it for a time
        others -= NUMBERS | {"boolean"}
    if digits and not others and "string" in asked:
        return f"is the number {value}, where a date or time was asked for"
    if asked <= {"string", "null"} and (wrong := _of_a_format(value, leaves)) is not None:
        return wrong
    if isinstance(value, bool) and "boolean" not in asked and asked & NUMBERS:
        return f"is {str(value).lower()}, where a number was asked for"
    if asked & NUMBERS and not _is_held(value, asked):
        return f"is {_infinite(value)}, where a finite number was asked for"
    return None


def _is_held(value: JSON, asked: set[str]) -> bool:
    """Whether a value is held as it is, or is no number: a float has some as infinity."""
    if isinstance(value, str):
        return "string" in asked or is_finite(value)
    if isinstance(value, int):
        return "integer" in asked or is_finite(value)
    return not isinstance(value, float) or math.isfinite(value)


def _of_a_format(value: JSON, leaves: Sequence[Schema]) -> str | None:
    """Return what is wrong with a value where only texts of one format are wanted."""
    formats = {format_of(leaf) for leaf in leaves if leaf.get("type") != "null"}
    if formats == {"duration"}:
        if isinstance(value, bool) or is_number(value):
            return f"is {str(value).lower()}, which has no unit, where a duration was asked for"
        if isinstance(value, str) and _CLOCK.fullmatch(value):
            return f"is {value}, in hours or in minutes, where a duration was asked for"
    if formats and formats <= ADDRESSES and (isinstance(value, bool) or is_number(value)):
        return f"is {str(value).lower()}, where an address was asked for"
    return None


def is_number(value: JSON) -> bool:
    """Return whether it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(value, int) or math.isfinite(value)


def is_finite(value: float | str) -> bool:
    """Return whether a float holds a number, or a text that may be one, otherwise than as infinity or NaN."""
    try:
        return math.isfinite(float(value))
    except OverflowError:  # an integer of more than 308 digits
        return False
    except ValueError:  # a text that is no number
        return True


def _infinite(value: float | str) -> str:
    """Return how a value is named that is no finite number."""
    return f"a number of {len(str(value).lstrip('-'))} digits" if isinstance(value, int) else f"{value:.40}"


def is_time(node: Schema) -> bool:
    """Return whether a date or time stands here, or nothing."""
    return node.get("type") == "null" or format_of(node) in TIMES


def format_of(node: Schema) -> str | None:
    """Return the format of a place for a text, however the schema states it; None if it has none."""
    form, pattern, words = (node.get(name) for name in ("format", "pattern", "description"))
    if isinstance(form, str):
        return form
    if isinstance(pattern, str):
        return next((known for shape, known in _PATTERNS if shape.match(pattern)), None)
    if node.get("type", "string") != "string" or not isinstance(words, str):
        return None
    return next((known for said, known in _WORDS if said in words), None)


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
    "time": time.fromisoformat,
}


def has_form(value: JSON, form: str | None) -> bool:
    """Return whether a value is a date, a time or both, as ISO 8601 writes them."""
    if form is None or form not in _READ or not isinstance(value, str):
        return False
    try:
        _READ[form](value)
    except ValueError:
        return False
    return True


def is_numeral(value: str, texts: Sequence[Schema]) -> bool:
    """Return whether a text becomes a number, since no text that is asked for can be one."""
    return bool(_NUMERAL.fullmatch(value)) and all(format_of(text) in FORMED for text in texts)


def is_json_text(node: Schema) -> bool:
    """Return whether this is the place of JSON text, for what the target has no schema for."""
    return node.get("type") == "string" and bool(_JSON_TEXT.match(str(node.get("description"))))


def is_code(node: Schema) -> bool:
    """Return whether a code stands here, of which only some are shown: others are noted elsewhere."""
    return node.get("type") == "string" and "A code of " in str(node.get("description"))


def type_names(nodes: Sequence[Schema]) -> set[str]:
    """Return the types that schemas name."""
    found = set[str]()
    for node in nodes:
        named = node.get("type", ())
        found |= {named} if isinstance(named, str) else set(named)
    return found
