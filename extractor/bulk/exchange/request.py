"""One request of a row: through the limiter and the journal, and then sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Generic, TypeVar

from ...dialogue import Ask
from ...messages import Completion, Failure
from ...transport import http
from ..journal.interface import Kept
from ..limits.limiter import Reservation
from ..reasons import count, reason_of_failure
from .context import POLL, TOO_LATE, Caller, RowAnswer, RunContext, is_throttle

T = TypeVar("T")


@dataclass(slots=True)
class RowState:
    """What a row's requests have in common.

    row: its index. on_start: called once, when the first message has come to the limiter, or will not come
    at all. since: Unix time; no older answer counts. asked: requests that went out in this run.
    """

    row: int
    on_start: Callable[[], None]
    since: float = 0.0
    asked: int = 0
    has_started: bool = False

    def started(self) -> None:
        """The first request has come to the limiter, or will not come at all."""
        if not self.has_started:
            self.has_started = True
            self.on_start()


class RowRequest(Generic[T]):
    """One request. key: what the journal knows it by."""

    def __init__(
        self,
        context: RunContext[T],
        state: RowState,
        caller: Caller[T],
        step: Ask[T],
        post: http.Post,
        key: bytes,
    ) -> None:
        self._context, self._state, self._caller = context, state, caller
        self._step, self._post, self._key = step, post, key
        self._limiter = context.limiter(caller.name)

    async def answer(self) -> tuple[RowAnswer, Ask[T]]:
        """Ask until there is an answer, or a failure that the dialogue is to hear of; return it, and the step
        in whose time that was. A 429 is not: it takes of the row's time, but of none of its attempts. Raises
        RunStopped if all would wait too long.
        """
        while True:
            reserved = await self._admitted()
            if isinstance(reserved, Kept):
                return self._read(reserved), self._step
            if self._step.left <= 0:
                self._limiter.take_back(reserved)
                return RowAnswer(TOO_LATE, TOO_LATE, False), self._step
            answer = await self._journaled(reserved)
            if answer is None:
                await asyncio.sleep(POLL)
            elif not is_throttle(answer.event, self._step):
                return answer, self._step
            else:
                if isinstance(answer.event, Failure):
                    count(self._context.retried, reason_of_failure(answer.event))
                self._limiter.check()
                now, pause = time.monotonic(), self._limiter.limits.paused_until
                if self._step.ends is not None and max(now, pause) >= self._step.ends:
                    return answer, self._step

    async def _admitted(self) -> Kept | Reservation:
        """Return the answer if it is there, else the permission to send, with the step in its time. A row's
        deadline begins when its first request may go out.
        """
        step, looked = self._step, self._context.reading_back
        if looked and (kept := await self._looked_for()) is not None:
            return kept
        wanted = self._context.wanted(step, self._post.body)
        reserved = self._limiter.try_reserve(wanted)
        if reserved is not None:
            self._state.started()
            return reserved
        if not looked and (kept := await self._looked_for()) is not None:
            return kept
        waiting = self._limiter.reserve(wanted, self._state.row)
        self._state.started()
        reserved = await waiting
        ends, deadline = step.ends, step.policy.deadline
        if not self._state.asked and ends is not None and deadline is not None:
            ends = reserved.at + deadline
        self._step = step.within(step.attempts, ends, reserved.at)
        if self._step is not step:
            self._post = self._post.within(self._step.timeout)
        return reserved

    async def _looked_for(self) -> Kept | None:
        """Return the answer that the journal has, which tells where the next row is best looked for."""
        kept = await self._context.journal.look(self._key, self._state.since)
        self._context.reading_back = kept is not None
        return kept

    async def _journaled(self, reserved: Reservation) -> RowAnswer | None:
        """Return what came; None if it can't be asked now: another process does, or a pause has begun."""
        journal = self._context.journal
        try:
            claim = await journal.claim(self._key, self._state.since)
        except BaseException:
            self._limiter.take_back(reserved)
            journal.release(self._key)
            raise
        if claim.kept is not None or not claim.granted:
            self._limiter.take_back(reserved)
            self._context.reading_back = claim.kept is not None
            return self._read(claim.kept) if claim.kept else None
        self._context.lost += claim.lost
        if self._limiter.paused:
            self._limiter.take_back(reserved)
            journal.release(self._key)
            return None
        return await self._sent(reserved)

    async def _sent(self, reserved: Reservation) -> RowAnswer | None:
        """Return what came, kept where it is an answer; None if the request was not sent."""
        self._state.asked += 1
        self._context.on_wire(True, None)
        try:  # left without an event the claim stays: what comes of the request is not known
            came = await self._context.send(self._caller, self._limiter, reserved, self._step, self._post)
        finally:
            self._context.on_wire(False, None)
        if came is None:
            self._state.asked -= 1
            self._context.journal.release(self._key)
            return None
        reply, event = came
        if isinstance(event, Completion) and isinstance(reply, http.HttpReply):
            ticket = self._context.journal.put(self._key, kept_of(reply, event, self._step.request.model))
            return RowAnswer(reply, event, True, ticket)
        self._context.journal.release(self._key)
        return RowAnswer(reply, event, True)

    def _read(self, kept: Kept) -> RowAnswer:
        headers = {"x-request-id": kept.request_id} if kept.request_id else {}
        reply = http.HttpReply(kept.status, headers, kept.body, kept.latency)
        event = self._caller.read(reply)
        if kept.share != 1 and isinstance(event, Completion):
            event = replace(event, share=Decimal(str(kept.share)))
        bought = self._key in self._context.bought
        self._context.bought.discard(self._key)
        self._state.asked += bought
        return RowAnswer(reply, event, bought)


def kept_of(reply: http.HttpReply, event: Completion | Failure, model: str) -> Kept:
    """Return what the journal keeps of a reply."""
    return Kept(reply.body, reply.status, event.request_id, reply.latency, model=model)
