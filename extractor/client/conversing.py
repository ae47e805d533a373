"""The verbs of conversations, which Extractor has beside those of extraction."""

from __future__ import annotations

import time
from functools import partial
from typing import Any, TypeVar, Unpack, overload

from .. import tools
from ..connections import ModelConnection, SyncModels
from ..conversations import asking, chatting, opening, parsed, parsing
from ..given import Messages
from ..messages import Completion, ParsedCompletion
from ..options import ChatOptions, ParseOptions, RunToolsOptions
from ..signatures import explicit
from ..streams import ChatStream, chunks
from .base import BaseClient

T = TypeVar("T")


@explicit
class Conversing(BaseClient[ModelConnection]):
    """A model, ready to chat."""

    _models: SyncModels

    @overload
    def parse(
        self, messages: Messages, record_type: type[T], **options: Unpack[ParseOptions]
    ) -> ParsedCompletion[T]: ...
    @overload
    def parse(
        self, messages: Messages, record_type: Any, **options: Unpack[ParseOptions]
    ) -> ParsedCompletion[Any]: ...
    def parse(
        self, messages: Messages, record_type: Any, **options: Unpack[ParseOptions]
    ) -> ParsedCompletion[Any]:
        """Return a completion whose `parsed` is a record. Raises what `extract` raises."""
        return parsed(
            self._models.carry(partial(parsing, messages=messages, record_type=record_type, **options))
        )

    def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Completion:
        """Return the model's reply to a conversation.

        - messages: Message values, or mappings with the keys of the API.
        - options: see ChatOptions.

        `tool_calls` has the model's calls, each with `parsed_arguments`. Raises ConfigError, SchemaError,
        ServiceError, and Invalid if a call does not fit its tool.
        """
        return self._models.carry(partial(chatting, messages=messages, **options)).unwrap()

    def chat_stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> ChatStream:
        """Return an iterator over the chunks of the reply. The last one has the whole `completion`.

        Failures before the first chunk are retried, with fallback models too. If a stream breaks later,
        ServiceError is raised.
        """
        first = self._models.begin(partial(chatting, messages=messages, **options))
        return ChatStream(chunks(self._models.pump(first, once=False)))

    @overload
    def run_tools(
        self, messages: Messages, record_type: type[T], **options: Unpack[RunToolsOptions]
    ) -> tools.ToolRun[T]: ...
    @overload
    def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> tools.ToolRun[Any]: ...
    def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> tools.ToolRun[Any]:
        """Run the model's tool calls until it answers, and return how the conversation ended.

        - record_type: the type of the answer; None for text.
        - options: see RunToolsOptions.

        Only the given tools are run. The model sees what a tool raises, and why a call does not fit, as data.
        In the last round it must answer. `deadline`, `max_cost` and `max_tokens_total` apply to all rounds
        together.

        Raises only SchemaError and ConfigError. Failures of the service and of the model are in the result.
        """
        from ..tools import Round, run

        step: Round | tools.ToolRun[Any] = opening(self._first, messages, record_type, **options)
        while isinstance(step, Round):
            reply = self._models.carry(partial(asking, step=step))
            results = [run(called) for called in step.calls(reply, time.monotonic())]
            step = step.after(reply, results, time.monotonic())
        return step
