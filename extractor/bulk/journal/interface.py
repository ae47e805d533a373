"""The journal: the durable log of what a service has answered, so that no answer is paid for twice.

An answer is kept under the SHA-256 of what was asked: never a row number, never a key. A request is claimed
before it is sent, so that no other process sends it too. If the process of a claim has died, the claim is
taken over, and counted, since its answer may have been paid for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ...errors import JournalError
from .handles import Handle


class Kept(NamedTuple):
    """An answer, whole, as it came. at: Unix time. latency: seconds. share: what it cost, as a share of
    the usual price.
    """

    body: bytes
    status: int = 200
    request_id: str | None = None
    latency: float = 0.0
    at: float = 0.0
    model: str = ""
    share: float = 1.0


def sound(kept: Sequence[Any]) -> Kept | None:
    """Return an answer as it was kept; None for one that is damaged, which counts as absent."""
    body, status, request_id, latency, at, model, share = kept
    numbers = all(type(each) in (int, float) and isfinite(each) for each in (latency, at, share))
    named = isinstance(model, str) and isinstance(request_id, str | None)
    whole = isinstance(body, bytes) and type(status) is int
    return Kept(*kept) if whole and named and numbers and 100 <= status <= 999 else None


def checksum(key: bytes, kept: Kept) -> bytes:
    """Return what tells an answer from a damaged one, and from that to another request; `at` is not in it.

    Eight bytes of BLAKE2b: it misses one random damage in 2**64, a CRC-32 one in 2**32. To hash an answer
    takes microseconds, as a CRC does.
    """
    told = [kept.status, kept.request_id, float(kept.latency), kept.model, float(kept.share)]
    digest = hashlib.blake2b(key, digest_size=8)
    digest.update(json.dumps(told).encode())
    digest.update(kept.body)
    return digest.digest()


class Claim(NamedTuple):
    """What a claim gave. kept: the answer, where there is one. granted: whether the caller may ask now;
    if neither, another process is asking. lost: whether a process that died had asked.
    """

    kept: Kept | None = None
    granted: bool = False
    lost: bool = False


TOGETHER = "together"  # part of the key of a row's answer that came in a request for several rows
GRANTED = Claim(granted=True)
BUSY = Claim()


@runtime_checkable
class Journal(Protocol):
    """Where answers are kept. `put` returns a ticket, and `durable` reaches that ticket once the answer is
    safe.
    """

    @property
    def durable(self) -> int:
        """The last ticket whose answer would survive the death of this process."""
        ...

    def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` in the event loop whenever `durable` grew or the journal broke."""
        ...

    @property
    def error(self) -> JournalError | None:
        """Why no more answers can be kept; None if they can."""
        ...

    async def look(self, key: bytes, since: float) -> Kept | None:
        """Return the answer, if it came at `since` (Unix time) or later."""
        ...

    async def claim(self, key: bytes, since: float) -> Claim:
        """Return the answer, or else a claim: the right to ask. Raises JournalError."""
        ...

    def put(self, key: bytes, kept: Kept) -> int:
        """Keep an answer in place of its claim, and return its ticket."""
        ...

    def release(self, key: bytes) -> None:
        """Give a claim back without an answer: nothing was paid for."""
        ...

    async def aclose(self) -> None:
        """Write pending answers, and close. Claims that are still held count as lost."""
        ...


class Tried(NamedTuple):
    """The last batch that a request was put into and that has not answered it. batch: our own name for
    it. round: as in Handle. open: whether it may still answer.
    """

    batch: str
    round: int
    open: bool


@runtime_checkable
class Ledger(Protocol):
    """Where batches at providers are kept: what a journal needs in addition for mode="batch". Once an awaited
    call returns, its effect survives the death of this process. All methods may raise JournalError.
    """

    @property
    def spool(self) -> Path:
        """A local folder for the requests of batches."""
        ...

    async def batches(self) -> list[Handle]:
        """Return the batches that have not ended, oldest first."""
        ...

    async def tried(self, keys: Sequence[bytes]) -> Mapping[bytes, Tried]:
        """Return which of these requests are, or were, in a batch that has not answered them."""
        ...

    async def begin(self, handle: Handle, keys: Sequence[bytes]) -> None:
        """Keep a new batch of this process, with the keys of its requests."""
        ...

    async def take(self, id_: str) -> Handle | None:
        """Return a batch and take it over for this process. Return None if another living process holds it,
        or there is no such batch.
        """
        ...

    async def save(self, handle: Handle) -> None:
        """Keep the state of a batch. Once it has ended it stays so, whatever another process writes later."""
        ...

    async def settle(self, id_: str, answers: Mapping[bytes, Kept], refused: Sequence[bytes]) -> set[bytes]:
        """Keep answers, and remove them and refused requests from a batch. Return which of them were still
        open in it; only those are kept.
        """
        ...

    async def forget(self, id_: str) -> None:
        """Forget a batch, and which requests were in it."""
        ...


def key_of(*parts: str | bytes) -> bytes:
    """Return the SHA-256 of the parts, which can't run into each other."""
    told = [part.encode() if isinstance(part, str) else part for part in parts]
    sizes = ",".join([str(len(part)) for part in told])
    return hashlib.sha256(b"".join([sizes.encode(), b":", *told])).digest()


def next_key(key: bytes, keys: Collection[bytes]) -> bytes:
    """Return the key of a request, after those of its dialogue: the same asked again there is another one."""
    while key in keys:
        key = key_of(key)
    return key


class Memory:
    """A journal that ends with its run, of the last answers only: identical rows are asked for once. most:
    how many answers are kept; most_bytes: how long they may be together.
    """

    durable = 0
    error: JournalError | None = None

    def __init__(self, most: int = 1000, most_bytes: int = 4_000_000) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._kept: dict[bytes, Kept] = {}
        self._bytes = 0

    def watch(self, changed: Callable[[], None]) -> None:
        """Nothing ever changes."""

    async def look(self, key: bytes, since: float) -> Kept | None:
        """Return the answer, which came in this run."""
        return self._kept.get(key)

    async def claim(self, key: bytes, since: float) -> Claim:
        """Return the answer, or else the right to ask."""
        kept = self._kept.get(key)
        return GRANTED if kept is None else Claim(kept)

    def put(self, key: bytes, kept: Kept) -> int:
        """Keep an answer; forget the oldest where there are too many, or they are too long."""
        before = self._kept.get(key)
        self._kept[key] = kept
        self._bytes += len(kept.body) - (len(before.body) if before else 0)
        while len(self._kept) > self._most or (self._bytes > self._most_bytes and len(self._kept) > 1):
            self._bytes -= len(self._kept.pop(next(iter(self._kept))).body)
        return 0

    def release(self, key: bytes) -> None:
        """There are no claims."""

    async def aclose(self) -> None:
        """There is nothing to close."""
