"""The end of `extractor run`: the summary, the command that continues, and the exit status."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import typer

from ..bulk import kinds, reason_lines, run_page, summary
from ..errors import BudgetExceeded
from ..tables.destination import Destination
from ..tables.report import RunReport
from ..tables.result import TableRun
from .commands import once_more, with_value
from .screen import say

MOST_REFUSED = 5  # rows that a summary names
MOST_REASONS = 10


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run that has ended. result: what it came to. command: what began it. feed: what feeds its quarantine
    again. total: rows of the input, None if that is not known. status: the exit status where it did not
    finish.
    """

    report: RunReport
    result: TableRun
    command: Sequence[str]
    feed: Sequence[str]
    destination: Destination
    total: int | None
    status: int

    def conclude(self) -> None:
        """Say how it ended. Raises typer.Exit unless each row with text gave a record."""
        report, progress = self.report, self.report.progress
        if progress.done or not self.result.earlier:
            say(f"{summary(progress, self.total)}{self._failures()}.", "yellow" if progress.failed else "")
        if progress.possibly_paid_twice:
            say(f"Possibly paid twice, after a run that died: {progress.possibly_paid_twice}.", "yellow")
        for why in reason_lines(report.facts.reasons, MOST_REASONS):
            say(f"  {why}")
        for note in report.facts.told_notes():
            say(f"  {note}", "yellow")
        self._tell_refused()
        say("; ".join([self.result.sum, *map(str, self.result.places)]) + ".")
        if len(self.result.bill.costs) > 1:
            say(self.result.costs)
        if report.stopped is not None:
            for note in report.notes:
                say(note, "yellow")
            say(f"The run did not finish: {report.stopped}.{self._left()} Resume with:", "yellow")
            say(f"  {shlex.join(self._go_on())}")
            if isinstance(report.error, BudgetExceeded):
                say("--max-cost is the limit of each run by itself: a resumed run may spend as much again.")
            raise typer.Exit(self.status)
        self._advise()
        if progress.failed or report.refused or report.bare:
            raise typer.Exit(1)

    def page(self) -> str:
        """Return the run as a page of HTML."""
        report = self.report
        retry = shlex.join(once_more(self.command, "--retry-failed")) if report.progress.failed else None
        ended = "All rows are done." if report.stopped is None else f"It did not finish: {report.stopped}."
        ended = f"{ended} {'; '.join([self.result.sum, *map(str, self.result.places)])}. {self.result.costs}"
        title = f"Run to {self.destination.place}"
        return run_page(title, shlex.join(self.command), report.progress, report.facts, retry, ended)

    def _advise(self) -> None:
        """Say what to do about rows that failed."""
        report, sink = self.report, self.destination.sink
        if report.quarantined:
            rows = f"{self.destination.quarantine} holds {report.quarantined:,} of the rows."
            say(f"{rows} Once they are fixed, run them again with:")
            say(f"  {shlex.join(self.feed)}")
        elif report.progress.failed and {*report.facts.failures} == {"input"}:
            say("Fix these rows of the input, then run the same command again.", "yellow")
        elif report.progress.failed and {*report.facts.failures} == {"serialization"}:
            say(
                "These records can't be written. Fix the record type, then run the same command again.",
                "yellow",
            )
        elif report.progress.failed and (sink is None or sink.keys):
            say("Try the failed rows again with:", "yellow")
            say(f"  {shlex.join(once_more(self.command, '--retry-failed'))}")

    def _tell_refused(self) -> None:
        """Say what a database did not take."""
        report, place = self.report, self.destination.place
        if bare := len(report.bare - report.refused.keys()):
            say(f"{bare:,} records were not written to {place}: their rows' errors say why.", "yellow")
        if report.refused:
            say(f"{len(report.refused):,} rows are not in {place}:", "yellow")
        for number, why in islice(report.refused.items(), MOST_REFUSED):
            say(f"  row {number + 1}: {why}")

    def _left(self) -> str:
        """Say what is where after a run that did not finish."""
        destination = self.destination
        if destination.append and destination.sink is None and not destination.drained:
            return f" Nothing was added to {destination.place}. Finished rows are in the journal."
        if self.report.kept:
            return f" {destination.place} has not changed. Finished rows are in the journal."
        if destination.drained:
            return f" Finished rows are in {destination.place}, the others in {destination.quarantine}."
        return "" if destination.output == "-" else f" Finished rows are in {destination.place}."

    def _go_on(self) -> Sequence[str]:
        """Return the command that resumes the run, with a limit under which it can."""
        needed = getattr(self.report.error, "needed", None)
        return self._resumed() if needed is None else with_value(self._resumed(), "--max-cost", str(needed))

    def _resumed(self) -> Sequence[str]:
        destination = self.destination
        if destination.append and (destination.sink is None or destination.drained):
            return self.command
        if self.report.kept:
            return once_more(self.command, None)
        return once_more(self.command, "--resume" if destination.output != "-" else None)

    def _failures(self) -> str:
        found = kinds(self.report.facts)
        return f" ({', '.join(found)})" if found else ""
