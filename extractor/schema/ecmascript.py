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

_PIECE = re.compile(r"\\[pP]\{\w+\}|\\.|\[\^?|\]|\(\?<(?=[A-Za-z_])|\$|[^\\\[\]$(]+|\(", re.DOTALL)
_HYPHEN = re.compile(r"(\\(?:[dDsSwW]|[pP]\{\w+\}))-(?!\])")  # after a class it is only a hyphen
_CLASSES = {r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[0-9A-Za-z_]", r"\W": "[^0-9A-Za-z_]"}
_MEMBERS = {**_CLASSES, r"\d": "0-9", r"\w": "0-9A-Za-z_", "[": r"\[", "[^": r"\[^"}
_PYTHON = {"$": r"\Z", "(?<": "(?P<"}


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    r"""Return the function that tells whether `pattern` matches anywhere in a text.

    `\d` and `\w` are ASCII, `$` is the very end of the text. Raises ValueError where no engine
    reads the pattern.
    """
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    pieces = tuple(_pieces(_HYPHEN.sub(r"\1\\-", pattern)))
    try:
        return SchemaValidator(core_schema.str_schema(pattern=_rust(pieces))).isinstance_python
    except SchemaError:
        return _python(pieces)


def _pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of the pattern, and whether each stands inside a character class."""
    inside = False
    for piece in _PIECE.findall(pattern):
        yield piece, inside
        inside = piece != "]" if inside else piece.startswith("[")


def _rust(pieces: tuple[tuple[str, bool], ...]) -> str:
    """Return the pattern for the Rust engine, whose classes nest and have operators."""
    return "".join(
        re.sub(r"([&~-])(?=\1)", r"\\\1", _MEMBERS.get(piece, piece))
        if inside
        else _CLASSES.get(piece, piece)
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
