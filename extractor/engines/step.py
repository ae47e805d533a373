"""The step that every engine carries out: Arrow batches in, the same batches with records beside them out.

It goes to the workers as a pickle without clients, loops and keys; each worker makes its own.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast

from ..bulk import Row, RowOutcome, Select, row_maker
from ..bulk.frames import Gathered, Opened, check_names, gathering, open_frame, rows_of
from ..bulk.journal import is_url, masked
from ..client import Extractor
from ..client.base import named_second
from ..confidence import load_promise, loaded
from ..errors import ConfigError, RunStopped
from ..groups import flat, grouped
from ..loading import absolute, load_type
from ..options import ClientOptions, EngineOptions, ModelOptions, RowOptions
from ..saying import columns_by_row, reread, said_by_row
from ..secrets import Environment
from ..settings import Settings
from ..tuned import Tuned

if TYPE_CHECKING:
    import pyarrow as pa

IN_THEIR_ENVIRONMENT = "Keys are never sent to workers: each worker reads its own from its environment"
A_WORKERS = "a worker's"  # in place of a key, where nothing is sent
OF_MODEL = ("mode",)  # what an Extractor's own keyword is called, and a run's
REFUSED = {
    "api_key": f"api_key= can't be given here. {IN_THEIR_ENVIRONMENT}",
    "extra_headers": f"extra_headers= can't be given here: headers may contain keys. {IN_THEIR_ENVIRONMENT}",
    "on_progress": "on_progress= can't be given here: the engine shows its own progress",
    "progress": "progress= can't be given here: the engine shows its own progress",
    "ordered": "ordered= can't be given here: each batch keeps the order of its rows",
}


class ArrowStep:
    """Adds records to record batches: each batch comes out with its rows in order.

    - record_type: a Pydantic model, any type that a TypeAdapter takes, a JSON Schema, or a name that each
      worker loads: "FILE.py:Name" or "package.module:Name".
    - text: a column, several, a template, or a function of a row as a dict.
    - model: as in Extractor.
    - options: those of `Extractor.frame`, and those of Extractor except keys. A file as the journal is on
      each worker's own disk.
    - columns: the schema of the new columns.

    Raises ConfigError and SchemaError if it could not work on any worker.
    """

    text: Select

    def __init__(
        self, record_type: Any, *, text: Select, model: str | None = None, **options: Unpack[EngineOptions]
    ) -> None:
        options = cast(EngineOptions, flat(options, "run", "columns", apart=OF_MODEL))
        for name in REFUSED.keys() & options.keys():
            raise ConfigError(REFUSED[name])
        given: dict[str, Any] = dict(options)
        self.text, self._model = text, model or os.environ.get("EXTRACTOR_MODEL")
        self._type = absolute(record_type) if isinstance(record_type, str) else record_type
        self._client = {name: given.pop(name) for name in ModelOptions.__annotations__ if name in given}
        if "tuned" in self._client:
            self._client["tuned"] = Tuned.of(self._client["tuned"])  # a worker may not have its file
        if isinstance(self._client.get("below"), str | os.PathLike):
            self._client["below"] = load_promise(self._client["below"])
        self._options = {
            **given,
            "examples": reread(options.get("examples")),
            "journal": _found_anywhere(options.get("journal", True)),
            # a worker may not have its file
            "confidence": loaded(options.get("confidence"))
            or (True if self._client.get("escalate") or self._votes else None),
        }
        self._more = columns_by_row(self._options)
        self._by_row = said_by_row(self._options)
        self._check()

    @property
    def _votes(self) -> bool:
        """Whether what was tuned asks for several answers. Then a column tells how sure the values are."""
        tuned = self._client.get("tuned")
        return tuned is not None and tuned.samples is not None

    def _check(self) -> None:
        """Check all but the key; have the workers talk to the server that is meant here."""
        options = cast(ClientOptions, {**self._client, "api_key": A_WORKERS})
        settings = Settings.of(self._model, options, Environment(os.environ))
        if settings.connection.has_password:
            raise ConfigError(
                "a proxy's password is not sent to workers: name the proxy in their environment"
            )
        if settings.config.base_url != settings.config.provider.base_url:
            self._client["base_url"] = settings.config.base_url
        record_type = self.record_type
        gathered, others = self._gathering(record_type)
        self.columns: pa.Schema = gathered.schema
        with ExitStack() as opened:
            if second := named_second(self._client):  # its key is a worker's, too
                options["escalate"] = opened.enter_context(Extractor(**second, api_key=A_WORKERS))
            here = opened.enter_context(Extractor(self._model, **options))
            here.rows((), record_type, **grouped(others, "run"))

    @property
    def record_type(self) -> Any:
        """The record type itself."""
        return load_type(self._type) if isinstance(self._type, str) else self._type

    def schema(self, given: pa.Schema, fold: bool = False) -> pa.Schema:
        """Return the output schema for an input schema. fold: whether names that differ only in case are the
        same. Raises ConfigError if the text column is missing, or two columns would have one name.
        """
        opened = replace(open_frame(given.empty_table()), fold=fold)
        check_names(opened, self.columns.names)
        rows_of(opened, self.text, self._more)
        _check_text(given, self.text)
        schema: pa.Schema = opened.add(self.columns.empty_table()).schema
        return schema

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each batch with its records. Raises RunStopped if going on makes no sense."""
        given = iter(batches)
        first = next(given, None)
        if first is not None:  # many a partition is empty
            yield from self.over(_in_thread(chain((first,), given)))

    def over(self, batches: AsyncIterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Yield each batch with its records, in one run for all batches. The run reads them in its own event
        loop.
        """
        record_type, begun, size = self.record_type, deque[Opened](), 0
        gathered, options = self._gathering(record_type)

        async def rows() -> AsyncIterator[Row]:
            async for batch in batches:
                begun.append(open_frame(batch))
                check_names(begun[-1], self.columns.names)
                cells, select = rows_of(begun[-1], self.text, self._more)
                for row in map(row_maker(select, self._by_row), cells):
                    yield Row(row.text, saying=row.saying)

        def whole() -> pa.RecordBatch:
            return begun.popleft().add(gathered.take())

        with self._extractor() as ex:
            outcomes = cast(
                Generator[RowOutcome[Any]], ex.rows(cast(Any, rows()), record_type, **grouped(options, "run"))
            )
            with closing(outcomes):
                for outcome in outcomes:
                    if outcome.stops or isinstance(outcome.error, RunStopped):
                        continue  # its batch never comes out: what stopped the run is raised in the end
                    while not begun[0].length:
                        yield whole()
                    gathered.add(outcome)
                    size += 1
                    if size == begun[0].length:
                        size = 0
                        yield whole()
        while begun:
            yield whole()

    def _gathering(self, record_type: Any) -> tuple[Gathered, RowOptions]:
        gathered, others = gathering(record_type, self._options, bool(self._client.get("escalate")))
        return gathered, cast(RowOptions, others)

    def _extractor(self) -> Extractor:
        """Return this worker's client. Raises ConfigError if there is no key for it."""
        try:
            return Extractor(self._model, **self._client)
        except ConfigError as error:
            raise ConfigError(f"this worker can't start: {error}. {IN_THEIR_ENVIRONMENT}") from error


def shares_limits(options: EngineOptions) -> bool:
    """Whether workers that know nothing of each other keep one quota together."""
    return options.get("limiter") is not None or is_url(str(options.get("journal")))


def _found_anywhere(journal: Any) -> Any:
    """Return a journal by a name that means the same in any folder. Raises ConfigError for a password."""
    if not isinstance(journal, str | Path):
        return journal
    if not is_url(str(journal)):
        return str(Path(journal).expanduser().absolute())
    if masked(str(journal)) != journal:
        raise ConfigError(
            "a journal's password is not sent to workers: keep it in their environment, "
            "journal='redis://:${NAME}@HOST:6379/0'"
        )
    return journal


def _check_text(given: pa.Schema, text: Select) -> None:
    import pyarrow as pa

    if isinstance(text, str) and text in given.names:
        kind = given.field(text).type
        if pa.types.is_primitive(kind):
            raise ConfigError(f"the column {text!r} holds {kind}, not text")


async def _in_thread(batches: Iterator[pa.RecordBatch]) -> AsyncIterator[pa.RecordBatch]:
    """Yield the batches; while one is waited for, requests go on."""
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield batch
