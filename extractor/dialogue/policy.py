"""How often to retry, and how long to wait. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from math import inf
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from ..errors import ConfigError
from ..messages import Attempt, Completion, Failure, FailureKind, Outcome, Request, Spent, Usage

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.wait import wait_base

LONGEST_BACK_OFF = 30.0  # seconds, where the caller names no strategy
MAYBE_PAID = frozenset({408, 502, 504, 524})  # a gateway gave up on who may have answered
TRANSIENT_STATUSES = frozenset({408, 409, 429})  # and all of 500 and above
HOPELESS_CODES = frozenset(  # with any status: no request would fare better
    {
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "account_deactivated",
        "exceeded_current_quota_error",  # Moonshot
        "Arrearage",  # Alibaba
        "invalid_api_key",
        "model_not_found",
        "DeploymentNotFound",  # Azure
    }
)

Move: TypeAlias = Literal["again", "fallback"]
Moves: TypeAlias = Mapping[str | int, Sequence[Move]]  # by outcome, kind of failure, or HTTP status
BOTH: tuple[Move, ...] = ("again", "fallback")
DEFAULT_MOVES: Moves = {
    Outcome.TRUNCATED: BOTH,
    Outcome.REFUSED: ("fallback",),  # the same model would refuse again, and be paid again
    Outcome.FILTERED: ("fallback",),
    Outcome.EMPTY: BOTH,
    Outcome.INVALID: BOTH,
    Outcome.TRANSPORT: BOTH,
    401: (),  # a wrong key should be seen, and not be paid for at another model's price
    403: (),
}


_TOO_LONG = re.compile(  # OpenAI, vLLM, llama.cpp; Anthropic; Gemini; others
    r"context[ _-]?(length|window|size)|exceed_context|prompt is too long"
    r"|(input|prompt).{0,30} tokens? .{0,60}(exceed|maximum)|too many tokens|reduce the length",
    re.I,
)

# Sources: the errors of Gemini (google-gemini/gemini-cli #25198), Anthropic (anthropics/claude-code #66314),
# xAI, vLLM, Ollama, OpenRouter and Mistral, which send these with statuses that say nothing.
_KEY = re.compile(
    r"api[ _-]?key (is |was )?(not (valid|found)|invalid|expired|missing)|api_key_invalid"
    r"|(invalid|incorrect|wrong|expired|missing) (\w+ )?(x-)?api[ _-]?key|invalid authentication"
    r"|reported as leaked",
    re.I,
)
_CREDIT = re.compile(
    r"credit balance is too low|insufficient[ _](balance|credits?|funds|quota)|out of credits?\b"
    r"|reached your specified api usage limits|account (is |has been )?(suspended|deactivated|in arrears)"
    r"|billing (is )?(not active|not enabled|disabled|hard limit)|payment required"
    r"|organization (has been (disabled|restricted)|must be verified)",
    re.I,
)
_MODEL = re.compile(
    r"model\b.{0,120}(does(n't| not) exist|not exist\b|not found|not a valid model|decommissioned|no longer)"
    r"|(no such|unknown|invalid) model\b(?! (output|response))|models/\S+ is not found|^model: \S+\s"
    r"|not a valid model id|model identifier is invalid|no endpoints found for"
    r"|deployment.{0,80}does not exist",
    re.I,
)


Price: TypeAlias = Callable[[str, Usage], Decimal | None]
Bound: TypeAlias = Callable[[Request, int | None], Usage]  # the most that a request can take


def dollars(name: str, value: object, least: Decimal | None = None) -> Decimal:
    """Return an amount of US dollars. Raises ConfigError if it is not an amount, and for 0 and less; with
    `least` for less than that.
    """
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        amount = Decimal(str(value))
        if not amount.is_nan() and (amount > 0 if least is None else least <= amount < inf):
            return amount
    bound = "above 0" if least is None else f"from {least}"
    raise ConfigError(f"{name} is a number of US dollars {bound}, not {value!r:.80}")


def with_body(params: Mapping[str, Any], members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return parameters with more members for the body; what is there already stays."""
    extra = {**members, **(params.get("extra_body") or {})}
    return {**params, "extra_body": extra} if extra else params


def no_price(model: str, usage: Usage) -> Decimal | None:
    """Return None: nothing is known of any price."""
    return None


def no_bound(request: Request, longest: int | None) -> Usage:
    """Raise ConfigError: nothing is known of how a request is written."""
    raise ConfigError("nothing bounds the tokens of this request")


def taken(event: Completion | Failure, most: Usage | None) -> Usage | None:
    """Return the most tokens that an exchange can have taken: those that the server counted; where it left
    something uncounted at least `most`, and None if nothing bounds them.
    """
    if isinstance(event, Failure):
        return most if may_be_paid(event) else Usage()
    if event.is_counted or most is None:
        return event.usage if event.is_counted else None
    told = event.usage or Usage()
    return replace(
        most,
        prompt_tokens=max(told.prompt_tokens, most.prompt_tokens),
        completion_tokens=max(told.completion_tokens, most.completion_tokens),
    )


