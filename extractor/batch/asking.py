"""One row's dialogue: each of its requests goes through the gate, the journal and the wire, in this order."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from ..dialects import most_usage
from ..dialogue import Ask
from ..dialogue.policy import dearest, is_transient, taken
from ..evaluation.votes import agreed
from ..messages import Completion, Extraction, Failure, FailureKind, Outcome, Request
from ..schema.compile import VERSION
from ..transport import http
from .budget import ZERO, worst_cost
from .gate import Gate, Pass
from .journal import TOGETHER, Journal, Kept, key_of
from .limits import TokenEstimate
from .outcomes import Text
from .packing import NOTE, takes
from .quota import quotas
from .ways import Way, Ways

if TYPE_CHECKING:
    from .packs import Packs

T = TypeVar("T")
Found = TypeVar("Found")
POLL = 0.1  # seconds between two looks for an answer that another process waits for
OVERLOADED = (500, 502, 503, 504, 529)
TOO_LATE = Failure(FailureKind.TIMEOUT, "the deadline passed while the quota was used up")


class Caller(Protocol[T]):
    """A model that rows are put to, and how each dialogue with it begins and is read."""

    @property
    def name(self) -> str:
        """The endpoint, the same in every process. It holds no key."""
        ...

    @property
    def samples(self) -> int:
        """How many answers each row asks for."""
        ...

    @property
    def deadline(self) -> float | None:
        """Seconds that a row's dialogue may take."""
        ...

    def begin(self, text: Text) -> Ask[T]:
        """Return the first step of a row's dialogue. Raises ConfigError for a text that can't be asked of."""
        ...

    def watching(self, step: Ask[T]) -> AbstractContextManager[Ask[T]]:
        """Return what a dialogue runs in, from its first step to its end."""
        ...

    def post(self, request: Request, timeout: float) -> http.Post:
        """Return the request as it is sent."""
        ...

    async def send(self, post: http.Post, unwanted: Callable[[], bool]) -> http.HttpReply | Failure:
        """Return what came back, or HELD_BACK where it was `unwanted` just before it would have been sent."""
        ...

    def read(self, reply: http.HttpReply | Failure) -> Completion | Failure:
        """Return what the reply says."""
        ...

    def learn(self, result: Extraction[Any]) -> None:
        """Remember what a dialogue showed of the service, for the next one."""
        ...

    def sequel(self, result: Extraction[T], step: Ask[T], text: Text) -> tuple[Caller[T], Ask[T]] | None:
        """Return another model's first step, where one is to be asked after this result."""
        ...

    def plainly(self, step: Ask[T]) -> Request:
        """Return a row's first request as it is before anything is learned of the service."""
        ...

    def begin_pack(self, texts: Sequence[str]) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several rows, whose record has their records' JSON."""
        ...


def request_key(name: str, post: http.Post) -> bytes:
    """Return what the journal knows a request by, at the endpoint of that name."""
    return key_of(VERSION, name, post.url.rpartition("/")[2], post.body)


class Answer(NamedTuple):
    """What came of one request. asked: whether this row has asked it in this run. ticket: the journal's."""

    reply: http.HttpReply | Failure
    event: Completion | Failure
    asked: bool
    ticket: int = 0


