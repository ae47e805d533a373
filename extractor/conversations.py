"""Conversations put to a model: how a chat, a typed completion and a round of tools each begin."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .dialogue import Ask, Judge, ModeLadder, accept, judge_record, judge_tool_calls, shown_schema
from .errors import ConfigError
from .given import Messages, checked_messages, context_of, said_by_user
from .messages import Completion, Message, Mode, ParsedCompletion, Request
from .model import Model, only_prompt
from .options import MAX_CALLS, MAX_ROUNDS, Tool
from .results import Extraction
from .schema import CompiledSchema

if TYPE_CHECKING:
    from .tools import Round, ToolReply

T = TypeVar("T")


def parsing(
    model: Model,
    /,
    messages: Messages,
    record_type: Any,
    context: Mapping[str, Any] | None = None,
    strict_reading: bool | None = None,
    read_values: bool | None = None,
    **params: Any,
) -> Ask[Any]:
    """Return the first step of a dialogue whose reply is a record. Raises ConfigError and SchemaError."""
    _check_unmasked(model)
    if "response_format" in params:
        raise ConfigError("response_format can't be given: it is made from the record type")
    compiled, said = model.compiled(record_type), checked_messages(messages)
    in_grammar = model.compiled(record_type, "marked" if model.writes_grammar else None)
    source, params = said_by_user(said), model.params(params)

    def request(mode: Mode) -> Request:
        sent, shown = in_grammar if mode is Mode.JSON_SCHEMA else compiled, said
        if only_prompt(mode):
            shown = (*said, Message("system", shown_schema(compiled.schema, mode)))
        return model.request(shown, params, mode, sent.strict, source)

    reads = model.settings.reads(strict_reading, read_values)
    reader = compiled.reader(**reads, as_in_text=model.settings.saying.meanings)

    def judges(attempt: int) -> Judge[Any]:
        decode = partial(compiled.decode, context=context_of(source, context, attempt))
        return partial(judge_record, decode=decode, reader=reader)

    ladder = ModeLadder(model.learnt.modes_for(compiled.strict), request, model.shows_schema)
    return model.start(request(ladder.modes[0]), judges(1), ladder, judges)


def chatting(
    model: Model,
    /,
    messages: Messages,
    tools: Sequence[Tool] | Tool = (),
    tool_choice: str | Mapping[str, Any] | None = None,
    **params: Any,
) -> Ask[Completion]:
    """Return the first step of a dialogue whose reply is words, or calls of tools. Raises ConfigError and
    SchemaError.
    """
    _check_unmasked(model)
    if tool_choice is not None and not tools:
        raise ConfigError("tool_choice needs tools=[...] to choose from")
    compiled = _compiled(tools, model) if tools != () else ()
    request = replace(
        model.request(checked_messages(messages), model.params(params)),
        tools=tuple(tool.strict for tool in compiled),
        tool_choice=tool_choice,
    )
    judge: Judge[Completion] = accept
    if tools:
        required = tool_choice not in (None, "auto", "none")
        decoders = {tool.name: tool.decode for tool in compiled}
        readers = {tool.name: tool.reader(**model.settings.reading) for tool in compiled}
        judge = partial(judge_tool_calls, decoders=decoders, required=required, readers=readers)
    return model.start(request, judge)


def opening(
    model: Model,
    /,
    messages: Messages,
    record_type: Any,
    tools: Sequence[Tool] | Tool = (),
    tool_choice: str | Mapping[str, Any] | None = None,
    max_rounds: int = MAX_ROUNDS,
    max_calls: int = MAX_CALLS,
    awaits: bool = False,
    **params: Any,
) -> Round:
    """Return the first round of a conversation with tools. awaits: whether tools may be async. Raises
    ConfigError and SchemaError.
    """
    from .tools import Settled, check_tools, first_round, listed

    _check_unmasked(model)
    given, reading = listed(tools), model.settings.reading
    check_tools(given, model.provider.target, awaits)
    settled = Settled(given, record_type, params, max_rounds, max_calls, model.policy, reading)
    return first_round(checked_messages(messages), settled, tool_choice, model.provider, time.monotonic())


def asking(model: Model, step: Round) -> Ask[ToolReply]:
    """Return the dialogue of a round."""
    request = model.request(step.messages, model.params(step.settled.params), model.learnt.modes[0])
    return replace(step.ask(request, model.provider, model.policy, time.monotonic()), model=model)


def parsed(extraction: Extraction[T]) -> ParsedCompletion[T]:
    """Return the completion with the record in it, or raise the extraction's error."""
    record = extraction.unwrap()
    completion = cast(Completion, extraction.completion).with_message(parsed=record)
    values = {f.name: getattr(completion, f.name) for f in fields(Completion)}
    return ParsedCompletion(**values)


def _compiled(tools: Sequence[Tool] | Tool, model: Model) -> Sequence[CompiledSchema[Any]]:
    """Return the schemas of tools; their room is loaded for a chat that has some."""
    from .schema import tool_schema
    from .tools import listed

    return [tool_schema(tool, model.target) for tool in listed(tools)]


def _check_unmasked(model: Model) -> None:
    """Raise ConfigError where a client hides what is in texts: messages are sent as they are."""
    if model.settings.mask is not None:
        raise ConfigError(
            "this Extractor has a mask, but messages can't be masked: mask= is for run, extract, rows, "
            "frame and document. Chat with an Extractor without a mask"
        )
