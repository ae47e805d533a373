"""What a call means: from its arguments to the first step of a dialogue, and from bytes to a reply.

`Calls` is what the sync and the async client share: everything but the sending.
"""

from __future__ import annotations

import json
import os
import random
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, fields, replace
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, TypeVar, Unpack, cast

from pydantic import TypeAdapter

from . import content
from .batch import packing
from .confidence import Calibration, loaded
from .config import Config, advice, configure, fallback_at
from .dialects import DIALECTS, Bodies, Provider, most_usage, read_reply
from .dialogue import (
    MAX_TOKENS,
    PACK_TASK,
    SMALL_TASK,
    TASK,
    Ask,
    Bound,
    Budget,
    Findings,
    Judge,
    Measure,
    ModeLadder,
    Policy,
    ProbeAnswer,
    Step,
    accept,
    brief_question,
    dollars,
    example_messages,
    joined,
    judge_record,
    judge_tool_calls,
    moves_on,
    question,
    refuses_logprobs,
    refuses_schema,
    shown_schema,
    start,
    steps_down,
    system_message,
    with_body,
)
from .errors import ConfigError, Unjudged
from .layout import Source
from .messages import (
    Completion,
    Extraction,
    Failure,
    Message,
    Mode,
    Outcome,
    ParsedCompletion,
    Prompt,
    Request,
    StrictSchema,
    Turns,
    Usage,
)
from .options import ClientOptions, ExtractOptions, Params, Tool, check_count, check_parameters
from .pricing import pricer, public_window
from .readers.given import opened, text_of
from .schema import (
    Chunked,
    CompiledSchema,
    Quoted,
    WithExtras,
    bounded,
    can_ground,
    check_type,
    compile_schema,
    grounding,
    lark,
    measured,
    quote_example,
    source_text,
    tool_schema,
    unwrapped,
    with_extras,
)
from .secrets import Environment, Headers, Secret
from .telemetry import Who, watching
from .tools import MAX_CALLS, MAX_ROUNDS, Round, Settled, ToolReply, check_tools, first_round
from .transport import http, kept, local, models, tape
from .transport.reach import check_seconds
from .words import shortened