@dataclass(slots=True)
class Desk(Generic[T]):
    """What all dialogues of a run share. since: Unix time; with `retry`, no older answer counts where
    the older ones gave no record. on_wire: told when a task, by default the current one, begins and ends
    to wait for the service. packs: where rows share requests. bought: requests whose answers came in
    this run before it asked for any, by batches; refused: error replies that came so.
    """

    journal: Journal
    gate: Callable[[str], Gate]
    capped: bool
    retry: bool
    since: float
    on_wire: Callable[[bool, asyncio.Task[Any] | None], None]
    packs: Packs[T] | None = None
    bought: set[bytes] = field(default_factory=set)
    refused: Mapping[bytes, http.HttpReply] = field(default_factory=dict)
    estimate: TokenEstimate = field(default_factory=TokenEstimate)
    asking: dict[bytes, asyncio.Future[Answer | None] | None] = field(default_factory=dict)
    ways: Ways = field(init=False)
    lost: int = 0  # claims taken over from processes that died
    answered: bool = False  # whether the service has answered anything at all

    def __post_init__(self) -> None:
        """Look for what the journal knows."""
        self.ways = Ways(self.journal)

    def wanted(self, step: Ask[Any], body: bytes) -> Pass:
        """Return what a request reserves. Raises ConfigError where a cap can't be kept for its body."""
        tokens = self.estimate.of(len(body))
        if not self.capped:
            return Pass(tokens)
        most = most_usage(body, step.request.model)
        return Pass(tokens, worst_cost(step.request.model, most, step.policy.budget.price), most=most)

    async def send(
        self, caller: Caller[T], gate: Gate, held: Pass, step: Ask[Any], post: http.Post
    ) -> tuple[http.HttpReply | Failure, Completion | Failure] | None:
        """Return what came, and what it says, once gate and limits know of it; None where it was not sent,
        as a pause began before there was a connection.
        """
        event: Completion | Failure | None = None
        reply: http.HttpReply | Failure | None = None
        try:
            reply = await caller.send(post, gate.is_shut)
            event = None if reply is http.HELD_BACK else caller.read(reply)
        finally:
            if reply is http.HELD_BACK:
                gate.take_back(held)
            else:
                used, cost = self._spent(step, held, event, len(post.body))
                _note(gate, held, reply if event else None, event)
                gate.leave(held, used, cost)
        self.answered = self.answered or isinstance(event, Completion)
        return None if event is None else (reply, event)

    def _spent(
        self, step: Ask[Any], held: Pass, event: Completion | Failure | None, size: int
    ) -> tuple[float | None, Decimal]:
        """Return the tokens and US dollars that a request took; the worst where that is not known."""
        used: float | None = None
        model = step.request.model
        if isinstance(event, Completion) and event.usage is not None and event.is_counted:
            self.estimate.learn(size, event.usage.prompt_tokens, event.usage.completion_tokens)
            used, model = event.usage.total_tokens, event.model
        if not self.capped:
            return used, ZERO
        usage = held.most if event is None else taken(event, held.most) or held.most
        cost = dearest(step.policy.budget.price, (step.request.model, model), usage)
        return used, held.worst if cost is None else cost


