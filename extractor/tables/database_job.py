"""A run over a table whose output is a table of a database, or one for each type of a union."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial, reduce
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from ..bulk import Line, RowOutcome, quarantined
from ..bulk.frames import Gathered, cell
from ..errors import ConfigError, RunStopped
from ..files import leads_to
from ..systems import check_name, keep_for_owner
from .columns import own_schema, typed
from .databases.batches import SortedRows
from .databases.marks import BEGINNING, TableMark, check_same
from .databases.sink import DatabaseSink, Writing, common_mark, writing_to
from .databases.types import arrow_type
from .files import table
from .job import FileJob, Hold, Settle
from .output import opened
from .placed import Placed, placed
from .report import RunReport, settled_as
from .resuming import Rows
from .sheet import Writer
from .table import BadRow, Fields
from .values import to_json, well_formed

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class DatabaseJob(FileJob):
    """A run whose rows go into a table, or into one for each type. jobs: one for each table. name: of the
    run, which is noted in the database.
    """

    jobs: tuple[FileJob, ...]
    sink: DatabaseSink
    name: str

    @classmethod
    def of(cls, job: FileJob, jobs: Sequence[FileJob], sink: DatabaseSink, name: str) -> DatabaseJob:
        """Return a job with the tables of `jobs` for its output."""
        own = {each.name: getattr(job, each.name) for each in fields(job)}
        return cls(**own, jobs=tuple(jobs), sink=sink, name=name)

    @property
    def tables(self) -> Sequence[FileJob]:
        """The jobs whose tables it fills: one for each."""
        return self.jobs

    def left(self, report: RunReport) -> Rows:
        """Return the rows that a run would put to the model: those behind the place that is noted in the
        database. report: is called with the others. Raises ConfigError as the run would.
        """
        rows = Rows(self._fed(report))
        for job, sink in zip(self.jobs, self._sinks, strict=True):
            _check_version(job, sink, sink.existing() if sink.address.exists else {})
        self._check_fed_once(rows)
        if not self._begins_anew:
            self._leave_out(rows, self._noted(), report)
            done = report.earlier
            held = (line.get("index") for line in self.destination.earlier_held() if isinstance(line, dict))
            report.quarantined_before = sum(isinstance(n, int) and n < done for n in held)
        return rows

    def _noted(self) -> TableMark:
        return common_mark(self._sinks, [sink.noted(self.name) for sink in self._sinks])

    def _check_fed_once(self, rows: Rows) -> None:
        """Raise ConfigError for a quarantine that was fed before: what had a record then would be in a table
        without a key twice.
        """
        first = rows.peek()
        if not self.destination.append or self.sink.keys or first is None or first.line is None:
            return
        done = self._noted()
        inputs = (each.input for each in islice(placed(self.given.rows()), done.rows))
        if done.rows and reduce(TableMark.after, inputs, BEGINNING) == done:
            names, spelled = ", ".join(str(sink.name) for sink in self._sinks), self.destination.spelled
            raise ConfigError(
                f"these {done.rows:,} rows of a quarantine were put into {names} before, and would be there "
                f"twice: feed the quarantine of that run, which has those that failed again, or name a "
                f"{spelled.key}"
            )

    @property
    def _begins_anew(self) -> bool:
        """Whether rows are written whatever an earlier run has noted."""
        return self.destination.append or (bool(self.sink.keys) and not self.destination.resume)

    def _leave_out(self, rows: Rows, done: TableMark, report: RunReport) -> None:
        """Leave out the rows that are done. Raises ConfigError if they are other ones, and where nothing
        says that the run goes on.
        """
        spelled = self.destination.spelled
        if done.rows and not self.destination.resume:
            names = ", ".join(str(sink.name) for sink in self._sinks)
            raise ConfigError(
                f"{done.rows:,} rows of this run are already in {names}: {spelled.resume} adds the missing "
                f"ones, {spelled.append} adds all of them again"
            )
        found = BEGINNING
        while found.rows < done.rows and (each := rows.peek()) is not None:
            found = found.after(each.input)
            rows.skip()
        check_same(found, done)
        report.earlier = done.rows

    @contextmanager
    def _opened(self, rows: Rows, report: RunReport) -> Iterator[tuple[Settle, Hold]]:
        """Yield what writes a row, and a line of the quarantine; what an earlier run has done is left out."""
        self._check_fed_once(rows)
        tables = [self._begun(job, sink, report) for job, sink in zip(self.jobs, self._sinks, strict=True)]
        schemas = [(sink, each.schema) for sink, each in zip(self._sinks, tables, strict=True)]
        with writing_to(schemas, self.name, self._begins_anew) as writing:
            done = writing.mark
            self._leave_out(rows, done, report)
            for job in self.jobs:
                job.version.remember()
            with self._holding_beside(done, report) as hold:
                filling = DatabaseFilling(self, writing, tables, hold, report)
                to = self.by_type(
                    [
                        job.to(Writer(partial(filling.row, number), filling.again), hold, None, report)
                        for number, job in enumerate(self.jobs)
                    ]
                )

                def settle(outcome: RowOutcome[Any], each: Placed) -> None:
                    filling.begin(outcome, each)
                    to(outcome, each)
                    filling.settled()

                yield settle, hold
                self._end(filling, report)

    @property
    def _sinks(self) -> Sequence[DatabaseSink]:
        return self.destination.sinks or (self.sink,)

    def _begun(self, job: FileJob, sink: DatabaseSink, report: RunReport) -> TableBatches:
        """Return the place for a table's rows. Raises ConfigError if it has rows of another version."""
        import pyarrow as pa

        existing = sink.existing()
        _check_version(job, sink, existing)
        gathered = job.gathered(report.lose)
        own = own_schema(job.rows, gathered, None)
        if self.given.schema is None:
            own = pa.schema([_typed_field(each, existing) for each in own])
        return TableBatches(job, own, gathered)

    def _end(self, filling: DatabaseFilling, report: RunReport) -> None:
        """Write what waits. Raises RunStopped if a quarantine that is drained is to stay as it is."""
        try:
            filling.flush()
        except RunStopped as error:
            report.stop(error)
        if filling.is_broken:
            report.settled.subtract(filling.unsafe)
        if filling.is_broken and self.destination.drained:
            raise RunStopped(
                f"{report.stopped}. {self.destination.quarantine} has not changed: run it again to resume"
            )

    @contextmanager
    def _holding_beside(self, done: TableMark, report: RunReport) -> Iterator[Hold]:
        """Yield what writes a line of the quarantine: it is safe before it is noted that the row is done."""
        path = self.destination.quarantine
        if path is None or self.destination.drained:
            with self._holding(report) as hold:
                yield hold
            return
        if not self.destination.anew and Path(path).exists():
            report.quarantined_before = _without_the_unnoted(path, self._next_inputs(done))
            report.quarantined = report.quarantined_before
        with _added_to(path, self.destination.anew) as stream:

            def safely(line: Line) -> None:
                stream.write(to_json(line) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
                report.quarantined += 1

            yield safely

    def _next_inputs(self, done: TableMark) -> set[tuple[int, str]]:
        """The rows that may be in the quarantine already, though that they are done was not noted."""
        following = islice(placed(self.given.rows()), done.rows, done.rows + self.sink.batch_rows)
        return {(each.index, to_json(each.input)) for each in following}

    def _leave(self, rows: Rows, hold: Hold, report: RunReport) -> None:
        """Leave in a quarantine that is drained what was not done; else the note says how far it is."""
        if self.destination.drained:
            FileJob._leave(self, rows, hold, report)


def _check_version(job: FileJob, sink: DatabaseSink, existing: Mapping[str, Any]) -> None:
    """Raise ConfigError if a table has rows of another version of the record type."""
    fingerprint = job.sheet.shape.fingerprint_name
    if fingerprint in existing and (found := sink.differing(fingerprint, job.version.fingerprint)):
        other = f"another table, with {job.destination.spelled.into}"
        job.version.refuse(found, f"the table {sink.name}", other)


def run_name(source: str, *others: object) -> str:
    """Return the name of a run: that of the same command tomorrow."""
    places = [each if "://" in each else str(Path(each).absolute()) for each in source.split("\n")]
    told = [*places, *map(repr, others)]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def _typed_field(column: pa.Field, existing: Mapping[str, Any]) -> pa.Field:
    """A column of an input that knows no types, as the table that is there declares it."""
    kind = arrow_type(existing[column.name].type) if column.name in existing else None
    return column if kind is None else column.with_type(kind)


def _without_the_unnoted(path: str, inputs: set[tuple[int, str]]) -> int:
    """Take the lines of some rows out of a quarantine, and the end of one that was being written; return how
    many lines it has then. Raises ConfigError for another one that can't be read.
    """
    torn: BadRow | None = None
    left = 0
    with opened(path, partly=False) as out:
        for line in table(path).rows():
            if torn is not None:
                raise ConfigError(f"line {torn.line} of {path} can't be read: {torn.why}")
            if isinstance(line, BadRow):
                torn = line
            elif (line.get("index"), to_json(line.get("input"))) not in inputs:
                out.write(to_json(line) + "\n")
                left += 1
    return left


@contextmanager
def _added_to(path: str, anew: bool) -> Iterator[IO[str]]:
    flags = os.O_CREAT | os.O_WRONLY | (os.O_TRUNC if anew else os.O_APPEND)
    try:
        check_name(path)
        handle = os.open(leads_to(path), flags, 0o600)
    except OSError as error:
        raise ConfigError(f"cannot write to {path}: {error.strerror or error}") from error
    keep_for_owner(handle)  # also where it was there before
    with open(handle, "w", encoding="utf-8", newline="\n") as stream:
        yield stream


@dataclass(frozen=True, slots=True)
class TableBatches:
    """The rows of a table, made into Arrow. own: the columns that rows have of themselves. gathered: those of
    their records.
    """

    job: FileJob
    own: pa.Schema
    gathered: Gathered

    @property
    def schema(self) -> pa.Schema:
        """The columns of the table."""
        import pyarrow as pa

        return pa.schema([*self.own, *self.gathered.schema])

    def batch(self, rows: Sequence[Fields]) -> pa.RecordBatch:
        """Return rows, given by their own fields, with the records that were gathered."""
        import pyarrow as pa

        mine = pa.Table.from_pylist(rows, self.own)
        both = pa.table([*mine.columns, *self.gathered.take().columns], self.schema)
        batches: list[pa.RecordBatch] = both.combine_chunks().to_batches()
        return batches[0] if batches else pa.RecordBatch.from_pylist([], self.schema)

    def with_error(self, own: Fields, error: Any) -> pa.RecordBatch:
        """Return a row with an error in the place of its record."""
        import pyarrow as pa

        shape = self.job.sheet.shape
        given = {f"{shape.name}_error": error, shape.fingerprint_name: shape.fingerprint}
        new = [pa.array([given.get(each.name)], each.type) for each in self.gathered.schema]
        mine = pa.RecordBatch.from_pylist([own], self.own)
        return pa.RecordBatch.from_arrays([*mine.columns, *new], schema=self.schema)


class Waiting(NamedTuple):
    """A row that waits to be written. table: its number. own: its own fields."""

    table: int
    outcome: RowOutcome[Any]
    placed: Placed
    own: Fields


class DatabaseFilling:
    """Rows on their way into tables, batch by batch, and how far the input is behind each of them."""

    def __init__(
        self,
        job: DatabaseJob,
        writing: Writing,
        tables: Sequence[TableBatches],
        hold: Hold,
        report: RunReport,
    ) -> None:
        self._job, self._writing, self._tables = job, writing, tables
        self._hold, self._report = hold, report
        self._place = writing.mark
        self._settled, self.is_broken = 0, False  # what a write that failed has done is not known
        self.unsafe = Counter[str]()  # rows whose place is not noted yet, by outcome
        self._rows: list[Waiting] = []
        self._behind: list[TableMark] = []

    def begin(self, outcome: RowOutcome[Any], each: Placed) -> None:
        """Take note of the row that is written or quarantined next."""
        self._outcome, self._each = outcome, each
        self._place = self._place.after(each.input)
        self.unsafe[settled_as(outcome)] += 1
        self._settled += 1

    def row(self, number: int, outcome: RowOutcome[Any]) -> None:
        """Write the row, whose key has its own fields. number: of its table."""
        table = self._tables[number]
        try:
            own = outcome.key
            if self._job.given.schema is None:
                own = _read_as(well_formed(own), table.own)
        except ValueError as error:
            self._refuse(str(error))
            return
        table.gathered.add(outcome)
        self._rows.append(Waiting(number, self._outcome, self._each, own))
        self._behind.append(self._place)

    def again(self, row: Fields) -> None:
        """There is nothing to write again."""

    def settled(self) -> None:
        """Say that the row is written or quarantined."""
        if self._behind:
            self._behind[-1] = self._place
        if self._settled >= self._job.sink.batch_rows:
            self.flush()

    def flush(self) -> None:
        """Write what waits, in one transaction."""
        if self.is_broken:
            return
        self.is_broken = True
        if self._rows:
            batches = [
                table.batch([each.own for each in self._rows if each.table == number])
                for number, table in enumerate(self._tables)
            ]
            rows = SortedRows([each.table for each in self._rows], batches)
            refused = self._writing.put(rows, self._behind, self._instead)
            self._report.refused |= {self._rows[n].placed.index: why for n, why in refused.items()}
            for position, each in enumerate(self._rows):
                place = self._tables[each.table].job.destination.place
                self._report.put[place].added += position not in refused
        elif self._place != self._writing.mark:
            self._writing.move(self._place)
        self.is_broken, self._settled = False, 0
        self.unsafe.clear()
        self._rows, self._behind = [], []

    def _instead(self, position: int, why: str) -> pa.RecordBatch | None:
        """The row without its record, and with the reason; None if it goes into the quarantine."""
        number, outcome, each, own = self._rows[position]
        if self._job.destination.quarantine is not None:
            self._put_aside(outcome, each, why)
            return None
        self._report.bare.add(each.index)
        return self._tables[number].with_error(own, cell("database", why, len(outcome.attempts)))

    def _refuse(self, why: str) -> None:
        """Leave the row out that was begun last."""
        self._report.refused[self._each.index] = why
        if self._job.destination.quarantine is not None:
            self._put_aside(self._outcome, self._each, why)

    def _put_aside(self, outcome: RowOutcome[Any], each: Placed, why: str) -> None:
        """Leave the row in the quarantine."""
        version, again = self._job.version.fingerprint, self._job.again
        self._hold(quarantined(outcome.index, outcome, each.input, version, again, why))


def _read_as(row: Fields, schema: pa.Schema) -> Fields:
    """Return fields of an input that knows no types as the table's columns are. Raises ValueError."""
    import pyarrow as pa

    found: Fields = {}
    for name, value in row.items():
        kind = schema.field(name).type
        try:
            found[name] = None if value == "" and kind != pa.string() else typed(value, kind)
            pa.array([found[name]], kind)
        except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{name}: {error}") from error
    return found