def may_be_paid(failure: Failure) -> bool:
    """Whether the service may have made an answer that got lost, or can't be read."""
    if failure.kind is FailureKind.STATUS:
        return failure.status in MAYBE_PAID
    return failure.kind is not FailureKind.CONNECT


def dearest(price: Price, models: Iterable[str], usage: Usage) -> Decimal | None:
    """Return what a usage costs at most, of whichever model it was; None if no price is known."""
    costs = (price(model, usage) for model in models if model)
    return max((cost for cost in costs if cost is not None), default=None)


@dataclass(frozen=True, slots=True)
class Budget:
    """What one call may spend. Once it may have been spent, nothing more is asked, and nothing further whose
    longest answer may pass it. max_tokens_total: tokens of all attempts together. max_cost: US dollars.
    price: what a usage of a model costs, None if unknown. bound: the most that a request can take, with the
    tokens of the longest answer where the request sets no limit; it raises ConfigError if there is none.
    """

    max_tokens_total: int | None = None
    max_cost: Decimal | None = None
    price: Price = no_price
    bound: Bound = no_bound

    @property
    def is_kept(self) -> bool:
        """Whether there is a bound to keep."""
        return self.max_tokens_total is not None or self.max_cost is not None

    def cost(self, model: str, usage: Usage | None) -> Decimal | None:
        """Return what one attempt cost in US dollars, None if that is unknown."""
        return None if usage is None else self.price(model, usage)

    def spent(self, request: Request, event: Completion | Failure, longest: int | None) -> Spent | None:
        """Return the most that an exchange can have taken; None if there is no bound to count it for."""
        if not self.is_kept:
            return None
        counted = isinstance(event, Completion) and event.is_counted
        usage = taken(event, None if counted else self._most(request, longest))
        if usage is None:
            return Spent(inf, Decimal(inf))
        reply = event if isinstance(event, Completion) else Completion()
        cost = dearest(self.price, (request.model, reply.model), usage)
        return Spent(usage.total_tokens, Decimal(inf) if cost is None else cost * reply.share)

    def _most(self, request: Request, longest: int | None) -> Usage | None:
        try:
            return self.bound(request, longest)
        except ConfigError:
            return None

    def within(self, other: Budget) -> Budget:
        """Return this budget with the bounds of another one, where those are tighter."""
        tokens = [each for each in (self.max_tokens_total, other.max_tokens_total) if each is not None]
        costs = [each for each in (self.max_cost, other.max_cost) if each is not None]
        return replace(self, max_tokens_total=min(tokens, default=None), max_cost=min(costs, default=None))

    def shared_by(self, dialogues: int) -> Budget:
        """Return the part of each of so many dialogues that are one call."""
        tokens = None if self.max_tokens_total is None else self.max_tokens_total // dialogues
        return replace(self, max_tokens_total=tokens, max_cost=self.max_cost and self.max_cost / dialogues)

    def left_after(self, attempts: Sequence[Attempt]) -> bool:
        """Whether there is something left to spend."""
        so_far = spent_by(attempts)
        tokens, cost = self.max_tokens_total, self.max_cost
        return (tokens is None or so_far.tokens < tokens) and (cost is None or so_far.cost < cost)

    def left_for(self, attempts: Sequence[Attempt], request: Request) -> bool:
        """Whether there is enough left for a further request, however long its answer is. One whose answer
        has no bound may be asked as long as anything is left.
        """
        if not self.left_after(attempts):
            return False
        most = self._most(request, None) if self.is_kept else None
        if most is None:
            return True
        then = spent_by(attempts) + Spent(most.total_tokens, self.price(request.model, most) or Decimal(0))
        tokens, cost = self.max_tokens_total, self.max_cost
        return (tokens is None or then.tokens <= tokens) and (cost is None or then.cost <= cost)


def spent_by(attempts: Sequence[Attempt]) -> Spent:
    """Return the most that attempts can have taken together."""
    return sum((attempt.spent or _told(attempt) for attempt in attempts), Spent())


def _told(attempt: Attempt) -> Spent:
    return Spent(attempt.usage.total_tokens if attempt.usage else 0, attempt.cost or Decimal(0))


