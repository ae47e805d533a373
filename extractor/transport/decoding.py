"""The bytes of a reply as they are meant: unpacked, and no more of them than are allowed.

A few kilobytes of gzip within gzip unpack to gigabytes: each step unpacks a bounded piece.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

ACCEPTED = "gzip, deflate"  # what can be unpacked within bounds by the standard library
STEP = 2**18  # bytes that are unpacked at once
UNREADABLE = "the reply could not be read"
TOO_LARGE = "the reply is too large"
_GZIP, _RAW = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS


class Unreadable(Exception):
    """A body is not in the form that its headers tell."""


class TooLarge(Exception):
    """A reply has more bytes than are allowed."""


class Coding(Protocol):
    """One way of packing, undone."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some bytes unpack to, in bounded pieces. Raises Unreadable."""
        ...

    def end(self) -> None:
        """Raise Unreadable if bytes are missing."""
        ...


class Body:
    """Takes the bytes of a body as they were sent, gives them unpacked. encoding: the header
    `Content-Encoding`. most: bytes that it may unpack to, at each of its stages; None for any number.
    """

    def __init__(self, encoding: str, most: int | None) -> None:
        names = [name.strip().lower() for name in encoding.split(",")]
        self._codings = [_coding(name) for name in reversed(names) if name not in ("", "identity")]
        self._most = most
        self._came = [0] * (len(self._codings) + 1)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what some bytes unpack to. Raises Unreadable and TooLarge."""
        return self._through(data, 0)

    def end(self) -> None:
        """Raise Unreadable if the body breaks off."""
        for coding in self._codings:
            coding.end()

    def _through(self, data: bytes, stage: int) -> Iterator[bytes]:
        self._came[stage] += len(data)
        if self._most is not None and self._came[stage] > self._most:
            raise TooLarge(f"it has more than {self._most} bytes; max_reply_bytes= allows more")
        if stage == len(self._codings):
            yield data
            return
        for piece in self._codings[stage].feed(data):
            yield from self._through(piece, stage + 1)


def _coding(name: str) -> Coding:
    kind = _CODINGS.get(name)
    if kind is None:
        raise Unreadable(f"its encoding is {name[:40]!r}, but {ACCEPTED} were requested")
    return kind()


class _Zlib:
    def __init__(self, window: int) -> None:
        self._unpacker = zlib.decompressobj(window)
        self._fed = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._fed = self._fed or bool(data)
        while data and not self._unpacker.eof:
            try:
                piece = self._unpacker.decompress(data, STEP)
            except zlib.error as error:
                raise Unreadable(str(error)) from error
            data = self._unpacker.unconsumed_tail
            if piece:
                yield piece

    def end(self) -> None:
        if self._fed and not self._unpacker.eof:
            raise Unreadable("it is incomplete")


class _Gzip(_Zlib):
    def __init__(self) -> None:
        super().__init__(_GZIP)


class _Deflate:
    """zlib's format, as it should be, or bare, as some servers send it: the first two bytes tell."""

    def __init__(self) -> None:
        self._inner: _Zlib | None = None
        self._first = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inner is None:
            data, self._first = self._first + data, b""
            if len(data) < 2:
                self._first = data
                return
            self._inner = _Zlib(zlib.MAX_WBITS if _is_zlib(data) else _RAW)
        yield from self._inner.feed(data)

    def end(self) -> None:
        if self._first:
            raise Unreadable("it is incomplete")
        if self._inner is not None:
            self._inner.end()


def _is_zlib(data: bytes) -> bool:
    """Whether bytes begin with zlib's header (RFC 1950, section 2.2)."""
    return data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0


_CODINGS: dict[str, Callable[[], Coding]] = {"gzip": _Gzip, "x-gzip": _Gzip, "deflate": _Deflate}
