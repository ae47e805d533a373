"""The interface of a journal's store, for one thread at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ...quotas import LimitGrant
from ..limits.sharing import LimitRequest
from .interface import Claim, Kept

Wanted = Sequence[tuple[bytes, float]]  # keys, and since when (Unix time) an answer counts
Clock = Callable[[], float]
DAMAGED = "%d answers in the journal %s are damaged. They are ignored, and asked for again"


@dataclass(frozen=True, slots=True)
class StoreWork:
    """What is done in one trip, in this order. puts: answers to keep, in place of the owner's claims.
    released: claims to give back, as far as they are the owner's. limit_requests: those to shared limits.
    """

    puts: Mapping[bytes, Kept] = field(default_factory=dict)
    released: Sequence[bytes] = ()
    claims: Wanted = ()
    looks: Wanted = ()
    limit_requests: Sequence[LimitRequest] = ()


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it, in the order of the work."""

    claims: Sequence[Claim] = ()
    found: Sequence[Kept | None] = ()
    grants: Sequence[LimitGrant] = ()


@dataclass(frozen=True, slots=True)
class Stats:
    """What a journal holds. size: bytes that it takes. oldest, newest: Unix times, None if it is empty.
    models: answers by model. claimed: requests that a live process is asking now. lost: requests whose
    process died before the answer came: they are possibly paid twice once they are asked again.
    """

    answers: int
    size: int
    oldest: float | None
    newest: float | None
    models: Mapping[str, int]
    claimed: int
    lost: int


class Store(Protocol):
    """An open journal. Every method may raise JournalError."""

    def enter(self, owner: str, lease: float) -> None:
        """Sign in. lease: seconds that an owner elsewhere counts as alive after its last heartbeat."""
        ...

    def beat(self, owner: str, lease: float) -> None:
        """Give a sign of life."""
        ...

    def leave(self, owner: str) -> None:
        """Sign out. Claims that are still held count as lost."""
        ...

    def do(self, owner: str, work: StoreWork) -> Done:
        """Do it in one transaction: all of it, or nothing is known to be done."""
        ...

    def look(self, wanted: Wanted) -> Sequence[Kept | None]:
        """Return the answers that there are, in the order of `wanted`."""
        ...

    def stats(self) -> Stats:
        """Return what the journal holds."""
        ...

    def export(self) -> Iterator[tuple[bytes, Kept]]:
        """Yield each key with its answer, oldest first."""
        ...

    def prune(self, before: float) -> int:
        """Forget the answers that came before a Unix time, and lost claims; return how many answers."""
        ...

    def close(self) -> None:
        """Close it."""
        ...
