"""The nouns that all rooms share. Names are those of the OpenAI chat-completions API.

Source: https://platform.openai.com/docs/api-reference/chat. Everything here is frozen and pickles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast

T = TypeVar("T")
JSON: TypeAlias = Any  # a value that `json.loads` can give
Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool"]
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one reply, or the sum over several.

    `cached_tokens` (read from the provider's cache) and `cache_write_tokens` (written to it) are part of
    `prompt_tokens`. `reasoning_tokens` are part of `completion_tokens`. `prompt_tokens` is 0 if the server
    did not count them.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)))


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function by the model. `arguments` is JSON text. `parsed_arguments`, on replies of `chat`,
    is the same validated by the tool's type.
    """

    name: str
    arguments: str
    parsed_arguments: Any = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. Answer it with a message of role "tool" and this id.

    - extra_content: what the API wants back together with the call, such as Gemini's thought signature.
    """

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"
    extra_content: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation.

    - content: text, or a list of content parts as in the API.
    - parsed: the validated record, on replies of `parse` only. It is never sent.
    - extra_content: what the API wants back together with the message, such as Anthropic's signed thoughts.
    - reasoning_content: the model's thoughts, as some servers return them. They are never sent.
    """

    role: Role
    content: str | Sequence[Mapping[str, Any]] | None = None
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    refusal: str | None = None
    parsed: Any = None
    extra_content: Mapping[str, Any] | None = None
    reasoning_content: str | None = field(default=None, repr=False)


class Mode(StrEnum):
    """How a record is requested, strongest mode first."""

    JSON_SCHEMA = "json_schema"  # the server constrains the reply to the schema
    TOOL = "tool"  # the one call that the model has to make has the schema for its arguments
    JSON_OBJECT = "json_object"  # the server promises JSON; the schema stands in the prompt
    PROMPT = "prompt"  # the schema stands in the prompt; the JSON is found in the reply's text


class Turns(StrEnum):
    """Which turns of a conversation a server takes. Messages are joined until they fit."""

    ANY = "any"
    ALTERNATE = "alternate"  # one system message at most, then user and assistant in turn
    NO_SYSTEM = "no_system"  # user and assistant in turn, and nothing else


class Prompt(StrEnum):
    """What the instructions contain beside the task and the shape of the answer."""

    PLAIN = "plain"
    SMALL = "small"  # a worked example: a small model follows one better than a rule


REJECTED = "rejected"  # the finish reason of an answer that the server itself found to be none


@dataclass(frozen=True, slots=True)
class StrictSchema:
    """A schema as it is sent: a legal name, the JSON Schema itself, and a description of the whole."""

    name: str
    schema: Mapping[str, Any]
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One question to a model, before a dialect has spelt it.

    params: sampling and server parameters, sent as they are. response_schema: what the reply has
    to match; mode: how that is asked for. tools: functions that the model may call. source: the text that
    a record is extracted from, None if it is not all text. grammar: in llguidance's Lark, what the reply
    has to match instead of the schema; written when it is sent. turns: how the messages are joined then.
    """

    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    response_schema: StrictSchema | None = None
    mode: Mode = Mode.JSON_SCHEMA
    tools: tuple[StrictSchema, ...] = ()
    tool_choice: str | Mapping[str, Any] | None = None
    source: str | None = field(default=None, repr=False)
    grammar: str | None = field(default=None, repr=False)
    turns: Turns = Turns.ANY


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers in a completion.

    - finish_reason: "stop", "length", "tool_calls", "content_filter", or the server's own term.
    """

    message: Message
    finish_reason: str | None = None
    index: int = 0
    logprobs: JSON = None


SHOWN = 400  # characters of a reply in a repr


