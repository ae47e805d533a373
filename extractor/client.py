"""Extractor and AsyncExtractor: where the rooms meet. They wait and post; what to say is decided below."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, Unpack, cast, overload
from weakref import WeakKeyDictionary, finalize

from .batch.estimate import Estimate
from .batch.outcomes import RowOutcome
from .batch.texts import Select
from .calls import (
    Calls,
    Endpoint,
    Messages,
    Text,
    after_stream,
    context_of,
    list_of,
    parsed,
    samples_of,
    streamed,
)
from .dialects import ADDED_TEXT
from .dialogue import Ask, Step, aconverse, converse
from .documents.outcome import DocumentExtraction
from .evaluation.votes import agreed
from .messages import Completion, CompletionChunk, Extraction, Failure, ParsedCompletion, Request
from .options import (
    ChatOptions,
    ClientOptions,
    DocumentOptions,
    ExtractOptions,
    FrameOptions,
    ParseOptions,
    RowOptions,
    RunToolsOptions,
)
from .processes import check_process, leave_alone, when_forked
from .schema.partial import Partial
from .signatures import explicit
from .streams import (
    AsyncChatStream,
    AsyncRecordStream,
    ChatStream,
    Growth,
    ItemGrowth,
    RecordGrowth,
    RecordStream,
    StreamReader,
    last_chunk,
)
from .tools import Round, ToolRun, arun, run
from .transport import http

if TYPE_CHECKING:
    from .previewing import Preview

T = TypeVar("T")
Out = TypeVar("Out")
Frame = TypeVar("Frame")
_GIVEN = "an Extractor with an http_client of your own, which keeps connections,"
Begin: TypeAlias = Callable[[Calls], Ask[T]]  # the first step of a call, by one model


class Extractor(Calls):
    """A model, ready to extract records and to chat. Safe to use from several threads.

    model: "provider:model" (see the providers page of the docs), "local:smollm2", "local:/path.gguf", or,
    with base_url, any name that the server knows; by default the environment's EXTRACTOR_MODEL, else the
    embedded model. api_key: by default the provider's environment variable; or a function that returns it,
    asked before each request. instructions: said to the model in every extraction. grounded: whether plain
    strings can only be pieces of the text, where the server takes a grammar; by default so for the embedded
    model. mode: how a record is asked for, "auto" for the
    best that the server takes (see Mode). strict_reading: take plain JSON alone, in the schema's shape; by
    default a slip that leaves one reading is read, and the attempt's note says so. read_values: read choices
    in another spelling, numbers as text and words for nothing, too. turns: which turns of a conversation the
    server takes, if not "any" (see Turns); it is also learned from what the server refuses. prompt: the
    instructions, "plain" or "small" for models of up to a few billion parameters (see Prompt); by default
    what suits the embedded model, "plain" elsewhere. fallback: models to ask, in turn, where this one gives
    no record. A name is asked with this one's options, at its URL and with its key where the provider is the
    same; an Extractor is a model with options of its own. on: what to try then, by outcome, kind of failure
    or HTTP status: "again", "fallback", both, or "stop". max_repairs and max_retries bound the further
    requests after bad replies and after transient transport failures; timeout (a number or Timeouts) and
    deadline are seconds for one request and for a whole call. proxy, verify, http2: how the server is reached
    (see Reach); by default the environment's proxies and the usual certificate authorities. max_reply_bytes
    and max_line_bytes: what a reply, unpacked, and one event of a stream may have; a stream may have four
    times as much as a whole reply, since each token comes in an event. max_tokens_total
    and max_cost (US dollars): once they are spent nothing more is asked in a call. prices: a Price by model,
    where genai-prices does not know it. retry_wait: a tenacity wait strategy. provider: a row of your own,
    see `dialects/providers.py`. http_client: your own httpx.Client, which you close yourself. on_event: is
    told of each dialogue and attempt (see DialogueStarted). capture_content: whether texts go into
    OpenTelemetry spans. Other keywords are parameters of the chat-completions API (temperature, seed,
    max_tokens, extra_body, ...), sent with each request.

    Raises ConfigError where the model, its key or its URL are not clear. Close it, or use `with`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: http.Client | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(model, **options)
        self._own_client: http.Sender | None = None
        self._given_client, self._process = self._given(http_client), os.getpid()
        self._begin_anew()
        when_forked(self, Extractor._begin_anew)

    @overload
    def extract(self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]) -> T: ...
    @overload
    def extract(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Any: ...
    def extract(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Any:
        """Return the record that the text holds.

        record_type: a Pydantic model, any type a TypeAdapter takes, or a JSON Schema. text: a string
        or content parts. options: instructions, examples, context (see ExtractOptions) and parameters
        of the API. Raises SchemaError and ConfigError before anything is sent, ServiceError where the
        service failed, ExtractionError where the model's replies are no record.
        """
        return self.run(record_type, text, **options).unwrap()

    @overload
    def run(self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]) -> Extraction[T]: ...
    @overload
    def run(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Extraction[Any]: ...
    def run(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Extraction[Any]:
        """Return how the extraction ended, as data: its record, outcome, attempts and usage.

        Raises only SchemaError and ConfigError; what the service and the model did is in the result.
        """
        options["examples"] = list(options.get("examples", ()))  # a fallback model reads them again

        def begin(calls: Calls) -> Ask[Any]:
            return calls._extraction(record_type, text, **options)

        samples = samples_of(options)
        if samples == 1:
            return self._converse(begin)
        with ThreadPoolExecutor(samples) as threads:
            asked = [threads.submit(copy_context().run, self._converse, begin) for _ in range(samples)]
            return agreed([each.result() for each in asked])

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
        return parsed(self._converse(lambda calls: calls._parse(messages, record_type, **options)))

    def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Completion:
        """Return the model's reply to a conversation.

        messages: Message values or mappings with the API's keys. options: tools, tool_choice (see
        ChatOptions) and parameters of the API. The model's calls come back in `tool_calls`, with
        `parsed_arguments`. Raises ConfigError, SchemaError, ServiceError, and Invalid where a tool
        call does not fit its tool.
        """
        return self._converse(lambda calls: calls._chat(messages, **options)).unwrap()

    def chat_stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> ChatStream:
        """Return an iterator over the chunks of the reply; the last has the whole `completion`.

        Failures before the first chunk are retried, and fallback models are asked then; a stream that
        breaks later raises ServiceError.
        """

        def begin(calls: Calls) -> Ask[Completion]:
            return calls._chat(messages, **options)

        return ChatStream(self._chunks(self._begin(begin), begin, self._fallbacks))

    @overload
    def stream(
        self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]
    ) -> RecordStream[Partial[T], T]: ...
    @overload
    def stream(
        self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> RecordStream[Partial[Any], Any]: ...
    def stream(
        self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> RecordStream[Partial[Any], Any]:
        """Return an iterator over what has come of the record, after each piece of the reply that adds to it.

        It gives a Partial each time, the last of them with the validated `record`, and then has `record`
        and `result`. Arguments and errors are those of `extract`; the errors have what came as `partial`.
        Failures before the first words are retried. What follows on the first whole reply, repairs and
        fallback models, is not streamed.
        """
        options = streamed(options)
        growth = RecordGrowth(self._compiled(record_type), context_of(text, options.get("context")))
        return self._record_stream(lambda calls: calls._extraction(record_type, text, **options), growth)

    @overload
    def items(
        self, item_type: type[T], text: Text, **options: Unpack[ExtractOptions]
    ) -> RecordStream[T, list[T]]: ...
    @overload
    def items(
        self, item_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> RecordStream[Any, list[Any]]: ...
    def items(
        self, item_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> RecordStream[Any, list[Any]]:
        """Return an iterator over the items that the text holds, each given once, valid, once it is whole.

        An item that is not valid is held back; what its repair gives comes last. `record` is then the
        list of all. Raises what `extract` raises, with the items so far as `partial`, and Invalid where a
        repair has taken back what was given.
        """
        options = streamed(options)
        whole = list_of(item_type)
        document = self._compiled(item_type) if isinstance(item_type, Mapping) else None
        growth = ItemGrowth[Any](self._compiled(whole), context_of(text, options.get("context")), document)
        return self._record_stream(lambda calls: calls._extraction(whole, text, **options), growth)

    @overload
    def run_tools(
        self, messages: Messages, record_type: type[T], **options: Unpack[RunToolsOptions]
    ) -> ToolRun[T]: ...
    @overload
    def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> ToolRun[Any]: ...
    def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> ToolRun[Any]:
        """Return how a conversation ended in which the model's calls are carried out until it answers.

        record_type: what the model has to answer with; None for words. options: tools, tool_choice,
        max_rounds (see RunToolsOptions) and parameters of the API. Nothing is run but the given tools.
        What one of them raises, and a call that does not fit, is told to the model as data. In the last
        round it has to answer. `deadline`, `max_cost` and `max_tokens_total` hold for all rounds together.

        Raises only SchemaError and ConfigError; what the service and the model did is in the result.
        """
        step: Round | ToolRun[Any] = self._first_round(messages, record_type, **options)
        while isinstance(step, Round):
            reply = self._converse(partial(Calls._round, step=step))
            results = [run(called) for called in step.calls(reply, time.monotonic())]
            step = step.after(reply, results, time.monotonic())
        return step

    def rows(
        self, rows: Iterable[Any], record_type: Any, *, text: Select = None, **options: Unpack[RowOptions]
    ) -> Iterator[RowOutcome[Any]]:
        """Yield what came of each row, in the order of the input: a RowOutcome, never an exception.

        rows: texts, or mappings and the like with `text` saying which text to take: a field, several, a
        template such as "{title}: {body}", or a function. Empty texts ask nothing. The rows are read as
        they are needed, in another thread. options: see RowOptions and ExtractOptions. Raises ConfigError
        and SchemaError before anything is sent, and RunStopped where going on makes no sense: a wrong
        key, no credit, max_cost, a full disk. Run the same again to go on from there.
        """
        from . import rows as bulk

        return bulk.rows(bulk.Job.of(self, rows, record_type, text, options))

    def frame(
        self, frame: Frame, record_type: Any, *, text: Select, **options: Unpack[FrameOptions]
    ) -> Frame:
        """Return the frame with a column of records beside its own, and one of errors.

        frame: of pandas, Polars (eager or lazy), PyArrow or DuckDB; other libraries' frames that hand out
        Arrow streams become PyArrow tables. text: a column, several (joined by a blank line), a template
        such as "{subject}: {body}", or a function of a row as a dict. Rows, index, order and the
        frame's own columns stay as they are; a row without text gets null, one that fails its error.
        options: see FrameOptions, RowOptions and ExtractOptions.

        Raises ConfigError and SchemaError before anything is sent, and RunStopped where going on makes no
        sense, with the frame as far as it is as `partial`. The same call again goes on from there.
        """
        from .batch.frames import enriching

        with enriching(frame, record_type, text, options) as work:
            for outcome in self.rows(work.rows, record_type, text=work.text, **work.options):
                work.take(outcome)
        return cast(Frame, work.result())

    @overload
    def document(
        self, record_type: type[T], text: str, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[T]: ...
    @overload
    def document(
        self, record_type: Any, text: str, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[Any]: ...
    def document(
        self, record_type: Any, text: str, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[Any]:
        """Return how the extraction from a text of any length ended: its record, and what came of each chunk.

        A text that fits the model's window is asked of at once. A longer one is cut at natural borders into
        chunks that overlap; what they give is merged by the record type, and validated as a whole. No chunk
        is lost in silence: one that fails is read again in shorter ones, or stands in `missing`. options: see
        DocumentOptions, RowOptions and ExtractOptions; answers are kept in the journal, so the same call
        again goes on where one ended. Raises what `rows` raises, a RunStopped with the result so far as
        `partial`, and ConfigError where it is not known how much the model takes at a time.
        """
        from . import rows as bulk
        from .documents import work

        options["examples"] = list(options.get("examples", ()))
        plan = work.plan(self, record_type, text, options)
        with work.reading(self, plan, options) as reading:
            for job in reading.jobs():
                for outcome in bulk.rows(job):
                    reading.take(outcome)
        return reading.result()

    def preview(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Preview:
        """Return the request that `extract` would send first, without keys; nothing is sent.

        Raises ConfigError and SchemaError, as `extract` does.
        """
        from .previewing import preview

        return preview(self, record_type, text, options)

    def estimate(
        self, rows: Any, record_type: Any, *, text: Select = None, **options: Unpack[RowOptions]
    ) -> Estimate:
        """Return what `frame` or `rows` would come to, in requests, tokens and US dollars; nothing is sent.

        rows: a frame, or rows as `rows` takes them; an iterator is used up. Repairs are not counted.
        Raises ConfigError and SchemaError.
        """
        from .estimating import estimated

        return estimated(self, rows, record_type, text, options)

    def close(self) -> None:
        """Close the connections. The embedded model's server is shared and ends with the process."""
        if self._own_client is not None:
            self._own_client.close()
            self._own_client = None
        for other in self._own_fallbacks:
            other.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _converse(self, begin: Begin[T]) -> Extraction[T]:
        """Carry a dialogue to its end; where there is no record, go on with the fallback models."""
        with self._watching(self._begin(begin)) as step:
            return self._concluded(self._dialogue(step), step, begin)

    def _concluded(self, result: Extraction[T], step: Ask[T], begin: Begin[T]) -> Extraction[T]:
        """Go on with the fallback models, where there is no record."""
        for other in self._fallbacks:
            if not self._falls_back(result, step):
                break
            sequel = begin(other).after(result.attempts, step, time.monotonic())
            result = other._dialogue(sequel)
        return result

    def _dialogue(self, step: Ask[T]) -> Extraction[T]:
        endpoint = self._find_endpoint()
        client = self._client(endpoint)

        def exchange(request: Request, timeout: float) -> Completion | Failure:
            return self._read(
                http.post(client, self._post(endpoint, request, timeout), time.monotonic), endpoint
            )

        result = converse(step, exchange, time.sleep, time.monotonic, random.random)
        self._learn(result)
        return result

    def _record_stream(self, begin: Begin[T], growth: Growth[Out, T]) -> RecordStream[Out, T]:
        return RecordStream(self._growing(self._begin(begin), begin, growth), growth)

    def _growing(self, first: Ask[T], begin: Begin[T], growth: Growth[Out, T]) -> Iterator[Out]:
        with self._watching(first) as first:
            endpoint = self._find_endpoint()
            client = self._client(endpoint)
            step: Step[T] = first
            short_cut = ADDED_TEXT.get(self._config.provider.dialect)
            event: Completion | Failure | None = None
            while isinstance(step, Ask) and not isinstance(event, Completion):
                time.sleep(step.wait)
                call = self._post(endpoint, step.request, step.timeout, stream=True, total=step.left)
                reading = StreamReader(self._dialect, time.monotonic, time.time, self._most_line)
                begun = False
                with closing(http.stream(client, call, time.monotonic)) as pieces:
                    for piece in pieces:
                        for chunk in reading.feed_short(piece, short_cut):
                            begun = True
                            yield from growth.add(chunk)
                event = self._redacted(reading.end(), endpoint)
                step = after_stream(step, event, begun)
            result = self._dialogue(step) if isinstance(step, Ask) else self._learned(step)
            yield from growth.finish(self._concluded(result, first, begin))

    def _chunks(
        self, step: Ask[Completion], begin: Begin[Completion], others: Sequence[Self]
    ) -> Iterator[CompletionChunk]:
        with self._watching(step) as step:
            endpoint = self._find_endpoint()
            client = self._client(endpoint)
            while True:
                time.sleep(step.wait)
                call = self._post(endpoint, step.request, step.timeout, stream=True, total=step.left)
                reading = StreamReader(self._dialect, time.monotonic, time.time, self._most_line)
                begun = False
                with closing(http.stream(client, call, time.monotonic)) as pieces:
                    for piece in pieces:
                        for chunk in reading.feed(piece):
                            begun = True
                            yield chunk
                after = after_stream(step, self._redacted(reading.end(), endpoint), begun)
                if isinstance(after, Ask):
                    step = after
                    continue
                if begun or not others or not self._falls_back(after, step):
                    yield last_chunk(after.unwrap())
                    return
                sequel = begin(others[0]).after(after.attempts, step, time.monotonic())
                yield from others[0]._chunks(sequel, begin, others[1:])
                return

    def _begin_anew(self) -> None:
        self._lock = threading.Lock()

    def _client(self, endpoint: Endpoint) -> http.Sender:
        if self._given_client is not None:
            check_process(self._process, _GIVEN)
            return self._given_client
        with self._lock:
            if self._own_client is None:
                self._own_client = http.new_client(endpoint.base_url, self._reach)
                finalize(self, self._own_client.close)  # for who forgets to; a second time it does nothing
            return self._own_client


class AsyncExtractor(Calls):
    """Extractor for async code: the same arguments and methods, awaitable. Use `async with`, or `aclose`."""

    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: http.AsyncClient | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(model, **options)
        # a connection belongs to the event loop that opened it
        self._own_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, http.AsyncSender] = (
            WeakKeyDictionary()
        )
        self._given_client, self._process = self._given(http_client), os.getpid()
        when_forked(self, AsyncExtractor._begin_anew)

    @overload
    async def extract(self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]) -> T: ...
    @overload
    async def extract(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Any: ...
    async def extract(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Any:
        """Return the record that the text holds; see Extractor.extract."""
        result: Extraction[Any] = await self.run(record_type, text, **options)
        return result.unwrap()

    @overload
    async def run(
        self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]
    ) -> Extraction[T]: ...
    @overload
    async def run(
        self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> Extraction[Any]: ...
    async def run(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Extraction[Any]:
        """Return how the extraction ended, as data; see Extractor.run."""
        options["examples"] = list(options.get("examples", ()))

        def begin(calls: Calls) -> Ask[Any]:
            return calls._extraction(record_type, text, **options)

        samples = samples_of(options)
        if samples == 1:
            return await self._converse(begin)
        return agreed(await asyncio.gather(*(self._converse(begin) for _ in range(samples))))

    @overload
    async def parse(
        self, messages: Messages, record_type: type[T], **options: Unpack[ParseOptions]
    ) -> ParsedCompletion[T]: ...
    @overload
    async def parse(
        self, messages: Messages, record_type: Any, **options: Unpack[ParseOptions]
    ) -> ParsedCompletion[Any]: ...
    async def parse(
        self, messages: Messages, record_type: Any, **options: Unpack[ParseOptions]
    ) -> ParsedCompletion[Any]:
        """Return a completion whose `parsed` is a record; see Extractor.parse."""
        return parsed(await self._converse(lambda calls: calls._parse(messages, record_type, **options)))

    async def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Completion:
        """Return the model's reply to a conversation; see Extractor.chat."""
        result = await self._converse(lambda calls: calls._chat(messages, **options))
        return result.unwrap()

    def chat_stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> AsyncChatStream:
        """Return an async iterator over the chunks of the reply; see Extractor.chat_stream."""

        def begin(calls: Calls) -> Ask[Completion]:
            return calls._chat(messages, **options)

        return AsyncChatStream(self._chunks(self._begin(begin), begin, self._fallbacks))

    @overload
    def stream(
        self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]
    ) -> AsyncRecordStream[Partial[T], T]: ...
    @overload
    def stream(
        self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> AsyncRecordStream[Partial[Any], Any]: ...
    def stream(
        self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> AsyncRecordStream[Partial[Any], Any]:
        """Return an async iterator over what has come of the record; see Extractor.stream."""
        options = streamed(options)
        growth = RecordGrowth(self._compiled(record_type), context_of(text, options.get("context")))
        return self._record_stream(lambda calls: calls._extraction(record_type, text, **options), growth)

    @overload
    def items(
        self, item_type: type[T], text: Text, **options: Unpack[ExtractOptions]
    ) -> AsyncRecordStream[T, list[T]]: ...
    @overload
    def items(
        self, item_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> AsyncRecordStream[Any, list[Any]]: ...
    def items(
        self, item_type: Any, text: Text, **options: Unpack[ExtractOptions]
    ) -> AsyncRecordStream[Any, list[Any]]:
        """Return an async iterator over the items that the text holds; see Extractor.items."""
        options = streamed(options)
        whole = list_of(item_type)
        document = self._compiled(item_type) if isinstance(item_type, Mapping) else None
        growth = ItemGrowth[Any](self._compiled(whole), context_of(text, options.get("context")), document)
        return self._record_stream(lambda calls: calls._extraction(whole, text, **options), growth)

    @overload
    async def run_tools(
        self, messages: Messages, record_type: type[T], **options: Unpack[RunToolsOptions]
    ) -> ToolRun[T]: ...
    @overload
    async def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> ToolRun[Any]: ...
    async def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> ToolRun[Any]:
        """Return how a conversation with tools ended; see Extractor.run_tools. Tools may be async; the calls
        of one reply are run together, those of functions that are not async in threads.
        """
        step: Round | ToolRun[Any] = self._first_round(messages, record_type, awaits=True, **options)
        while isinstance(step, Round):
            reply = await self._converse(partial(Calls._round, step=step))
            results = await asyncio.gather(*map(arun, step.calls(reply, time.monotonic())))
            step = step.after(reply, results, time.monotonic())
        return step

    def rows(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        record_type: Any,
        *,
        text: Select = None,
        **options: Unpack[RowOptions],
    ) -> AsyncIterator[RowOutcome[Any]]:
        """Yield what came of each row; see Extractor.rows. The rows may come asynchronously."""
        from . import rows as bulk

        return bulk.arows(bulk.Job.of(self, rows, record_type, text, options))

    async def aframe(
        self, frame: Frame, record_type: Any, *, text: Select, **options: Unpack[FrameOptions]
    ) -> Frame:
        """Return the frame with columns of records and errors beside its own; see Extractor.frame."""
        from .batch.frames import enriching

        with enriching(frame, record_type, text, options) as work:
            async for outcome in self.rows(work.rows, record_type, text=work.text, **work.options):
                work.take(outcome)
        return cast(Frame, work.result())

    frame = aframe  # as the sync client calls it

    @overload
    async def document(
        self, record_type: type[T], text: str, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[T]: ...
    @overload
    async def document(
        self, record_type: Any, text: str, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[Any]: ...
    async def document(
        self, record_type: Any, text: str, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[Any]:
        """Return how the extraction from a text of any length ended; see Extractor.document."""
        from . import rows as bulk
        from .documents import work

        options["examples"] = list(options.get("examples", ()))
        plan = await asyncio.to_thread(work.plan, self, record_type, text, options)
        with work.reading(self, plan, options) as reading:
            for job in reading.jobs():
                async for outcome in bulk.arows(job):
                    reading.take(outcome)
        return reading.result()

    def preview(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Preview:
        """Return the request that `extract` would send first; see Extractor.preview."""
        from .previewing import preview

        return preview(self, record_type, text, options)

    async def estimate(
        self, rows: Any, record_type: Any, *, text: Select = None, **options: Unpack[RowOptions]
    ) -> Estimate:
        """Return what `aframe` or `rows` would come to; see Extractor.estimate."""
        from .estimating import estimated

        return await asyncio.to_thread(estimated, self, rows, record_type, text, options)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        client = self._own_clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
        for other in self._own_fallbacks:
            await other.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _converse(self, begin: Begin[T]) -> Extraction[T]:
        """Carry a dialogue to its end; where there is no record, go on with the fallback models."""
        with self._watching(self._begin(begin)) as step:
            return await self._concluded(await self._dialogue(step), step, begin)

    async def _concluded(self, result: Extraction[T], step: Ask[T], begin: Begin[T]) -> Extraction[T]:
        """Go on with the fallback models, where there is no record."""
        for other in self._fallbacks:
            if not self._falls_back(result, step):
                break
            sequel = begin(other).after(result.attempts, step, time.monotonic())
            result = await other._dialogue(sequel)
        return result

    async def _dialogue(self, step: Ask[T]) -> Extraction[T]:
        endpoint = await self._afind_endpoint()
        client = self._client(endpoint)

        async def exchange(request: Request, timeout: float) -> Completion | Failure:
            call = self._post(endpoint, request, timeout)
            return self._read(await http.apost(client, call, time.monotonic), endpoint)

        result = await aconverse(step, exchange, asyncio.sleep, time.monotonic, random.random)
        self._learn(result)
        return result

    def _record_stream(self, begin: Begin[T], growth: Growth[Out, T]) -> AsyncRecordStream[Out, T]:
        return AsyncRecordStream(self._growing(self._begin(begin), begin, growth), growth)

    async def _growing(self, first: Ask[T], begin: Begin[T], growth: Growth[Out, T]) -> AsyncGenerator[Out]:
        with self._watching(first) as first:
            endpoint = await self._afind_endpoint()
            client = self._client(endpoint)
            step: Step[T] = first
            short_cut = ADDED_TEXT.get(self._config.provider.dialect)
            event: Completion | Failure | None = None
            while isinstance(step, Ask) and not isinstance(event, Completion):
                await asyncio.sleep(step.wait)
                call = self._post(endpoint, step.request, step.timeout, stream=True, total=step.left)
                reading = StreamReader(self._dialect, time.monotonic, time.time, self._most_line)
                begun = False
                async with aclosing(http.astream(client, call, time.monotonic)) as pieces:
                    async for piece in pieces:
                        for chunk in reading.feed_short(piece, short_cut):
                            begun = True
                            for output in growth.add(chunk):
                                yield output
                event = self._redacted(reading.end(), endpoint)
                step = after_stream(step, event, begun)
            result = await self._dialogue(step) if isinstance(step, Ask) else self._learned(step)
            for output in growth.finish(await self._concluded(result, first, begin)):
                yield output

    async def _chunks(
        self, step: Ask[Completion], begin: Begin[Completion], others: Sequence[Self]
    ) -> AsyncGenerator[CompletionChunk]:
        with self._watching(step) as step:
            endpoint = await self._afind_endpoint()
            client = self._client(endpoint)
            while True:
                await asyncio.sleep(step.wait)
                call = self._post(endpoint, step.request, step.timeout, stream=True, total=step.left)
                reading = StreamReader(self._dialect, time.monotonic, time.time, self._most_line)
                begun = False
                async with aclosing(http.astream(client, call, time.monotonic)) as pieces:
                    async for piece in pieces:
                        for chunk in reading.feed(piece):
                            begun = True
                            yield chunk
                after = after_stream(step, self._redacted(reading.end(), endpoint), begun)
                if isinstance(after, Ask):
                    step = after
                    continue
                if begun or not others or not self._falls_back(after, step):
                    yield last_chunk(after.unwrap())
                    return
                sequel = begin(others[0]).after(after.attempts, step, time.monotonic())
                async with aclosing(others[0]._chunks(sequel, begin, others[1:])) as chunks:
                    async for chunk in chunks:
                        yield chunk
                return

    async def _afind_endpoint(self) -> Endpoint:
        if self._config.base_url is not None:
            return self._find_endpoint()
        return await asyncio.to_thread(self._find_endpoint)  # it may have to start the embedded model

    def _begin_anew(self) -> None:
        for client in self._own_clients.values():
            leave_alone(client)
        self._own_clients.clear()

    def _client(self, endpoint: Endpoint) -> http.AsyncSender:
        if self._given_client is not None:
            check_process(self._process, _GIVEN)
            return self._given_client
        loop = asyncio.get_running_loop()
        if loop not in self._own_clients:
            for ended in [other for other in self._own_clients if other.is_closed()]:
                del self._own_clients[ended]
            self._own_clients[loop] = http.new_async_client(endpoint.base_url, self._reach)
        return self._own_clients[loop]


@overload
def extract(
    record_type: type[T],
    text: Text,
    *,
    model: str | None = ...,
    examples: Iterable[tuple[str, Any]] = ...,
    context: Mapping[str, Any] | None = ...,
    **options: Unpack[ClientOptions],
) -> T: ...
@overload
def extract(
    record_type: Any,
    text: Text,
    *,
    model: str | None = ...,
    examples: Iterable[tuple[str, Any]] = ...,
    context: Mapping[str, Any] | None = ...,
    **options: Unpack[ClientOptions],
) -> Any: ...
def extract(
    record_type: Any,
    text: Text,
    *,
    model: str | None = None,
    examples: Iterable[tuple[str, Any]] = (),
    context: Mapping[str, Any] | None = None,
    **options: Unpack[ClientOptions],
) -> Any:
    """Return the record that a text holds, in one call; see Extractor for the options.

    model: by default the one that EXTRACTOR_MODEL names, else the embedded one. For more than one
    text keep an Extractor: it keeps its connections.
    """
    with Extractor(model, **options) as extractor:
        return extractor.extract(record_type, text, examples=examples, context=context)


for _call in (Extractor, AsyncExtractor, extract):
    explicit(_call)
