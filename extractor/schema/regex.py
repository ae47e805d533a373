"""Regular expressions, rewritten into the small dialect that all servers read alike.

Anchors are explicit, classes such as `\\d` are spelt out, groups are plain. What has no form in it
(look-around, back references, flags, word boundaries) has no translation.
"""

from __future__ import annotations

import re
import warnings
from typing import Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import re._constants as code
    import re._parser as parser

ANY = r"(.|\n)"
CLASSES = {
    code.CATEGORY_DIGIT: "0-9",
    code.CATEGORY_WORD: r"A-Za-z0-9_\u0080-\U0010ffff".encode().decode("unicode_escape"),
    code.CATEGORY_SPACE: r" \t\n\r\f\v",
}
NEGATED = {
    code.CATEGORY_NOT_DIGIT: code.CATEGORY_DIGIT,
    code.CATEGORY_NOT_WORD: code.CATEGORY_WORD,
    code.CATEGORY_NOT_SPACE: code.CATEGORY_SPACE,
}


class Untranslatable(Exception):
    """The pattern says something that the small dialect cannot."""


def translate(pattern: str) -> str | None:
    """Return an anchored pattern that matches the texts in which `pattern` is found, None if there is none."""
    try:
        parsed = parser.parse(pattern)
        if parsed.state.flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII):
            return None
        return "^" + _anchored(list(parsed)) + "$"
    except (Untranslatable, re.error, RecursionError, OverflowError):
        return None


def _anchored(items: list[Any]) -> str:
    if len(items) == 1 and items[0][0] is code.SUBPATTERN and _has_anchor(items[0][1][3]):
        return _anchored(list(items[0][1][3]))
    if len(items) == 1 and items[0][0] is code.BRANCH:
        return "(" + "|".join(_anchored(list(branch)) for branch in items[0][1][1]) + ")"
    start = bool(items) and items[0] in ((code.AT, code.AT_BEGINNING), (code.AT, code.AT_BEGINNING_STRING))
    items = items[1:] if start else items
    end = bool(items) and items[-1] in ((code.AT, code.AT_END), (code.AT, code.AT_END_STRING))
    items = items[:-1] if end else items
    inner = _sequence(items)
    return ("" if start else f"{ANY}*") + inner + ("" if end else f"{ANY}*")


def _has_anchor(items: Any) -> bool:
    return any(op is code.AT for op, _ in items) or any(
        op is code.BRANCH and any(_has_anchor(b) for b in arg[1]) for op, arg in items
    )


def _sequence(items: Any) -> str:
    return "".join(_item(op, arg) for op, arg in items)


def _item(op: Any, arg: Any) -> str:
    if op is code.LITERAL:
        return _literal(arg)
    if op is code.NOT_LITERAL:
        return f"[^{_in_class(arg)}]"
    if op is code.ANY:
        return r"[^\n]"
    if op is code.IN:
        return _class(arg)
    if op is code.BRANCH:
        return "(" + "|".join(_sequence(branch) for branch in arg[1]) + ")"
    if op is code.SUBPATTERN:
        _group, added, removed, inner = arg
        if added or removed:
            raise Untranslatable
        return f"({_sequence(inner)})"
    if op in (code.MAX_REPEAT, code.MIN_REPEAT):
        return _repeat(*arg)
    raise Untranslatable


def _repeat(least: int, most: Any, inner: Any) -> str:
    text = _sequence(inner)
    single = len(inner) == 1 and inner[0][0] in (
        code.LITERAL,
        code.NOT_LITERAL,
        code.IN,
        code.ANY,
        code.SUBPATTERN,
    )
    text = text if single else f"({text})"
    if (least, most) == (0, 1):
        return text + "?"
    if most is code.MAXREPEAT:
        return text + ("*" if least == 0 else "+" if least == 1 else f"{{{least},}}")
    return text + (f"{{{least}}}" if least == most else f"{{{least},{most}}}")


def _class(items: Any) -> str:
    negated = items[0][0] is code.NEGATE
    parts = []
    for op, arg in items[1:] if negated else items:
        if op is code.LITERAL:
            parts.append(_in_class(arg))
        elif op is code.RANGE:
            parts.append(f"{_in_class(arg[0])}-{_in_class(arg[1])}")
        elif op is code.CATEGORY and arg in CLASSES:
            parts.append(CLASSES[arg])
        elif op is code.CATEGORY and arg in NEGATED and len(items) == 1:
            return f"[^{CLASSES[NEGATED[arg]]}]"
        else:
            raise Untranslatable
    return f"[{'^' if negated else ''}{''.join(parts)}]"


_CONTROL = {"\n": r"\n", "\r": r"\r", "\t": r"\t", "\f": r"\f", "\v": r"\v"}


def _literal(codepoint: int) -> str:
    char = chr(codepoint)
    if char in _CONTROL:
        return _CONTROL[char]
    if codepoint < 32 or 0xD800 <= codepoint < 0xE000:
        raise Untranslatable
    return f"\\{char}" if char in r".^$*+?{}[]\|()/" and char != "/" else char


def _in_class(codepoint: int) -> str:
    char = chr(codepoint)
    if char in _CONTROL:
        return _CONTROL[char]
    if codepoint < 32 or 0xD800 <= codepoint < 0xE000:
        raise Untranslatable
    return f"\\{char}" if char in r"\]^-[" else char
