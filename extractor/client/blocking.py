"""Extractor: the verbs. Tasks and conversations begin them, connections carry them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, cast, overload

from ..connections import ModelConnection, SyncModels
from ..conversations import asking, chatting, opening, parsed, parsing
from ..given import Document, Messages, Text
from ..groups import flat, of_rows
from ..messages import Completion, ParsedCompletion
from ..options import (
    ChatOptions,
    ClientOptions,
    DocumentOptions,
    ExtractOptions,
    FrameOptions,
    ParseOptions,
    RowOptions,
    RunToolsOptions,
)
from ..readers.given import as_source, opened
from ..results import Extraction
from ..saying import Examples, reread, text_or_none
from ..schema import Partial, RecordType
from ..streams import (
    ChatStream,
    ItemGrowth,
    RecordGrowth,
    RecordStream,
    chunks,
    grown,
)
from ..task import list_of, samples_of, streamed
from ..transport import http
from .base import BaseClient, context_for, extracting, prepared

if TYPE_CHECKING:
    from ..bulk import Estimate, RowOutcome, Select, Stop
    from ..dialogue import Findings
    from ..documents.outcome import DocumentExtraction
    from ..documents.splitting import Split
    from ..previewing import Preview
    from ..tools import ToolRun

T = TypeVar("T")
Frame = TypeVar("Frame")


class Extractor(BaseClient[ModelConnection]):
    """A model, ready to extract records and to chat. Safe to use from several threads.

    model: "provider:model" (see the providers page of the docs), "local:smollm2", "local:/path.gguf", or,
    with base_url, any name that the server knows; by default the environment's EXTRACTOR_MODEL, else the
    embedded model. api_key: by default the provider's environment variable; or a function that returns it,
    asked before each request. instructions: said to the model in every extraction. escalate, below: where
    values go that are not sure enough (another model, an Extractor, "review" or "null"), and which ones:
    those below a score or a promise. tuned: what `extractor tune` found for this model and a record type, or
    its file; it is refused for others. mask: what must not
    leave, such as ["email", {"customer": r"C-\\d+"}]: placeholders are sent in its place, and the values put
    back in the record (see the masking page of the docs). grounded: whether plain strings can only be pieces
    of the text, where the server takes a grammar; by default so for the embedded model. mode: how a record
    is asked for, "auto" for the best that the server takes (see Mode). strict_reading: take plain JSON
    alone, in the schema's shape; by default a slip that leaves one reading is read, and the attempt's note
    says so. read_values: read choices in another spelling, numbers as text and words for nothing, too.
    turns: which turns of a conversation the server takes, if not "any" (see Turns); it is also learned from
    what the server refuses. prompt: what is said in place of our words, a template such as "Extract ...
    {instructions} {schema}" (see the page on prompts of the docs); or "plain", or "small" for models of up
    to a few billion parameters (see Prompt); by default what suits the embedded model, "plain" elsewhere.
    reference_date: the day from which texts count "tomorrow", a date or one such as "2026-03-31". locale:
    how they write numbers and dates, such as "de" or "en-GB"; the two hold for the reading of values and for
    evidence, too. fallback: models to ask, in turn, where this one gives no record. A name is asked with
    this one's options, at its URL and with its key where the provider is the same; an Extractor is a model
    with options of its own. on: what to try then, by outcome, kind of failure or HTTP status: "again",
    "fallback", both, or "stop". max_repairs and max_retries bound the further requests after bad replies and
    after transient transport failures; timeout (a number or Timeouts) and deadline are seconds for one
    request and for a whole call. proxy, verify, http2: see ConnectionOptions; by default the
    environment's proxies and the usual certificate authorities. max_reply_bytes and max_line_bytes: what a
    reply, unpacked, and one event of a stream may have; a stream may have four times as much as a whole
    reply, since each token comes in an event. max_tokens_total and max_cost (US dollars): once they are
    spent nothing more is asked in a call. prices: a Price by model, where genai-prices does not know it.
    retry_wait: a tenacity wait strategy. provider: a row of your own, see `dialects/providers.py`.
    http_client: your own httpx.Client, which you close yourself. on_event: is told of each dialogue and
    attempt (see DialogueStarted). capture_content: whether texts go into OpenTelemetry spans. parts: in how
    many requests a record is asked for (see ExtractOptions). max_fields: of one request, those of inner
    objects counted too; by default only the server's own limits count. Other keywords are parameters of the
    chat-completions API (temperature, seed, max_tokens, extra_body, ...), sent with each request.

    Raises ConfigError where the model, its key or its URL are not clear. Close it, or use `with`.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: http.Client | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(ModelConnection, model, http_client, options)
        self._models = SyncModels(self._links)

    @overload
    def extract(self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]) -> T: ...
    @overload
    def extract(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Any: ...
    def extract(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Any:
        """Return the record that the text holds.

        record_type: a Pydantic model, any type a TypeAdapter takes, or a JSON Schema. text: a string (always
        a text), content parts, or a document: a Source, a Path or a file's bytes. options: instructions,
        examples, context (see ExtractOptions) and parameters of the API. Raises SchemaError and ConfigError
        before anything is sent, ServiceError where the service failed, ExtractionError where the model's
        replies are no record.
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
        how = self._doubting(record_type, options)
        result = self._run_once(record_type, text, options)
        doubt = None if how is None else how.doubt(record_type, result)
        if how is None or doubt is None:
            return result
        asked = how.question(record_type, result, doubt)
        answer = (
            None
            if asked is None
            else how.second.run(asked.record_type, asked.text, instructions=asked.settled, confidence=True)
        )
        return how.settled(record_type, result, doubt, answer)

    def _run_once(self, record_type: Any, text: Text, options: ExtractOptions) -> Extraction[Any]:
        text, asked_for = opened(text), prepared(self._links, record_type, options)
        settle, samples = partial(self._models.settle, asked_for, text), samples_of(options)
        if samples == 1:
            return settle()
        with ThreadPoolExecutor(samples) as threads:
            asked = [threads.submit(copy_context().run, settle) for _ in range(samples)]
            from ..evaluation.votes import agreed

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
        return parsed(
            self._models.carry(partial(parsing, messages=messages, record_type=record_type, **options))
        )

    def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Completion:
        """Return the model's reply to a conversation.

        messages: Message values or mappings with the API's keys. options: tools, tool_choice (see
        ChatOptions) and parameters of the API. The model's calls come back in `tool_calls`, with
        `parsed_arguments`. Raises ConfigError, SchemaError, ServiceError, and Invalid where a tool
        call does not fit its tool.
        """
        return self._models.carry(partial(chatting, messages=messages, **options)).unwrap()

    def chat_stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> ChatStream:
        """Return an iterator over the chunks of the reply; the last has the whole `completion`.

        Failures before the first chunk are retried, and fallback models are asked then; a stream that
        breaks later raises ServiceError.
        """
        first = self._models.begin(partial(chatting, messages=messages, **options))
        return ChatStream(chunks(self._models.pump(first, once=False)))

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
        Failures before the first words are retried, by fallback models too. What follows on a reply that has
        begun, repairs and fallback models, is not streamed.
        """
        self._alone("stream")
        text = opened(text)
        first = self._models.begin(extracting(self._first, record_type, text, streamed(options, self._first)))
        growth = RecordGrowth[Any](self._first.compiled(record_type), context_for(text, options))
        return RecordStream(grown(self._models.pump(first, once=True), growth), growth)

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
        self._alone("items")
        text = opened(text)
        whole, compiled = list_of(item_type), self._first.compiled
        first = self._models.begin(extracting(self._first, whole, text, streamed(options, self._first)))
        document = compiled(item_type) if RecordType.of(item_type).is_document else None
        growth = ItemGrowth[Any](compiled(whole), context_for(text, options), document)
        return RecordStream(grown(self._models.pump(first, once=True), growth), growth)

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
        from ..tools import Round, run

        step: Round | ToolRun[Any] = opening(self._first, messages, record_type, **options)
        while isinstance(step, Round):
            reply = self._models.carry(partial(asking, step=step))
            results = [run(called) for called in step.calls(reply, time.monotonic())]
            step = step.after(reply, results, time.monotonic())
        return step

    @overload
    def rows(
        self,
        rows: Iterable[Any],
        record_type: type[T],
        *,
        text: Select = ...,
        interrupt: Stop | None = ...,
        **options: Unpack[RowOptions],
    ) -> Iterator[RowOutcome[T]]: ...
    @overload
    def rows(
        self,
        rows: Iterable[Any],
        record_type: Any,
        *,
        text: Select = ...,
        interrupt: Stop | None = ...,
        **options: Unpack[RowOptions],
    ) -> Iterator[RowOutcome[Any]]: ...
    def rows(
        self,
        rows: Iterable[Any],
        record_type: Any,
        *,
        text: Select = None,
        interrupt: Stop | None = None,
        **options: Unpack[RowOptions],
    ) -> Iterator[RowOutcome[Any]]:
        """Yield what came of each row, in the order of the input: a RowOutcome, never an exception.

        rows: texts, or mappings and the like with `text` saying which text to take: a field, several, a
        template such as "{title}: {body}", or a function. Empty texts ask nothing. The rows are read as
        they are needed, in another thread. interrupt: ends the run early when it is called; requests in
        flight are waited for. options: see RowOptions and ExtractOptions. Raises ConfigError and SchemaError
        before anything is sent, and RunStopped where going on makes no sense: a wrong key, no credit,
        max_cost, a full disk. Run the same again to go on from there.
        """
        given: Any = of_rows(options)
        return self._outcomes(rows, record_type, text, given, interrupt)

    def _outcomes(
        self, rows: Iterable[Any], record_type: Any, text: Select, given: Any, interrupt: Stop | None = None
    ) -> Iterator[RowOutcome[Any]]:
        from .. import bulk

        how = self._doubting(record_type, given)
        found = bulk.rows(bulk.Job.of(self._models, rows, record_type, text, given), interrupt)
        if how is None:
            return found
        from ..escalating import RowEscalation, escalated

        return escalated(found, RowEscalation(how, record_type, given))

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
        from ..bulk.frames import enriching

        with enriching(frame, record_type, text, flat(options, "run", "columns")) as work:
            given: Any = work.options
            for outcome in self._outcomes(work.rows, record_type, work.text, given):
                work.take(outcome)
        return cast(Frame, work.result())

    @overload
    def document(
        self, record_type: type[T], text: str | Document, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[T]: ...
    @overload
    def document(
        self, record_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[Any]: ...
    def document(
        self, record_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> DocumentExtraction[Any]:
        """Return how the extraction from a text of any length ended: its record, and what came of each chunk.

        A text that fits the model's window is asked of at once. A longer one is cut at natural borders into
        chunks that overlap; what they give is merged by the record type, and validated as a whole. No chunk
        is lost in silence: one that fails is read again in shorter ones, or stands in `missing`. options: see
        DocumentOptions, RowOptions and ExtractOptions; answers are kept in the journal, so the same call
        again goes on where one ended. Raises what `rows` raises, a RunStopped with the result so far as
        `partial`, and ConfigError where it is not known how much the model takes at a time.
        """
        from .. import bulk
        from ..documents import work

        self._alone("document")
        given: Any = flat({**options, "examples": reread(options.get("examples"))}, "run", "chunks")
        plan = work.plan(self._models, record_type, opened(text), given)
        with work.reading(self._models, plan, given) as reading:
            for job in reading.jobs():
                for outcome in bulk.rows(job):
                    reading.take(outcome)
        return reading.result()

    def split(self, source: str | Document, record_type: Any, **options: Unpack[DocumentOptions]) -> Split:
        """Return the documents that one file holds, such as the five invoices of one scan.

        source: a text, or a document: a Source, a Path or a file's bytes. record_type: of the documents in
        it, a union where there are several kinds; what is none of them is "other". The model is asked where
        each begins. Each part is a Source that still knows its pages and boxes, and together they have all
        of the text: hand each to `run`. options: as of `document`, which reads long texts in chunks.

        Raises what `document` raises, and ExtractionError where a part of the text was not read.
        """
        from ..documents.splitting import split_of, split_question

        whole = as_source(opened(source))
        asked = split_question(whole, record_type, text_or_none(options.get("instructions")))
        options["instructions"] = asked.instructions
        found: DocumentExtraction[Any] = self.document(asked.record_type, asked.text, **options)
        return split_of(whole, found)

    def preview(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Preview:
        """Return the request that `extract` would send first, without keys; nothing is sent.

        Raises ConfigError and SchemaError, as `extract` does.
        """
        from ..previewing import preview

        return preview(tuple(self._links), record_type, text, options)

    def estimate(
        self, rows: Any, record_type: Any, *, text: Select = None, **options: Unpack[RowOptions]
    ) -> Estimate:
        """Return what `frame` or `rows` would come to, in requests, tokens and US dollars; nothing is sent.

        rows: a frame, or rows as `rows` takes them; an iterator is used up. Repairs are not counted.
        Raises ConfigError and SchemaError.
        """
        from ..bulk import estimated

        given: Any = flat(options, "run")
        given.pop("progress", None)
        return self._first_alone(estimated(self._models, rows, record_type, text, given))

    def probe(self, report: Callable[[str], None] = lambda feature: None, refresh: bool = False) -> Findings:
        """Return what the server really does with the model, asked by at most six tiny requests.

        The answers are kept for 30 days, and mode="auto" begins with the best mode that the server was found
        to have. refresh: ask whatever is kept. report: told each feature before it is asked for. Raises
        ServiceError where the server does not even answer a plain question.
        """
        from ..probing import known, probe

        now = time.time()
        return (None if refresh else known(self._first, now)) or probe(self._models, now, report)

    def close(self) -> None:
        """Close the connections. The embedded model's server is shared and ends with the process."""
        for link in self._own.values():
            link.close()
        if self._own_second is not None:
            self._own_second.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@overload
def extract(
    record_type: type[T],
    text: Text,
    *,
    model: str | None = ...,
    examples: Examples = ...,
    context: Mapping[str, Any] | None = ...,
    **options: Unpack[ClientOptions],
) -> T: ...
@overload
def extract(
    record_type: Any,
    text: Text,
    *,
    model: str | None = ...,
    examples: Examples = ...,
    context: Mapping[str, Any] | None = ...,
    **options: Unpack[ClientOptions],
) -> Any: ...
def extract(
    record_type: Any,
    text: Text,
    *,
    model: str | None = None,
    examples: Examples = (),
    context: Mapping[str, Any] | None = None,
    **options: Unpack[ClientOptions],
) -> Any:
    """Return the record that a text holds, in one call; see Extractor for the options.

    model: by default the one that EXTRACTOR_MODEL names, else the embedded one. For more than one
    text keep an Extractor: it keeps its connections.
    """
    with Extractor(model, **options) as extractor:
        return extractor.extract(record_type, text, examples=examples, context=context)
