"""Modes in which a service was asked before: a resumed run finds the answers of each mode.

What a service does not take is learned in the middle of a run, so some rows were asked in one way and some
in another. The journal keeps which ways there were.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import NamedTuple, TypeVar

from ...dialogue import Ask
from ...messages import Mode, Request, Turns
from ...schema import VERSION
from ..journal.interface import Journal, Kept, key_of

T = TypeVar("T")
_KEPT = Kept(b"", 200)


class AskedWay(NamedTuple):
    """How a request is made of a question."""

    mode: Mode
    turns: Turns

    @classmethod
    def of(cls, request: Request) -> AskedWay:
        """Return the way of a request."""
        return cls(request.mode, request.turns)

    def begin(self, step: Ask[T]) -> Ask[T]:
        """Return a dialogue's first step, asked in this way."""
        ladder = step.ladder
        assert ladder is not None  # noqa: S101  the caller has looked
        if self.mode not in ladder.modes:  # it was left meanwhile, for those that follow it
            ladder = replace(ladder, modes=(self.mode, *ladder.modes))
        request = replace(ladder.request(self.mode), turns=self.turns)
        return replace(step, first=request, request=request, ladder=ladder)


class Ways:
    """The ways that a journal knows of, by endpoint."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._known: dict[str, tuple[AskedWay, ...]] = {}

    async def of(self, name: str) -> tuple[AskedWay, ...]:
        """Return the ways in which earlier runs may have asked at an endpoint, if there were several. A
        row that began once both a mode and turns had changed was asked in both, with no change of its own.
        """
        if name not in self._known:
            every = every_way()
            found = await asyncio.gather(*(self._journal.look(way_key(name, way), 0.0) for way in every))
            kept = [way for way, known in zip(every, found, strict=True) if known is not None]
            modes, turns = {way.mode for way in kept}, {way.turns for way in kept}
            self._known[name] = tuple(way for way in every if way.mode in modes and way.turns in turns)
        return self._known[name]

    def changed(self, name: str, before: Request, after: Request) -> None:
        """Keep that an endpoint was asked in one way, and then in another."""
        for request in (before, after):
            self._journal.put(way_key(name, AskedWay.of(request)), _KEPT)


def every_way() -> list[AskedWay]:
    """Return all ways in which a service may be asked."""
    return [AskedWay(mode, turns) for mode in Mode for turns in Turns]


def way_key(name: str, way: AskedWay) -> bytes:
    """Return the key under which a journal keeps that an endpoint was asked in a way."""
    return key_of("way", VERSION, name, *way)
