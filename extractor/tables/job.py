"""A run over a table: its input, the destination of each row, and how it continues earlier files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields, replace
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any, TypeAlias

from ..bulk import INTERRUPTED, Line, RowOutcome, Stop, Told, line_of, quarantined, shown, unnumbered
from ..bulk.frames import Gathered, Lose, cell
from ..client import Extractor
from ..errors import ConfigError, JournalError, RunStopped
from ..files import Abandoned
from ..groups import grouped
from ..messages import Outcome
from ..results import Progress
from ..saying import through
from ..schema import RecordType, place_of_type, types_in
from .bill import NOTHING, BillBook
from .columns import typed_fields
from .destination import Destination
from .files import written
from .names import is_typed
from .output import opened
from .placed import Placed, in_output, own_fields, placed
from .report import Put, RunReport
from .result import Holding, TableRun
from .resuming import Rows, kept
from .sheet import Sheet, Writer
from .stopping import Stopping
from .table import BadRow, Fields, Table
from .values import to_json
from .versions import Version

Hold: TypeAlias = Callable[[Line], object]
Settle: TypeAlias = Callable[[RowOutcome[Any], Placed], None]
LOST = {"ok": Outcome.OK, "repaired": Outcome.REPAIRED}
NOT_RUN = cell("not_run", "the run stopped before this row")


class Unfinished(Abandoned):
    """A run did not finish, and what files hold is better: a run that adds rows adds none."""


@dataclass(frozen=True, slots=True)
class FileJob:
    """A run over a table, ready to begin. given: the input. rows: its rows as they are written. again: the
    command that feeds the quarantine again. book: keeps what the runs over the output cost.
    """

    client: Extractor
    record_type: Any
    text_of: Callable[[Any], Any]
    options: dict[str, Any]
    given: Table
    rows: Table
    sheet: Sheet
    version: Version
    destination: Destination
    again: str
    book: BillBook

    def run(
        self, stop: Stop, asked: Stopping, show: bool | None = True, told: Told | None = None
    ) -> RunReport:
        """Run it, and return what it came to. stop: asks it to end; asked: whether a signal has done so.
        show: whether progress is shown, as in `shown`; told: is called with it as well.
        """
        report = RunReport()
        rows = Rows(self._fed(report))

        def tell(progress: Progress) -> None:
            report.tell(progress)
            self.book.tell(progress.cost or NOTHING, progress.elapsed)
            if told is not None:
                told(progress)

        with shown(show, self.given.total, tell) as show_it, suppress(Unfinished):
            options: Any = {**through(self.options, attrgetter("row")), "on_progress": show_it}
            # what is wrong with the call is said here, before there is a file
            outcomes = self.client.rows(
                rows,
                self.record_type,
                text=lambda r: self.text_of(r.row),
                interrupt=stop,
                **grouped(options, "run"),
            )
            with self._opened(rows, report) as (settle, hold):
                self.book.begin()
                self._write(outcomes, rows, settle, report)
                _note(asked, rows, report)
                self._leave(rows, hold, report)
        least, reads_back = report.told.cost or NOTHING, report.told.from_cache > 0
        report.bill = self.book.settle(report.cost, report.goes_on, reads_back, least)
        return report

    def result(self, report: RunReport, notes: Sequence[str] = ()) -> TableRun:
        """Return what it came to: each row of the input once, and what each file holds. notes: on how the
        input was read.
        """
        lost = {each: report.lost[outcome] for each, outcome in LOST.items()}
        counts = {each: report.settled[each] - lost[each] for each in ("ok", "repaired")}
        failed, empty = report.settled["failed"] + sum(lost.values()), report.settled["empty"]
        done, finished = report.earlier + report.settled.total(), report.stopped is None
        rows = done if finished else self.given.total
        return TableRun(
            rows,
            report.earlier,
            counts["ok"],
            counts["repaired"],
            failed,
            empty,
            None if rows is None else rows - done,
            max(0, report.told.done - report.settled.total()) if report.told.journal else 0,
            report.told.from_cache,
            dict(report.facts.reasons.most_common()),
            report.told.journal,
            report.refused,
            len(report.bare - report.refused.keys()),
            tuple(self._places(report)),
            report.told.usage,
            report.told.cost,
            report.bill,
            report.stopped,
            tuple(
                filter(
                    None, (*notes, *(table.sheet.note for table in self.tables), *report.facts.told_notes())
                )
            ),
        )

    @property
    def tables(self) -> Sequence[FileJob]:
        """The jobs whose outputs it writes: itself."""
        return (self,)

    def _places(self, report: RunReport) -> Iterator[Holding]:
        as_it_was = report.kept
        for table in self.tables:
            put = report.put[table.destination.place]
            yield Holding(
                table.destination.place,
                None if as_it_was or self.destination.sink else put.before + put.added,
                0 if as_it_was else put.added,
            )
        if self.destination.quarantine is not None:
            new = 0 if self.destination.drained else report.quarantined - report.quarantined_before
            yield Holding(
                self.destination.quarantine,
                None if as_it_was else report.quarantined,
                0 if as_it_was else new,
            )

    @contextmanager
    def _opened(self, rows: Rows, report: RunReport) -> Iterator[tuple[Settle, Hold]]:
        """Yield what writes a row, and a line of the quarantine; what earlier files have is written."""
        earlier = [table.destination.earlier() for table in self.tables]
        for table, before in zip(self.tables, earlier, strict=True):
            table.check(next(before.rows(), {}) if before else {})
            table.version.remember()
        with self._holding(report) as hold, ExitStack() as stack:
            writers = [
                stack.enter_context(table.written(before, report))
                for table, before in zip(self.tables, earlier, strict=True)
            ]
            self._keep(rows, earlier, writers, hold, report)
            yield self._settling(writers, earlier, hold, report), hold

    def written(self, earlier: Table | None, report: RunReport) -> AbstractContextManager[Writer]:
        """Return what writes the output. earlier: what is there, and gone on with."""
        return written(
            self.destination.output,
            replace(self.sheet, lose=report.lose),
            self.rows,
            partial(self.gathered, report.lose),
            earlier if self.destination.append else None,
            self.destination.anew,
        )

    def _settling(
        self, writers: Sequence[Writer], earlier: Sequence[Table | None], hold: Hold, report: RunReport
    ) -> Settle:
        """Return what writes a row to where it belongs. earlier: what the outputs had."""
        (writer,), (before,) = writers, earlier
        base = before if self.destination.append else None
        return self.to(_counted(writer, report.put[self.destination.place]), hold, base, report)

    def _fed(self, report: RunReport) -> Iterator[Placed]:
        """Return the rows to run, without those that came to the output when a quarantine was fed before."""
        row_id, earlier = self.rows.row_id, [table.destination.earlier() for table in self.tables]
        known = list(filter(None, earlier))
        if row_id is None or not known or not self.destination.append or not self.given.total:
            return placed(self.given.rows())
        return self._without([in_output(self.given, each, row_id) for each in known], report)

    def _without(self, there: Sequence[Callable[[Placed], bool]], report: RunReport) -> Iterator[Placed]:
        for each in placed(self.given.rows()):
            if any(has(each) for has in there):
                report.earlier += 1
            else:
                yield each

    def gathered(self, lose: Lose) -> Gathered:
        """Return what takes the records of rows for a typed output. lose: called with those it can't take."""
        return Gathered(RecordType.of(self.record_type).records(), self.sheet.shape, lose)

    @contextmanager
    def _holding(self, report: RunReport) -> Iterator[Hold]:
        """Yield what writes a line of the quarantine."""
        if self.destination.quarantine is None:
            yield lambda line: None
            return
        with opened(self.destination.quarantine, partly=self.destination.anew) as stream:

            def hold(line: Line) -> None:
                stream.write(to_json(line) + "\n")
                report.quarantined += 1

            yield hold

    def _keep(
        self,
        rows: Rows,
        earlier: Sequence[Table | None],
        writers: Sequence[Writer],
        hold: Hold,
        report: RunReport,
    ) -> None:
        """Write what earlier files have, after a look at whether it may be gone on with."""
        for row, output in self._before(rows, earlier):
            if isinstance(row, BadRow):
                raise ConfigError(f"line {row.line} of the output can't be read: {row.why}")
            if output is None:
                hold(row)
                report.quarantined_before += 1
            else:
                table = self.tables[output]
                table.check(row)
                writers[output].again(row)
                report.put[table.destination.place].before += 1
            report.earlier += not self.destination.append

    def _before(
        self, rows: Rows, earlier: Sequence[Table | None]
    ) -> Iterable[tuple[Fields | BadRow, int | None]]:
        """Yield the rows of earlier files, and which output each is of, None for the quarantine. Where the
        run goes on with the same input they are left out of `rows`.
        """
        good = [each.rows() if each else iter(()) for each in earlier]
        bad = self.destination.earlier_held()
        if not self.destination.append:
            return kept(rows, good, bad, self._own)
        outputs = ((row, number) for number, each in enumerate(good) for row in each)
        return chain(outputs, ((line, None) for line in bad))

    def left(self, report: RunReport) -> Rows:
        """Return the rows that a run would put to the model. report: called with those that are done. Raises
        ConfigError if earlier files can't be gone on with.
        """
        rows = Rows(self._fed(report))
        if not self.destination.append:
            for row, output in self._before(rows, [table.destination.earlier() for table in self.tables]):
                if output is not None:
                    self.tables[output].check(row)
                report.earlier += 1
                report.quarantined_before += output is None
        return rows

    def check(self, row: Fields | BadRow) -> None:
        """Raise ConfigError for a row of the earlier output that the new ones are no company for."""
        if isinstance(row, BadRow) or not row:
            return
        self.version.check(row, self.sheet.shape, self.destination.output, self.destination.spelled.output)
        if self.destination.quarantine is not None and row.get(f"{self.sheet.shape.name}_error"):
            raise ConfigError(
                f"{self.destination.output} has rows without a record, since it was written without a "
                "quarantine. Write to a new file; finished rows come from the journal"
            )

    def _own(self, each: Placed) -> Fields:
        return own_fields(each, self.rows.row_id)

    def to(self, writer: Writer, hold: Hold, base: Table | None, report: RunReport) -> Settle:
        """Return what writes a row where it belongs. report: called with what only the quarantine takes."""
        types = None if base is None else base.schema

        def good(outcome: RowOutcome[Any], each: Placed) -> None:
            own = self._own(each)
            if types is not None and each.line is not None:
                own = typed_fields(own, types)
            writer.row(replace(outcome, key=own))

        if self.destination.quarantine is None:
            return good
        fault_of = fault_finder(self.record_type, self.sheet, self.destination.output)

        def settle(outcome: RowOutcome[Any], each: Placed) -> None:
            fault = fault_of(outcome.record)
            if fault is not None:
                report.lose(outcome, fault)
            if fault is None and outcome.error is None and outcome.extraction is not None:
                good(outcome, each)
            else:
                line = quarantined(
                    outcome.index, outcome, each.input, self.version.fingerprint, self.again, fault
                )
                where = each.place(self.given)
                hold(line if where is None else {**line, "error": {**line["error"], "where": where}})

        return settle

    def by_type(self, settles: Sequence[Settle]) -> Settle:
        """Return what settles a row by the type of its record, without one as the first does. settles: for
        each type of a union; or the only one.
        """
        if len(settles) == 1:
            return settles[0]
        types = types_in(self.record_type)

        def settle(outcome: RowOutcome[Any], each: Placed) -> None:
            settles[place_of_type(outcome.record, types) or 0](outcome, each)

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
                    report.settle(outcome)
                    settle(_placed(outcome, outcome.key, self.given), outcome.key)
                    rows.settled()
        except RunStopped as error:
            report.stop(error)
            report.is_full = isinstance(error.cause, JournalError)

    def _leave(self, rows: Rows, hold: Hold, report: RunReport) -> None:
        """Leave in the quarantine what a run that did not finish has not done; else add nothing at all. If
        the disk may be full, older files stay: there may be no room for what takes their place.
        """
        if report.is_full and self.destination.replaces:
            report.kept = True
            raise Unfinished
        if report.stopped is None or not self.destination.append:
            return
        if not self.destination.drained:
            report.kept = True
            raise Unfinished
        for each in rows.unsettled():
            new = line_of(each.index, each.input, NOT_RUN, self.version.fingerprint, self.again)
            hold(new if each.line is None else each.line)


