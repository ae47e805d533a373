"""Rows that share requests: packs are closed, asked and divided. What is asked next is decided by `packing`.

The first row of a pack carries it. The others wait for what it tells them: their answer, to go on alone,
or to carry a part of the pack themselves.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from ...dialects import DIALECTS, read_reply
from ...dialogue import Ask
from ...errors import BudgetExceeded, Problem
from ...messages import Attempt, Completion, Failure, Outcome, Usage
from ...packing import Packer, halves, note_of, shares, sort
from ...results import Extraction
from ...transport import http
from ..journal.interface import Kept
from ..limits.limiter import Limiter, Reservation
from .context import POLL, TOO_LATE, Caller, RowAnswer, RunContext, is_throttle

T = TypeVar("T")
NOTE = "extractor_note"  # the member of a kept answer that is no provider's
PATIENCE = 0.1  # seconds that a pack waits for rows where none come
_MISSING = Problem("", "the answer has no record under this text's id, or more than one", type="missing")


class _Busy:
    """Another process asks for the row."""


BUSY = _Busy()


@dataclass(frozen=True, slots=True)
class Pack(Generic[T]):
    """Rows to ask for together; the first is to see to it."""

    members: tuple[PackMember[T], ...]


Told: TypeAlias = "RowAnswer | Extraction[T] | Pack[T] | _Busy | None"  # None: go on alone


@dataclass(slots=True, eq=False)
class PackMember(Generic[T]):
    """A row on its way through packs. step: its own dialogue, with the attempts so far. paid: by attempt,
    whether this run has paid for it. key: what the journal knows its answer out of a pack by.
    """

    row: int
    text: str
    key: bytes
    step: Ask[T]
    started: Callable[[], None]
    task: asyncio.Task[Any] | None = field(default_factory=asyncio.current_task)
    told: asyncio.Future[Told[T]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    paid: list[bool] = field(default_factory=list)

    def tell(self, told: Told[T]) -> None:
        """Let the row know how it goes on."""
        if not self.told.done():
            self.told.set_result(told)

    async def heard(self) -> Told[T]:
        """Return the row's next event."""
        told = await self.told
        self.told = asyncio.get_running_loop().create_future()
        return told

    def add(self, attempts: Sequence[Attempt], ends: float | None) -> None:
        """Take note of what was asked for the row."""
        for attempt in attempts:
            so_far = (*self.step.attempts, attempt)
            self.step = self.step.within(so_far, ends, time.monotonic())
            self.step.tell(self.step)
            self.paid.append(True)


class MultiRow(Generic[T]):
    """The packs of a run. ended: whether no more rows will come. held_up: whether none come at present."""

    def __init__(
        self, context: RunContext[T], most: int, ended: Callable[[], bool], held_up: Callable[[], bool]
    ) -> None:
        self._context, self._ended, self._held_up = context, ended, held_up
        self._packer: Packer[PackMember[T]] = Packer(most)
        self._coming = 0  # rows that may still join the open pack
        self._timer: asyncio.TimerHandle | None = None

    def member(
        self, row: int, text: str, key: bytes, step: Ask[T], started: Callable[[], None]
    ) -> PackMember[T]:
        """Return a row of the current task's, which has not joined yet."""
        return PackMember(row, text, key, step, started)

    async def answer(
        self, caller: Caller[T], member: PackMember[T], alone: bytes
    ) -> RowAnswer | Extraction[T] | None:
        """Return what came for a row in a pack; None if it is to be asked alone. alone: the key of the
        request that does so; where that is answered, it is not asked in a pack.
        """
        while True:
            told = await self._joined(member, alone)
            while isinstance(told, Pack):
                await _Carried(self._context, caller, told.members).carry()
                told = await member.heard()
                self._context.on_wire(False, None)
            if not isinstance(told, _Busy):
                return told
            await asyncio.sleep(POLL)

    async def _joined(self, member: PackMember[T], alone: bytes) -> Told[T]:
        """Return a row's first event in its pack, or the answer that the journal has."""
        self._coming += 1
        try:
            if await self._context.journal.look(alone, 0.0) is not None:
                return None
            kept = await self._context.journal.look(member.key, 0.0)
            if kept is not None:
                return answer_of(kept, False)
            self._join(member)
        finally:
            self._coming -= 1
            self.check()
        told = await member.heard()
        self._context.on_wire(False, None)
        return told

    def check(self) -> None:
        """Close the open pack where no row can join it any more."""
        if not self._coming and self._ended():
            self._close()

    def _join(self, member: PackMember[T]) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._look_after)
        for members in self._packer.add(member, len(member.text)):
            members[0].tell(Pack(members))

    def _close(self) -> None:
        for members in self._packer.rest():
            members[0].tell(Pack(members))

    def _look_after(self) -> None:
        if self._held_up():
            self._close()
        waiting = bool(self._packer.waiting)
        self._timer = asyncio.get_running_loop().call_later(PATIENCE, self._look_after) if waiting else None


