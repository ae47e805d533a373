"""Server-sent events, decoded as the bytes come. No I/O; linear; however they are split, the same events.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from .decoding import TooLarge

_LINE = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class ServerSentEvent(NamedTuple):
    """One event: its data lines joined by newlines, and its type."""

    data: str
    event: str = "message"


class SSEDecoder:
    """Feed it bytes, get the events that they complete. An event without its blank line is not one:
    `pending` tells whether the stream ended inside of one. most: bytes that an event may have, None for
    any number.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most, self._size = most, 0  # of what has not ended, give or take a chunk
        self._parts: list[bytes] = []  # the line that has not ended yet
        self._data: list[bytes] = []
        self._event = b""
        self._after_cr = False
        self._started = False

    @property
    def pending(self) -> bool:
        """Whether there are bytes that belong to no finished event."""
        return bool(self._data or any(self._parts))

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """Yield the events that `chunk` completes. Raises TooLarge if one goes on and on."""
        if self._after_cr and chunk:
            chunk = chunk.removeprefix(b"\n")  # the second half of a CRLF
            self._after_cr = False
        if not chunk:
            return
        self._size += len(chunk)
        self._after_cr = chunk.endswith(b"\r")
        *lines, rest = _LINE.split(chunk) if b"\r" in chunk else chunk.split(b"\n")
        if lines:
            lines[0] = self._first(lines[0])
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line[6:])
            elif line:
                self._field(line)
            elif self._data or self._event:
                yield from self._dispatch()
        self._parts.append(rest)
        self._size = self._size if self.pending else 0
        if self._most is not None and self._size > self._most:
            raise TooLarge(f"one event has more than {self._most} bytes; max_line_bytes= allows more")

    def _first(self, line: bytes) -> bytes:
        """Return a chunk's first line with what came of it before."""
        line = b"".join((*self._parts, line))
        self._parts.clear()
        if not self._started:
            line, self._started = line.removeprefix(_BOM), True
        return line

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value

    def _dispatch(self) -> Iterator[ServerSentEvent]:
        data, event = self._data, self._event or b"message"
        self._data, self._event, self._size = [], b"", 0
        if data:
            yield ServerSentEvent(b"\n".join(data).decode(errors="replace"), event.decode(errors="replace"))
