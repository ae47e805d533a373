"""Regular expressions, rewritten into the small dialect that all servers read alike.

Anchors are explicit, classes such as `\\d` are spelt out, groups are plain. What has no form in it
(look-around, back references, flags, word boundaries) has no translation.
"""

from __future__ import annotations

import re
import warnings
from functools import lru_cache, partial
from typing import Any

from .ecmascript import spelt_out

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import re._constants as code  # type: ignore[import-not-found]
    import re._parser as parser  # type: ignore[import-not-found]

ANY = r"(.|\n)"
CLASSES = {
    code.CATEGORY_DIGIT: "0-9",
    code.CATEGORY_WORD: rb"A-Za-z0-9_\u0080-\U0010ffff".decode("unicode_escape"),
    code.CATEGORY_SPACE: r" \t\n\r\f\v",
}
NEGATED = {
    code.CATEGORY_NOT_DIGIT: code.CATEGORY_DIGIT,
    code.CATEGORY_NOT_WORD: code.CATEGORY_WORD,
    code.CATEGORY_NOT_SPACE: code.CATEGORY_SPACE,
}


REPEATS = (code.MAX_REPEAT, code.MIN_REPEAT)


RUSTS_END = re.compile(r"(?<!\\)((?:\\\\)*)\\z")
UNLIKE = re.compile(r"\[\[|\[:|&&|--|~~|\|\|")  # what other engines read as sets of sets


class Untranslatable(Exception):
    """The pattern says something that the small dialect cannot."""


@lru_cache(maxsize=1024)
def translate(pattern: str, *, raw: bool = False, ecmascript: bool = False) -> str | None:
    """Return an anchored pattern for the texts in which `pattern` is found, None if there is none.

    raw: it will be matched against JSON's text, so it may only match what JSON does not escape. ecmascript:
    it is JSON Schema's, whose classes are other ones than those of Pydantic's patterns.
    """
    if UNLIKE.search(pattern):
        return None
    pattern = spelt_out(pattern) if ecmascript else pattern
    try:
        parsed = parser.parse(RUSTS_END.sub(r"\1\\Z", pattern))
        if parsed.state.flags & (re.IGNORECASE | re.MULTILINE | re.DOTALL | re.VERBOSE | re.ASCII):
            return None
        if raw and _may_match_escaped(parsed):
            return None
        return "^" + _anchored(list(parsed)) + "$"
    except (Untranslatable, re.error, RecursionError, OverflowError):
        return None


def repetitions(pattern: str) -> int:
    """Return the largest count in a pattern's repetitions such as `{2,9}`, nested ones multiplied."""
    return _repetitions(parser.parse(pattern))


def _repetitions(items: Any) -> int:
    most = 1
    for op, arg in items:
        least, largest = arg[:2] if op in REPEATS else (1, 1)
        inner = max((_repetitions(part) for part in _parts(op, arg)), default=1)
        most = max(most, inner * max(1, least if largest is code.MAXREPEAT else largest))
    return most


def _parts(op: Any, arg: Any) -> list[Any]:
    """Return what stands inside of a group, a choice or a repetition."""
    if op is code.BRANCH:
        return list(arg[1])
    return [arg[3]] if op is code.SUBPATTERN else [arg[2]] if op in REPEATS else []


def _anchored(items: list[Any], start: bool = False) -> str:
    """Return what matches the whole text where `items` are found; `start`: they stand at its beginning."""
    begins = bool(items) and items[0] in ((code.AT, code.AT_BEGINNING), (code.AT, code.AT_BEGINNING_STRING))
    start, items = start or begins, items[1:] if begins else items
    if len(items) == 1 and items[0][0] is code.SUBPATTERN and _has_anchor(items[0][1][3]):
        return _anchored(list(items[0][1][3]), start)
    if len(items) == 1 and items[0][0] is code.BRANCH:
        return "(" + "|".join(_anchored(list(branch), start) for branch in items[0][1][1]) + ")"
    end = bool(items) and items[-1] in ((code.AT, code.AT_END), (code.AT, code.AT_END_STRING))
    inner = _sequence(items[:-1] if end else items)
    return ("" if start else f"{ANY}*") + inner + ("" if end else f"{ANY}*")


def _may_match_escaped(items: Any, start: bool = False) -> bool:
    """Return whether a quote, a backslash or a control character may be matched, in the open ends too."""
    items = list(items)
    start = start or (bool(items) and items[0][0] is code.AT)
    rest = [item for item in items if item[0] is not code.AT]
    if len(rest) == 1 and rest[0][0] is code.SUBPATTERN and _has_anchor(rest[0][1][3]):
        return _may_match_escaped(rest[0][1][3], start)
    if len(rest) == 1 and rest[0][0] is code.BRANCH and items[-1][0] is not code.AT:
        return any(_may_match_escaped(branch, start) for branch in rest[0][1][1])
    ends = bool(items) and items[-1][0] is code.AT and (len(items) > 1 or start)
    return not (start and ends) or any(_matches_escaped(op, arg) for op, arg in items)


def _matches_escaped(op: Any, arg: Any) -> bool:
    if op is code.LITERAL:
        return _is_escaped(arg)
    if op in (code.NOT_LITERAL, code.ANY):
        return True
    if op is code.IN:
        return any(_matches_escaped(*item) for item in arg)
    if op is code.RANGE:
        return any(arg[0] <= char <= arg[1] for char in (*range(32), 34, 92))
    if op is code.CATEGORY:
        return arg not in (code.CATEGORY_DIGIT, code.CATEGORY_WORD)
    if op is code.NEGATE:
        return True
    return any(_matches_escaped(*item) for part in _parts(op, arg) for item in part)


def _is_escaped(codepoint: int) -> bool:
    return codepoint < 32 or codepoint in (34, 92)


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
    if op in REPEATS:
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


def _literal(codepoint: int, special: str = r".^$*+?{}[]\|()") -> str:
    char = chr(codepoint)
    if char in _CONTROL:
        return _CONTROL[char]
    if codepoint < 32 or 0xD800 <= codepoint < 0xE000:
        raise Untranslatable
    return f"\\{char}" if char in special else char


_in_class = partial(_literal, special=r"\]^-[")