@dataclass(frozen=True, slots=True)
class Policy:
    """Bounds of one dialogue: at most 1 + max_repairs + max_retries requests, all within the deadline.

    max_repairs: further requests after replies that are no record. max_retries: further requests
    after transient transport failures. timeout: seconds for one request. deadline: seconds for the
    whole call, waits included; None for no end. wait: a tenacity wait strategy for the back-off,
    None for half a second that doubles up to LONGEST_BACK_OFF; between a half and the whole of it is waited
    (jitter). moves: what is tried after what came
    instead of a record. max_output: tokens of the longest reply that may be asked for, None if unknown.
    after_runaway: members of the body of a request that follows a reply which was cut off, so that a model
    which repeats itself does not do so again.
    """

    max_repairs: int = 2
    max_retries: int = 4
    timeout: float = 120.0
    deadline: float | None = 600.0
    wait: wait_base | None = None
    budget: Budget = Budget()
    moves: Moves = field(default_factory=lambda: DEFAULT_MOVES)
    max_output: int | None = None
    after_runaway: Mapping[str, Any] = field(default_factory=dict)

    def may(self, move: Move, outcome: Outcome, failure: Failure | None = None) -> bool:
        """Whether a move is wanted after an attempt that ended so; what is said most precisely counts."""
        return move in next(self.moves[key] for key in _keys(outcome, failure) if key in self.moves)

    def shared_by(self, dialogues: int) -> Policy:
        """Return the bounds of each of so many dialogues that are one call."""
        return replace(self, budget=self.budget.shared_by(dialogues))


def _keys(outcome: Outcome, failure: Failure | None) -> Iterator[str | int]:
    """The names of an attempt's end, the most precise first."""
    if failure is not None:
        wrong_key = 401 if is_hopeless(failure) and _KEY.search(failure.said) else None
        yield from (key for key in (failure.status, wrong_key, str(failure.kind)) if key is not None)
    yield outcome
    yield Outcome.INVALID  # text that is no JSON is invalid too


def moves_on(on: Mapping[str | int, Any]) -> Moves:
    """Return the default moves with the caller's own. Raises ConfigError for what means nothing."""
    if not isinstance(on, Mapping):
        raise ConfigError(f"on= must be a mapping such as {{'refused': 'stop'}}, not {on!r:.80}")
    return {**DEFAULT_MOVES, **{_known(key): _checked(key, moves) for key, moves in on.items()}}


def _known(key: str | int) -> str | int:
    names = [*(o for o in Outcome if not o.has_record), *FailureKind]
    if key in names or (isinstance(key, int) and 300 <= key <= 599):
        return key
    near = get_close_matches(str(key), names, 1)
    hint = f"; did you mean {str(near[0])!r}?" if near else ""
    raise ConfigError(
        f"on={{{key!r}: ...}}: the key must be one of {', '.join(names)}, or an HTTP status{hint}"
    )


def _checked(key: str | int, moves: Any) -> Sequence[Move]:
    moves = () if moves == "stop" else (moves,) if isinstance(moves, str) else moves
    if not isinstance(moves, Sequence) or not all(move in BOTH for move in moves):
        raise ConfigError(
            f"on={{{key!r}: {moves!r}}}: write 'again', 'fallback', both as a list, or 'stop' for neither"
        )
    return cast("Sequence[Move]", moves)


def is_too_long(failure: Failure) -> bool:
    """Whether the service says that a request is longer than the model's window."""
    client_error = failure.status is not None and 400 <= failure.status < 500 and failure.status != 429
    return client_error and bool(_TOO_LONG.search(f"{failure.code} {failure.said}"))


def is_hopeless(failure: Failure) -> bool:
    """Whether the key, the credit or the model is what is wrong: no other request would fare better."""
    if failure.status in (401, 402) or failure.code in HOPELESS_CODES:
        return True
    causes = (_KEY, _CREDIT, _MODEL)
    return failure.status in (400, 403, 404) and any(cause.search(failure.said) for cause in causes)


def is_transient(failure: Failure) -> bool:
    """Whether the same request may well succeed later: also after a reply with a status of success that
    is no completion, which overloaded servers and gateways send.
    """
    if failure.code in HOPELESS_CODES:
        return False
    if failure.kind is FailureKind.TOO_LARGE:
        return False
    if failure.kind is not FailureKind.STATUS:
        return failure.kind is not FailureKind.PROTOCOL or is_no_completion(failure)
    return failure.status in TRANSIENT_STATUSES or (failure.status or 0) >= 500


def is_no_completion(failure: Failure) -> bool:
    """Whether a reply came with a status of success, but was none."""
    return failure.kind is FailureKind.PROTOCOL and failure.status is not None and failure.status < 300


def _after(failures: int) -> RetryCallState:
    """Return the n-th failure as a wait strategy of tenacity looks at it."""
    from tenacity import RetryCallState

    state = RetryCallState(retry_object=cast("object", None), fn=None, args=(), kwargs={})  # type: ignore[arg-type]
    state.attempt_number = failures
    return state


def back_off(policy: Policy, failures: int, retry_after: float | None, chance: float) -> float:
    """Return the seconds to wait after the n-th transport failure in a dialogue.

    chance: a random number in [0, 1). What the service asks for is waited in full, and never less
    than that; the jitter on top keeps clients that failed together from coming back together.
    """
    planned = min(0.5 * 2.0 ** min(failures - 1, 9), LONGEST_BACK_OFF)
    if policy.wait is not None:
        planned = max(0.0, policy.wait(_after(failures)))
    if retry_after is not None:
        return retry_after + 0.1 * planned * chance
    return planned * (0.5 + 0.5 * chance)
