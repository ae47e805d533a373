"""One row's dialogue: samples, fallback models, and answers shared with identical rows."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Generic, TypeVar

from ...dialogue import Ask
from ...evaluation.votes import agreed
from ...messages import Completion, Failure, Outcome
from ...packing import NOTE, takes
from ...parts import PartRound
from ...results import Extraction
from ...transport import http
from ..journal.interface import TOGETHER, key_of, next_key
from ..outcomes import Text
from ..reasons import count, reason_of_failure
from .context import Caller, RowAnswer, RunContext, request_key
from .request import RowRequest, RowState, kept_of
from .ways import AskedWay

T = TypeVar("T")


class Dialogue(Generic[T]):
    """One row's. paid: by attempt, whether this run has paid for it. ticket: what has to be durable
    before the row may be handed out.
    """

    def __init__(self, context: RunContext[T], row: int, on_start: Callable[[], None]) -> None:
        self._context, self._state = context, RowState(row, on_start)
        self._keys: list[bytes] = []  # of what this dialogue got answers to
        self.paid: list[bool] = []
        self.ticket = 0

    @property
    def from_cache(self) -> bool:
        """Whether nothing was asked of the service, though there was something to ask."""
        return not self._state.asked and bool(self._keys)

    async def of(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Return how the dialogue ended. Raises ConfigError, JournalError, BudgetExceeded, RunStopped."""
        result = await self._carried(caller, text)
        if self._context.retry and self.from_cache and not result.outcome.has_record:
            self._state.since, self._keys, self.paid = self._context.since, [], []
            result = await self._carried(caller, text)
        return result

    def started(self) -> None:
        """The first request has come to the limiter, or will not come at all."""
        self._state.started()

    async def _carried(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Each sample is a dialogue of its own; that the journal is asked the same again tells them apart."""
        results = list[Extraction[T]]()
        for _ in range(caller.samples):
            results.append(await self._in_rounds(caller, text))
        return results[0] if len(results) == 1 else agreed(results)

    async def _in_rounds(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Ask for one part after the other: rows are asked at the same time already. If the service fails,
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
            if await self._context.journal.look(key, self._state.since) is not None:
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
                self._context.journal.put(key, kept_of(answer.reply, answer.event, step.request.model))
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
        """Return how the dialogue goes on after the row was asked of together with others; if it is
        not, as it began.
        """
        packs = self._context.packs
        if packs is None or self._state.since or not takes(text):
            return step
        plain, alone = caller.plainly(step), self._key(caller, caller.post(step.request, 0.0))
        as_planned = alone if plain is step.request else self._key(caller, caller.post(plain, 0.0))
        key = key_of(TOGETHER, as_planned)
        found: RowAnswer | Extraction[T] | None
        if key in self._context.flights:
            shared = await self._shared(key)
            found = shared and shared._replace(asked=False)
        else:
            member = packs.member(self._state.row, str(text), key, step, self._state.started)
            with self._context.flights.asking(key) as hand_over:
                found = await packs.answer(caller, member, alone)
                if isinstance(found, RowAnswer) and isinstance(found.event, Completion):
                    hand_over(found)
            step, self.paid = member.step, member.paid
            self._state.asked += any(self.paid)
        if not isinstance(found, RowAnswer):
            return step.tell(step.or_fallback(found, time.monotonic()), asked=False) if found else step
        self._keys.append(key)
        self._state.asked += found.asked
        note = "; ".join(filter(None, (NOTE, found.note)))
        return self._after(replace(step, note=note, counted=False), found)

    def _key(self, caller: Caller[T], post: http.Post) -> bytes:
        """What the journal knows the request by. The same asked again in a dialogue is another one."""
        return next_key(request_key(caller.name, post), self._keys)

    async def _answer(
        self, caller: Caller[T], step: Ask[T], post: http.Post, key: bytes
    ) -> tuple[RowAnswer, Ask[T]]:
        """Return the answer to a request that only one row at a time asks for, and the step in whose time."""
        while key in self._context.flights:
            shared = await self._shared(key)
            if shared is not None and (shared.asked or not self._state.since):
                return shared._replace(asked=False), step
        with self._context.flights.asking(key) as hand_over:
            refused = None if self.paid else self._context.refused.get(key)
            if refused is not None:
                return RowAnswer(refused, caller.read(refused), True), step
            answer, step = await RowRequest(self._context, self._state, caller, step, post, key).answer()
            if isinstance(answer.event, Completion):
                hand_over(answer)
            return answer, step

    async def _shared(self, key: bytes) -> RowAnswer | None:
        """Return what came for another row that asks the same; None if that was no answer."""
        self._state.started()
        return await self._context.flights.shared(key)