class _Carried(Generic[T]):
    """One pack, from the limiter to the outcomes of its rows."""

    def __init__(self, context: RunContext[T], caller: Caller[T], members: tuple[PackMember[T], ...]) -> None:
        self._context, self._caller, self._members = context, caller, members
        self._limiter: Limiter = context.limiter(caller.name)
        self._claims: list[bytes] = []
        self._claimed = False
        begun = [m.step.ends for m in members if m.paid and m.step.ends is not None]
        self._ends: float | None = min(begun, default=None)

    async def carry(self) -> None:
        """Ask, and tell each row how it goes on; all of them where something fails."""
        try:
            await self._asked()
        except BudgetExceeded:  # a smaller one may still be within it
            self._go_on(halves(len(self._members)))
        except asyncio.CancelledError:
            for member in self._members:
                member.told.cancel()
            raise
        except Exception as error:
            for member in self._members:
                if not member.told.done():
                    member.told.set_exception(error)
        finally:
            for key in self._claims:
                self._context.journal.release(key)

    async def _asked(self) -> None:
        if len(self._members) == 1:  # another run may have it in a pack
            return None if await self._claim() else self._members[0].tell(None)
        step: Ask[dict[int, str]] | Extraction[dict[int, str]] = self._begun()
        while isinstance(step, Ask):
            await asyncio.sleep(step.wait)
            event, step = await self._event(step)
            if event is None:
                return self._go_on([[at] for at in range(len(self._members))])
            step = step.tell(step.receive(event, time.monotonic(), random.random()))
        return self._divide(step)

    def _begun(self) -> Ask[dict[int, str]]:
        return self._caller.begin_pack([member.text for member in self._members])

    async def _event(
        self, step: Ask[dict[int, str]]
    ) -> tuple[Completion | Failure | None, Ask[dict[int, str]]]:
        """Return what came, and the step in whose time; None if too few rows are left to ask for."""
        while True:
            post = self._caller.post(step.request, step.timeout)
            reserved = await self._reserved(self._context.wanted(step, post.body))
            try:
                step = self._in_time(step, reserved.at)
                gone = False if self._claimed else await self._claim()
            except BaseException:
                self._limiter.take_back(reserved)
                raise
            if gone or step.left <= 0 or self._limiter.paused:
                self._limiter.take_back(reserved)
                if len(self._members) < 2:
                    return None, step
                if step.left <= 0:
                    return TOO_LATE, step
                step = self._in_time(self._begun(), reserved.at) if gone else step
                continue
            event = await self._sent(reserved, step, post.within(step.timeout))
            if event is None:
                continue
            if is_throttle(event, step):
                self._limiter.check()
            pause = max(time.monotonic(), self._limiter.limits.paused_until)
            if not is_throttle(event, step) or (step.ends is not None and pause >= step.ends):
                return event, step

    async def _reserved(self, wanted: Reservation) -> Reservation:
        reserved = self._limiter.try_reserve(wanted)
        if reserved is None:
            waiting = self._limiter.reserve(wanted, self._members[0].row)
        for member in self._members:
            member.started()
        return await waiting if reserved is None else reserved

    def _in_time(self, step: Ask[dict[int, str]], now: float) -> Ask[dict[int, str]]:
        """Return the step in the rows' time, which begins when their first request may go out."""
        if self._ends is None and step.policy.deadline is not None:
            self._ends = now + step.policy.deadline
        return step.within(step.attempts, self._ends, now)

    async def _claim(self) -> bool:
        """Claim the rows; return whether some could not be claimed, and have left the pack."""
        before, self._claimed = self._members, True
        self._claims += [member.key for member in before]
        claims = await asyncio.gather(*[self._context.journal.claim(key, 0.0) for key in self._claims])
        stay = []
        for member, claim in zip(before, claims, strict=True):
            self._context.lost += claim.lost
            if claim.granted:
                stay.append(member)
                continue
            self._claims.remove(member.key)
            member.tell(BUSY if claim.kept is None else answer_of(claim.kept, False))
        self._members = tuple(stay)
        return len(stay) < len(before)

    async def _sent(
        self, reserved: Reservation, step: Ask[Any], post: http.Post
    ) -> Completion | Failure | None:
        for member in self._members:
            self._context.on_wire(True, member.task)
        claims, self._claims = self._claims, []  # left without an event they stay
        came = await self._context.send(self._caller, self._limiter, reserved, step, post)
        self._claims = claims
        self._context.on_wire(False, None)
        return came and came[1]

    # -- what came of it

    def _divide(self, end: Extraction[dict[int, str]]) -> None:
        """Give each row what is its own: its answer, and its part of what was paid."""
        found, members = sort(end, len(self._members)), self._members
        *before, last = end.attempts
        parts = [found.answered.get(at, "") for at in range(len(members))]
        usages: list[Usage] | list[None] = [None] * len(members)
        if last.usage is not None:
            usages = shares(last.usage, [len(m.text) for m in members], [len(part) for part in parts])
        for member, part, usage in zip(members, parts, usages, strict=True):
            member.add(before, self._ends)
            if part:
                kept = _kept(last, part, usage, note_of(last))
                self._claims.remove(member.key)
                ticket = self._context.journal.put(member.key, kept)
                member.tell(answer_of(kept, True, ticket))
            else:
                member.add([self._part_of(last, member, usage)], self._ends)
        if not found.answered and not found.again:
            for member in members:
                attempts, source, origin = member.step.attempts, member.step.source, member.step.origin
                member.tell(Extraction(end.outcome, attempts, error=end.error, source=source, origin=origin))
        self._go_on(found.again)

    def _part_of(self, last: Attempt, member: PackMember[T], usage: Usage | None) -> Attempt:
        counted = None if last.cost is None else usage
        cost = member.step.policy.budget.cost(last.model, counted)
        spent = None if usage and usage.prompt_tokens else last.spent  # else all may be this row's
        part = replace(last, usage=usage, cost=cost, spent=spent)
        if last.outcome is not Outcome.OK:
            return part
        return replace(part, outcome=Outcome.INVALID, problems=(_MISSING,))

    def _go_on(self, packs: Sequence[Sequence[int]]) -> None:
        for places in packs:
            members = tuple(self._members[at] for at in places)
            members[0].tell(Pack(members) if len(members) > 1 else None)