@dataclass(frozen=True, slots=True)
class SortingJob(FileJob):
    """A run over a union of types, with a file for each of them. jobs: one for each type."""

    jobs: tuple[FileJob, ...]

    @classmethod
    def of(cls, job: FileJob, jobs: Sequence[FileJob]) -> SortingJob:
        """Return a job whose records go to the outputs of `jobs`, by their types."""
        return cls(**{each.name: getattr(job, each.name) for each in fields(job)}, jobs=tuple(jobs))

    @property
    def tables(self) -> Sequence[FileJob]:
        """The jobs whose outputs it writes: one for each type."""
        return self.jobs

    def _settling(
        self, writers: Sequence[Writer], earlier: Sequence[Table | None], hold: Hold, report: RunReport
    ) -> Settle:
        """Return what writes a row to the output of its record's type; without one to the quarantine."""
        return self.by_type(
            [
                FileJob._settling(job, [writer], [before], hold, report)
                for job, writer, before in zip(self.jobs, writers, earlier, strict=True)
            ]
        )


def _placed(outcome: RowOutcome[Any], each: Placed, given: Table) -> RowOutcome[Any]:
    """Return an outcome that has the position of its row in the input, also in the words of its error."""
    error, where = outcome.error, each.place(given)
    if isinstance(error, ConfigError) and where is not None:
        named = ConfigError(f"{where}: {unnumbered(str(error))}")
        named.__cause__ = error
        error = named
    return replace(outcome, index=each.index, error=error)


def _counted(writer: Writer, put: Put) -> Writer:
    def row(outcome: RowOutcome[Any]) -> None:
        writer.row(outcome)
        put.added += 1

    return Writer(row, writer.again)


def _note(asked: Stopping, rows: Rows, report: RunReport) -> None:
    """Take note that a signal has stopped the run, unless it has ended anyway."""
    if not asked or (report.stopped is None and rows.all_settled):
        return
    report.stopped = str(asked)
    report.notes = [each for each in [asked.advice] if each != INTERRUPTED]


def fault_finder(record_type: Any, sheet: Sheet, output: str) -> Callable[[Any], str | None]:
    """Return the function that says why a record can't be written to a file, None if it can."""
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
