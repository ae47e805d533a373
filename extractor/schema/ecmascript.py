"""The regular expressions of JSON Schema, which are ECMAScript's, matched by the engines at hand.

The first choice is the Rust engine inside pydantic-core: its time is linear in the text. Python's
`re` takes what that one leaves out (look-around, back references) and may backtrack.
Source: ECMA-262, section 22.2, as JSON Schema 2020-12 core, section 6.4, asks for.
"""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

_PIECE = re.compile(
    r"\\[pP]\{\w+\}|\\c[A-Za-z]|\\.|\[\^?|\]|\(\?<(?=[A-Za-z_])|[.$]|[^\\\[\].$(]+|\(", re.DOTALL
)
_CLASS = r"\\(?:[dDsSwW]|[pP]\{\w+\})"
_HYPHEN = re.compile(rf"({_CLASS})-(?!\])|(?<!\\)-(?={_CLASS})")  # beside a class it is only a hyphen
# The members of a class and of its complement. Line ends and white space: ECMA-262, sections 12.2 and 12.3.
_MEMBERS = {
    r"\d": "0-9",
    r"\D": r"\x00-/:-\U0010ffff",
    r"\w": "0-9A-Za-z_",
    r"\W": r"\x00-/:-@\[-\^`{-\U0010ffff",
    r"\s": r"\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
    r"\S": r"\x00-\x08\x0e-\x1f!-\x9f\u00a1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff",
}
_LINE_ENDS = r"\n\r\u2028\u2029"
_RUST = {r"\b": r"(?-u:\b)", r"\B": r"(?-u:\B)", ".": f"[^{_LINE_ENDS}]"}
_PYTHON = {"$": r"\Z", "(?<": "(?P<", ".": f"[^{_LINE_ENDS}]"}


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    r"""Return the function that tells whether `pattern` matches anywhere in a text.

    `\d` and `\w` are ASCII, `\s` is Unicode's, `$` is the very end of the text. Raises ValueError where
    no engine reads the pattern.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    pieces = tuple(_pieces(pattern))
    try:
        return SchemaValidator(core_schema.str_schema(pattern=_rust(pieces))).isinstance_python
    except SchemaError:
        return _python(pieces)


def spelt_out(pattern: str) -> str:
    r"""Return the pattern with its classes, such as `\w`, and its control characters, such as `\cJ`, spelt
    out: they are what all engines read alike.
    """
    return "".join(piece for piece, _ in _pieces(pattern))


def _pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of the pattern, spelt out, and whether each stands inside a character class."""
    inside = False
    for piece in _PIECE.findall(_HYPHEN.sub(r"\1\\-", pattern)):
        yield _spelt_out(piece, inside), inside
        inside = piece != "]" if inside else piece.startswith("[")


def _spelt_out(piece: str, inside: bool) -> str:
    if piece in _MEMBERS and inside:
        return _MEMBERS[piece]
    if piece in _MEMBERS:
        return f"[{'^' if piece[1].isupper() else ''}{_MEMBERS[piece.lower()]}]"
    if re.fullmatch(r"\\c[A-Za-z]", piece):
        return f"\\x{ord(piece[2]) % 32:02x}"
    return piece


def _rust(pieces: tuple[tuple[str, bool], ...]) -> str:
    """Return the pattern for the Rust engine, whose classes nest and have operators."""
    return "".join(
        re.sub(r"([&~-])(?=\1)", r"\\\1", re.sub(r"^\[", r"\\[", piece))
        if inside
        else _RUST.get(piece, piece)
        for piece, inside in pieces
    )


def _python(pieces: tuple[tuple[str, bool], ...]) -> Callable[[str], bool]:
    text = "".join(
        _category(piece, inside) or (piece if inside else _PYTHON.get(piece, piece))
        for piece, inside in pieces
    )
    try:
        with warnings.catch_warnings():  # of sets that a later version may read differently
            warnings.simplefilter("ignore", FutureWarning)
            compiled = re.compile(re.sub(r"\\k<(\w+)>", r"(?P=\1)", text), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"neither Rust's nor Python's engine reads it: {error}") from error
    return lambda text: compiled.search(text) is not None


def _category(piece: str, inside: bool) -> str | None:
    r"""Return the characters of a Unicode category, as `\p{Lu}` names it, in a class of Python's."""
    if not re.fullmatch(r"\\[pP]\{[CLMNPSZ][a-z]?\}", piece):
        return None
    ranges = _characters(piece[3:-1], piece[1] == "p")
    return ranges if inside else f"[{ranges}]"


@lru_cache
def _characters(category: str, wanted: bool) -> str:
    flags = [unicodedata.category(chr(n)).startswith(category) is wanted for n in range(sys.maxunicode + 1)]
    edges = [n for n, (before, after) in enumerate(pairwise([False, *flags, False])) if before is not after]
    return "".join(f"\\U{a:08x}-\\U{b - 1:08x}" for a, b in zip(edges[::2], edges[1::2], strict=True))