T = TypeVar("T")
Client = TypeVar("Client")
Kind = TypeVar("Kind", Turns, Prompt)
Content: TypeAlias = str | Sequence[Mapping[str, Any]]  # a text, or content parts
Parts: TypeAlias = Sequence[str | Mapping[str, Any] | Sequence[Mapping[str, Any]]]
Document: TypeAlias = Source | PathLike[str] | bytes  # opened; a string never is
Text: TypeAlias = str | Parts | Document  # as it may be given
Bind: TypeAlias = Literal["marked", "all"]
Messages: TypeAlias = Sequence[Message | Mapping[str, Any]]
MostBytes: TypeAlias = Literal["max_reply_bytes", "max_line_bytes"]
CLIENT_OPTIONS = ClientOptions.__annotations__.keys() - Params.__annotations__.keys()
TEMPERATURE = 0.7  # of samples, where the provider's default would be 0
MOST_SAMPLES = 100
ALTERNATIVES = 5  # tokens told beside each one that was chosen
KEPT = 256  # schemas as prompts show them
STREAMED = 4  # how much larger a reply is whose every token comes in an event of its own
SHORT = 20_000  # characters that every window has room for
MOST_CHARACTERS_A_TOKEN = 6  # of a text of any length, white space counted once
POLICY_OPTIONS = ("max_repairs", "max_retries", "deadline")
REACH_OPTIONS = ("proxy", "verify", "http2")
TOO_LONG = "the text is too long for a grammar of its pieces: values are not held to it"
READ = 20_000  # characters at each end of what a server says that are looked through; fewer are shown
REDACTED = ("fault", "request_id", "id", "model", "system_fingerprint")  # what a server says of a completion
AT_HOST = ("base_url", "api_key", "provider", "extra_headers")  # what belongs to one host


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to post, with what key, and by whose connections."""

    base_url: str
    api_key: Secret
    owner: Any = field(default=None, repr=False, compare=False)  # the client whose it is


@dataclass(frozen=True, slots=True)
class Shots:
    """Examples as messages: as turns before one text, and as one question with its answer before several."""

    turns: tuple[Message, ...]
    together: tuple[Message, ...]


class Calls:
    """A model, and how each call to it begins and is read."""

    def __init__(self, model: str | None = None, **options: Unpack[ClientOptions]) -> None:
        params = {name: value for name, value in options.items() if name not in CLIENT_OPTIONS}
        check_parameters(params)
        environment = Environment(os.environ)
        self._config = configure(
            model, options.get("base_url"), options.get("api_key"), environment, options.get("provider")
        )
        if self._config.provider.name == "local":
            self._config = _fitted(self._config, own_row=options.get("provider") is not None)
        headers = options.get("extra_headers") or {}
        self._headers = headers if isinstance(headers, Headers) else Headers(headers)
        self._timeouts = http.Timeouts.of(options.get("timeout", self._config.provider.timeout))
        self._most_reply = _most_bytes("max_reply_bytes", options, http.LARGE)
        self._most_line = _most_bytes("max_line_bytes", options, http.LARGE // 4)
        self._reach = http.Reach(**{name: options[name] for name in REACH_OPTIONS if name in options})  # type: ignore[literal-required]
        self._dialect = DIALECTS[self._config.provider.dialect]
        self._bodies = Bodies(self._dialect, self._config.provider)
        self._instructions = options.get("instructions")
        self._reading = {
            "strictly": bool(options.get("strict_reading")),
            "values": bool(options.get("read_values")),
        }
        self._grounded = _grounded(options.get("grounded"), self._config.provider)
        probed = self._config.provider.name != "local" and options.get("provider") is None
        findings = _findings(self._config) if probed else None
        self._modes = _modes(options.get("mode", "auto"), self._config, findings)
        found = findings.answers.get("logprobs", ProbeAnswer.UNKNOWN) if findings else ProbeAnswer.UNKNOWN
        self._tells_logprobs = self._config.provider.logprobs and found in (
            ProbeAnswer.YES,
            ProbeAnswer.UNKNOWN,
        )
        self._ladder = self._modes  # as it is before anything is learned
        self._packs: dict[tuple[str, int], StrictSchema] = {}  # schemas of several records
        self._schemas: dict[tuple[str, Mode], str] = {}  # as prompts show them
        self._lowered: dict[str, tuple[Mode, ...]] = {}  # by the schema that the server did not take
        self._turns = _one_of(Turns, "turns", options.get("turns", Turns.ANY))
        self._prompt = _one_of(Prompt, "prompt", options.get("prompt") or self._config.provider.prompt)
        self._own_params = params
        self._params = _with_defaults(self._config.provider.defaults, params)
        self._told_window: int | None = None  # 0 where nothing is known
        self._asked_window = False  # whether the server has been asked
        self._policy = _policy(options, self._config, self._timeouts, self._most)
        self._who = Who(
            self._config.provider.name,
            self._config.base_url,
            options.get("on_event"),
            _captured(options.get("capture_content"), environment),
        )
        self._arguments = {"model": model, **options, **({"extra_headers": self._headers} if headers else {})}
        self._arguments.pop("api_key", None)
        self._check(Request(self._config.model, (Message("user", "?"),), self._params))
        others = [
            (other, self._fallback(other, model, options)) for other in _models(options.get("fallback"))
        ]
        chain = [each for _, other in others for each in (other, *other._fallbacks)]
        own = [other for given, other in others if other is not given]
        self._fallbacks: tuple[Self, ...] = tuple(cast("list[Self]", chain))
        self._own_fallbacks = tuple(cast("list[Self]", own))  # those that are closed with this one

    def _fallback(self, other: Any, model: str | None, options: ClientOptions) -> Calls:
        """Return another model: a client as it is, a name with this client's options. Raises ConfigError
        where it does not take them, and where texts would go to a host that nobody has named.
        """
        kind = type(self).__name__
        if isinstance(other, type(self)):
            return other
        if not isinstance(other, str):
            raise ConfigError(f"fallback= takes names of models and {kind}s, not {other!r:.80}")
        try:
            name, here = fallback_at(
                other, model, self._config, options.get("base_url"), Environment(os.environ)
            )
            left = ("fallback",) if here else ("fallback", *AT_HOST)
            same = {option: value for option, value in options.items() if option not in left}
            return type(self)(name, **cast(ClientOptions, same))
        except ConfigError as error:
            also = f"fallback= also takes an {kind}, with its own options"
            raise ConfigError(f"the fallback model {other!r}: {error} ({also})") from error

    def _given(self, client: Client | None) -> Client | None:
        """Return the caller's own client. Raises ConfigError where it could not do what is asked for."""
        if client is not None and self._reach != http.Reach():
            raise ConfigError(
                "proxy, verify and http2 are set on the client itself where http_client is given"
            )
        return client

    def _check(self, request: Request) -> None:
        """Raise ConfigError for what the model's API has no word for."""
        self._dialect.encode(request, self._config.provider)

    @property
    def model(self) -> str:
        """The model's name, as it is sent."""
        return self._config.model

    def __reduce__(self) -> tuple[Any, ...]:
        """A key is not pickled: the copy reads its own from the environment. Raises TypeError for what
        else must not leave the process, and cannot be found there.
        """
        if self._reach.has_password:
            raise TypeError("the proxy's password is not pickled: name the proxy in the environment")
        return _remake, (type(self), self._arguments)

    def __repr__(self) -> str:
        config = getattr(self, "_config", None)
        if config is None:  # its making has failed, and a traceback shows it
            return f"{type(self).__name__}(not made)"
        where = config.base_url or "in this process"
        return f"{type(self).__name__}({config.provider.name}:{config.model} at {where})"

    # -- from a call to the first step of its dialogue

    def _extraction(
        self,
        record_type: Any,
        text: Text,
        instructions: str | None = None,
        examples: Iterable[tuple[str, Any]] | Shots = (),
        context: Mapping[str, Any] | None = None,
        evidence: bool | Literal["quote"] | None = None,
        confidence: bool | str | PathLike[str] | None = None,
        samples: int = 1,
        part: str | None = None,
        strict_reading: bool | None = None,
        read_values: bool | None = None,
        extras: Literal["keep"] | None = None,
        **params: Any,
    ) -> Ask[Any]:
        if evidence not in (None, True, False, "quote"):
            raise ConfigError(f'evidence is "quote" or None, not {evidence!r}')
        asked = _asked(record_type, evidence, extras)
        bind: Bind | None = ("all" if self._grounded else "marked") if self._writes_grammar else None
        compiled, in_grammar = self._compiled(asked), self._compiled(asked, bind)
        said = "\n\n".join(filter(None, (self._instructions, instructions))) or None
        shots = self._shots(record_type, examples, evidence, extras).turns
        given = opened(text)
        origin = given if isinstance(given, Source) else None
        text = _checked_text(text_of(given))
        source = source_text(text)
        if source is not None and len(source) > SHORT:
            check_length(source, self._window(), self.model)
        reading = self._reads(strict_reading, read_values)
        sure = loaded(confidence) or samples_of({"samples": samples}) > 1
        added = self._logprobs(params) if sure else {}
        params = {**params, **self._sampling(params, samples), **added}

        task = SMALL_TASK if self._prompt is Prompt.SMALL and not shots else TASK

        def request(mode: Mode) -> Request:
            schema = self._shown(compiled, mode) if self._shows_schema(mode) else None
            messages = question(system_message(said, schema, task, part), shots, text)
            sent = in_grammar if mode is Mode.JSON_SCHEMA else compiled
            return replace(self._request(messages, params, sent, mode), source=source, origin=origin)

        brief = partial(brief_question, "\n\n".join(filter(None, (said, part))), text)
        fitted = sure if isinstance(sure, Calibration) else None
        if fitted is not None:
            self._check_calibration(fitted, record_type, samples)
        measure = partial(measured, compiled, fitted) if sure else None
        begun = self._record_dialogue(
            compiled, request, partial(context_of, text, context), brief, measure, frozenset(added), reading
        )
        if samples > 1:
            policy = replace(begun.policy, budget=begun.policy.budget.shared_by(samples))
            begun = replace(begun, policy=policy)
        too_long = bind and source is not None and not can_ground(source)
        return replace(begun, note=TOO_LONG) if too_long else begun

    def _shots(
        self,
        record_type: Any,
        examples: Iterable[tuple[str, Any]] | Shots,
        evidence: bool | Literal["quote"] | None = None,
        extras: Literal["keep"] | None = None,
        **_: Any,
    ) -> Shots:
        """Return examples as they are said, checked once for all texts. Raises ConfigError."""
        if isinstance(examples, Shots):
            return examples
        asked = _asked(record_type, evidence, extras)
        compiled = self._compiled(asked)
        pairs = [_checked_example(compiled, asked, *pair) for pair in examples]
        return Shots(example_messages(pairs), packing.example(pairs))

    def _together(
        self,
        record_type: Any,
        texts: Sequence[str],
        instructions: str | None = None,
        examples: Iterable[tuple[str, Any]] | Shots = (),
        context: Mapping[str, Any] | None = None,
        evidence: bool | Literal["quote"] | None = None,
        confidence: Any = None,
        samples: int = 1,
        strict_reading: bool | None = None,
        read_values: bool | None = None,
        extras: Literal["keep"] | None = None,
        **params: Any,
    ) -> Ask[dict[int, str]]:
        """Return the first step of a dialogue about several texts; its record has each record's JSON."""
        asked = _asked(record_type, evidence, extras)
        compiled, count = self._compiled(asked), len(texts)
        strict = self._strict_for(compiled, count)
        said = "\n\n".join(filter(None, (self._instructions, instructions))) or None
        shots = self._shots(record_type, examples, evidence, extras).together
        params = packing.params_for(_with_defaults(self._params, params), count, self._policy.max_output)

        def request(mode: Mode) -> Request:
            schema = shown_schema(strict.schema, mode) if self._shows_schema(mode) else None
            messages = question(system_message(said, schema, PACK_TASK), shots, packing.shown(texts))
            return replace(self._request(messages, params, mode=mode), response_schema=strict)

        modes = self._modes_for(strict)
        ladder = ModeLadder(modes, request, self._shows_schema)
        policy = replace(self._policy, max_repairs=0)  # what is wrong with a row's record is its own dialogue
        return start(request(modes[0]), packing.judge_for(count), policy, time.monotonic(), ladder)

    def _plainly(self, step: Ask[Any]) -> Request:
        """Return a dialogue's first request as it is before anything is learned of the service."""
        mode = self._ladder[0]
        return step.request if step.request.mode is mode or not step.ladder else step.ladder.request(mode)

    def _strict_for(self, compiled: CompiledSchema[Any], count: int) -> StrictSchema:
        key = compiled.fingerprint, count
        if key not in self._packs:
            self._packs[key] = packing.together(compiled.strict, count, compiled.target)
        return self._packs[key]

    def _rows_at_once(self, record_type: Any, wanted: int, asked: Mapping[str, Any]) -> int:
        """Return how many rows a request may have: one where a grammar holds values to one text, and where
        it counts how sure each token is, or how far several answers agree.
        """
        unsure = asked.get("confidence") or samples_of(asked) > 1
        if wanted == 1 or self._writes_grammar or unsure:
            return 1
        compiled = self._compiled(_asked(record_type, asked.get("evidence"), asked.get("extras")))
        return packing.most_rows(compiled.strict, wanted, compiled.target)

    def _parse(
        self,
        messages: Messages,
        record_type: Any,
        context: Mapping[str, Any] | None = None,
        strict_reading: bool | None = None,
        read_values: bool | None = None,
        **params: Any,
    ) -> Ask[Any]:
        compiled, said = self._compiled(record_type), _checked(messages)
        in_grammar = self._compiled(record_type, "marked" if self._writes_grammar else None)
        source = _said_by_user(said)

        def request(mode: Mode) -> Request:
            if not self._only_prompt(mode):
                sent = in_grammar if mode is Mode.JSON_SCHEMA else compiled
                return replace(self._request(said, params, sent, mode), source=source)
            shown = Message("system", shown_schema(compiled.schema, mode))
            return replace(self._request((*said, shown), params, compiled, mode), source=source)

        reading = self._reads(strict_reading, read_values)
        told = partial(context_of, source, context)
        return self._record_dialogue(compiled, request, told, reading=reading)

    def _chat(
        self,
        messages: Messages,
        tools: Sequence[Tool] = (),
        tool_choice: str | Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Ask[Completion]:
        if tool_choice is not None and not tools:
            raise ConfigError("tool_choice needs tools=[...] to choose from")
        target = bounded(self._config.provider.target, self._config.provider.bounds)
        compiled = [tool_schema(tool, target) for tool in tools]
        request = replace(
            self._request(_checked(messages), params),
            tools=tuple(tool.strict for tool in compiled),
            tool_choice=tool_choice,
        )
        decoders = {tool.name: tool.decode for tool in compiled}
        judge: Judge[Completion] = accept
        if tools:
            required = tool_choice not in (None, "auto", "none")
            readers = {tool.name: tool.reader(**self._reading) for tool in compiled}
            judge = partial(judge_tool_calls, decoders=decoders, required=required, readers=readers)
        return start(request, judge, self._policy, time.monotonic())

    def _first_round(
        self,
        messages: Messages,
        record_type: Any,
        tools: Sequence[Tool],
        tool_choice: str | Mapping[str, Any] | None = None,
        max_rounds: int = MAX_ROUNDS,
        max_calls: int = MAX_CALLS,
        awaits: bool = False,
        **params: Any,
    ) -> Round:
        check_tools(tools, self._config.provider.target, awaits)
        settled = Settled(
            tuple(tools), record_type, params, max_rounds, max_calls, self._policy, self._reading
        )
        return first_round(_checked(messages), settled, tool_choice, self._config.provider, time.monotonic())

    def _round(self, step: Round) -> Ask[ToolReply]:
        request = self._request(step.messages, step.settled.params, mode=self._modes[0])
        return step.ask(request, self._config.provider, self._policy, time.monotonic())

    def _record_dialogue(
        self,
        compiled: CompiledSchema[T],
        request: Callable[[Mode], Request],
        context: Callable[[int], Mapping[str, Any]],  # by the attempt's number
        brief: Callable[[], tuple[Message, ...]] | None = None,
        measure: Measure | None = None,
        spare: frozenset[str] = frozenset(),
        reading: Mapping[str, bool] | None = None,
    ) -> Ask[T]:
        modes = self._modes_for(compiled.strict)
        ladder = ModeLadder(modes, request, self._shows_schema, brief, spare)
        reader = compiled.reader(**(reading or self._reading))

        def judges(attempt: int) -> Judge[T]:
            told = context(attempt)
            return partial(
                judge_record,
                decode=lambda text: compiled.decode(text, told),
                measure=measure,
                reader=reader,
            )

        return start(request(modes[0]), judges(1), self._policy, time.monotonic(), ladder, judges)

    def _reads(self, strict_reading: bool | None, read_values: bool | None) -> Mapping[str, bool]:
        """Return how replies are read, where a call says so or not."""
        strictly = self._reading["strictly"] if strict_reading is None else strict_reading
        return {
            "strictly": strictly,
            "values": self._reading["values"] if read_values is None else read_values,
        }

    def _logprobs(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return what asks for log-probabilities beside these parameters, where the server tells them."""
        given = {**self._params, **params}
        if not self._tells_logprobs or given.get("logprobs") is not None:
            return {}
        return {"logprobs": True, **({} if "top_logprobs" in given else {"top_logprobs": ALTERNATIVES})}

    def _check_calibration(self, fitted: Calibration, record_type: Any, samples: int) -> None:
        """Warn where a calibration was fitted for something else."""
        why = fitted.misfit(self.model, compile_schema(record_type).fingerprint, samples)
        if why is not None:
            warnings.warn(f"the calibration's numbers are no probabilities here: {why}", stacklevel=2)

    def _sampling(self, params: Mapping[str, Any], samples: int) -> dict[str, Any]:
        """Return what makes answers to the same request differ, where nothing else does. Raises ConfigError
        where they can't.
        """
        if samples == 1:
            return {}
        given = {**self._own_params, **params}
        if given.get("seed") is not None:
            raise ConfigError("samples of one seed are all the same answer: leave the seed out")
        if given.get("temperature") is None:  # the servers' own is above 0
            return {"temperature": TEMPERATURE} if self._params.get("temperature") == 0 else {}
        if given["temperature"] == 0:
            raise ConfigError("samples need a temperature above 0: at 0 all answers are the same")
        return {}

    def _shown(self, compiled: CompiledSchema[Any], mode: Mode) -> str:
        """Return the schema as the prompt shows it, written once."""
        key = compiled.fingerprint, mode
        shown = self._schemas.get(key)
        if shown is None:
            if len(self._schemas) >= KEPT:
                self._schemas.clear()
            shown = self._schemas[key] = shown_schema(compiled.schema, mode)
        return shown

    def _only_prompt(self, mode: Mode) -> bool:
        return mode in (Mode.JSON_OBJECT, Mode.PROMPT)

    def _shows_schema(self, mode: Mode) -> bool:
        """Whether the prompt has to show the schema: nobody else does in a mode without one."""
        shown = mode is Mode.TOOL or self._config.provider.shows_schema
        return self._only_prompt(mode) or not shown

    @property
    def _writes_grammar(self) -> bool:
        """Whether a schema is sent as a grammar, in which values can be held to the text."""
        return self._grounded or self._config.provider.grounded

    def _compiled(self, record_type: Any, bind: Bind | None = None) -> CompiledSchema[Any]:
        """Return the compiled type. bind: which values a grammar made from it holds to the text."""
        provider = self._config.provider
        asked_for = self._grounded and not provider.grounded  # then its engine is llguidance in all modes
        target = "llguidance" if asked_for else bounded(provider.target, provider.bounds)
        if bind is not None:
            target = grounding(target, bind)
        compiled: CompiledSchema[Any] = compile_schema(record_type, target)
        return compiled

    def _with_grammar(self, request: Request) -> Request:
        """Return the request with its schema written as a grammar, where the server takes it so."""
        schema = request.response_schema
        if schema is None or request.mode is not Mode.JSON_SCHEMA or not self._writes_grammar:
            return request
        source = request.source if request.source and can_ground(request.source) else None
        return replace(request, grammar=lark(dict(schema.schema), source))

    def _request(
        self,
        messages: tuple[Message, ...],
        params: Mapping[str, Any],
        compiled: CompiledSchema[Any] | None = None,
        mode: Mode = Mode.JSON_SCHEMA,
    ) -> Request:
        check_parameters(params)
        content.check(messages, self._config.provider)
        if compiled is not None and "response_format" in params:
            raise ConfigError("response_format is made from the record type; it can't be given as well")
        strict = None if compiled is None else compiled.strict
        params = _with_defaults(self._params, params)
        return Request(self._config.model, messages, params, strict, mode, turns=self._turns)

    # -- from a dialogue's end to what the next one knows

    def _begin(self, begin: Callable[[Calls], Ask[T]]) -> Ask[T]:
        """Return the first step of a dialogue, once it is sure that each fallback model could take part:
        raises ConfigError and SchemaError while nothing has been paid.
        """
        for other in self._fallbacks:
            other._check(begin(other).request)
        return begin(self)

    @contextmanager
    def _watching(self, step: Ask[T]) -> Iterator[Ask[T]]:
        """Yield the step as one whose dialogue is watched, where anybody listens."""
        watch = None if step.told else watching(self._who, step.request)
        with watch or nullcontext():
            yield replace(step, told=watch) if watch else step

    def _falls_back(self, result: Extraction[Any], step: Ask[Any]) -> bool:
        """Whether another model is asked: there is no record, it is wanted, and time and budget are left."""
        last, in_time = result.attempts[-1], step.ends is None or time.monotonic() < step.ends
        open_end = not result.outcome.has_record and not isinstance(result.error, Unjudged)
        wanted = open_end and self._policy.may("fallback", last.outcome, last.failure)
        return wanted and in_time and self._policy.budget.left_after(result.attempts)

    def _learned(self, result: Extraction[T]) -> Extraction[T]:
        """Return `result`, once what it tells of the server is remembered."""
        self._learn(result)
        return result

    def _learn(self, result: Extraction[Any]) -> None:
        """Remember the mode that a server took in place of a stronger one: for all, or for one schema."""
        if result.attempts[-1].outcome is Outcome.TRANSPORT:
            return
        self._turns = max(self._turns, result.attempts[-1].request.turns, key=tuple(Turns).index)
        if any(attempt.failure and refuses_logprobs(attempt.failure) for attempt in result.attempts):
            self._tells_logprobs = False
        for failure, request in steps_down(result.attempts):
            if request.mode not in self._modes:
                continue
            lower = self._modes[self._modes.index(request.mode) :]
            if refuses_schema(failure) and request.response_schema is not None:
                self._lowered[_key(request.response_schema)] = lower
            else:
                self._modes = lower

    def _window(self) -> int | None:
        """Tokens that a request and its answer may have together; None where that is not known."""
        if self._told_window is None:
            provider = self._config.provider.name
            model = self._config.model
            known = models.traits_of(model).context if provider == "local" else public_window(provider, model)
            self._told_window = known
        return self._told_window or None

    def _modes_for(self, strict: StrictSchema) -> tuple[Mode, ...]:
        lower = self._lowered.get(_key(strict)) if self._lowered else None
        return self._modes if lower is None or len(self._modes) < len(lower) else lower

    # -- from a request to bytes, and back

    def _post(
        self,
        endpoint: Endpoint,
        request: Request,
        timeout: float,
        *,
        stream: bool = False,
        total: float | None = None,
    ) -> http.Post:
        request = self._as_sent(request)
        headers = {
            "Content-Type": "application/json",
            **self._dialect.headers(endpoint.api_key.reveal(), request, self._config.provider),
            **self._headers.reveal(),
        }
        return http.Post(
            endpoint.base_url + self._dialect.path(request, stream=stream),
            self._bodies.write(request, stream=stream),
            headers,
            timeout if self._timeouts.between_chunks is None else min(timeout, self._timeouts.between_chunks),
            timeout if total is None else total,
            self._timeouts.connect,
            timeout if self._timeouts.first_byte is None else min(timeout, self._timeouts.first_byte),
            most=self._most_reply and self._most_reply * (STREAMED if stream else 1),
        )

    def _as_sent(self, request: Request) -> Request:
        request = self._with_grammar(request)
        return replace(request, messages=joined(request.messages, request.turns))

    def _most(self, request: Request, longest: int | None) -> Usage:
        """Return the most tokens that a request can take. Raises ConfigError where nothing bounds them."""
        return most_usage(self._bodies.write(self._as_sent(request)), request.model, longest)

    def _read(self, reply: http.HttpReply | Failure, endpoint: Endpoint) -> Completion | Failure:
        event: Completion | Failure
        if isinstance(reply, Failure):
            event = reply
        else:
            now = time.time()
            event = read_reply(self._dialect, reply.status, reply.headers, reply.body, reply.latency, now)
        return self._redacted(event, endpoint)

    def _redact(self, endpoint: Endpoint, text: str) -> str:
        """Return what a server says without the key: some quote it in their errors."""
        ends = [text] if len(text) <= 2 * READ else [text[:READ], text[-READ:]]
        plain = [self._headers.redact(endpoint.api_key.redact(end)) for end in ends]
        return shortened((" " * (len(text) - 2 * READ)).join(plain))

    def _redacted(self, event: Completion | Failure, endpoint: Endpoint) -> Completion | Failure:
        redact = partial(self._redact, endpoint)
        if isinstance(event, Completion):
            named = {name: getattr(event, name) for name in REDACTED}
            plain: Any = {name: redact(said) if said else said for name, said in named.items()}
            return event if plain == named else replace(event, **plain)
        request_id = event.request_id and redact(event.request_id)
        code, hint = event.code and redact(event.code), advice(event, self._config, endpoint.base_url)
        message, body = redact(event.message), redact(event.body)
        return replace(event, message=message, code=code, body=body, hint=hint, request_id=request_id)

    def _find_endpoint(self) -> Endpoint:
        """Where to post. For the embedded model this starts its server, unless it runs."""
        if self._config.base_url is not None:
            return Endpoint(self._config.base_url, self._config.api_key, self)
        if tape.is_replaying():
            return Endpoint("http://127.0.0.1/v1", Secret(), self)  # nothing is sent there
        server = local.shared(self._config.model)
        return Endpoint(server.base_url, Secret(server.api_key), self)


def _fitted(config: Config, own_row: bool) -> Config:
    """Return the configuration with what suits the embedded model. own_row: the caller says what suits it.

    Raises ConfigError for a name that is not known, and for a file that is no model.
    """
    traits = models.traits_of(config.model)
    row = replace(
        config.provider,
        tools=traits.tools,
        bounds=(traits.max_string, traits.max_array),
        prompt=traits.prompt,
        defaults=with_body(config.provider.defaults, config.provider.after_runaway if traits.runs_on else {}),
    )
    return config if own_row else replace(config, provider=row)


def _models(given: Any) -> Sequence[Any]:
    return given if isinstance(given, Sequence) and not isinstance(given, str) else [given] if given else ()


def _key(strict: StrictSchema) -> str:
    return json.dumps([strict.name, strict.schema], sort_keys=True)


def _captured(given: bool | None, environ: Mapping[str, str]) -> bool:
    """Whether texts go into spans; else the OpenTelemetry instrumentations' own variable tells."""
    told = environ.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "")
    return told.lower() in ("true", "span_only", "span_and_event") if given is None else given


def _findings(config: Config) -> Findings | None:
    """Return what a probe found out about the model, not too long ago."""
    findings = Findings.of(kept.load(kept_at(config)))
    return findings if findings and findings.is_fresh(time.time()) else None


def _modes(mode: Mode | str, config: Config, findings: Findings | None) -> tuple[Mode, ...]:
    """Return the modes that may be tried: the one that the caller forces, or the provider's ladder,
    without what a probe found lacking.
    """
    if mode != "auto" and mode not in list(Mode):
        raise ConfigError(f"mode is 'auto' or one of {', '.join(Mode)}, not {mode!r}")
    if mode != "auto":
        return (Mode(mode),)
    return findings.ladder(config.provider.modes) if findings else config.provider.modes


def _one_of(kind: type[Kind], name: str, given: str) -> Kind:
    if given not in list(kind):
        raise ConfigError(f"{name} is one of {', '.join(kind)}, not {given!r}")
    return kind(given)


def _grounded(wanted: bool | None, provider: Provider) -> bool:
    if wanted and provider.grammar is None:
        raise ConfigError(
            f"grounded=True needs a server that takes grammars, and {provider.name} takes none: "
            "mark members as Verbatim[str], which is checked everywhere"
        )
    return provider.grounded if wanted is None else wanted


def _said_by_user(messages: Sequence[Message]) -> str | None:
    """Return all that users say in a conversation; None where some of it is no text."""
    said = [source_text(message.content) for message in messages if message.role == "user"]
    return None if None in said else "\n\n".join(filter(None, said)) or None


def kept_at(config: Config) -> Path:
    """Return where it is kept what a probe found out about a model at a server."""
    provider = config.provider
    return kept.path_of("probes", config.base_url or provider.name, provider.dialect, config.model)


def _most_bytes(
    name: Literal["max_reply_bytes", "max_line_bytes"], options: ClientOptions, usual: int
) -> int | None:
    most = options.get(name, usual)
    if most is not None:
        check_count(name, most, least=1)
    return most


def _policy(options: ClientOptions, config: Config, timeouts: http.Timeouts, bound: Bound) -> Policy:
    given: dict[str, Any] = {name: options[name] for name in POLICY_OPTIONS if name in options}  # type: ignore[literal-required]
    given["timeout"] = timeouts.request
    if given.get("deadline") is not None:
        check_seconds("deadline", given["deadline"])
    for name in ("max_repairs", "max_retries"):
        check_count(name, given.get(name, 0), least=0)
    if options.get("retry_wait") is not None:
        given["wait"] = options["retry_wait"]
    return Policy(
        **given,
        budget=_budget(options, config, bound),
        moves=moves_on(options.get("on") or {}),
        max_output=config.provider.max_output,
        after_runaway=config.provider.after_runaway,
    )


def _budget(options: ClientOptions, config: Config, bound: Bound) -> Budget:
    prices = options.get("prices") or {}
    if not isinstance(prices, Mapping) or not all(map(callable, prices.values())):
        raise ConfigError(f"prices is a mapping such as {{'gpt-5-mini': Price(...)}}, not {prices!r:.80}")
    price = pricer(config.provider.name, config.model, prices)
    cost, tokens = options.get("max_cost"), options.get("max_tokens_total")
    if tokens is not None:
        check_count("max_tokens_total", tokens, least=1)
    cap = None if cost is None else dollars("max_cost", cost)
    if cap is not None and price(config.model, Usage(1, 1)) is None:
        raise ConfigError(
            f"max_cost needs the price of {config.model!r}: give prices={{{config.model!r}: Price(input=..., "
            "output=...)}, in US dollars for a million tokens, or install genai-prices"
        )
    return Budget(tokens, cap, price, bound)


def _with_defaults(defaults: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    if not MAX_TOKENS.isdisjoint(params):  # one limit goes by two names
        defaults = {name: value for name, value in defaults.items() if name not in MAX_TOKENS}
    return dict(with_body({**defaults, **params}, defaults.get("extra_body", {})))


def _remake(client: type[Calls], arguments: Mapping[str, Any]) -> Calls:
    return client(**arguments)


def parsed(extraction: Extraction[T]) -> ParsedCompletion[T]:
    """Return the completion with the record in it, or raise the extraction's error."""
    record = extraction.unwrap()
    completion = cast(Completion, extraction.completion).with_message(parsed=record)
    values = {f.name: getattr(completion, f.name) for f in fields(Completion)}
    return ParsedCompletion(**values)


def samples_of(options: Mapping[str, Any]) -> int:
    """Return how many answers to ask for. Raises ConfigError."""
    samples = options.get("samples", 1)
    if not isinstance(samples, int) or isinstance(samples, bool) or not 1 <= samples <= MOST_SAMPLES:
        raise ConfigError(f"samples is a whole number from 1 to {MOST_SAMPLES}, not {samples!r}")
    return samples


def streamed(options: ExtractOptions) -> ExtractOptions:
    """Return the options of a streamed call, its examples read. Raises ConfigError: it is one answer."""
    if samples_of(options) > 1:
        raise ConfigError("a stream is one answer: samples are for run, extract, rows and frame")
    return {**options, "examples": list(options.get("examples", ()))}


def context_of(text: Text | None, context: Mapping[str, Any] | None, attempt: int = 1) -> dict[str, Any]:
    """Return what Pydantic validators find in `info.context`: the text, the number of the attempt, counted
    from 1, and what the caller gives.
    """
    return {"text": text_of(text), "attempt": attempt, **(context or {})}


def list_of(item_type: Any) -> Any:
    """Return the record type whose records are lists of an item type's."""
    if not isinstance(item_type, Mapping):
        check_type(item_type)
        return list[item_type]
    item = unwrapped(item_type)
    whole = {"$schema": item["$schema"]} if "$schema" in item else {}
    return {**whole, "type": "array", "items": {"$id": "urn:extractor:item", **item}}


def after_stream(step: Ask[T], event: Completion | Failure, begun: bool) -> Step[T]:
    """Return what follows on a streamed reply: one that broke after its first chunk is not asked for
    again, since the caller has seen its beginning.
    """
    if begun and isinstance(event, Failure):
        step = replace(step, policy=replace(step.policy, max_retries=0))
    return step.tell(step.receive(event, time.monotonic(), random.random()))


def _checked_text(text: Text) -> Content:
    if isinstance(text, str):
        if not text.strip():
            raise ConfigError("the text is empty: there is nothing to extract from")
        return text
    if isinstance(text, Sequence) and text and not isinstance(text, bytes):
        if len(text) > 1 and all(isinstance(part, str) for part in text):
            raise ConfigError(
                f"these are {len(text)} texts: `rows` takes many and gives a record for each; "
                "join them where they are one text"
            )
        return content.parts(text)
    raise ConfigError(
        f"the text is a string, a document or a list of content parts, not {type(text).__name__}"
    )


def check_length(text: str, window: int | None, model: str) -> None:
    """Raise ConfigError for a text that is longer than a model's window (tokens), whatever its tokens are."""
    if window is not None:
        least = len(" ".join(text.split())) // MOST_CHARACTERS_A_TOKEN
        if least > window:
            raise ConfigError(
                f"the text has {len(text):,} characters, more than the {window:,} tokens that {model!r} can "
                "read at a time: use document(...), which reads it in chunks (`extractor extract --long`)"
            )


def _checked(messages: Messages) -> tuple[Message, ...]:
    if isinstance(messages, str | Mapping) or not messages:
        raise ConfigError(
            "messages is a list with at least one message: [{'role': 'user', 'content': '...'}]"
        )
    return tuple(map(_message, messages))


def _message(value: Message | Mapping[str, Any]) -> Message:
    message = Message.of(value)
    if message.content is None or isinstance(message.content, str):
        return message
    return replace(message, content=content.parts(message.content))


def _asked(record_type: Any, evidence: Any, extras: Literal["keep"] | None) -> Any:
    """Return the record type as the model is asked for it."""
    record_type = with_extras(record_type, extras)
    return Quoted(record_type) if evidence == "quote" else record_type


def _checked_example(
    compiled: CompiledSchema[Any], record_type: Any, text: str, record: Any
) -> tuple[str, str]:
    """Return the example with its record as the model would write it."""
    _checked_text(text)
    quoted = isinstance(record_type, Quoted)
    plain_type = record_type
    while isinstance(plain_type, Quoted | Chunked | WithExtras):
        plain_type = plain_type.record_type
    try:
        if not isinstance(plain_type, Mapping):
            record = TypeAdapter(plain_type).validate_python(record)
        wire = compiled.encode(record)
        wire = quote_example(wire, text) if quoted else wire
        compiled.decode(wire, context_of(text, None))
    except Exception as error:
        raise ConfigError(f"the example for {text[:40]!r} is no valid record: {error}") from error
    return text, wire
