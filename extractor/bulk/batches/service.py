"""Calls of a provider's batch API: requests and replies. It decides nothing."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ...dialects import BatchApi, BatchLimits
from ...dialects.batches import Call, Line
from ...dialects.replies import parse_json
from ...messages import JSON, BatchStatus, Completion, Failure, FailureKind
from ...transport import http
from ..journal.handles import SKEW

REQUEST = 120.0  # seconds for the next bytes of a reply
LONGEST = 86_400.0  # seconds for all of one, and so for a download
SLOWEST = 100_000  # bytes a second of an upload
Stream: TypeAlias = Callable[[http.Post], AsyncGenerator[http.Piece]]
PAGES = 1000  # of a list of batches
_ENDLESS = Failure(FailureKind.PROTOCOL, f"the list of batches has over {PAGES} pages")
_UNREADABLE = Failure(FailureKind.DROPPED, "the reply of the batch API could not be read")


UNREADABLE = Line("", None)  # one that is no answer to any request


class CallFailed(Exception):
    """A call to the batch API has failed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Service:
    """A batch API, and how it is reached. headers: with the key, as for an ordinary request. stream:
    sends a request. explain: reads an error reply. redact: takes keys out of what is said. All methods
    that send raise CallFailed.
    """

    api: BatchApi
    limits: BatchLimits
    base_url: str
    headers: Mapping[str, str] = field(repr=False)
    stream: Stream
    explain: Callable[[http.HttpReply | Failure], Completion | Failure]
    redact: Callable[[str], str] = str

    async def sent(self, marker: str, file: Path) -> BatchStatus:
        """Send a file of requests; return what it has become."""
        around = self.api.sending(marker)
        body = http.Spooled(file, around.before, around.after)
        headers = {**self.headers, "Content-Type": around.content_type}
        timeout = REQUEST + body.size / SLOWEST
        post = http.Post(self.base_url + around.path, b"", headers, timeout, timeout, spooled=body)
        return self._status(await self._answer(post))

    async def told(self, call: Call) -> BatchStatus:
        """Return the status of one batch."""
        return self._status(await self._answer(self._post(call)))

    async def found(
        self, call: Call | None, is_it: Callable[[BatchStatus], bool], since: float
    ) -> BatchStatus | None:
        """Return what is found in a list, newest first, back to a Unix time."""
        for _ in range(PAGES):
            if call is None:
                return None
            page = self.api.listed(call, await self._answer(self._post(call)))
            if page is None:
                raise CallFailed(_UNREADABLE)
            found = next(filter(is_it, page.items), None)
            if found is not None:
                return found
            old = page.items and page.items[-1].created < since - SKEW
            call = None if old or page.next == call else page.next  # some servers know no further pages
        raise CallFailed(_ENDLESS)

    async def lines(self, path: str) -> AsyncGenerator[Line]:
        """Yield the answers in a file of results, as they come."""
        async with aclosing(self.stream(self._post(Call("GET", path)))) as pieces:
            head, rest = await anext(pieces), b""
            if not isinstance(head, http.Head) or head.status != 200:
                self._whole([head, *[piece async for piece in pieces]])
            async for piece in pieces:
                if not isinstance(piece, bytes):
                    raise CallFailed(piece if isinstance(piece, Failure) else _UNREADABLE)
                *lines, rest = (rest + piece).split(b"\n")
                for line in self._read(lines):
                    yield line
            for line in self._read([rest]):
                yield line

    def _read(self, lines: Sequence[bytes]) -> Iterator[Line]:
        """Yield the answers in some lines; one that can't be read is nobody's."""
        for line in lines:
            if line.strip():
                yield self.api.answer(parse_json(line)) or UNREADABLE

    def _post(self, call: Call) -> http.Post:
        kind = {"Content-Type": "application/json"} if call.body else {}
        url, headers = self.base_url + call.path, {**self.headers, **kind}
        return http.Post(url, call.body, headers, REQUEST, LONGEST, method=call.method)

    async def _answer(self, post: http.Post) -> JSON:
        return self._whole([piece async for piece in self.stream(post)])

    def _status(self, body: JSON) -> BatchStatus:
        status = self.api.read(body)
        if status is None:
            raise CallFailed(_UNREADABLE)
        reasons = tuple((self.redact(code), self.redact(why)) for code, why in status.refused)
        return replace(status, state=self.redact(status.state), refused=reasons)

    def _whole(self, pieces: list[http.Piece]) -> JSON:
        """Return the JSON of a reply."""
        reply = http.whole(pieces, 0.0)
        if isinstance(reply, http.HttpReply) and 200 <= reply.status < 300:
            return parse_json(reply.body)
        event = self.explain(reply)
        raise CallFailed(event if isinstance(event, Failure) else _UNREADABLE)
