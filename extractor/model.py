"""One model at one server: how it is asked, how its replies are read, and what was learnt of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal, TypeAlias, TypeVar

from . import content
from .config import advice
from .dialects import ADDED_TEXT, DIALECTS, AddedText, Bodies, most_usage, read_reply
from .dialogue import Ask, Judge, ModeLadder, joined, start
from .learnt import Learnt
from .messages import Attempt, Completion, Failure, Message, Mode, Request, StrictSchema, Usage
from .options import ClientOptions, check_parameters
from .pricing import public_window
from .schema import CompiledSchema, Target, bounded, compile_schema, grounding, is_nested
from .secrets import Secret
from .settings import Settings, policy, with_defaults
from .streams import StreamReader
from .telemetry import Watch, watching
from .transport import http, tape
from .words import shortened

T = TypeVar("T")
Bind: TypeAlias = Literal["marked", "all"]
STREAMED = 4  # how much larger a reply is whose every token comes in an event of its own
READ = 20_000  # characters at each end of what a server says that are looked through; fewer are shown
REDACTED = ("fault", "request_id", "id", "model", "system_fingerprint")  # what a server says of a completion


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post, and with what key."""

    base_url: str
    api_key: Secret


class Model:
    """One model at one server. Safe to use from several threads.

    settings: what it is asked with. policy: the bounds of each dialogue. learnt: what its replies told so
    far; it is replaced whole, never changed.
    """

    def __init__(self, settings: Settings, options: ClientOptions) -> None:
        """Raise ConfigError for what its API lacks."""
        self.settings, self.provider = settings, settings.config.provider
        self.name = settings.config.model
        self.dialect = DIALECTS[self.provider.dialect]
        self._bodies = Bodies(self.dialect, self.provider)
        self.policy = policy(options, settings.config, settings.timeouts, self.most)
        self.learnt = Learnt(settings.modes, settings.turns, settings.tells_logprobs)
        self._known_window: int | None = None  # 0 where nothing is known
        self._window_asked = False
        self.check(Request(self.name, (Message("user", "?"),), settings.params))

    def __repr__(self) -> str:
        return f"Model({self.provider.name}:{self.name})"

    @property
    def place(self) -> str:
        """The provider and its URL, the same in every process; "local" for the embedded model."""
        return f"{self.provider.name} {self.settings.config.base_url or 'local'}"

    @property
    def writes_grammar(self) -> bool:
        """Whether a schema is sent as a grammar, in which values can be held to the text."""
        return self.settings.grounded or self.provider.grounded

    @property
    def target(self) -> str | Target:
        """What record types are compiled for."""
        return bounded(self.provider.target, self.provider.bounds, self.provider.bare_decimals)

    @property
    def schema_target(self) -> str | Target:
        """What a record type is compiled for: another target where the caller asks for a grammar."""
        asked_for = self.settings.grounded and not self.provider.grounded  # its engine is llguidance then
        return "llguidance" if asked_for else self.target

    def compiled(self, record_type: Any, bind: Bind | None = None) -> CompiledSchema[Any]:
        """Return the compiled type. bind: which values a grammar made from it holds to the text."""
        target = self.schema_target
        if bind is not None:
            target = grounding(target, bind)
        compiled: CompiledSchema[Any] = compile_schema(record_type, target)
        return compiled

    def shows_schema(self, mode: Mode) -> bool:
        """Whether the prompt has to show the schema: nobody else does in a mode without one."""
        shown = mode is Mode.TOOL or self.provider.shows_schema
        return only_prompt(mode) or not shown

    def outlines(self, mode: Mode, schema: Mapping[str, Any]) -> bool:
        """Whether the first message shows the schema of a record. Some models do worse with the outline of a
        nested one, where a grammar holds them to it anyway.
        """
        held = mode is Mode.JSON_SCHEMA and self.writes_grammar and not self.provider.outlined
        return self.shows_schema(mode) and not (held and is_nested(schema))

    def writes_lines(self, schema: Mapping[str, Any]) -> bool:
        """Whether records of a schema are written over several lines: flat ones are as good in one."""
        return self.provider.lines and is_nested(schema)

    # -- requests, and the dialogues that begin with them

    def params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a request, those of a call before the client's. Raises ConfigError."""
        check_parameters(given)
        return with_defaults(self.settings.params, given)

    def request(
        self,
        messages: tuple[Message, ...],
        params: Mapping[str, Any],
        mode: Mode = Mode.JSON_SCHEMA,
        schema: StrictSchema | None = None,
        source: str | None = None,
    ) -> Request:
        """Return a request with all of its parameters. schema: what the reply has to match. source: the text
        that a record is extracted from. Raises ConfigError for content that is not taken.
        """
        content.check(messages, self.provider)
        return Request(self.name, messages, params, schema, mode, source=source, turns=self.learnt.turns)

    def check(self, request: Request) -> None:
        """Raise ConfigError for what the model's API lacks."""
        self.dialect.encode(request, self.provider)

    def start(
        self,
        request: Request,
        judge: Judge[T],
        ladder: ModeLadder | None = None,
        judges: Callable[[int], Judge[T]] | None = None,
    ) -> Ask[T]:
        """Return the first step of a dialogue with this model, see `dialogue.start`."""
        return start(request, judge, self.policy, time.monotonic(), ladder, judges, model=self)

    def learn(self, attempts: Sequence[Attempt]) -> None:
        """Remember what the attempts of a dialogue showed of the server."""
        self.learnt = self.learnt.after(attempts)

    def plainly(self, step: Ask[Any]) -> Request:
        """Return a dialogue's first request as it is before anything is learned of the service."""
        mode = self.settings.modes[0]
        return step.request if step.request.mode is mode or not step.ladder else step.ladder.request(mode)

    def watching(self, step: Ask[T]) -> AbstractContextManager[Ask[T]]:
        """Return what has the step as one whose dialogue is watched, where anybody listens."""
        watch = None if step.told else watching(self.settings.who, step.request)
        return nullcontext(step) if watch is None else _watched(watch, step)

    def window(self, ask: Callable[[Model], int | None] | None = None) -> int | None:
        """Return the tokens that a request and its answer may have together; None where that is not known.

        ask: asks the server, where the library does not know; it is called once.
        """
        if self._known_window is None:
            self._known_window = self._published_window() or 0
        if not self._known_window and ask is not None and not self._window_asked:
            self._window_asked = True
            self._known_window = ask(self) or 0
        return self._known_window or None

    def _published_window(self) -> int | None:
        if self.provider.name != "local":
            return public_window(self.provider.name, self.name)
        from .transport import models

        return models.traits_of(self.name).context

    # -- from a request to bytes, and back

    def endpoint(self) -> Endpoint:
        """Return where to post. For the embedded model this starts its server, unless it runs."""
        config = self.settings.config
        if config.base_url is not None:
            return Endpoint(config.base_url, config.api_key)
        if tape.is_replaying():
            return Endpoint("http://127.0.0.1/v1", Secret())  # nothing is sent there
        from .transport import local

        server = local.shared(config.model)
        return Endpoint(server.base_url, Secret(server.api_key))

    def headers(self, endpoint: Endpoint, request: Request) -> dict[str, str]:
        """Return the headers of a request, its key among them."""
        dialect = self.dialect.headers(endpoint.api_key.reveal(), request, self.provider)
        return {**dialect, **self.settings.headers.reveal()}

    def post(
        self,
        endpoint: Endpoint,
        request: Request,
        timeout: float,
        *,
        stream: bool = False,
        total: float | None = None,
    ) -> http.Post:
        """Return a request as it is posted. timeout, total: seconds between two bytes, and for the whole."""
        request = self._as_sent(request)
        timeouts, most = self.settings.timeouts, self.settings.most_reply
        return http.Post(
            endpoint.base_url + self.dialect.path(request, stream=stream),
            self._bodies.write(request, stream=stream),
            {"Content-Type": "application/json", **self.headers(endpoint, request)},
            timeout if timeouts.between_chunks is None else min(timeout, timeouts.between_chunks),
            timeout if total is None else total,
            timeouts.connect,
            timeout if timeouts.first_byte is None else min(timeout, timeouts.first_byte),
            most=most and most * (STREAMED if stream else 1),
        )

    def body(self, request: Request) -> bytes:
        """Return the body of a request as it is posted."""
        return self._bodies.write(self._as_sent(request))

    def most(self, request: Request, longest: int | None) -> Usage:
        """Return the most tokens that a request can take. Raises ConfigError where nothing bounds them."""
        return most_usage(self.body(request), request.model, longest)

    def read(self, reply: http.HttpReply | Failure, endpoint: Endpoint) -> Completion | Failure:
        """Return what a reply says, without the key."""
        event: Completion | Failure
        if isinstance(reply, Failure):
            event = reply
        else:
            now = time.time()
            event = read_reply(self.dialect, reply.status, reply.headers, reply.body, reply.latency, now)
        return self.redacted(event, endpoint)

    def stream_reader(self) -> StreamReader:
        """Return what reads one streamed reply."""
        return StreamReader(self.dialect, time.monotonic, time.time, self.settings.most_line)

    @property
    def added_text(self) -> AddedText | None:
        """What finds the text that an event of a stream adds, without reading all of it."""
        return ADDED_TEXT.get(self.provider.dialect)

    def redact(self, endpoint: Endpoint, text: str) -> str:
        """Return what a server says without the key: some quote it in their errors."""
        headers = self.settings.headers
        ends = [text] if len(text) <= 2 * READ else [text[:READ], text[-READ:]]
        plain = [headers.redact(endpoint.api_key.redact(end)) for end in ends]
        return shortened((" " * (len(text) - 2 * READ)).join(plain))

    def redacted(self, event: Completion | Failure, endpoint: Endpoint) -> Completion | Failure:
        """Return a reply without the key, and with advice where it is a failure."""
        redact = partial(self.redact, endpoint)
        if isinstance(event, Completion):
            named = {name: getattr(event, name) for name in REDACTED}
            together = "\n".join(filter(None, named.values()))
            if redact(together) == together:
                return event
            plain: Any = {name: redact(said) if said else said for name, said in named.items()}
            return event if plain == named else replace(event, **plain)
        request_id = event.request_id and redact(event.request_id)
        code, hint = event.code and redact(event.code), advice(event, self.settings.config, endpoint.base_url)
        message, body = redact(event.message), redact(event.body)
        return replace(event, message=message, code=code, body=body, hint=hint, request_id=request_id)

    def _as_sent(self, request: Request) -> Request:
        """Return the request with joined messages, its schema as a grammar where the server takes one."""
        if request.response_schema is not None and request.mode is Mode.JSON_SCHEMA and self.writes_grammar:
            from .schema import can_ground, lark

            source = request.source if request.source and can_ground(request.source) else None
            request = replace(
                request,
                grammar=lark(
                    dict(request.response_schema.schema),
                    source,
                    lines=self.writes_lines(request.response_schema.schema),
                ),
            )
        messages = joined(request.messages, request.turns)
        return request if messages is request.messages else replace(request, messages=messages)


@contextmanager
def _watched(watch: Watch, step: Ask[T]) -> Iterator[Ask[T]]:
    with watch:
        yield replace(step, told=watch)


def only_prompt(mode: Mode) -> bool:
    """Whether nothing but the prompt tells the model what to write."""
    return mode in (Mode.JSON_OBJECT, Mode.PROMPT)
