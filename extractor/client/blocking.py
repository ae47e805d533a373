"""Extractor: the verbs. Tasks and conversations begin them, connections carry them out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import Any, Self, TypeVar, Unpack, cast, overload

from .. import bulk, documents, previewing
from ..connections import ModelConnection, SyncModels
from ..dialogue import Findings
from ..escalating import Escalating
from ..given import Document, Text
from ..groups import flat, of_rows
from ..options import (
    ClientOptions,
    DocumentOptions,
    ExtractOptions,
    FrameOptions,
    RowOptions,
    UpdateOptions,
)
from ..parts import PartRound
from ..readers.given import as_source, opened, read_as
from ..results import Extraction
from ..saying import reread, text_or_none
from ..schema import Partial, RecordType
from ..signatures import explicit
from ..streams import (
    ItemGrowth,
    RecordGrowth,
    RecordStream,
    ending,
    grown,
)
from ..task import list_of, samples_of, streamed
from ..transport import http
from ..updating import Update
from .base import context_for, extracting, prepared, updating
from .conversing import Conversing

T = TypeVar("T")
Frame = TypeVar("Frame")


@explicit
class Extractor(Conversing):
    r"""A model, ready to extract records and to chat. It may be used from several threads.

    Close it, or use `with`. Raises ConfigError if the model, its key or its URL is missing or invalid.

    Which model:

    - model: "provider:model", "local:smollm2", "local:/path.gguf", or with `base_url` any name that the
      server knows. The default is the environment variable EXTRACTOR_MODEL, else the embedded model.
    - api_key: by default the provider's environment variable; or a function that returns the key, called
      before each request.
    - base_url: the URL of the server, such as "http://127.0.0.1:8000/v1".
    - provider: a Provider of your own, see `dialects/providers.py`.
    - fallback: models to ask, in turn, if this one gives no record. A name is asked with the options of this
      Extractor, and with its URL and key if the provider is the same. An Extractor keeps its own options.
    - escalate, below: `below` is a score or a promise; values under it go to `escalate`: another model, an
      Extractor, "review" or "null".

    What the model is asked:

    - instructions: added to the prompt of every extraction.
    - prompt: a template such as "Extract ... {instructions} {schema}" that replaces the default prompt; or
      "plain"; or "small" for models of up to a few billion parameters. The default is "plain", for the
      embedded model "small".
    - reference_date: the day from which texts count "tomorrow": a date, or text such as "2026-03-31".
    - locale: how texts write numbers and dates, such as "de" or "en-GB". It applies to the reading of values
      and to evidence too.
    - tuned: what `extractor tune` found for this model and a record type, or its file. It is rejected for any
      other model or type.
    - mask: what is replaced by placeholders before anything is sent, such as ["email", {"customer":
      r"C-\d+"}]. The values are restored in the record.
    - mode: how a record is requested, see Mode. "auto" takes the best mode that the server supports.
    - grounded: whether plain strings must be pieces of the text, if the server takes a grammar. It is on by
      default for the embedded model only.
    - parts: in how many requests a record is asked for, see ExtractOptions.
    - max_fields: the most fields of one request, those of inner objects included. By default only the
      server's own limits count.
    - turns: which turns of a conversation the server takes, see Turns. The default "any" is corrected by what
      the server refuses.
    - Parameters of the chat-completions API (temperature, seed, max_tokens, extra_body, ...) are sent with
      each request.

    How replies are read:

    - strict_reading: accept only plain JSON in the shape of the schema. By default, a slip that has one
      possible reading is read, and the attempt has a note of it.
    - read_values: also read choices in another spelling, numbers written as text, and words for nothing.
    - on: what to do after an outcome, a kind of failure or an HTTP status: "again", "fallback", both in a
      list, or "stop".

    Limits:

    - max_repairs, max_retries: the most further requests after invalid replies, and after transient failures.
    - timeout, deadline: seconds for one request (a number or Timeouts), and for a whole call.
    - max_tokens_total, max_cost: tokens and US dollars of a call. Once they are spent, nothing more is asked.
    - max_reply_bytes, max_line_bytes: the most bytes of an unpacked reply, and of one event of a stream. A
      whole stream may have four times as many as a reply, since each token comes in an event of its own.
    - prices: a Price by model, if genai-prices does not know it.
    - retry_wait: a tenacity wait strategy.

    Connection and events:

    - proxy, verify, http2: see ConnectionOptions. The default is the environment's proxies and the usual
      certificate authorities.
    - extra_headers: added to each request.
    - http_client: your own httpx.Client, which you close yourself.
    - on_event: called with each event of a dialogue, see DialogueStarted.
    - capture_content: whether texts go into OpenTelemetry spans.
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

        - record_type: a Pydantic model, any type that a TypeAdapter takes, or a JSON Schema.
        - text: a string (always a text), content parts, or a document: a Source, a Path or the bytes of a
          file.
        - options: see ExtractOptions.

        Raises SchemaError and ConfigError before anything is sent, ServiceError if the service failed, and
        ExtractionError if no reply was a valid record.
        """
        return self.run(record_type, text, **options).unwrap()

    @overload
    def run(self, record_type: type[T], text: Text, **options: Unpack[ExtractOptions]) -> Extraction[T]: ...
    @overload
    def run(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Extraction[Any]: ...
    def run(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> Extraction[Any]:
        """Return how the extraction ended, as data: its record, outcome, attempts and usage.

        Raises only SchemaError and ConfigError. Failures of the service and of the model are in the result.
        """
        self._voting(options)
        text, how = read_as(text, options), self._doubting(record_type, options)
        result = self._run_once(record_type, text, options)
        return result if how is None else self._settled(how, record_type, result)

    def _settled(self, how: Escalating, record_type: Any, result: Extraction[Any]) -> Extraction[Any]:
        """Return a result once its doubtful values are settled."""
        doubt = how.doubt(record_type, result)
        if doubt is None:
            return result
        asked = how.question(record_type, result, doubt)
        answer = None if asked is None else how.second.run(asked.record_type, asked.text, **asked.options)
        return how.settled(record_type, result, doubt, answer)

    def _run_once(self, record_type: Any, text: Text, options: ExtractOptions) -> Extraction[Any]:
        text, asked_for = opened(text), prepared(self._links, record_type, options)
        settle = partial(self._models.settle, asked_for, text)
        samples = samples_of(options)
        if samples == 1:
            return settle()
        with ThreadPoolExecutor(samples) as threads:
            asked = [threads.submit(copy_context().run, settle) for _ in range(samples)]
            from ..evaluation.votes import agreed

            return agreed([each.result() for each in asked])

    def update(
        self, record: T, text: str | Document, *, record_type: Any = None, **options: Unpack[UpdateOptions]
    ) -> Update[T]:
        """Return the record with the changes that a new text makes to it, and what these are.

        - record: a record of any type. It stays as it is; what no change names is the same in the new one.
        - text: the new text, or a document that has one.
        - record_type: the type, if the record does not tell it: for a list, or a JSON Schema.
        - options: see UpdateOptions.

        Each change has a quote that stands in the text. If the changes do not fit the record, or the whole is
        not valid with them, they are asked for once more. Raises SchemaError, ConfigError, and Invalid if
        `record` is none of its type. Failures of the service and of the model are in the result.
        """
        self._alone("update")
        self._untuned("update")
        task, asked = updating(self._links, record, text, record_type, options)
        first = asked.round(task.message)
        result = self._models.settle(asked, task.message)
        step = task.after(result, first)
        if isinstance(step, PartRound):
            step = task.after(self._models.settle(asked, task.message, step))
        return cast(Update[T], step)

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
        """Return an iterator that yields a Partial after each piece of the reply that adds to the record.

        The last Partial has the validated `record`; the iterator then has `record` and `result`. Arguments
        and errors are those of `extract`. An error has what came so far as `partial`. Failures before the
        first words are retried, with fallback models too. Repairs, fallback models after that, and what
        `escalate` does about doubtful values are not streamed: the last Partial has what came of them.
        """
        how, text = self._doubting(record_type, options), opened(read_as(text, options))
        first = self._models.begin(extracting(self._first, record_type, text, streamed(options, self._first)))
        growth = RecordGrowth[Any](self._first.compiled(record_type), context_for(text, options))
        events = self._models.pump(first, once=True)
        if how is not None:
            events = ending(events, partial(self._settled, how, record_type))
        return RecordStream(grown(events, growth), growth)

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
        """Return an iterator over the items that the text holds. Each is yielded once, as soon as it is
        complete and valid.

        An invalid item is held back, and comes last if it can be repaired. `record` is then the list of all
        items. Raises what `extract` raises, with the items so far as `partial`, and Invalid if a repair
        removes an item that was already yielded.
        """
        self._alone("items")
        text = opened(read_as(text, options))
        whole, compiled = list_of(item_type), self._first.compiled
        first = self._models.begin(extracting(self._first, whole, text, streamed(options, self._first)))
        document = compiled(item_type) if RecordType.of(item_type).is_document else None
        growth = ItemGrowth[Any](compiled(whole), context_for(text, options), document)
        return RecordStream(grown(self._models.pump(first, once=True), growth), growth)

    @overload
    def rows(
        self,
        rows: Iterable[Any],
        record_type: type[T],
        *,
        text: bulk.Select = ...,
        interrupt: bulk.Stop | None = ...,
        **options: Unpack[RowOptions],
    ) -> Iterator[bulk.RowOutcome[T]]: ...
    @overload
    def rows(
        self,
        rows: Iterable[Any],
        record_type: Any,
        *,
        text: bulk.Select = ...,
        interrupt: bulk.Stop | None = ...,
        **options: Unpack[RowOptions],
    ) -> Iterator[bulk.RowOutcome[Any]]: ...
    def rows(
        self,
        rows: Iterable[Any],
        record_type: Any,
        *,
        text: bulk.Select = None,
        interrupt: bulk.Stop | None = None,
        **options: Unpack[RowOptions],
    ) -> Iterator[bulk.RowOutcome[Any]]:
        """Yield a RowOutcome for each row, in the order of the input. A row that fails has its error in it.

        - rows: texts, or mappings and the like. They are read as they are needed, in another thread. An empty
          text sends no request.
        - text: which text of a row to take: a field, several, a template such as "{title}: {body}", or a
          function.
        - interrupt: a function that ends the run early. Requests in flight are waited for.
        - options: see RowOptions and ExtractOptions.

        Raises ConfigError and SchemaError before anything is sent. Raises RunStopped if the run cannot go on:
        a wrong key, no credit, max_cost, a full disk. Call it again to resume.
        """
        given: Any = of_rows(options)
        return self._outcomes(rows, record_type, text, given, interrupt)

    def _outcomes(
        self,
        rows: Iterable[Any],
        record_type: Any,
        text: bulk.Select,
        given: Any,
        interrupt: bulk.Stop | None = None,
    ) -> Iterator[bulk.RowOutcome[Any]]:
        self._voting(given)
        how = self._doubting(record_type, given)
        found = bulk.rows(bulk.Job.of(self._models, rows, record_type, text, given), interrupt)
        if how is None:
            return found
        from ..escalating import RowEscalation, escalated

        return escalated(found, RowEscalation(how, record_type, given))

    def frame(
        self, frame: Frame, record_type: Any, *, text: bulk.Select, **options: Unpack[FrameOptions]
    ) -> Frame:
        """Return the frame with a column of records and a column of errors added.

        - frame: a frame of pandas, Polars (eager or lazy), PyArrow or DuckDB. Frames of other libraries that
          export Arrow streams become PyArrow tables.
        - text: a column, several (joined by a blank line), a template such as "{subject}: {body}", or a
          function of a row as a dict.
        - options: see FrameOptions, RowOptions and ExtractOptions.

        Rows, index, order and existing columns do not change. A row without text gets null; a row that fails
        gets its error.

        Raises ConfigError and SchemaError before anything is sent. Raises RunStopped if the run cannot go on,
        with the frame so far as `partial`. Call it again to resume.
        """
        from ..bulk.frames import enriching

        asked = flat(options, "run", "columns")
        self._voting(asked)
        self._doubting(record_type, asked)  # a frame tells how sure its values are, too
        with enriching(frame, record_type, text, asked, self.escalates) as work:
            given: Any = work.options
            for outcome in self._outcomes(work.rows, record_type, work.text, given):
                work.take(outcome)
        return cast(Frame, work.result())

    @overload
    def document(
        self, record_type: type[T], text: str | Document, **options: Unpack[DocumentOptions]
    ) -> documents.DocumentExtraction[T]: ...
    @overload
    def document(
        self, record_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> documents.DocumentExtraction[Any]: ...
    def document(
        self, record_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> documents.DocumentExtraction[Any]:
        """Return how the extraction from a text of any length ended: its record, and the outcome of each
        chunk.

        A text that fits the model's window is sent whole. A longer one is split at natural borders into
        overlapping chunks. Their records are merged by the record type, and validated as a whole. A chunk
        that fails is read again in shorter ones, or listed in `missing`. With `escalate`, a second model
        reads the chunks again that hold doubtful values.

        - options: see DocumentOptions, RowOptions and ExtractOptions.

        Answers are kept in the journal, so the same call resumes a run that stopped. Raises what `rows`
        raises, RunStopped with the result so far as `partial`, and ConfigError if the model's window is not
        known.
        """
        second = self._second_of_document(record_type, options)
        return self._document(record_type, text, options, second)

    def _document(
        self, record_type: Any, text: str | Document, options: DocumentOptions, second: Any = None
    ) -> documents.DocumentExtraction[Any]:
        from ..documents import planning, work

        given: Any = flat({**options, "examples": reread(options.get("examples"))}, "run", "chunks")
        source = opened(read_as(text, given))
        plan = planning.plan(self._models, record_type, source, given)
        with work.reading(self._models, plan, given, second) as reading:
            for job in reading.jobs():
                for outcome in bulk.rows(job):
                    reading.take(outcome)
        return reading.result()

    @overload
    def document_items(
        self, item_type: type[T], text: str | Document, **options: Unpack[DocumentOptions]
    ) -> Iterator[documents.SettledItem[T]]: ...
    @overload
    def document_items(
        self, item_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> Iterator[documents.SettledItem[Any]]: ...
    def document_items(
        self, item_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> Iterator[documents.SettledItem[Any]]:
        """Return an iterator over the items of a list of any length in a text of any length.

        The text is read in chunks, as by `document`. An item is yielded, in the order of the text, once the
        next chunk has come, which may see it too. Only the items of one chunk are kept in memory.

        - options: see DocumentOptions, RowOptions and ExtractOptions. `passes`, `rereads`, `counts`, `check`
          and `ordered` need the whole list, and are a ConfigError.

        Raises what `rows` raises. After the last item it raises an error that names the chunks that gave no
        record and the items that are not valid, if there are any.
        """
        from ..documents.settling import settling

        self._alone("document_items")
        given: Any = flat({**options, "examples": reread(options.get("examples"))}, "run", "chunks")
        self._voting(given)
        job, found = settling(self._models, item_type, opened(read_as(text, given)), given)

        def items() -> Iterator[documents.SettledItem[Any]]:
            for outcome in bulk.rows(job):
                yield from found.take(outcome)
            yield from found.end()

        return items()

    def split(
        self, source: str | Document, record_type: Any, **options: Unpack[DocumentOptions]
    ) -> documents.Split:
        """Return the documents that one file holds, such as the five invoices of one scan.

        - source: a text, or a document: a Source, a Path or the bytes of a file.
        - record_type: the type of the documents, a union if there are several kinds. Documents of no such
          type are "other".
        - options: as in `document`, which reads long texts in chunks.

        The model is asked where each document begins. Each part is a Source that still knows its pages and
        boxes, and together the parts have all of the text. Pass each part to `run`.

        Raises what `document` raises, and ExtractionError if a part of the text was not read.
        """
        from ..documents.splitting import split_of, split_question

        self._untuned("split")
        whole = as_source(opened(read_as(source, options)))
        asked = split_question(whole, record_type, text_or_none(options.get("instructions")))
        options["instructions"] = asked.instructions
        found = self._document(asked.record_type, asked.text, options)
        return split_of(whole, found)

    def preview(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> previewing.Preview:
        """Return the request that `extract` would send first, without keys; nothing is sent.

        Raises ConfigError and SchemaError, as `extract` does.
        """
        self._voting(options)
        return previewing.preview(tuple(self._links), record_type, read_as(text, options), options)

    def estimate(
        self, rows: Any, record_type: Any, *, text: bulk.Select = None, **options: Unpack[RowOptions]
    ) -> bulk.Estimate:
        """Return an estimate for `frame` or `rows`: requests, tokens and US dollars. Nothing is sent.

        - rows: a frame, or rows as `rows` takes them. An iterator is consumed.

        Repairs are not counted. Raises ConfigError and SchemaError.
        """
        from ..bulk import estimated

        given: Any = flat(options, "run")
        given.pop("progress", None)
        second = self._second_model(record_type, given)
        return estimated(self._models, rows, record_type, text, given, second)

    def probe(self, report: Callable[[str], None] = lambda feature: None, refresh: bool = False) -> Findings:
        """Return what the server supports with this model, found out by at most six tiny requests.

        The answers are kept for 30 days, and mode="auto" then begins with the best mode that the server
        supports.

        - refresh: ask again even if answers are kept.
        - report: called with each feature before it is asked for.

        Raises ServiceError if the server does not answer even a plain question.
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
