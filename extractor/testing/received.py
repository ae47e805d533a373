"""The requests that a server has seen, as frozen values without any key."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from extractor.messages import JSON

KEY_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "x-goog-api-key"})
_PRIVATE = KEY_HEADERS | {"cookie", "proxy-authorization"}


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request. index: how many came before it. authorized: whether it brought the expected key,
    or none is expected. time: seconds on the monotonic clock when it was complete. Header names are
    lower case; the values of headers that carry keys are not kept.
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
        """The body read as JSON. Raises ValueError where it is none."""
        return json.loads(self.body)


def without_keys(headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the headers with the values that nobody should keep replaced by `***`."""
    return tuple((name, "***" if name in _PRIVATE else value) for name, value in headers)


def brings(headers: Iterable[tuple[str, str]], key: str | None) -> bool:
    """Return whether one of the headers in which APIs take a key holds `key`; True where it is None."""
    if key is None:
        return True
    found = (value.removeprefix("Bearer ") for name, value in headers if name in KEY_HEADERS)
    return any(hmac.compare_digest(value.encode(), key.encode()) for value in found)