# -- an answer of one row's, as the journal keeps it: a chat completion, whatever the API


def _kept(attempt: Attempt, part: str, usage: Usage | None, note: str | None) -> Kept:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": part}}
    body: dict[str, Any] = {"object": "chat.completion", "model": attempt.model, "choices": [choice]}
    if usage is not None:
        body["usage"] = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        }
    if note is not None:
        body[NOTE] = note
    text = json.dumps(body, separators=(",", ":"))
    return Kept(text.encode(), 200, attempt.request_id, attempt.latency, model=attempt.request.model)


def answer_of(kept: Kept, asked: bool, ticket: int = 0) -> RowAnswer:
    """Return a row's answer out of a pack."""
    headers = {"x-request-id": kept.request_id} if kept.request_id else {}
    reply = http.HttpReply(kept.status, headers, kept.body, kept.latency)
    event = read_reply(DIALECTS["openai_chat"], kept.status, headers, kept.body, kept.latency, time.time())
    return RowAnswer(reply, event, asked, ticket, _note_in(kept.body))


def _note_in(body: bytes) -> str | None:
    """Return what was kept of the reply that rows shared, beside a row's answer."""
    if b'note":' not in body:
        return None
    told = json.loads(body)
    note = told.get(NOTE, None if "id" in told else told.get("note"))  # "note" alone: kept by older versions
    return note if isinstance(note, str) else None
