"""The regular expressions of JSON Schema, which are ECMAScript's, matched by engines whose steps are bounded.

The first choice is the Rust engine inside pydantic-core: its time is linear in the text. What that one leaves
out (look-around, back references) goes to the engine of `jsonschema-rs`, which counts how often it goes back.
If a group that has matched nothing is referred to, that one finds nothing, where ECMAScript finds "".
Source: ECMA-262, section 22.2, as JSON Schema 2020-12 core, section 6.4, asks for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
_WORD = "[0-9A-Za-z_]"
_LINE_ENDS = r"\n\r\u2028\u2029"
_RUST = {r"\b": r"(?-u:\b)", r"\B": r"(?-u:\B)", ".": f"[^{_LINE_ENDS}]"}
_FANCY = {".": f"[^{_LINE_ENDS}]"}
_FANCY |= {
    r"\b": rf"(?:(?<={_WORD})(?!{_WORD})|(?<!{_WORD})(?={_WORD}))",
    r"\B": rf"(?:(?<={_WORD})(?={_WORD})|(?<!{_WORD})(?!{_WORD}))",
}
_TOKEN = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\{(\d+)(?:,(\d*))?\}|.", re.DOTALL)
_BRACE = re.compile(r"\{(?!\d+(?:,\d*)?\}|[0-9A-F]+\})")  # one that counts nothing
_REPEATED = re.compile(r"(?<!\\)\)[*+{]")
QUICK, MOST = 10**6, 10**8  # steps of an engine: some milliseconds, and about a second
_PROGRAM = 64 << 20  # bytes that a pattern may take once it is compiled
_LONGEST = 10_000  # characters of a pattern with look-around


@dataclass(frozen=True, slots=True)
class Matcher:
    """Tells whether a pattern matches anywhere in a text. `search` takes a text and a number of steps."""

    search: Callable[[str, int], bool | None]

    def __call__(self, text: str) -> bool | None:
        """Return whether it does; None if that takes more than MOST steps."""
        return self.search(text, MOST)

    def quick(self, text: str) -> bool | None:
        """Return whether it does; None if that takes more than QUICK steps."""
        return self.search(text, QUICK)


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Matcher:
    r"""Return what tells whether `pattern` matches anywhere in a text.

    `\d` and `\w` are ASCII, `\s` is Unicode's, `$` is the very end of the text. Raises ValueError if
    no engine reads the pattern.
    """
    pieces = tuple(_pieces(pattern))
    return _matcher(_rust(pieces), pieces)


@lru_cache(maxsize=4096)
def as_written(pattern: str) -> Matcher:
    """Return what tells whether a pattern of Pydantic's, which are Rust's, matches anywhere in a text."""
    return _matcher(pattern, tuple(_pieces(pattern)))


def _matcher(rust: str, pieces: tuple[tuple[str, bool], ...]) -> Matcher:
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    pattern = "".join(piece for piece, _ in pieces)
    try:
        found = SchemaValidator(core_schema.str_schema(pattern=rust)).isinstance_python
    except SchemaError:
        return Matcher(_run_of(pieces) if _is_one_run(pattern) else _fancy(pieces))
    states = 1 if _is_one_run(pattern) else _states(pattern)
    return Matcher(lambda text, most: found(text) if len(text) * states <= most else None)


def _is_one_run(pattern: str) -> bool:
    """Whether the pattern is one kind of character, so many times, from the start to the end."""
    tokens = [token[0] for token in _TOKEN.finditer(pattern)]
    return len(tokens) <= 4 and tokens[:1] == ["^"] and tokens[-1] == "$" and "(" not in tokens


def _run_of(pieces: tuple[tuple[str, bool], ...]) -> Callable[[str, int], bool | None]:
    """Return the search for a run too long for the Rust engine: Python's takes one step a character."""
    try:
        run = re.compile("".join(each if inside else _outside(each) for each, inside in pieces)[:-1])
    except (re.error, OverflowError) as error:
        raise ValueError(f"no engine with bounded steps reads it: {error}") from error
    return lambda text, most: run.fullmatch(text) is not None


def _states(pattern: str) -> int:
    """Return how many characters a pattern spells with its counts written out: what one step may look at."""
    groups, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token[0] == "(":
            groups.append(0)
        elif token[0] == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif token[1]:
            times = max(1, int(token[2] or token[1]))
            groups[-1] += last * (times - 1)
            last *= times
        else:
            last = 1
            groups[-1] += 1
    return sum(groups)


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
    if piece == r"\0":
        return r"\x00"
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


def _fancy(pieces: tuple[tuple[str, bool], ...]) -> Callable[[str, int], bool | None]:
    """Return the search by the engine that goes back. Each step of it may look at the rest of the text."""
    pattern = "".join(_unnamed([(each if inside else _outside(each), inside) for each, inside in pieces]))
    if len(pattern) > _LONGEST:
        raise ValueError(f"with look-around or back references it may have {_LONGEST:,} characters")
    at_once = pattern[:1] == "^" and not _REPEATED.search(pattern)
    _engine(pattern, MOST)

    def search(text: str, most: int) -> bool | None:
        if not at_once and len(text) ** 2 > most:
            return None
        size = 10 ** len(str(len(text)))
        return _engine(pattern, max(1, most // size))(text)

    return search


def _outside(piece: str) -> str:
    """Return a piece that stands in no class, for engines that count in braces alone."""
    return _FANCY.get(piece, piece) if piece[0] == "\\" or "{" not in piece else _BRACE.sub(r"\{", piece)


@lru_cache(maxsize=4096)
def _engine(pattern: str, most: int) -> Callable[[str], bool | None]:
    """Return the search that goes back `most` times at most, and says None then. Raises ValueError."""
    from jsonschema_rs import Draft202012Validator, FancyRegexOptions, ValidationErrorKind

    options = FancyRegexOptions(backtrack_limit=most, size_limit=_PROGRAM)
    try:
        validator = Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except ValueError as error:
        raise ValueError("it is too large, or none that an engine with bounded steps reads") from error

    def search(text: str) -> bool | None:
        try:
            error = next(iter(validator.iter_errors(text)), None)
        except ValueError:  # a lone surrogate
            return False
        return None if error and not isinstance(error.kind, ValidationErrorKind.Pattern) else not error

    return search


def _unnamed(pieces: list[tuple[str, bool]]) -> Iterator[str]:
    """Yield the pieces with groups by number: the engine has no names."""
    numbers: dict[str, int] = {}
    groups = 0
    for (piece, inside), (after, _) in pairwise([*pieces, ("", False)]):
        if not inside and (piece == "(?<" or (piece == "(" and not after.startswith("?"))):
            groups += 1
        if not inside and piece == "(?<":
            numbers[after.partition(">")[0]] = groups
    before = ""
    for piece, inside in pieces:
        name, _, rest = piece.removeprefix("<").partition(">")
        if before == "(?<":
            yield rest
        elif before == r"\k":
            yield f"(?:\\{numbers.get(name, 0)}){rest}"
        elif inside or piece not in ("(?<", r"\k"):
            yield piece
        elif piece == "(?<":
            yield "("
        before = "" if inside else piece
