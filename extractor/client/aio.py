"""AsyncExtractor: the same verbs for async code."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from functools import partial
from typing import Any, Self, TypeVar, Unpack, cast, overload

from .. import bulk, documents, previewing, tools
from ..connections import AsyncModelConnection, AsyncModels
from ..conversations import asking, chatting, opening, parsed, parsing
from ..escalating import Escalating
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
    UpdateOptions,
)
from ..parts import PartRound
from ..readers.given import aopened, as_source, opened, read_as
from ..results import Extraction
from ..saying import reread, text_or_none
from ..schema import Partial, RecordType
from ..signatures import explicit
from ..streams import (
    AsyncChatStream,
    AsyncRecordStream,
    ItemGrowth,
    RecordGrowth,
    achunks,
    aending,
    agrown,
)
from ..task import list_of, samples_of, streamed
from ..transport import http
from ..updating import Update
from .base import BaseClient, context_for, extracting, prepared, updating

T = TypeVar("T")
Frame = TypeVar("Frame")


@explicit
class AsyncExtractor(BaseClient[AsyncModelConnection]):
    """Extractor for async code: the same arguments and methods, awaitable. Use `async with`, or `aclose`."""

    def __init__(
        self,
        model: str | None = None,
        *,
        http_client: http.AsyncClient | None = None,
        **options: Unpack[ClientOptions],
    ) -> None:
        super().__init__(AsyncModelConnection, model, http_client, options)
        self._models = AsyncModels(self._links)

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
        self._voting(options)
        text, how = read_as(text, options), self._doubting(record_type, options)
        result = await self._run_once(record_type, text, options)
        return result if how is None else await self._settled(how, record_type, result)

    async def _settled(self, how: Escalating, record_type: Any, result: Extraction[Any]) -> Extraction[Any]:
        doubt = how.doubt(record_type, result)
        if doubt is None:
            return result
        asked = how.question(record_type, result, doubt)
        answer = (
            None if asked is None else await how.second.run(asked.record_type, asked.text, **asked.options)
        )
        return how.settled(record_type, result, doubt, answer)

    async def _run_once(self, record_type: Any, text: Text, options: ExtractOptions) -> Extraction[Any]:
        text, asked_for = await aopened(text), prepared(self._links, record_type, options)
        settle = partial(self._models.settle, asked_for, text)
        samples = samples_of(options)
        if samples == 1:
            return await settle()
        from ..evaluation.votes import agreed

        return agreed(await asyncio.gather(*(settle() for _ in range(samples))))

    async def update(
        self, record: T, text: str | Document, *, record_type: Any = None, **options: Unpack[UpdateOptions]
    ) -> Update[T]:
        """Return the record with the changes that a new text makes to it; see Extractor.update."""
        self._alone("update")
        self._untuned("update")
        task, asked = updating(self._links, record, text, record_type, options)
        first = asked.round(task.message)
        result = await self._models.settle(asked, task.message)
        step = task.after(result, first)
        if isinstance(step, PartRound):
            step = task.after(await self._models.settle(asked, task.message, step))
        return cast(Update[T], step)

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
        return parsed(
            await self._models.carry(partial(parsing, messages=messages, record_type=record_type, **options))
        )

    async def chat(self, messages: Messages, **options: Unpack[ChatOptions]) -> Completion:
        """Return the model's reply to a conversation; see Extractor.chat."""
        result = await self._models.carry(partial(chatting, messages=messages, **options))
        return result.unwrap()

    def chat_stream(self, messages: Messages, **options: Unpack[ChatOptions]) -> AsyncChatStream:
        """Return an async iterator over the chunks of the reply; see Extractor.chat_stream."""
        first = self._models.begin(partial(chatting, messages=messages, **options))
        return AsyncChatStream(achunks(self._models.pump(first, once=False)))

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
        """Return an async iterator that yields what has come of the record; see Extractor.stream."""
        how, text = self._doubting(record_type, options), opened(read_as(text, options))
        first = self._models.begin(extracting(self._first, record_type, text, streamed(options, self._first)))
        growth = RecordGrowth[Any](self._first.compiled(record_type), context_for(text, options))
        events = self._models.pump(first, once=True)
        if how is not None:
            events = aending(events, partial(self._settled, how, record_type))
        return AsyncRecordStream(agrown(events, growth), growth)

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
        self._alone("items")
        text = opened(read_as(text, options))
        whole, compiled = list_of(item_type), self._first.compiled
        first = self._models.begin(extracting(self._first, whole, text, streamed(options, self._first)))
        document = compiled(item_type) if RecordType.of(item_type).is_document else None
        growth = ItemGrowth[Any](compiled(whole), context_for(text, options), document)
        return AsyncRecordStream(agrown(self._models.pump(first, once=True), growth), growth)

    @overload
    async def run_tools(
        self, messages: Messages, record_type: type[T], **options: Unpack[RunToolsOptions]
    ) -> tools.ToolRun[T]: ...
    @overload
    async def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> tools.ToolRun[Any]: ...
    async def run_tools(
        self, messages: Messages, record_type: Any = None, **options: Unpack[RunToolsOptions]
    ) -> tools.ToolRun[Any]:
        """Run the model's tool calls until it answers; see Extractor.run_tools.

        Tools may be async. The calls of one reply run together. Functions that are not async run in threads.
        """
        from ..tools import Round, arun

        step: Round | tools.ToolRun[Any] = opening(self._first, messages, record_type, awaits=True, **options)
        while isinstance(step, Round):
            reply = await self._models.carry(partial(asking, step=step))
            results = await asyncio.gather(*map(arun, step.calls(reply, time.monotonic())))
            step = step.after(reply, results, time.monotonic())
        return step

    @overload
    def rows(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        record_type: type[T],
        *,
        text: bulk.Select = ...,
        interrupt: bulk.Stop | None = ...,
        **options: Unpack[RowOptions],
    ) -> AsyncIterator[bulk.RowOutcome[T]]: ...
    @overload
    def rows(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        record_type: Any,
        *,
        text: bulk.Select = ...,
        interrupt: bulk.Stop | None = ...,
        **options: Unpack[RowOptions],
    ) -> AsyncIterator[bulk.RowOutcome[Any]]: ...
    def rows(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        record_type: Any,
        *,
        text: bulk.Select = None,
        interrupt: bulk.Stop | None = None,
        **options: Unpack[RowOptions],
    ) -> AsyncIterator[bulk.RowOutcome[Any]]:
        """Yield a RowOutcome for each row; see Extractor.rows. The rows may be an async iterable."""
        given: Any = of_rows(options)
        return self._outcomes(rows, record_type, text, given, interrupt)

    def _outcomes(
        self,
        rows: Iterable[Any] | AsyncIterable[Any],
        record_type: Any,
        text: bulk.Select,
        given: Any,
        interrupt: bulk.Stop | None = None,
    ) -> AsyncIterator[bulk.RowOutcome[Any]]:
        self._voting(given)
        how = self._doubting(record_type, given)
        found = bulk.arows(bulk.Job.of(self._models, rows, record_type, text, given), interrupt)
        if how is None:
            return found
        from ..escalating import RowEscalation, aescalated

        return aescalated(found, RowEscalation(how, record_type, given))

    async def aframe(
        self, frame: Frame, record_type: Any, *, text: bulk.Select, **options: Unpack[FrameOptions]
    ) -> Frame:
        """Return the frame with columns of records and errors added; see Extractor.frame."""
        from ..bulk.frames import enriching

        asked = flat(options, "run", "columns")
        self._voting(asked)
        self._doubting(record_type, asked)
        with enriching(frame, record_type, text, asked, self.escalates) as work:
            given: Any = work.options
            async for outcome in self._outcomes(work.rows, record_type, work.text, given):
                work.take(outcome)
        return cast(Frame, work.result())

    frame = aframe  # as the sync client calls it

    @overload
    async def document(
        self, record_type: type[T], text: str | Document, **options: Unpack[DocumentOptions]
    ) -> documents.DocumentExtraction[T]: ...
    @overload
    async def document(
        self, record_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> documents.DocumentExtraction[Any]: ...
    async def document(
        self, record_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> documents.DocumentExtraction[Any]:
        """Return how the extraction from a text of any length ended; see Extractor.document."""
        second = self._second_of_document(record_type, options)
        return await self._document(record_type, text, options, second)

    async def _document(
        self, record_type: Any, text: str | Document, options: DocumentOptions, second: Any = None
    ) -> documents.DocumentExtraction[Any]:
        from ..documents import planning, work

        given: Any = flat({**options, "examples": reread(options.get("examples"))}, "run", "chunks")
        source = await aopened(read_as(text, given))
        plan = await asyncio.to_thread(planning.plan, self._models, record_type, source, given)
        with work.reading(self._models, plan, given, second) as reading:
            for job in reading.jobs():
                async for outcome in bulk.arows(job):
                    reading.take(outcome)
        return reading.result()

    @overload
    def document_items(
        self, item_type: type[T], text: str | Document, **options: Unpack[DocumentOptions]
    ) -> AsyncIterator[documents.SettledItem[T]]: ...
    @overload
    def document_items(
        self, item_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> AsyncIterator[documents.SettledItem[Any]]: ...
    async def document_items(
        self, item_type: Any, text: str | Document, **options: Unpack[DocumentOptions]
    ) -> AsyncIterator[documents.SettledItem[Any]]:
        """Yield the items of a list of any length in a text of any length; see Extractor.document_items."""
        from ..documents.settling import settling

        self._alone("document_items")
        given: Any = flat({**options, "examples": reread(options.get("examples"))}, "run", "chunks")
        self._voting(given)
        source = await aopened(read_as(text, given))
        job, found = await asyncio.to_thread(settling, self._models, item_type, source, given)
        async for outcome in bulk.arows(job):
            for item in found.take(outcome):
                yield item
        for item in found.end():
            yield item

    async def split(
        self, source: str | Document, record_type: Any, **options: Unpack[DocumentOptions]
    ) -> documents.Split:
        """Return the documents that one file holds; see Extractor.split."""
        from ..documents.splitting import split_of, split_question

        self._untuned("split")
        whole = as_source(await aopened(read_as(source, options)))
        asked = split_question(whole, record_type, text_or_none(options.get("instructions")))
        options["instructions"] = asked.instructions
        found = await self._document(asked.record_type, asked.text, options)
        return split_of(whole, found)

    def preview(self, record_type: Any, text: Text, **options: Unpack[ExtractOptions]) -> previewing.Preview:
        """Return the request that `extract` would send first; see Extractor.preview."""
        self._voting(options)
        return previewing.preview(tuple(self._links), record_type, read_as(text, options), options)

    async def estimate(
        self, rows: Any, record_type: Any, *, text: bulk.Select = None, **options: Unpack[RowOptions]
    ) -> bulk.Estimate:
        """Return an estimate for `aframe` or `rows`; see Extractor.estimate."""
        from ..bulk import estimated

        given: Any = flat(options, "run")
        given.pop("progress", None)
        second = self._second_model(record_type, given)
        return await asyncio.to_thread(estimated, self._models, rows, record_type, text, given, second)

    async def aclose(self) -> None:
        """Close this event loop's connections."""
        for link in self._own.values():
            await link.aclose()
        if self._own_second is not None:
            await self._own_second.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
