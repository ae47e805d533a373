"""The place between a request and the network where traffic can be recorded, and replayed in its stead."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from typing import Protocol

from .exchange import Piece, Post


class Tape(Protocol):
    """What sees every request of this process while it is in place, from whatever thread."""

    @property
    def sends(self) -> bool:
        """Whether requests are to be sent. If not, each is answered by `replay`."""
        ...

    def replay(self, call: Post) -> Sequence[Piece]:
        """Return the reply to a request that is not to be sent. May raise ConfigError."""
        ...

    def record(self, call: Post, pieces: Sequence[Piece]) -> None:
        """Take a request that was sent, with all that came back."""
        ...


_tapes: list[Tape] = []


def current() -> Tape | None:
    """Return the tape in place, the last one of several."""
    return _tapes[-1] if _tapes else None


def is_replaying() -> bool:
    """Whether nothing reaches the network."""
    return bool(_tapes) and not _tapes[-1].sends


@contextmanager
def in_place(tape: Tape) -> Iterator[None]:
    """Put a tape in place for all threads of this process."""
    _tapes.append(tape)
    try:
        yield
    finally:
        _tapes.remove(tape)


def through(tape: Tape, call: Post, pieces: Generator[Piece]) -> Generator[Piece]:
    """Yield the pieces of a reply, from the tape or, recorded, from the network."""
    with closing(pieces):
        if not tape.sends:
            yield from tape.replay(call)
            return
        heard = list[Piece]()
        try:
            for piece in pieces:
                heard.append(piece)
                yield piece
        finally:  # a stream that is left early, too
            tape.record(call, heard)


async def athrough(tape: Tape, call: Post, pieces: AsyncGenerator[Piece]) -> AsyncGenerator[Piece]:
    """`through` for async code."""
    async with aclosing(pieces):
        if not tape.sends:
            for piece in tape.replay(call):
                yield piece
            return
        heard = list[Piece]()
        try:
            async for piece in pieces:
                heard.append(piece)
                yield piece
        finally:
            tape.record(call, heard)