class Dialogue(Generic[T]):
    """One row's. paid: by attempt, whether this run has paid for it. ticket: what has to be durable
    before the row may be handed out.
    """

    def __init__(self, desk: Desk[T], row: int, on_gate: Callable[[], None]) -> None:
        self._desk, self._row, self._on_gate = desk, row, on_gate
        self._keys: list[bytes] = []  # of what this dialogue got answers to
        self._since = 0.0
        self._at_gate = False
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
        if self._desk.retry and self.from_cache and not result.outcome.has_record:
            self._since, self._keys, self.paid = self._desk.since, [], []
            result = await self._carried(caller, text)
        return result

    def started(self) -> None:
        """The first request has come to the gate, or will not come at all."""
        if not self._at_gate:
            self._at_gate = True
            self._on_gate()

    async def _carried(self, caller: Caller[T], text: Text) -> Extraction[T]:
        """Each sample is a dialogue of its own; that the journal is asked the same again tells them apart."""
        results = list[Extraction[T]]()
        for _ in range(caller.samples):
            with caller.watching(caller.begin(text)) as first:
                results.append(await self._through(caller, first, text))
        return results[0] if len(results) == 1 else agreed(results)

    async def _through(self, caller: Caller[T], first: Ask[T], text: Text) -> Extraction[T]:
        first = await self._as_before(caller, first)
        step, asked = await self._packed(caller, first, text), first
        while True:
            while isinstance(step, Ask):
                if step.wait:
                    await asyncio.sleep(step.wait)
                step, asked = await self._next(caller, step)
            caller.learn(step)
            sequel = caller.sequel(step, asked, text)
            if sequel is None:
                return step
            caller, begun = sequel
            step = await self._as_before(caller, begun)

    async def _as_before(self, caller: Caller[T], first: Ask[T]) -> Ask[T]:
        """Return the first step of a dialogue in the way in which the journal has its answer. Packs have a
        key that is the same in all ways.
        """
        if self._desk.packs is not None or first.rungs is None:
            return first
        for way in await self._desk.ways.of(caller.name):
            step = first if way == Way.of(first.request) else way.begin(first)
            key = self._key(caller, caller.post(step.request, step.timeout))
            if await self._desk.journal.look(key, self._since) is not None:
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
        elif isinstance(after, Ask) and after.request != step.request:
            self._keys.append(key)  # that the server does not take a request so is an answer too
            if answer.asked and isinstance(answer.reply, http.HttpReply):
                self._desk.journal.put(key, _kept(answer.reply, answer.event, step.request.model))
                self._desk.ways.changed(caller.name, step.request, after.request)
        return after, step

    def _after(self, step: Ask[T], answer: Answer) -> Ask[T] | Extraction[T]:
        self.paid.append(answer.asked)
        self.ticket = max(self.ticket, answer.ticket)
        return step.tell(step.receive(answer.event, time.monotonic(), random.random()), answer.asked)

    async def _packed(self, caller: Caller[T], step: Ask[T], text: Text) -> Ask[T] | Extraction[T]:
        """Return how the dialogue goes on after the row was asked of together with others; where it is
        not, as it began.
        """
        packs = self._desk.packs
        if packs is None or self._since or not takes(text):
            return step
        plain, alone = caller.plainly(step), self._key(caller, caller.post(step.request, 0.0))
        as_planned = alone if plain is step.request else self._key(caller, caller.post(plain, 0.0))
        key = key_of(TOGETHER, as_planned)
        found: Answer | Extraction[T] | None
        if key in self._desk.asking:
            shared = await self._shared(key)
            found = shared and shared._replace(asked=False)
        else:
            member = packs.member(self._row, str(text), key, step, self.started)
            with self._asking(key) as hand_over:
                found = hand_over(await packs.answer(caller, member, alone))
            step, self.paid = member.step, member.paid
            self._asked += any(self.paid)
        if not isinstance(found, Answer):
            return found or step
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
    ) -> tuple[Answer, Ask[T]]:
        """Return the answer to a request that only one row at a time asks for, and the step in whose time."""
        while key in self._desk.asking:
            shared = await self._shared(key)
            if shared is not None and (shared.asked or not self._since):
                return shared._replace(asked=False), step
        with self._asking(key) as hand_over:
            answer, step = await self._asked_for(caller, step, post, key)
            hand_over(answer)
            return answer, step

    async def _shared(self, key: bytes) -> Answer | None:
        """Return what came for another row that asks the same; None where that was no answer."""
        shared = self._desk.asking[key] or asyncio.get_running_loop().create_future()
        self._desk.asking[key] = shared
        self.started()
        return await asyncio.shield(shared)

    @contextmanager
    def _asking(self, key: bytes) -> Iterator[Callable[[Found], Found]]:
        """Have other rows that ask the same wait for what is handed over."""
        found: Answer | None = None

        def hand_over(what: Found) -> Found:
            nonlocal found
            found = what if isinstance(what, Answer) and isinstance(what.event, Completion) else None
            return what

        self._desk.asking[key] = None
        try:
            yield hand_over
        finally:
            waiting = self._desk.asking.pop(key)
            if waiting is not None and not waiting.done():
                waiting.set_result(found)

    async def _asked_for(
        self, caller: Caller[T], step: Ask[T], post: http.Post, key: bytes
    ) -> tuple[Answer, Ask[T]]:
        """Ask until there is an answer, or a failure that the dialogue is to hear of. A 429 is not: it
        takes of the row's time, but of none of its attempts. Raises RunStopped where all would wait too long.
        """
        refused = None if self.paid else self._desk.refused.get(key)
        if refused is not None:
            return Answer(refused, caller.read(refused), True), step
        gate = self._desk.gate(caller.name)
        while True:
            entered = await self._enter(gate, step, post, key)
            if isinstance(entered, Kept):
                return self._read(caller, entered, key), step
            held, in_time = entered
            if in_time is not step:
                step, post = in_time, post.within(in_time.timeout)
            if step.left <= 0:
                gate.take_back(held)
                return Answer(TOO_LATE, TOO_LATE, False), step
            answer = await self._claimed(caller, gate, held, step, post, key)
            if answer is None:
                await asyncio.sleep(POLL)
            elif not is_throttle(answer.event, step):
                return answer, step
            else:
                gate.check()
                now, pause = time.monotonic(), gate.limits.paused_until
                if step.ends is not None and max(now, pause) >= step.ends:
                    return answer, step

    async def _enter(
        self, gate: Gate, step: Ask[T], post: http.Post, key: bytes
    ) -> Kept | tuple[Pass, Ask[T]]:
        """Return the answer where it is there, else the right to go on the wire, and the step in its time:
        a row's deadline begins when its first request may go out.
        """
        wanted = self._desk.wanted(step, post.body)
        held = gate.try_enter(wanted)
        if held is not None:
            self.started()
            return held, step
        kept = await self._desk.journal.look(key, self._since)
        if kept is not None:
            return kept
        entering = gate.enter(wanted, self._row)
        self.started()
        held = await entering
        ends, deadline = step.ends, step.policy.deadline
        if not self._asked and ends is not None and deadline is not None:
            ends = held.at + deadline
        return held, step.within(step.attempts, ends, held.at)

    async def _claimed(
        self, caller: Caller[T], gate: Gate, held: Pass, step: Ask[T], post: http.Post, key: bytes
    ) -> Answer | None:
        """Return what came; None where it can't be asked now: another process does, or a pause has begun."""
        journal = self._desk.journal
        try:
            claim = await journal.claim(key, self._since)
        except BaseException:
            gate.take_back(held)
            journal.release(key)
            raise
        if claim.kept is not None or not claim.granted:
            gate.take_back(held)
            return self._read(caller, claim.kept, key) if claim.kept else None
        self._desk.lost += claim.lost
        if gate.paused:
            gate.take_back(held)
            journal.release(key)
            return None
        return await self._sent(caller, gate, held, step, post, key)

    async def _sent(
        self, caller: Caller[T], gate: Gate, held: Pass, step: Ask[T], post: http.Post, key: bytes
    ) -> Answer | None:
        self._asked += 1
        self._desk.on_wire(True, None)
        try:  # left without an event the claim stays: what comes of the request is not known
            came = await self._desk.send(caller, gate, held, step, post)
        finally:
            self._desk.on_wire(False, None)
        if came is None:
            self._asked -= 1
            self._desk.journal.release(key)
            return None
        reply, event = came
        if isinstance(event, Completion) and isinstance(reply, http.HttpReply):
            ticket = self._desk.journal.put(key, _kept(reply, event, step.request.model))
            return Answer(reply, event, True, ticket)
        self._desk.journal.release(key)
        return Answer(reply, event, True)

    def _read(self, caller: Caller[T], kept: Kept, key: bytes) -> Answer:
        headers = {"x-request-id": kept.request_id} if kept.request_id else {}
        reply = http.HttpReply(kept.status, headers, kept.body, kept.latency)
        event = caller.read(reply)
        if kept.share != 1 and isinstance(event, Completion):
            event = replace(event, share=Decimal(str(kept.share)))
        bought = key in self._desk.bought
        self._desk.bought.discard(key)
        self._asked += bought
        return Answer(reply, event, bought)


def _note(
    gate: Gate, held: Pass, reply: http.HttpReply | Failure | None, event: Completion | Failure | None
) -> None:
    """Let the limits know how the service does."""
    if isinstance(reply, http.HttpReply):
        gate.learn([*quotas(reply.headers, time.time())])
    if isinstance(event, Failure):
        if event.status == 429:
            gate.throttled(held, event.retry_after, random.random())
        elif event.status in OVERLOADED or event.kind is FailureKind.TIMEOUT:
            gate.limits.overloaded()
    elif event is not None:
        gate.limits.succeeded(event.latency)


def _kept(reply: http.HttpReply, event: Completion | Failure, model: str) -> Kept:
    return Kept(reply.body, reply.status, event.request_id, reply.latency, model=model)


def is_throttle(event: Completion | Failure, step: Ask[Any]) -> bool:
    """Whether a failure is a 429 that waiting will cure, and that the caller wants waited for."""
    if not isinstance(event, Failure) or event.status != 429 or not is_transient(event):
        return False
    return step.policy.may("again", Outcome.TRANSPORT, event)
