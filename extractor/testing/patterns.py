"""A text for a regular expression, made from a seed. Pure.

Expressions are read by the standard library's own parser; what it has no plain text for
(look-around, conditions) raises ValueError.
"""

from __future__ import annotations

import importlib
import re
import string
from random import Random
from typing import Any

_CATEGORIES = {
    "CATEGORY_DIGIT": string.digits,
    "CATEGORY_NOT_DIGIT": string.ascii_letters,
    "CATEGORY_WORD": string.ascii_letters + string.digits + "_",
    "CATEGORY_NOT_WORD": " -.,",
    "CATEGORY_SPACE": " ",
    "CATEGORY_NOT_SPACE": string.ascii_letters,
}
_PRINTABLE = string.ascii_letters + string.digits + " -.,:;/+*#@!?'\"()[]{}<>=_%&$~^|\\`"


def text_for(pattern: str, rng: Random, more: int) -> str:
    """Return a text that `pattern` should find, with at most `more` repetitions above the fewest.

    The caller checks it: anchors and word boundaries inside the pattern are not looked at. Raises
    ValueError for an expression that is none, or is out of reach.
    """
    try:
        parsed = importlib.import_module("re._parser").parse(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
    return _Text(rng, more, {}).of(parsed)


class _Text:
    """Writes parsed nodes; remembers what each group said, for back references."""

    def __init__(self, rng: Random, more: int, groups: dict[int, str]) -> None:
        self.rng, self.more, self.groups = rng, more, groups

    def of(self, nodes: Any) -> str:
        return "".join(self.one(str(op), value) for op, value in nodes)

    def one(self, op: str, value: Any) -> str:
        match op:
            case "LITERAL":
                return chr(value)
            case "NOT_LITERAL":
                return self.rng.choice(_PRINTABLE.replace(chr(value), ""))
            case "ANY":
                return self.rng.choice(string.ascii_letters)
            case "IN":
                return self.rng.choice(_members(value))
            case "BRANCH":
                return self.of(self.rng.choice(value[1]))
            case "SUBPATTERN":
                text = self.of(value[3])
                self.groups[value[0]] = text
                return text
            case "GROUPREF":
                return self.groups.get(value, "")
            case "ATOMIC_GROUP":
                return self.of(value)
            case "AT":
                return ""
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                fewest, most, what = value
                times = self.rng.randint(fewest, min(int(most), fewest + self.more))
                return "".join(self.of(what) for _ in range(times))
        raise ValueError(f"no text can be made for {op.lower()} in a regular expression")


def _members(items: Any) -> str:
    """Return the characters of a class; of a negated one, those that are printable."""
    named = "".join(_member(str(op), value) for op, value in items)
    if str(items[0][0]) == "NEGATE":
        return "".join(c for c in _PRINTABLE if c not in named)
    return named


def _member(op: str, value: Any) -> str:
    if op == "LITERAL":
        return chr(value)
    if op == "RANGE":
        return "".join(map(chr, range(value[0], min(value[1], value[0] + 200) + 1)))
    return _CATEGORIES.get(str(value), "") if op == "CATEGORY" else ""
