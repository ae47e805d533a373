"""A run over a table: what is read, where each row goes, and how it goes on from earlier files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeAlias

from ..batch.address import masked
from ..batch.cells import Gathered, Lose, cell
from ..batch.display import shown
from ..batch.outcomes import Progress, RowOutcome
from ..batch.page import RunFacts
from ..batch.quarantine import Line, held, line_of
from ..batch.run import INTERRUPTED, Stop
from ..client import Extractor
from ..databases.address import is_database
from ..databases.sink import DatabaseSink
from ..errors import ConfigError, JournalError, RunStopped
from ..files import Abandoned
from ..messages import Outcome
from ..schema import RecordType
from .feeding import Placed, Rows, kept, missing, own_fields, placed, typed_fields
from .lines import to_json
from .output import opened
from .signals import Stopping, stopping
from .tables import BadRow, Fields, Sheet, Table, Writer, format_of, table, written
from .versions import Version

Hold: TypeAlias = Callable[[Line], object]
Settle: TypeAlias = Callable[[RowOutcome[Any], Placed], None]
NOT_RUN = cell("not_run", "the run stopped before this row")


@dataclass(slots=True)
class RunReport:
    """What a run came to. told: its progress, before records were written; lost: those that couldn't be,
    by how their dialogue ended.
    """

    told: Progress = field(default_factory=Progress)
    lost: Counter[Outcome | None] = field(default_factory=Counter)
    facts: RunFacts = field(default_factory=RunFacts)
    held: int = 0  # rows in the quarantine
    bare: set[int] = field(default_factory=set)  # rows whose record a database did not take
    refused: dict[int, str] = field(default_factory=dict)  # rows that it did not take at all, and why
    stopped: str | None = None  # why, where it did not finish
    notes: Sequence[str] = ()  # what there is to know about that
    status: int = 2  # the exit status, where it did not finish
    is_full: bool = False  # whether it is because the journal took no more, as on a full disk
    kept: bool = False  # whether files are as they were

    def tell(self, progress: Progress) -> None:
        """Take note of how far it is."""
        self.told = progress

    def lose(self, outcome: RowOutcome[Any], why: str) -> None:
        """Take note of a record that can't be written."""
        self.lost[outcome.outcome] += 1
        self.facts.fail("serialization", why)

    @property
    def progress(self) -> Progress:
        """How far it is; a row whose record was lost has failed."""
        ok, repaired = self.lost[Outcome.OK], self.lost[Outcome.REPAIRED]
        return replace(
            self.told,
            ok=self.told.ok - ok,
            repaired=self.told.repaired - repaired,
            failed=self.told.failed + ok + repaired,
        )


def is_drained(source: str, quarantine: str | None) -> bool:
    """Whether the rows that are fed come out of the quarantine that failures go to: it is emptied."""
    return quarantine is not None and Path(source).absolute() == Path(quarantine).absolute()


@dataclass(frozen=True, slots=True)
class GoingOn:
    """How a run goes on from files that are there. drained: whether the input is the quarantine itself.
    sink: the table that is the output, where it is one.
    """

    output: str
    quarantine: str | None
    resume: bool
    append: bool
    drained: bool
    sink: DatabaseSink | None = None

    def check(self, some: bool) -> None:
        """Raise ConfigError for what would lose rows, or can't be. some: whether rows are left out."""
        if self.quarantine is not None:
            if self.quarantine == "-" or format_of(self.quarantine) != "jsonl":
                raise ConfigError("--quarantine takes a file of JSON Lines, such as bad.jsonl")
            if self.output != "-" and Path(self.quarantine).absolute() == Path(self.output).absolute():
                raise ConfigError("OUTPUT and the quarantine are one file: name another for one of them")
        if self.append and (self.output == "-" or ("://" in self.output and self.sink is None)):
            raise ConfigError("--append needs the OUTPUT on this machine that it adds to: name it with -o")
        if self.append and self.resume:
            raise ConfigError("--resume goes on with the same input, --append adds another: name one of them")
        if self.drained and (some or not self.append):
            raise ConfigError(
                f"rows leave {self.quarantine} as they get their record: say --append, so that OUTPUT keeps "
                "what it has, and leave --limit and --sample out; or name another file with --quarantine"
            )

    @property
    def place(self) -> str:
        """What the output is called."""
        return masked(self.output) if self.sink is None else f"the table {self.sink.name}"

    @property
    def anew(self) -> bool:
        """Whether the files are written anew, so that what there is of them is better than nothing."""
        return not (self.resume or self.append)

    @property
    def replaces(self) -> bool:
        """Whether files that are there would be written anew."""
        files = [each for each in (self.output, self.quarantine) if each not in (None, "-")]
        return self.anew and any(Path(str(each)).is_file() for each in files)

    def earlier(self) -> Table | None:
        """Return the rows of the output that is gone on with; None where there is none."""
        there = not self.anew and Path(self.output).exists() and Path(self.output).stat().st_size
        return table(self.output) if there else None

    def earlier_held(self) -> Iterator[Fields | BadRow]:
        """Yield the lines of the quarantine that are kept."""
        going_on = not self.anew and not self.drained
        if self.quarantine is not None and going_on and Path(self.quarantine).exists():
            yield from table(self.quarantine).rows()


