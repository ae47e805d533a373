"""What all rows of a bulk run share: the calls of the model, the requests in flight, the cost."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ...dialects import most_usage
from ...dialogue import Ask
from ...dialogue.policy import dearest, is_transient, taken
from ...messages import Completion, Failure, FailureKind, Outcome, Request
from ...parts import PartQuestion, PartRound
from ...results import Extraction
from ...schema import VERSION
from ...transport import http
from ..journal.interface import Journal, key_of
from ..limits.budget import ZERO, worst_cost
from ..limits.headers import quotas
from ..limits.limiter import Limiter, Reservation
from ..limits.rates import TokenEstimate
from ..outcomes import Text
from .single_flight import SingleFlight
from .ways import Ways

T = TypeVar("T")
POLL = 0.1  # seconds between two looks for an answer that another process waits for
OVERLOADED = (500, 502, 503, 504, 529)
TOO_LATE = Failure(FailureKind.TIMEOUT, "the deadline passed while waiting for the quota")


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

    def round(self, text: Text) -> PartRound:
        """Return the first questions about a row. Raises ConfigError for a text that can't be asked of."""
        ...

    def begin(self, text: Text, question: PartQuestion) -> Ask[T]:
        """Return the first step of a dialogue about a row. Raises ConfigError for a text that can't be asked
        of.
        """
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

    def of(self, step: Ask[T]) -> Caller[T]:
        """Return the caller of the model that a step asks, which may be a fallback model."""
        ...

    def plainly(self, step: Ask[T]) -> Request:
        """Return a row's first request as it is before anything is learned of the service."""
        ...

    def begin_pack(self, texts: Sequence[str]) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several rows, whose record has their records' JSON."""
        ...


def request_key(name: str, post: http.Post) -> bytes:
    """Return what the journal knows a request by, at the endpoint of that name."""
    body = post.body if post.known_as is None else post.known_as
    return key_of(VERSION, name, post.url.rpartition("/")[2], body)


class RowAnswer(NamedTuple):
    """What came of one request. asked: whether this row has asked it in this run. ticket: the journal's.
    note: what is to be known of a reply that several rows share.
    """

    reply: http.HttpReply | Failure
    event: Completion | Failure
    asked: bool
    ticket: int = 0
    note: str | None = None


class Together(Protocol[T]):
    """What puts rows together into requests."""

    def member(self, row: int, text: str, key: bytes, step: Ask[T], started: Callable[[], None]) -> Any:
        """Return a row of the current task's, which has not joined yet."""
        ...

    async def answer(self, caller: Caller[T], member: Any, alone: bytes) -> RowAnswer | Extraction[T] | None:
        """Return what came for a row; None if it is to be asked alone, by the request with that key."""
        ...

    def check(self) -> None:
        """Send what waits where no row can join it any more."""
        ...


@dataclass(slots=True)
class RunContext(Generic[T]):
    """What all dialogues of a run share. since: Unix time; with `retry`, no older answer counts where
    the older ones gave no record. on_wire: called when a task, by default the current one, begins and ends
    to wait for the service. packs: where rows share requests. bought: requests whose answers came in
    this run before it asked for any, by batches; refused: error replies that came so.
    """

    journal: Journal
    limiter: Callable[[str], Limiter]
    capped: bool
    retry: bool
    since: float
    on_wire: Callable[[bool, asyncio.Task[Any] | None], None]
    packs: Together[T] | None = None
    bought: set[bytes] = field(default_factory=set)
    refused: Mapping[bytes, http.HttpReply] = field(default_factory=dict)
    estimate: TokenEstimate = field(default_factory=TokenEstimate)
    flights: SingleFlight[RowAnswer] = field(default_factory=SingleFlight)
    ways: Ways = field(init=False)
    retried: Counter[str] = field(default_factory=Counter)  # requests that failed and go out again, by reason
    lost: int = 0  # claims taken over from processes that died
    answered: bool = False  # whether the service has answered anything at all
    reading_back: bool = False  # whether the journal had the last answer: the next is looked for there first

    def __post_init__(self) -> None:
        """Look for what the journal knows."""
        self.ways = Ways(self.journal)

    def wanted(self, step: Ask[Any], body: bytes) -> Reservation:
        """Return what a request reserves. Raises ConfigError if a cap can't be kept for its body."""
        tokens = self.estimate.of(len(body))
        if not self.capped:
            return Reservation(tokens)
        most = most_usage(body, step.request.model)
        return Reservation(tokens, worst_cost(step.request.model, most, step.policy.budget.price), most=most)

    async def send(
        self, caller: Caller[T], limiter: Limiter, reserved: Reservation, step: Ask[Any], post: http.Post
    ) -> tuple[http.HttpReply | Failure, Completion | Failure] | None:
        """Return what came, and what it says, once the limiter knows of it; None if it was not sent,
        as a pause began before there was a connection.
        """
        event: Completion | Failure | None = None
        reply: http.HttpReply | Failure | None = None
        try:
            reply = await caller.send(post, limiter.is_shut)
            event = None if reply is http.HELD_BACK else caller.read(reply)
        finally:
            if reply is http.HELD_BACK:
                limiter.take_back(reserved)
            else:
                used, cost = self._spent(step, reserved, event, len(post.body))
                _note(limiter, reserved, reply if event else None, event)
                limiter.leave(reserved, used, cost)
        self.answered = self.answered or isinstance(event, Completion)
        return None if event is None else (reply, event)

    def _spent(
        self, step: Ask[Any], reserved: Reservation, event: Completion | Failure | None, size: int
    ) -> tuple[float | None, Decimal]:
        """Return the tokens and US dollars that a request took; the worst if that is not known."""
        used: float | None = None
        model = step.request.model
        if isinstance(event, Completion) and event.usage is not None and event.is_counted:
            self.estimate.learn(size, event.usage.prompt_tokens, event.usage.completion_tokens)
            used, model = event.usage.total_tokens, event.model
        if not self.capped:
            return used, ZERO
        usage = reserved.most if event is None else taken(event, reserved.most) or reserved.most
        cost = dearest(step.policy.budget.price, (step.request.model, model), usage)
        return used, reserved.worst if cost is None else cost


def _note(
    limiter: Limiter,
    reserved: Reservation,
    reply: http.HttpReply | Failure | None,
    event: Completion | Failure | None,
) -> None:
    """Let the limits know how the service does."""
    if isinstance(reply, http.HttpReply):
        limiter.learn([*quotas(reply.headers, time.time())])
    if isinstance(event, Failure):
        if event.status == 429:
            limiter.throttled(reserved, event.retry_after, random.random())
        elif event.status in OVERLOADED or event.kind is FailureKind.TIMEOUT:
            limiter.limits.overloaded()
    elif event is not None:
        limiter.limits.succeeded(event.latency)


def is_throttle(event: Completion | Failure, step: Ask[Any]) -> bool:
    """Whether a failure is a 429 that waiting will cure, and that the caller wants waited for."""
    if not isinstance(event, Failure) or event.status != 429 or not is_transient(event):
        return False
    return step.policy.may("again", Outcome.TRANSPORT, event)
