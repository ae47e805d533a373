"""One row's dialogue: each of its requests goes through limiter, journal and wire, in this order."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Generic, TypeVar

from ...dialogue import Ask
from ...evaluation.votes import agreed
from ...messages import Completion, Failure, Outcome
from ...packing import NOTE, takes
from ...parts import PartRound
from ...results import Extraction
from ...transport import http
from ..journal.interface import TOGETHER, Kept, key_of
from ..limits.limiter import Limiter, Reservation
from ..outcomes import Text
from ..reasons import count, reason_of_failure
from .context import POLL, TOO_LATE, Caller, RowAnswer, RunContext, is_throttle, request_key
from .ways import AskedWay

T = TypeVar("T")
Found = TypeVar("Found")


class Dialogue(Generic[T]):
    """One row's. paid: by attempt, whether this run has paid for it. ticket: what has to be durable
    before the row may be handed out.
    """

    def __init__(self, context: RunContext[T], row: int, on_start: Callable[[], None]) -> None:
        self._context, self._row, self._on_start = context, row, on_start
        self._keys: list[bytes] = []  # of what this dialogue got answers to
        self._since = 0.0
        self._started = False
        self._asked = 0
        self.paid: list[bool] = []
        self.ticket = 0

    @property
    def from_cache(self) -> bool:
        """Whether nothing was asked of the service, though there was something to ask."""
        return not self._asked and bool(self._keys)

    async def of(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Return how the dialogue ended. Raises ConfigError, JournalError, BudgetExceeded, RunStopped."""
        result = await self._carried(caller, text)
        if self._context.retry and self.from_cache and not result.outcome.has_record:
            self._since, self._keys, self.paid = self._context.since, [], []
            result = await self._carried(caller, text)
        return result

    def started(self) -> None:
        """The first request has come to the limiter, or will not come at all."""
        if not self._started:
            self._started = True
            self._on_start()

    async def _carried(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Each sample is a dialogue of its own; that the journal is asked the same again tells them apart."""
        results = list[Extraction[T]]()
        for _ in range(caller.samples):
            results.append(await self._in_rounds(caller, text))
        return results[0] if len(results) == 1 else agreed(results)

    async def _in_rounds(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Ask for one part after the other: rows are asked at the same time already. Where the service fails,
        no further one is asked for.
        """
        found: PartRound | Extraction[T] = caller.round(text)
        while isinstance(found, PartRound):
            ended = list[Extraction[T]]()
            for question in found.questions:
                with caller.watching(caller.begin(text, question)) as first:
                    ended.append(await self._through(caller, first, text))
                if ended[-1].outcome is Outcome.TRANSPORT:
                    break
            found = found.after(ended)
        return found

    async def _through(self, caller: Caller[T], first: Ask[T], text: Text) -> Extraction[T]:
        first = await self._as_before(caller, first)
        step = await self._packed(caller, first, text)
        asked = first
        while isinstance(step, Ask):
            if step.model is not asked.model:
                caller = caller.of(step)
                step = await self._as_before(caller, step)
            if step.wait:
                await asyncio.sleep(step.wait)
            step, asked = await self._next(caller, step)
        return step

    async def _as_before(self, caller: Caller[T], first: Ask[T]) -> Ask[T]:
        """Return the first step of a dialogue in the way in which the journal has its answer. What rows ask
        together has a key that is the same in all ways.
        """
        if self._context.packs is not None or first.ladder is None:
            return first
        known = await self._context.ways.of(caller.name)
        before = [AskedWay(mode, first.request.turns) for mode in first.ladder.earlier]
        for way in dict.fromkeys((*known, *([AskedWay.of(first.request), *before] if before else ()))):
            step = first if way == AskedWay.of(first.request) else way.begin(first)
            key = self._key(caller, caller.post(step.request, step.timeout))
            if await self._context.journal.look(key, self._since) is not None:
                return step
        return first

    async def _next(self, caller: Caller[T], step: Ask[T]) -> tuple[Ask[T] | Extraction[T], Ask[T]]:
        """Return the step after this one, and this one as it was asked."""
        post = caller.post(step.request, step.timeout)
        key = self._key(caller, post)
        answer, step = await self._answer(caller, step, post, key)
        after = self._after(step, answer)
        if isinstance(answer.event, Completion):
            self._keys.append(key)
        elif isinstance(after, Ask) and after.model is step.model and after.request != step.request:
            self._keys.append(key)  # that the server does not take a request so is an answer too
            if answer.asked and isinstance(answer.reply, http.HttpReply):
                self._context.journal.put(key, _kept(answer.reply, answer.event, step.request.model))
                self._context.ways.changed(caller.name, step.request, after.request)
        return after, step

    def _after(self, step: Ask[T], answer: RowAnswer) -> Ask[T] | Extraction[T]:
        self.paid.append(answer.asked)
        self.ticket = max(self.ticket, answer.ticket)
        after = step.receive(answer.event, time.monotonic(), random.random())
        if answer.asked and isinstance(answer.event, Failure) and isinstance(after, Ask):
            count(self._context.retried, reason_of_failure(answer.event))
        return step.tell(after, answer.asked)

    async def _packed(self, caller: Caller[T], step: Ask[T], text: Text) -> Ask[T] | Extraction[T]:
        """Return how the dialogue goes on after the row was asked of together with others; where it is
        not, as it began.
        """
        packs = self._context.packs
        if packs is None or self._since or not takes(text):
            return step
        plain, alone = caller.plainly(step), self._key(caller, caller.post(step.request, 0.0))
        as_planned = alone if plain is step.request else self._key(caller, caller.post(plain, 0.0))
        key = key_of(TOGETHER, as_planned)
        found: RowAnswer | Extraction[T] | None
        if key in self._context.asking:
            shared = await self._shared(key)
            found = shared and shared._replace(asked=False)
        else:
            member = packs.member(self._row, str(text), key, step, self.started)
            with self._asking(key) as hand_over:
                found = hand_over(await packs.answer(caller, member, alone))
            step, self.paid = member.step, member.paid
            self._asked += any(self.paid)
        if not isinstance(found, RowAnswer):
            return step.tell(step.or_fallback(found, time.monotonic()), asked=False) if found else step
        self._keys.append(key)
        self._asked += found.asked
        return self._after(replace(step, note=NOTE, counted=False), found)

    def _key(self, caller: Caller[T], post: http.Post) -> bytes:
        """What the journal knows the request by. The same asked again in a dialogue is another one."""
        key = request_key(caller.name, post)
        while key in self._keys:
            key = key_of(key)
        return key

    async def _answer(
        self, caller: Caller[T], step: Ask[T], post: http.Post, key: bytes
    ) -> tuple[RowAnswer, Ask[T]]:
        """Return the answer to a request that only one row at a time asks for, and the step in whose time."""
        while key in self._context.asking:
            shared = await self._shared(key)
            if shared is not None and (shared.asked or not self._since):
                return shared._replace(asked=False), step
        with self._asking(key) as hand_over:
            answer, step = await self._asked_for(caller, step, post, key)
            hand_over(answer)
            return answer, step

    async def _shared(self, key: bytes) -> RowAnswer | None:
        """Return what came for another row that asks the same; None where that was no answer."""
        shared = self._context.asking[key] or asyncio.get_running_loop().create_future()
        self._context.asking[key] = shared
        self.started()
        return await asyncio.shield(shared)

    @contextmanager
    def _asking(self, key: bytes) -> Iterator[Callable[[Found], Found]]:
        """Have other rows that ask the same wait for what is handed over."""
        found: RowAnswer | None = None

        def hand_over(what: Found) -> Found:
            nonlocal found
            found = what if isinstance(what, RowAnswer) and isinstance(what.event, Completion) else None
            return what

        self._context.asking[key] = None
        try:
            yield hand_over
        finally:
            waiting = self._context.asking.pop(key)
            if waiting is not None and not waiting.done():
                waiting.set_result(found)

    async def _asked_for(
        self, caller: Caller[T], step: Ask[T], post: http.Post, key: bytes
    ) -> tuple[RowAnswer, Ask[T]]:
        """Ask until there is an answer, or a failure that the dialogue is to hear of. A 429 is not: it
        takes of the row's time, but of none of its attempts. Raises RunStopped where all would wait too long.
        """
        refused = None if self.paid else self._context.refused.get(key)
        if refused is not None:
            return RowAnswer(refused, caller.read(refused), True), step
        limiter = self._context.limiter(caller.name)
        while True:
            admitted = await self._admitted(limiter, step, post, key)
            if isinstance(admitted, Kept):
                return self._read(caller, admitted, key), step
            reserved, in_time = admitted
            if in_time is not step:
                step, post = in_time, post.within(in_time.timeout)
            if step.left <= 0:
                limiter.take_back(reserved)
                return RowAnswer(TOO_LATE, TOO_LATE, False), step
            answer = await self._claimed(caller, limiter, reserved, step, post, key)
            if answer is None:
                await asyncio.sleep(POLL)
            elif not is_throttle(answer.event, step):
                return answer, step
            else:
                if isinstance(answer.event, Failure):
                    count(self._context.retried, reason_of_failure(answer.event))
                limiter.check()
                now, pause = time.monotonic(), limiter.limits.paused_until
                if step.ends is not None and max(now, pause) >= step.ends:
                    return answer, step

    async def _admitted(
        self, limiter: Limiter, step: Ask[T], post: http.Post, key: bytes
    ) -> Kept | tuple[Reservation, Ask[T]]:
        """Return the answer where it is there, else the right to go on the wire, and the step in its time:
        a row's deadline begins when its first request may go out.
        """
        wanted = self._context.wanted(step, post.body)
        reserved = limiter.try_reserve(wanted)
        if reserved is not None:
            self.started()
            return reserved, step
        kept = await self._context.journal.look(key, self._since)
        if kept is not None:
            return kept
        waiting = limiter.reserve(wanted, self._row)
        self.started()
        reserved = await waiting
        ends, deadline = step.ends, step.policy.deadline
        if not self._asked and ends is not None and deadline is not None:
            ends = reserved.at + deadline
        return reserved, step.within(step.attempts, ends, reserved.at)

    async def _claimed(
        self,
        caller: Caller[T],
        limiter: Limiter,
        reserved: Reservation,
        step: Ask[T],
        post: http.Post,
        key: bytes,
    ) -> RowAnswer | None:
        """Return what came; None where it can't be asked now: another process does, or a pause has begun."""
        journal = self._context.journal
        try:
            claim = await journal.claim(key, self._since)
        except BaseException:
            limiter.take_back(reserved)
            journal.release(key)
            raise
        if claim.kept is not None or not claim.granted:
            limiter.take_back(reserved)
            return self._read(caller, claim.kept, key) if claim.kept else None
        self._context.lost += claim.lost
        if limiter.paused:
            limiter.take_back(reserved)
            journal.release(key)
            return None
        return await self._sent(caller, limiter, reserved, step, post, key)

    async def _sent(
        self,
        caller: Caller[T],
        limiter: Limiter,
        reserved: Reservation,
        step: Ask[T],
        post: http.Post,
        key: bytes,
    ) -> RowAnswer | None:
        self._asked += 1
        self._context.on_wire(True, None)
        try:  # left without an event the claim stays: what comes of the request is not known
            came = await self._context.send(caller, limiter, reserved, step, post)
        finally:
            self._context.on_wire(False, None)
        if came is None:
            self._asked -= 1
            self._context.journal.release(key)
            return None
        reply, event = came
        if isinstance(event, Completion) and isinstance(reply, http.HttpReply):
            ticket = self._context.journal.put(key, _kept(reply, event, step.request.model))
            return RowAnswer(reply, event, True, ticket)
        self._context.journal.release(key)
        return RowAnswer(reply, event, True)

    def _read(self, caller: Caller[T], kept: Kept, key: bytes) -> RowAnswer:
        headers = {"x-request-id": kept.request_id} if kept.request_id else {}
        reply = http.HttpReply(kept.status, headers, kept.body, kept.latency)
        event = caller.read(reply)
        if kept.share != 1 and isinstance(event, Completion):
            event = replace(event, share=Decimal(str(kept.share)))
        bought = key in self._context.bought
        self._context.bought.discard(key)
        self._asked += bought
        return RowAnswer(reply, event, bought)


def _kept(reply: http.HttpReply, event: Completion | Failure, model: str) -> Kept:
    return Kept(reply.body, reply.status, event.request_id, reply.latency, model=model)