class Unfinished(Abandoned):
    """A run did not finish, and what files hold is better: a run that adds rows adds none."""


@dataclass(frozen=True, slots=True)
class CommandJob:
    """A run over a table, ready to begin. given: the input. rows: its rows as they are written. again: the
    command that feeds the quarantine again.
    """

    client: Extractor
    record_type: Any
    text_of: Callable[[Any], Any]
    options: dict[str, Any]
    given: Table
    rows: Table
    sheet: Sheet
    version: Version
    going_on: GoingOn
    again: str

    def run(self) -> RunReport:
        """Run it, and return what it came to."""
        report, stop = RunReport(), Stop()
        rows = Rows(self._fed())
        with (
            stopping(stop) as asked,
            shown(True, self.given.total, report.tell) as told,
            suppress(Unfinished),
        ):
            options: Any = {**self.options, "on_progress": told}
            # what is wrong with the call is said here, before there is a file
            outcomes = self.client.rows(
                rows, self.record_type, text=lambda r: self.text_of(r.row), interrupt=stop, **options
            )
            with self._opened(rows, report) as (settle, hold):
                self._write(outcomes, rows, settle, report)
                _note(asked, rows, report)
                self._leave(rows, hold, report)
        return report

    @contextmanager
    def _opened(self, rows: Rows, report: RunReport) -> Iterator[tuple[Settle, Hold]]:
        """Yield what writes a row, and a line of the quarantine; what earlier files have is written."""
        earlier = self.going_on.earlier()
        base = earlier if self.going_on.append else None
        self._check(next(earlier.rows(), {}) if earlier else {})
        self.version.remember()
        with (
            self._holding(report) as hold,
            written(
                self.going_on.output,
                replace(self.sheet, lose=report.lose),
                self.rows,
                partial(self._gathered, report.lose),
                base,
                self.going_on.anew,
            ) as writer,
        ):
            self._keep(rows, earlier, writer, hold)
            yield self._to(writer, hold, base, report.lose), hold

    def _fed(self) -> Iterator[Placed]:
        """Return the rows to run, without those that came to the output when a quarantine was fed before."""
        row_id, earlier = self.rows.row_id, self.going_on.earlier()
        if row_id is None or earlier is None or not self.going_on.append or not self.given.total:
            return placed(self.given.rows())
        return missing(self.given, earlier, row_id)

    def _gathered(self, lose: Lose) -> Gathered:
        return Gathered(RecordType.of(self.record_type).records(), self.sheet.shape, lose)

    @contextmanager
    def _holding(self, report: RunReport) -> Iterator[Hold]:
        """Yield what writes a line of the quarantine."""
        if self.going_on.quarantine is None:
            yield lambda line: None
            return
        with opened(self.going_on.quarantine, partly=self.going_on.anew) as stream:

            def hold(line: Line) -> None:
                stream.write(to_json(line) + "\n")
                report.held += 1

            yield hold

    def _keep(self, rows: Rows, earlier: Table | None, writer: Writer, hold: Hold) -> None:
        """Write what earlier files have, after a look at whether it may be gone on with."""
        good, bad = earlier.rows() if earlier else iter(()), self.going_on.earlier_held()
        before: Iterable[tuple[Fields | BadRow, bool]]
        if self.going_on.append:
            before = chain(((row, True) for row in good), ((line, False) for line in bad))
        else:
            before = kept(rows, good, bad, self._own)
        for row, is_good in before:
            if isinstance(row, BadRow):
                raise ConfigError(f"line {row.line} of what is added to can't be read: {row.why}")
            if is_good:
                self._check(row)
                writer.again(row)
            else:
                hold(row)

    def _check(self, row: Fields | BadRow) -> None:
        """Raise ConfigError for a row of the earlier output that the new ones are no company for."""
        if isinstance(row, BadRow) or not row:
            return
        self.version.check(row, self.sheet.shape, self.going_on.output)
        if self.going_on.quarantine is not None and row.get(f"{self.sheet.shape.name}_error"):
            raise ConfigError(
                f"{self.going_on.output} has rows without a record: it was written without --quarantine. "
                "Write to a new file; what is done comes out of the journal"
            )

    def _own(self, each: Placed) -> Fields:
        return own_fields(each, self.rows.row_id)

    def _to(self, writer: Writer, hold: Hold, base: Table | None, lose: Lose) -> Settle:
        """Return what writes a row to where it belongs. lose: is told of what only the quarantine takes."""
        types = None if base is None else base.schema

        def good(outcome: RowOutcome[Any], each: Placed) -> None:
            own = self._own(each)
            if types is not None and each.line is not None:
                own = typed_fields(own, types)
            writer.row(replace(outcome, key=own))

        if self.going_on.quarantine is None:
            return good
        fault_of = fault_finder(self.record_type, self.sheet, self.going_on.output)

        def settle(outcome: RowOutcome[Any], each: Placed) -> None:
            fault = fault_of(outcome.record)
            if fault is not None:
                lose(outcome, fault)
            if fault is None and outcome.error is None and outcome.extraction is not None:
                good(outcome, each)
            else:
                hold(held(outcome.index, outcome, each.input, self.version.stamp, self.again, fault))

        return settle

    def _write(
        self, outcomes: Iterator[RowOutcome[Any]], rows: Rows, settle: Settle, report: RunReport
    ) -> None:
        """Write what comes of the rows, up to the first one that was not run."""
        try:
            whole = True
            for outcome in outcomes:
                whole = whole and not (outcome.stops or isinstance(outcome.error, RunStopped))
                if whole:
                    settle(replace(outcome, index=outcome.key.index), outcome.key)
                    rows.settled()
                    report.facts.add(outcome)
        except RunStopped as error:
            report.stopped = str(error).rstrip(".")
            report.is_full = isinstance(error.cause, JournalError)

    def _leave(self, rows: Rows, hold: Hold, report: RunReport) -> None:
        """Leave in the quarantine what a run that did not finish has not done; else add nothing at all. Where
        the disk may be full, older files stay: there may be no room for what takes their place.
        """
        if report.is_full and self.going_on.replaces:
            report.kept = True
            raise Unfinished
        if report.stopped is None or not self.going_on.append:
            return
        if not self.going_on.drained:
            raise Unfinished
        for each in rows.unsettled():
            new = line_of(each.index, each.input, NOT_RUN, self.version.stamp, self.again)
            hold(new if each.line is None else each.line)


def _note(asked: Stopping, rows: Rows, report: RunReport) -> None:
    """Take note that a signal has stopped the run, unless it has come to its end all the same."""
    if not asked or (report.stopped is None and rows.all_settled):
        return
    report.stopped, report.status = str(asked), asked.status
    report.notes = [each for each in [asked.advice] if each != INTERRUPTED]


def is_typed(output: str) -> bool:
    """Whether the columns of an output have types, which are looked for in the whole input first."""
    return is_database(output) or format_of(output) == "parquet"


def fault_finder(record_type: Any, sheet: Sheet, output: str) -> Callable[[Any], str | None]:
    """Return the function that says why a record can't be written to a file, None where it can."""
    records = RecordType.of(record_type).records() if is_typed(output) else None

    def fault(record: Any) -> str | None:
        if record is None:
            return None
        if records is not None:
            return records.array([record])[1].get(0)
        try:
            sheet.dump(record)
        except ValueError as error:  # what a serializer of the user's own raises
            return str(error)
        return None

    return fault