@dataclass(frozen=True, slots=True, repr=False)
class Completion:
    """A model's whole reply.

    - latency: seconds from sending to the last byte.
    - raw: the body as received, or the last chunk of a stream.
    - usage: None if the server reported none.
    - share: the cost as a share of the usual price: a half if it came from a provider's batch.
    - fault: what the server itself reports as wrong with the reply; status: its HTTP status.
    """

    id: str = ""
    model: str = ""
    choices: tuple[Choice, ...] = ()
    usage: Usage | None = None
    created: int = 0
    system_fingerprint: str | None = None
    request_id: str | None = None
    latency: float = 0.0
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    share: Decimal = Decimal(1)
    fault: str | None = None
    status: int = 200

    @property
    def message(self) -> Message:
        """The first choice's message, an empty one if there is no choice."""
        return self.choices[0].message if self.choices else Message("assistant")

    @property
    def content(self) -> str | None:
        """The first choice's text."""
        content = self.message.content
        if content is None or isinstance(content, str):
            return content
        return "".join(part.get("text", "") for part in content)

    @property
    def finish_reason(self) -> str | None:
        """Why the first choice ended."""
        return self.choices[0].finish_reason if self.choices else None

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The first choice's tool calls."""
        return self.message.tool_calls

    def __repr__(self) -> str:
        """Fit a screen: what came is in `choices` and `raw`."""
        text = self.said or ""
        said = f"{text[:SHOWN]!r}" + ("…" if len(text) > SHOWN else "")
        more = f", {len(self.choices)} choices" if len(self.choices) > 1 else ""
        used = "tokens not reported" if self.usage is None else f"{self.usage.total_tokens:,} tokens"
        fault = f", fault={self.fault!r:.{SHOWN}}" if self.fault else ""
        return f"{type(self).__name__}({self.model}, {self.finish_reason}, {said}{more}, {used}{fault})"

    @property
    def said(self) -> str | None:
        """What the model wrote in its first choice: text and arguments of calls, or a refusal."""
        arguments = (call.function.arguments for call in self.tool_calls)
        return "\n".join(filter(None, (self.content, *arguments))) or self.message.refusal or self.content

    @property
    def is_counted(self) -> bool:
        """Whether the server counted all tokens: a prompt never has 0, nor has an answer with text."""
        if self.usage is None or not self.usage.prompt_tokens:
            return False
        if self.usage.completion_tokens:
            return True
        silent = all(choice.message == Message("assistant") for choice in self.choices)
        return silent and self.finish_reason != "length"

    @property
    def parsed(self) -> Any:
        """The first choice's record, on replies of `parse`."""
        return self.message.parsed

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON, a record and parsed arguments too; what JSON has no form for is its repr."""
        from pydantic import TypeAdapter

        told = TypeAdapter(Completion).dump_python(self, mode="json", fallback=repr, warnings=False)
        return cast(dict[str, JSON], told)

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON]) -> Self:
        """Return the completion that `to_dict` said; a record in it stays JSON. Raises ValueError."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(told)

    def with_message(self, **changes: Any) -> Completion:
        """Return this completion with the first choice's message changed."""
        first, *others = self.choices
        return replace(self, choices=(replace(first, message=replace(first.message, **changes)), *others))


@dataclass(frozen=True, slots=True, repr=False)
class ParsedCompletion(Completion, Generic[T]):
    """A completion whose `parsed` is a record of the requested type."""

    @property
    def parsed(self) -> T:
        """The record."""
        return cast(T, self.message.parsed)


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of one tool call: `index` tells which; `arguments` is text to append."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    extra_content: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """What one chunk adds to a choice's message."""

    role: Role | None = None
    content: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCallDelta, ...] = ()
    extra_content: Mapping[str, Any] | None = None
    reasoning_content: str | None = None


@dataclass(frozen=True, slots=True)
class ChunkChoice:
    """One choice of a chunk. `message`: all of the message, where the API says it in one chunk; what came
    before in pieces is in it.
    """

    delta: Delta
    finish_reason: str | None = None
    index: int = 0
    logprobs: JSON = None
    message: Message | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class CompletionChunk:
    """One server-sent event of a streamed completion. The last chunk has no choices, but `completion`: all
    chunks put together, as `chat` would return it.
    """

    id: str = ""
    model: str = ""
    choices: tuple[ChunkChoice, ...] = ()
    usage: Usage | None = None
    created: int = 0
    system_fingerprint: str | None = None
    completion: Completion | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def content(self) -> str:
        """The text that this chunk adds to the first choice; "" if none."""
        return next((c.delta.content or "" for c in self.choices if c.index == 0), "")


