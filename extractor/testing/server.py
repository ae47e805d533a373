"""A loopback HTTP server that answers by a script: real sockets, on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from itertools import chain, repeat
from types import TracebackType
from typing import Any, Self, TypeAlias, cast

import h11

from . import openai_chat
from .openai_chat import Handler, Play
from .received import ReceivedRequest, brings, without_keys
from .replies import Raw, Response, Scripted, Shaped, Status, status
from .wire import Close, Step, steps

Script: TypeAlias = Scripted | Play | Sequence[Scripted | Play]
_NO_LINGER = struct.pack("ii", 1, 0)  # close() then sends a TCP reset


class ChatServer:
    """A server on 127.0.0.1 that speaks the OpenAI chat-completions API, until it is told to misbehave.

    script: one answer for every request; or a list of answers, one a request in the order of their
    arrival; or a function from the request to its answer, called on the server's thread. Without a
    script, replies are made for the schema in the request. repeat_last: the last answer of a list
    serves all further requests, which are errors otherwise. api_key: requests without it get a
    401; None accepts all.

    Use it as `with ChatServer(...) as server` or `async with`. An exception in a function of the
    script is an error 500 to the client, and is raised when the server is closed.
    """

    def __init__(
        self,
        script: Script = Shaped(),  # noqa: B008  a frozen value
        *,
        repeat_last: bool = False,
        api_key: str | None = None,
        routes: Mapping[tuple[str, str], Handler] = openai_chat.ROUTES,
    ) -> None:
        self._routes, self._api_key = routes, api_key
        self._requests: list[ReceivedRequest] = []
        self._failures: list[Exception] = []
        self._waiting: list[tuple[int, Future[None]]] = []
        self._lock = threading.Lock()
        self._connections: set[_Connection] = set()
        self._thread: threading.Thread | None = None
        self.play(script, repeat_last=repeat_last)

    def play(self, script: Script, *, repeat_last: bool = False) -> None:
        """Answer by this script from now on."""
        self._play = _player(script, repeat_last)

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as `base_url`: `http://127.0.0.1:PORT/v1`."""
        return f"http://{self.address[0]}:{self.address[1]}/v1"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. Raises RuntimeError before the server was started."""
        if self._thread is None:
            raise RuntimeError(
                "the server has no address before it was started: `with ChatServer() as server:`"
            )
        return self._address

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests so far, in the order of their arrival."""
        with self._lock:
            return tuple(self._requests)

    def wait_for(self, n: int, timeout: float = 10.0) -> tuple[ReceivedRequest, ...]:
        """Return the requests once there are `n`. Raises TimeoutError after so many seconds."""
        try:
            self._arrival_of(n).result(timeout)
        except TimeoutError:
            raise self._late(n, timeout) from None
        return self.requests

    async def await_for(self, n: int, timeout: float = 10.0) -> tuple[ReceivedRequest, ...]:
        """Return the requests once there are `n`. Raises TimeoutError after so many seconds."""
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._arrival_of(n)), timeout)
        except TimeoutError:
            raise self._late(n, timeout) from None
        return self.requests

    def start(self) -> Self:
        """Listen on a free port, and return this server."""
        if self._thread is not None:
            raise RuntimeError("a ChatServer is started once")
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._address: tuple[str, int] = listening.getsockname()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="ChatServer", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Drop all connections and stop; hanging replies too. Closing twice does nothing."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if error is None and self._failures:
            raise self._failures[0]

    async def __aenter__(self) -> Self:
        return self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _run(self, listening: socket.socket) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        server = await self._loop.create_server(
            lambda: _Connection(self._answer, self._connections), sock=listening, backlog=1024
        )
        await self._stop.wait()
        server.close()
        while self._connections or len(asyncio.all_tasks()) > 1:  # other tasks accept connections
            for connection in tuple(self._connections):
                connection.abort()
            await asyncio.sleep(0)

    def _answer(self, head: h11.Request, body: bytes) -> Response | Raw:
        request = self._record(head, body)
        if not request.authorized:
            return openai_chat.error(Status(401, "Incorrect API key provided."), request)
        if handler := self._routes.get((request.method, request.path)):
            try:
                return handler(request, self._play)
            except Exception as error:
                self._failures.append(error)
                failed = status(500, f"The script failed: {error!r}", code="script_failed")
                return openai_chat.error(failed, request)
        return openai_chat.error(_no_route(request, self._routes), request)

    def _record(self, head: h11.Request, body: bytes) -> ReceivedRequest:
        path, _, query = head.target.decode("latin-1").partition("?")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
        authorized, kept = brings(headers, self._api_key), without_keys(headers)
        with self._lock:
            request = ReceivedRequest(
                index=len(self._requests),
                method=head.method.decode(),
                path=path,
                query=query,
                body=body,
                authorized=authorized,
                time=time.monotonic(),
                header_items=kept,
            )
            self._requests.append(request)
            self._tell()
        return request

    def _arrival_of(self, n: int) -> Future[None]:
        arrival: Future[None] = Future()
        with self._lock:
            self._waiting.append((n, arrival))
            self._tell()
        return arrival

    def _tell(self) -> None:
        """Wake those who wait for what has arrived by now; the lock is held."""
        arrived = len(self._requests)
        for n, arrival in self._waiting:
            if n <= arrived and arrival.set_running_or_notify_cancel():
                arrival.set_result(None)
        self._waiting = [(n, arrival) for n, arrival in self._waiting if n > arrived]

    def _late(self, n: int, timeout: float) -> TimeoutError:
        return TimeoutError(f"{len(self.requests)} of {n} requests arrived within {timeout} s")


