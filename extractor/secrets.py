"""Keys: never in a repr or pickle, and removed from messages of others. Pure."""

from __future__ import annotations

import re
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from .errors import ConfigError

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
SHORTEST_KEY = 8  # characters; a shorter header value is a word


class Secret:
    """A key. It shows in no repr and leaves the process in no pickle."""

    __slots__ = ("_value",)

    def __init__(self, value: str | None = None) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self else "Secret()"

    def __reduce__(self) -> tuple[type[Secret], tuple[()]]:
        return Secret, ()

    def reveal(self) -> str:
        """Return the key itself, to be put into a request's header."""
        return self._value or ""

    def redact(self, text: str) -> str:
        """Return `text` without the key: some servers quote it in their errors, in JSON or a URL within them,
        or as they got it in base64. Of a long one its beginning is taken for it too: it may be cut off.
        """
        key = self._value or ""
        return _spellings(key).redact(text) if key else text


class Renewed(Secret):
    """A key that a function of the caller's tells anew for each request, such as a token that expires."""

    __slots__ = ("_last", "_make")

    def __init__(self, make: Callable[[], str]) -> None:
        super().__init__()
        self._make = make
        self._last = deque[str](maxlen=4)  # a reply may quote one that was replaced meanwhile

    def __bool__(self) -> bool:
        return True

    def reveal(self) -> str:
        """Return the key of this moment. Raises ConfigError if the function gives none."""
        try:
            key = self._make()
        except Exception as error:
            raise ConfigError(f"the api_key= function raised {type(error).__name__}: {error}") from error
        if not isinstance(key, str) or not key.strip():
            raise ConfigError(f"the api_key= function must return a string, not {type(key).__name__}")
        key = checked_key(key)
        if key not in self._last:
            self._last.append(key)
        return key

    def redact(self, text: str) -> str:
        """Return `text` without the last keys."""
        for key in tuple(self._last):
            text = Secret(key).redact(text)
        return text


def checked_key(key: str) -> str:
    """Return a key without the white space around it. Raises ConfigError for one that no header takes."""
    key = key.strip()
    if not key.isascii() or not key.isprintable():
        raise ConfigError(
            "the API key has characters that an HTTP header can't contain; was it copied correctly?"
        )
    return key


@dataclass(frozen=True, slots=True)
class Spellings:
    """What finds a key. begins: its first characters; goes_on: each other one; whole: other forms of it."""

    begins: re.Pattern[str]
    goes_on: tuple[re.Pattern[str], ...]
    whole: re.Pattern[str]

    def redact(self, text: str) -> str:
        """Return `text` without the key."""
        kept, start = [], 0
        for found in self.begins.finditer(text):
            if found.start() >= start:
                kept += [text[start : found.start()], "***"]
                start = found.end()
                for character in self.goes_on:
                    if not (more := character.match(text, start)):
                        break
                    start = more.end()
        return self.whole.sub("***", "".join([*kept, text[start:]]))


@lru_cache(maxsize=64)
def _spellings(key: str) -> Spellings:
    """Return what finds a key. Each of its characters may stand as it is, percent-encoded, or as JSON and
    HTML escape it. The whole key may stand in hexadecimal digits, or in base64, whatever stands before it. A
    short one is no beginning.
    """
    characters = [_character(each) for each in key]
    first = SHORTEST_KEY if len(key) > SHORTEST_KEY else len(key)
    others = tuple(re.compile(each, re.IGNORECASE) for each in characters[first:])
    encoded = [_inside(key.encode(), before) for before in range(3)] if len(key) >= SHORTEST_KEY else []
    urlsafe = [each.replace("+", "-").replace("/", "_") for each in encoded]
    found = "|".join(re.escape(each) for each in dict.fromkeys([*encoded, *urlsafe]))
    base64 = f"|(?:{found})=*" if found else ""
    whole = re.compile(f"(?i:{key.encode().hex()}){base64}")
    return Spellings(re.compile("".join(characters[:first]), re.IGNORECASE), others, whole)


def _character(char: str) -> str:
    code = ord(char)
    escaped = rf"\\{{0,4}}(?:{re.escape(char)}|u{code:04x}|x{code:02x})"
    return f"(?:{escaped}|%(?:25){{0,2}}{code:02x}|&(?:amp;)?#0{{0,4}}{code};|&(?:amp;)?#x0{{0,4}}{code:x};)"


def _inside(key: bytes, before: int) -> str:
    """Return the base64 digits that are the key's alone, where so many bytes (modulo 3) stand before it."""
    digits = b64encode(bytes(before) + key).decode().rstrip("=")
    first = -(-before * 8 // 6)
    last = (before + len(key)) * 8 // 6
    return digits[first:last]


class Environment(Mapping[str, str]):
    """The variables of the environment. It shows in no repr: tracebacks may have one of each local."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def __getitem__(self, name: str) -> str:
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variables)

    def __len__(self) -> int:
        return len(self._variables)

    def __repr__(self) -> str:
        return f"Environment({len(self)} variables)"


class Headers:
    """Headers of the caller's own. Their values may be keys, so they are kept as a Secret is."""

    __slots__ = ("_headers",)

    def __init__(self, headers: Mapping[str, str]) -> None:
        """Raise ConfigError for an invalid header."""
        if not isinstance(headers, Mapping):
            raise ConfigError("extra_headers must be a mapping of names to values")
        for name, value in headers.items():
            if not (isinstance(name, str) and _HEADER.fullmatch(name)):
                raise ConfigError(f"extra_headers: {name!r:.80} is not the name of a header")
            if not (isinstance(value, str) and value.isascii() and (value + " ").isprintable()):
                raise ConfigError(
                    f"extra_headers: the value of {name} has characters that a header can't contain"
                )
        self._headers = dict(headers)

    def __repr__(self) -> str:
        return f"Headers({', '.join(self._headers)})"

    def __reduce__(self) -> str:
        raise TypeError(
            "extra_headers may contain keys, so they are not pickled: create the Extractor in the "
            "process that uses it"
        )

    def reveal(self) -> dict[str, str]:
        """Return the headers as they are sent."""
        return self._headers

    def redact(self, text: str) -> str:
        """Return `text` without what may be a key in the headers."""
        for value in self._headers.values():
            *_, key = value.split() or [""]
            text = Secret(key).redact(text) if len(key) >= SHORTEST_KEY else text
        return text
