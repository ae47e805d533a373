"""Between a request and the network: traffic is recorded, replayed, redirected or forbidden."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from typing import Protocol, TypeAlias

from .exchange import Piece, Post
from .proxies import check_allowed


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


Redirect: TypeAlias = Callable[[Post], Post]  # what is sent in place of a request

_tapes: list[Tape] = []
_redirects: list[Redirect] = []


def current() -> Tape | None:
    """Return the tape in place, the last one of several."""
    return _tapes[-1] if _tapes else None


def is_replaying() -> bool:
    """Whether nothing reaches the server that is meant: requests are answered by a tape, or led elsewhere."""
    return bool(_redirects) or (bool(_tapes) and not _tapes[-1].sends)


def is_led() -> bool:
    """Whether requests are led elsewhere, where no proxy is asked for them."""
    return bool(_redirects)


def as_sent(call: Post) -> Post:
    """Return a request as it is to be sent. Raises ConfigError if the environment forbids that."""
    if _redirects:
        call = _redirects[-1](call)
    if not _tapes or _tapes[-1].sends:
        check_allowed(call.url, os.environ)
    return call


@contextmanager
def leading(redirect: Redirect) -> Iterator[None]:
    """Lead the requests of all threads of this process elsewhere."""
    _redirects.append(redirect)
    try:
        yield
    finally:
        _redirects.remove(redirect)


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
