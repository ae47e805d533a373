"""A run over a table as its caller wants it, checked and opened: the same for Python and for the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from ..bulk import Estimate, RowsLeft, Select, unnumbered
from ..bulk.frames import Gathered, check_columns, shape_of
from ..client import Extractor
from ..errors import ConfigError
from ..groups import grouped
from ..readers.given import USUAL, Reading
from ..saying import columns_by_row, through
from ..schema import RecordType, compile_schema, types_in
from .bill import BillBook
from .database_job import DatabaseJob, run_name
from .database_source import database_table
from .databases.source import DatabaseSource
from .destination import Destination, check_call, check_doubling
from .documents import TextFiles
from .formulas import Formulas
from .input import AS_NAMED, ReadOptions, kept_input
from .job import FileJob, SortingJob
from .names import format_of, is_typed
from .placed import Placed, as_written
from .report import RunReport
from .selecting import file_selector, selector
from .sheet import Sheet, check_free
from .sources import opened_sources
from .table import Table, first_names, part
from .versions import Version


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is read, what is written of it, and where. source: files, folders, patterns, a URL, or "-" for
    standard input; or a table of a database. text: which text a row stands for, None for the file that it
    names. read: how files are read. reading: how documents are. limit, sample: the first rows alone, or some
    at random. retry_failed:
    whether rows are asked again whose answers gave no record. row_id: the column for each row's position,
    None for no such column. The others: see `tables.run`.
    """

    source: tuple[str, ...] | DatabaseSource
    text: Select
    destination: Destination
    read: ReadOptions = AS_NAMED
    reading: Reading = USUAL
    limit: int | None = None
    sample: int | None = None
    retry_failed: bool = False
    row_id: str | None = None
    name: str | None = None
    flatten: bool = False
    usage: bool = False
    evidence: bool = False
    formulas_as_text: bool = False

    def check(self) -> None:
        """Raise ConfigError for options that contradict each other, or would lose rows."""
        check_call(self.source, self.destination, self.limit, self.sample, self.retry_failed)
        self.destination.check(self.limit is not None or self.sample is not None)
        check_doubling(self.source, self.destination, self.retry_failed)

    @contextmanager
    def opened(self) -> Iterator[OpenedRun]:
        """Yield the run with its rows at hand. Raises ConfigError where they can't be read."""
        self.check()
        with ExitStack() as stack:
            given = self._given(stack)
            rows = as_written(given, self.row_id)
            texts = TextFiles(self.reading)
            if given.of_files or self.text is None:
                text_of = file_selector(self.text, rows, texts)
            else:
                text_of = selector(self.text, rows, texts)
            yield OpenedRun(self, given, rows, text_of, texts)

    def _given(self, stack: ExitStack) -> Table:
        if isinstance(self.source, DatabaseSource):
            copied = stack.enter_context(database_table(self.source, self.limit))
            return part(copied, self.limit, self.sample)
        # standard input is read twice: first for the columns and their types
        output = self.destination.output
        twice = self.source == ("-",) and (is_typed(output) or format_of(output) != "jsonl")
        sources = (stack.enter_context(kept_input()),) if twice else self.source
        written = (*self.destination.outputs, self.destination.quarantine)
        return part(opened_sources(sources, self.read, written), self.limit, self.sample)


@dataclass(frozen=True, slots=True)
class OpenedRun:
    """A run whose rows are at hand. given: the input. rows: its rows as they are written. text_of: tells a
    row's text. texts: read them from files.
    """

    plan: RunPlan
    given: Table
    rows: Table
    text_of: Callable[[Any], Any]
    texts: TextFiles

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to know about how the input was read."""
        return tuple(filter(None, (self.given.note, self.texts.note)))

    def job(self, client: Extractor, record_type: Any, options: Mapping[str, Any], again: str) -> FileJob:
        """Return what carries it out. options: of each row's call. again: what feeds the quarantine again.

        Raises ConfigError and SchemaError.
        """
        job = self._job(client, record_type, options, again, self.plan.destination)
        destination = self.plan.destination
        parts = destination.parts()
        types = types_in(record_type) if len(parts) > 1 else (record_type,)
        jobs = [
            self._job(client, each, options, again, part) for each, part in zip(types, parts, strict=True)
        ]
        if destination.sink is not None:
            return DatabaseJob.of(job, jobs, destination.sink, self._name(job.version.name))
        return job if len(jobs) == 1 else SortingJob.of(job, jobs)

    def _job(
        self,
        client: Extractor,
        record_type: Any,
        options: Mapping[str, Any],
        again: str,
        destination: Destination,
    ) -> FileJob:
        plan, kind = self.plan, RecordType.of(record_type)
        version = Version.of(record_type, compile_schema(record_type).name)
        shape = shape_of(
            version.name,
            plan.name,
            plan.flatten,
            plan.usage,
            plan.evidence,
            bool(options.get("confidence")) or client.tells_confidence,
            version.fingerprint,
            types_in(record_type),
            client.escalates,
        )
        check_free(self.rows.names or (), Gathered(kind.records(), shape).schema.names)
        sheet = Sheet(shape, kind.dump, formulas=Formulas(plan.formulas_as_text))
        asked = {**options, "retry": self._retry}
        self._check_columns(options)
        return FileJob(
            client,
            record_type,
            self.text_of,
            asked,
            self.given,
            self.rows,
            sheet,
            version,
            destination,
            again,
            BillBook(destination.account, self._name(version.name)),
        )

    def estimate(self, client: Extractor, record_type: Any, options: Mapping[str, Any]) -> Estimate:
        """Return what it would come to, beside what earlier runs have done; nothing is sent or written.

        Raises ConfigError and SchemaError, as the run would.
        """
        job, report = self.job(client, record_type, options, ""), RunReport()
        asked: Any = through(job.options, attrgetter("row"))

        def text_of(each: Placed) -> Any:
            try:
                return self.text_of(each.row)
            except ConfigError as error:
                raise ConfigError(
                    f"{each.place(self.given) or f'row {each.index + 1:,}'}: {error}"
                ) from error

        rows = job.left(report)
        left = RowsLeft(rows, rows.skipped)
        found = client.estimate(left, record_type, text=text_of, **grouped(asked, "run"))
        return replace(
            found,
            rows=found.rows + report.earlier,
            earlier=report.earlier,
            held=report.quarantined_before,
            invalid=tuple(map(unnumbered, found.invalid)),
        )

    def _check_columns(self, options: Mapping[str, Any]) -> None:
        """Raise ConfigError where there is no such column as what differs by row is taken from."""
        names = first_names(self.rows) if self.rows.names is None else self.rows.names
        if names:
            check_columns(columns_by_row(options) or (), names)

    @property
    def _retry(self) -> str | None:
        return "failed" if self.plan.retry_failed else None

    def _name(self, record_type: str) -> str:
        """Return the name of the run, by which its table knows what it has of it."""
        source, plan = self.plan.source, self.plan
        table, query = (None, None) if isinstance(source, tuple) else (source.table, source.query)
        told = "\n".join(source) if isinstance(source, tuple) else str(source.address)
        text = [plan.text] if isinstance(plan.text, str) else plan.text
        named = getattr(text, "__qualname__", "function") if callable(text) else text
        return run_name(told, table, query, plan.sample, record_type, named)