class _Connection(asyncio.Protocol):
    """One client's connection: requests read by h11, answers written step by step."""

    def __init__(
        self, answer: Callable[[h11.Request, bytes], Response | Raw], connections: set[_Connection]
    ) -> None:
        self._answer, self._connections = answer, connections
        self._parser = h11.Connection(h11.SERVER)
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport
        # asyncio does this itself only where the socket says IPPROTO_TCP, which an accepted one does not
        self._socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()

    def _socket(self) -> socket.socket:
        return cast(socket.socket, self._transport.get_extra_info("socket"))

    def abort(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.receive_data(data)
            self._read()
        except h11.RemoteProtocolError as error:
            refused = Response(error.error_status_hint, str(error).encode())
            self._write(chain(steps(refused), [Close()]))

    def _read(self) -> None:
        while (event := self._parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
            if isinstance(event, h11.Request):
                self._head, self._body = event, bytearray()
                if self._parser.they_are_waiting_for_100_continue:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._write(steps(self._answer(self._head, bytes(self._body))))
                return

    def _write(self, todo: Iterator[Step]) -> None:
        """Do the steps up to the next wait, then go on from there."""
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


def _player(script: Script, repeat_last: bool) -> Play:
    if callable(script):
        return script
    if not isinstance(script, Sequence):
        return lambda request: script
    further = script[-1] if repeat_last and script else _ended(len(script))
    answers = chain(script, repeat(further))

    def play(request: ReceivedRequest) -> Scripted:
        answer = next(answers)
        return answer(request) if callable(answer) else answer

    return play


def _ended(length: int) -> Play:
    return lambda request: status(
        500,
        f"The script has ended: it has {length} answers, and this is request {request.index + 1}.",
        code="script_ended",
        headers={"x-should-retry": "false"},
    )


def _no_route(request: ReceivedRequest, routes: Mapping[tuple[str, str], Handler]) -> Status:
    if any(path == request.path for _, path in routes):
        return Status(405, f"Not allowed to {request.method} on {request.path}.", code="method_not_supported")
    return Status(404, f"Unknown request URL: {request.method} {request.path}.", code="unknown_url")