@dataclass(frozen=True, slots=True)
class Cited(Generic[T]):
    """A record with what was quoted for it from the text, by the pointers of its values."""

    record: T
    quotes: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a value was rejected.

    - pointer: JSON pointer (RFC 6901) into the record in the user's own shape, "" for the whole record.
    - reason: one sentence.
    - value: the rejected value, if there was one.
    - type: the kind of problem: Pydantic's error type if Pydantic found it ("missing", "int_parsing",
      "value_error", ...), "json_invalid" if the text is not JSON.
    """

    pointer: str
    reason: str
    value: Any = None
    type: str = "value_error"

    def __str__(self) -> str:
        return f"{self.pointer or 'the whole record'}: {self.reason}"


class FailureKind(StrEnum):
    """How an exchange failed. STATUS has one, and PROTOCOL where something came."""

    CONNECT = "connect"  # no connection: nothing was sent
    TIMEOUT = "timeout"
    DROPPED = "dropped"  # the connection broke before the reply was whole
    PROTOCOL = "protocol"  # what came is not the protocol
    TOO_LARGE = "too_large"  # more bytes came than the Extractor allows
    STATUS = "status"  # an HTTP status that is no success


@dataclass(frozen=True, slots=True)
class Failure:
    """A request without a reply.

    - code: the service's code of the error.
    - retry_after: the seconds that the service asked to wait.
    - body: what came instead of a reply, shortened.
    - hint: what to look at.
    """

    kind: FailureKind
    message: str
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    request_id: str | None = None
    latency: float = 0.0
    body: str = field(default="", repr=False)
    hint: str = ""

    @property
    def said(self) -> str:
        """All that the service sent: the message, and what came instead of a reply."""
        return f"{self.message} {self.body}"


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """What a provider reports of a batch of requests.

    - id: the provider's id of the batch.
    - state: in the provider's terms.
    - ended: whether no more answers will come.
    - total, done, failed: how many requests.
    - marker: our name for it, if the provider keeps one.
    - created: Unix time.
    - results: where its answers are read.
    - refused: why it was not started, each reason a code with a sentence.
    """

    id: str
    state: str
    ended: bool = False
    total: int = 0
    done: int = 0
    failed: int = 0
    marker: str | None = None
    created: float = 0.0
    results: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


class Outcome(StrEnum):
    """How a dialogue, or one attempt of it, ended."""

    OK = "ok"
    REPAIRED = "repaired"  # a record, after at least one invalid reply
    TRUNCATED = "truncated"
    REFUSED = "refused"
    FILTERED = "filtered"
    EMPTY = "empty"
    INVALID_JSON = "invalid_json"
    INVALID = "invalid"  # JSON, but the type or a validator rejects it
    TRANSPORT = "transport"

    @property
    def has_record(self) -> bool:
        """Whether the dialogue ended in a record."""
        return self in (Outcome.OK, Outcome.REPAIRED)


@dataclass(frozen=True, slots=True)
class Spent:
    """The most that requests can have taken: tokens, and US dollars. Infinite where nothing bounds it."""

    tokens: float = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.tokens + other.tokens, self.cost + other.cost)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request with its result.

    - latency, waited: seconds for the reply, and seconds waited before sending.
    - usage: None if the server reported none, as for most failures.
    - cost: US dollars; None if the price or some of the tokens are not known.
    - spent: what counts against the budget of the call.
    - note: why this request differs from the one before, how a reply was read that was not plain JSON in the
      requested shape, and what else you should know.
    """

    request: Request = field(repr=False)
    outcome: Outcome
    model: str
    text: str | None = None
    finish_reason: str | None = None
    status: int | None = None
    request_id: str | None = None
    latency: float = 0.0
    waited: float = 0.0
    usage: Usage | None = None
    cost: Decimal | None = None
    problems: tuple[Problem, ...] = ()
    note: str | None = None
    failure: Failure | None = None
    spent: Spent | None = None


def total_usage(attempts: Iterable[Attempt]) -> Usage:
    """Return the tokens of all attempts together."""
    return sum((a.usage for a in attempts if a.usage), Usage())


def total_cost(attempts: Iterable[Attempt]) -> Decimal | None:
    """Return the US dollars for all attempts together; None if no price is known."""
    known = [a.cost for a in attempts if a.cost is not None]
    return sum(known, Decimal(0)) if known else None
