"""One client's connection: requests are read by h11, answers written step by step."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias, cast

import h11

from .replies import Response
from .wire import Close, Step, steps

Answer: TypeAlias = Callable[[h11.Request, bytes], Iterable[Step]]
_NO_LINGER = struct.pack("ii", 1, 0)  # closing the socket then sends a TCP reset


class Connection(asyncio.Protocol):
    """Hands each whole request to `answer` and takes the steps that come back.

    It is in `connections` as long as it is open. Answers are no business of h11's: they may break
    HTTP, which it would not let them; so each request has a parser of its own.
    """

    def __init__(self, answer: Answer, connections: set[Connection]) -> None:
        self._answer, self._connections = answer, connections
        self._parser = h11.Connection(h11.SERVER)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Keep the transport."""
        self._transport: asyncio.Transport = transport
        # asyncio does this only if the socket says IPPROTO_TCP, which an accepted one does not
        self._socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the rest of an answer."""
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def abort(self) -> None:
        """End at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read on; answer a request that is whole, and bytes that are none."""
        try:
            self._parser.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as error:
            refused = Response(error.error_status_hint, str(error).encode())
            self._write(iter([*steps(refused), Close()]))

    def _read(self) -> None:
        while (event := self._parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                self._head, self._body = event, bytearray()
                if self._parser.they_are_waiting_for_100_continue:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._write(iter(self._answer(self._head, bytes(self._body))))
                return

    def _write(self, todo: Iterator[Step]) -> None:
        """Take the steps up to the next wait, and go on from there after it."""
        for step in todo:
            if isinstance(step, bytes):
                self._transport.write(step)
            elif isinstance(step, Close):
                self._end(step.reset)
                return
            elif step:
                self._timer = asyncio.get_running_loop().call_later(step, self._write, todo)
                return
        self._next_request()

    def _end(self, reset: bool) -> None:
        if reset:
            self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.close()

    def _next_request(self) -> None:
        if self._parser.their_state is h11.MUST_CLOSE:
            self._transport.close()
            return
        early, _ = self._parser.trailing_data
        self._parser = h11.Connection(h11.SERVER)
        if early:
            self.data_received(early)

    def _socket(self) -> socket.socket:
        return cast(socket.socket, self._transport.get_extra_info("socket"))
