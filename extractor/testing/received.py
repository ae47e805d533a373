"""The requests that a server has seen, as frozen values without any key."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from extractor.messages import JSON

KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
_PRIVATE = KEY_HEADERS | {"cookie", "proxy-authorization"}


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request.

    - index: how many came before it.
    - authorized: whether it had the expected key, or none is expected.
    - time: seconds on the monotonic clock when it was complete.

    Header names are lower case. The values of headers that carry keys are not kept.
    """

    index: int
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    authorized: bool = True
    time: float = 0.0
    header_items: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The headers by lower-case name."""
        return dict(self.header_items)

    @property
    def json(self) -> JSON:
        """The body parsed as JSON. Raises ValueError if it is not JSON."""
        return json.loads(self.body)


class RequestLog:
    """All requests in the order of their arrival, for any number of threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[ReceivedRequest] = []
        self._waiting: list[tuple[int, Future[None]]] = []

    def add(self, request_at: Callable[[int], ReceivedRequest]) -> ReceivedRequest:
        """Keep and return the request that is made for the next index."""
        with self._lock:
            request = request_at(len(self._requests))
            self._requests.append(request)
            self._wake()
        return request

    def all(self) -> tuple[ReceivedRequest, ...]:
        """Return the requests so far."""
        with self._lock:
            return tuple(self._requests)

    def arrival_of(self, n: int) -> Future[None]:
        """Return a future that is done as soon as there are `n` requests."""
        arrival: Future[None] = Future()
        with self._lock:
            self._waiting.append((n, arrival))
            self._wake()
        return arrival

    def _wake(self) -> None:
        """Tell those who wait for what has arrived by now; the lock is held."""
        arrived = len(self._requests)
        for n, arrival in self._waiting:
            if n <= arrived and arrival.set_running_or_notify_cancel():
                arrival.set_result(None)
        self._waiting = [(n, arrival) for n, arrival in self._waiting if n > arrived]


def without_keys(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the headers with the values that nobody should keep replaced by `***`."""
    return tuple((name, "***" if name in _PRIVATE else value) for name, value in headers)


def brings(headers: Iterable[tuple[str, str]], key: str | None) -> bool:
    """Return whether one of the headers in which APIs take a key holds `key`; True if it is None."""
    found = (value.removeprefix("Bearer ") for name, value in headers if name in KEY_HEADERS)
    return key is None or key in found
