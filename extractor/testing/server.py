"""A loopback HTTP server that answers by a script: real sockets, on a thread of its own."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import h11

from . import apis
from .batches import Batches, BatchScript
from .connection import Connection
from .received import ReceivedRequest, RequestLog, brings, without_keys
from .replies import Raw, Response, Shaped, Status
from .script import Handler, Script, player
from .wire import Step, steps

FAILED = "The script failed:"  # what the client's error says of it


class ChatServer:
    """A server on 127.0.0.1 that answers like a model provider, and fails as your script says.

    It speaks OpenAI's chat completions and Responses, Anthropic's Messages and Gemini's generateContent. Use
    it as `with ChatServer(...) as server` or `async with`.

    - script: one answer for every request; or a list of answers, one for each request in order of arrival; or
      a function from the request to its answer, called on the server's thread. Without a script, replies are
      made to fit the schema in the request.
    - repeat_last: whether the last answer of a list serves all further requests. By default these get an
      error.
    - strict: whether closing the server raises ScriptEnded if there was such a request.
    - batches: how batches of requests behave. Their answers come from the script too.
    - api_key: requests without it get a 401; None accepts all.
    - routes: a handler for each method and path, in which `{...}` stands for any text.

    An exception in a function of the script is an error 400 to the client, which does not ask again.
    The exception is raised when the server is closed, in place of the client's error.
    """

    batches: Batches

    def __init__(
        self,
        script: Script = Shaped(),  # noqa: B008  a frozen value
        *,
        repeat_last: bool = False,
        strict: bool = False,
        batches: BatchScript = BatchScript(),  # noqa: B008
        api_key: str | None = None,
        routes: Mapping[tuple[str, str], Handler] = apis.ROUTES,
    ) -> None:
        self.batches = Batches(batches)
        self._routes, self._api_key = {**self.batches.routes, **routes}, api_key
        self._log = RequestLog()
        self._failures: list[Exception] = []
        self._strict = strict
        self._connections: set[Connection] = set()
        self._thread: threading.Thread | None = None
        self.play(script, repeat_last=repeat_last)

    def play(self, script: Script, *, repeat_last: bool = False) -> None:
        """Use this script from now on."""
        self._play = player(script, repeat_last=repeat_last, late=self._failures if self._strict else None)

    @property
    def base_url(self) -> str:
        """The `base_url` for an OpenAI client: `http://127.0.0.1:PORT/v1`."""
        host, port = self.address
        return f"http://{host}:{port}/v1"

    @property
    def url(self) -> str:
        """The URL without a path, for clients of other APIs: `http://127.0.0.1:PORT`."""
        return self.base_url.removesuffix("/v1")

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. Raises RuntimeError before the server was started."""
        if self._thread is None:
            raise RuntimeError("a ChatServer has no address until it is started: use `with`")
        return self._address

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        """All requests so far, in the order of their arrival."""
        return self._log.all()

    @property
    def connections(self) -> int:
        """How many connections are open now, idle ones too."""
        return len(self._connections)

    def wait_for(self, n: int, timeout: float = 10.0) -> tuple[ReceivedRequest, ...]:
        """Return the requests once there are `n`. Raises TimeoutError after `timeout` seconds."""
        try:
            self._log.arrival_of(n).result(timeout)
        except TimeoutError:
            raise self._late(n, timeout) from None
        return self.requests

    async def await_for(self, n: int, timeout: float = 10.0) -> tuple[ReceivedRequest, ...]:
        """Return the requests once there are `n`. Raises TimeoutError after `timeout` seconds."""
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._log.arrival_of(n)), timeout)
        except TimeoutError:
            raise self._late(n, timeout) from None
        return self.requests

    def start(self) -> Self:
        """Listen on a free port, and return this server."""
        if self._thread is not None:
            raise RuntimeError("a ChatServer can be started only once")
        listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._address: tuple[str, int] = listening.getsockname()
        self._loop = asyncio.SelectorEventLoop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,), name="ChatServer", daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Drop all connections, and stop. Closing twice does nothing."""
        if self._thread is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._failures and (error is None or FAILED in str(error)):
            raise self._failures[0] from error

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
            lambda: Connection(self._answer, self._connections), sock=listening, backlog=1024
        )
        await self._stop.wait()
        self._loop.remove_reader(listening)
        # What is being accepted has a task each, and needs the server until it is a connection.
        while self._connections or len(asyncio.all_tasks()) > 1:
            for connection in tuple(self._connections):
                connection.abort()
            await asyncio.sleep(0)
        server.close()

    def _answer(self, head: h11.Request, body: bytes) -> Sequence[Step]:
        request = self._log.add(lambda index: self._received(index, head, body))
        try:
            return list(steps(self._response(request)))
        except Exception as error:
            self._failures.append(error)
            never_again = (("x-should-retry", "false"),)  # nor after the status, see script.py
            failed = Status(400, f"{FAILED} {error!r}", code="script_failed", headers=never_again)
            return list(steps(apis.error(failed, request)))

    def _response(self, request: ReceivedRequest) -> Response | Raw:
        if not request.authorized:
            return apis.error(Status(401, "Incorrect API key provided."), request)
        if handler := apis.handler_of(self._routes, request.method, request.path):
            return handler(request, self._play)
        return apis.no_route(request, self._routes)

    def _received(self, index: int, head: h11.Request, body: bytes) -> ReceivedRequest:
        path, _, query = head.target.decode("latin-1").partition("?")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers]
        return ReceivedRequest(
            index=index,
            method=head.method.decode(),
            path=path,
            query=query,
            body=body,
            authorized=brings(headers, self._api_key),
            time=time.monotonic(),
            header_items=without_keys(headers),
        )

    def _late(self, n: int, timeout: float) -> TimeoutError:
        return TimeoutError(f"{len(self.requests)} of {n} requests arrived within {timeout} s")
