"""`extractor eval`: how right the records are, on labelled texts; and which of two runs is better."""

from __future__ import annotations

import sys
from collections import Counter as Count
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..client import Extractor
from ..errors import ConfigError, RunStopped
from ..evaluation.cases import Case, load_cases
from ..evaluation.checks import FigureGate, failures, figure, gate_of, junit, markdown
from ..evaluation.evaluating import check_scoring, evaluated, reported, told
from ..evaluation.page import evaluation_page
from ..evaluation.rates import (
    RATES,
    Difference,
    Rate,
    RateEstimate,
    Scored,
    by_field,
    differences,
    estimates,
    paired,
)
from ..evaluation.records import gold_reader
from ..evaluation.reports import EvalReport, load_report
from ..evaluation.scoring import PLAIN, Scoring, load_scoring
from ..readers.given import Reading
from .grouping import grouping
from .options import (
    KEYS,
    ConcurrencyOption,
    JournalOption,
    LimitOption,
    PromptOptions,
    ReplyOptions,
    ScoringOption,
    SeededParameters,
    SureOptions,
    TextReading,
    TypeOptions,
    given,
)
from .output import opened
from .screen import console_on, counting, safe, say

EPILOG = f"""DATA is JSON Lines: {{"text": …, "record": …}}, or "path" of a file for "text"; "id" and
"evidence": [{{"pointer": "/field", "start": 0, "end": 5}}] are optional. If a text gives no record, all of
its values count as missed.

Examples:

    extractor eval invoices.jsonl --type invoice.py:Invoice -m openai:gpt-5-mini -o mini.json
    extractor view mini.json -o mini.html
    extractor eval invoices.jsonl -t invoice.py:Invoice --slice country --fail-under 0.9 --junit eval.xml
    extractor eval --compare mini.json large.json --html turned.html

Answers are kept in the journal of `extractor run`, so running an evaluation again costs nothing.
{KEYS}

Exit status: 0 if all texts were asked, 1 if a figure is below --fail-under, 2 if the evaluation did not
finish, 130 after Ctrl-C.
"""
LEGEND = (
    "95 %: the bootstrap interval over texts. Case, space, punctuation and the spelling of "
    "numbers don't count as errors; strict: values must be exactly equal."
)
CHANGED = 20  # records shown; the files have all of them
SLIPS = 10  # shown; the page has all of them


@dataclass(frozen=True, kw_only=True)
class ReportOptions:
    """The files of the report, and its name."""

    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.json", help="Write the report to this file.")
    ] = None
    html: Annotated[
        str | None,
        typer.Option(metavar="PAGE.html", help="Write the report as a page: errors, and texts beside gold."),
    ] = None
    name: Annotated[
        str, typer.Option(help="The name of the evaluation. Default: the model.", show_default=False)
    ] = ""

    def write(self, report: EvalReport) -> None:
        """Write the report, and its page."""
        _write(self.output, report.to_json)
        _write(self.html, lambda: evaluation_page(report))


@dataclass(frozen=True, kw_only=True)
class GoldOptions:
    """Which texts are asked about, and how their records are scored."""

    limit: LimitOption = None
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Also give the figures for each value of a column of DATA, or of a JSON pointer.",
        ),
    ] = None
    scoring: ScoringOption = None

    def cases(self, data: str, record_type: Any, reading: Reading) -> tuple[list[Case], Scoring]:
        """Return the labelled texts, and the rules. Raises ConfigError for rules that do not fit them."""
        rules = load_scoring(self.scoring) if self.scoring else PLAIN
        cases = load_cases(data, gold_reader(record_type), self.limit, self.slices or (), reading)
        check_scoring(rules, cases)
        return cases, rules


@dataclass(frozen=True, kw_only=True)
class CheckOptions:
    """What makes an evaluation fail, and the files that CI reads."""

    fail_under: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[FIGURE=]SHARE", help="Exit with 1 if the figure is lower. Default figure: value F1."
        ),
    ] = None
    junit_file: Annotated[
        str | None,
        typer.Option(
            "--junit", metavar="FILE.xml", help="Write a JUnit file with a test case for each text, for CI."
        ),
    ] = None
    summary: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.md", help='Append a summary in Markdown, such as to "$GITHUB_STEP_SUMMARY".'
        ),
    ] = None

    def gates(self) -> list[FigureGate]:
        """Return the bounds of the figures. Raises ConfigError."""
        return [gate_of(each) for each in self.fail_under or ()]

    def write(self, report: EvalReport, gates: Sequence[FigureGate]) -> None:
        """Write the files."""
        _write(self.junit_file, lambda: junit(report, gates))
        if self.summary is not None:
            with open(self.summary, "a", encoding="utf-8") as out:  # GitHub's file is added to by each step
                out.write(markdown(report, gates))


@grouping
def evaluate(
    data: Annotated[
        str | None, typer.Argument(metavar="DATA.jsonl", help="Labelled texts.", show_default=False)
    ] = None,
    *,
    kind: TypeOptions,
    asked: PromptOptions,
    reports: ReportOptions,
    documents: TextReading,
    gold: GoldOptions,
    concurrency: ConcurrencyOption = 8,
    journal: JournalOption = None,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="US dollars. The run stops before it would exceed them.")
    ] = None,
    sure: SureOptions,
    replies: ReplyOptions,
    parameters: SeededParameters,
    fields: Annotated[bool, typer.Option("--by-field", help="Also print a table of the fields.")] = False,
    checks: CheckOptions,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A.json B.json", help="Compare two reports, text by text. Nothing is sent."),
    ] = None,
) -> None:
    """Measure how many values a model gets right on labelled texts, and show each wrong one."""
    if (data is None) == (compare is None):
        raise typer.BadParameter("name the labelled texts, or two reports with --compare A.json B.json")
    show, gates = console_on(sys.stdout).print, checks.gates()
    if compare is not None:
        before, after = _named_apart(map(load_report, compare), compare)
        _print_comparison(show, before, after)
        _write(reports.html, lambda: evaluation_page(before, after))
        _conclude(after, len(after.records), failures(after, gates), None)
        return
    wanted, reading = kind.chosen(), documents.chosen()
    cases, rules = gold.cases(str(data), wanted, reading)
    how = {**replies.of_client(), **asked.told(), **sure.of_client(), **parameters.of_client()}
    options = {"examples": asked.solved(wanted), **given({"max_cost": max_cost}), **sure.of_call()}
    asked_with = {"instructions": asked.instructions, "base_url": asked.base_url, **reading.differing()}
    settings = told({**asked_with, **how, **options})
    settings |= given({"mask": asked.mask})  # in the words of the command line, which hide nothing
    with asked.connected(**how) as extractor:
        more = {"concurrency": concurrency, "journal": True if journal is None else journal}
        records, stopped = _records(extractor, wanted, cases, rules, {**options, **more})
        whole, columns = len(records) == len(cases), tuple(gold.slices or ())
        called = reports.name or _called(extractor.model, asked.tuned, sure.escalate)
        report = reported(
            extractor.model, wanted, kind.name, records, called, settings, rules, columns, complete=whole
        )
    reports.write(report)
    checks.write(report, gates)
    _show(show, report, fields)
    _conclude(report, len(cases), failures(report, gates), stopped)


def _show(show: Callable[[Table], None], report: EvalReport, fields: bool) -> None:
    """Print the figures. fields: also those of each field."""
    show(_summary(report))
    if fields:
        show(_fields(report.records))
    _print_slips(show, report)
    for column, by_value in report.sliced().items():
        show(_slices(column, by_value))


def _called(model: str, tuned: str | None, escalate: str | None) -> str:
    """Return the name of an evaluation that asks more than the plain model; "" for one that does not."""
    more = [*(["tuned"] if tuned else []), *([f"then {escalate}"] if escalate else [])]
    return ", ".join((model, *more)) if more else ""


def _write(path: str | None, made: Callable[[], str]) -> None:
    if path is not None:
        with opened(path, aside=True) as out:
            out.write(made())


def _conclude(report: EvalReport, asked: int, failed: Sequence[str], stopped: RunStopped | None) -> None:
    """Say what is not as it should be, and end with the exit status that tells it."""
    done = f"{len(report.records)} of {asked} texts were asked. Run the same command again to resume."
    if stopped is not None:
        say(f"The evaluation did not finish: {str(stopped).rstrip('.')}. {done}", "yellow")
        raise typer.Exit(2)
    if len(report.records) < asked:
        say(f"Interrupted: {done}", "yellow")
        raise typer.Exit(130)
    for why in failed:
        say(f"Failed: {why}.", "yellow")
    if failed:
        raise typer.Exit(1)


def _records(
    extractor: Extractor,
    record_type: Any,
    cases: Sequence[Case],
    scoring: Scoring,
    options: Mapping[str, Any],
) -> tuple[list[Scored], RunStopped | None]:
    """Return what came of the texts that were asked about, and why it was not all where a run stopped."""
    records = list[Scored]()
    with counting(len(cases)) as counter:
        try:
            for record in evaluated(extractor, record_type, cases, scoring, options):
                records.append(record)
                counter.done({"record": 1} if record.score.valid else {})
        except KeyboardInterrupt:
            pass  # what is done is shown; the caller says that it is not all
        except RunStopped as error:
            if not records:
                raise
            return records, error
    return records, None


def _summary(report: EvalReport) -> Table:
    outcomes = Count(record.outcome for record in report.records)
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    table = Table(
        title=safe(f"{report.title}: {len(report.records)} texts, {told}"),
        caption=LEGEND,
        caption_justify="left",
    )
    table.add_column("")
    table.add_column("all texts", justify="right")
    table.add_column("95 %", justify="right")
    found = estimates(report.records)
    for rate in RATES:
        estimate = found[rate.name]
        if estimate.value is not None:
            table.add_row(rate.name, _figure(rate, estimate.value), _interval(rate, estimate))
    return table


def _fields(records: Sequence[Scored]) -> Table:
    table = Table(title="by field")
    for heading in ("field", "gold", "found", "right", "precision", "recall", "F1", "nulls left empty"):
        table.add_column(heading, justify="left" if heading == "field" else "right")
    for name, tally in by_field(records).items():
        shares = [f"{share:.1%}" for share in (tally.precision, tally.recall, tally.f1)]
        nulls = "–" if tally.null_accuracy is None else f"{tally.null_accuracy:.1%}"
        counts = map(str, (tally.gold, tally.predicted, tally.correct))
        table.add_row(safe(name or "(record)"), *counts, *shares, nulls)
    return table


def _print_slips(show: Callable[[Table], None], report: EvalReport) -> None:
    slips = report.confusions()
    if not slips:
        return
    more = f"{len(slips) - SLIPS} more; --html shows all of them" if len(slips) > SLIPS else None
    table = Table(title="what went wrong", caption=more)
    for heading in ("field", "what", "kind", "times"):
        table.add_column(heading, justify="right" if heading == "times" else "left")
    for slip in slips[:SLIPS]:
        table.add_row(safe(slip.field or "(record)"), safe(slip.how), str(slip.verdict), f"{slip.count:,}")
    show(table)


def _slices(column: str, by_value: Mapping[str, Mapping[str, RateEstimate]]) -> Table:
    table = Table(title=safe(f"by {column}"))
    names = ("value F1", "precision", "recall", "perfect records")
    for heading in ("", *names):
        table.add_column(heading, justify="right" if heading else "left")
    for value, found in by_value.items():
        table.add_row(safe(value), *(figure(found[name].value, percent=True) for name in names))
    return table


def _named_apart(reports: Iterable[EvalReport], files: Sequence[str]) -> list[EvalReport]:
    """Return the reports, named after their files if they share one name: a model asked in two ways."""
    found = list(reports)
    if len({report.title for report in found}) == len(found):
        return found
    return [replace(report, name=Path(file).stem) for report, file in zip(found, files, strict=True)]


def _print_comparison(show: Callable[[Table], None], before: EvalReport, after: EvalReport) -> None:
    pairs = paired(before.records, after.records)
    if not pairs:
        raise ConfigError("the two reports have no text in common: their ids are all different")
    show(_comparison(before, after, len(pairs)))
    changed = [(b, a) for b, a in pairs if _right(b) != _right(a) or b.outcome != a.outcome]
    if changed:
        show(_changes(changed))


def _comparison(before: EvalReport, after: EvalReport, count: int) -> Table:
    kept = paired(before.records, after.records)
    one, other = estimates([b for b, _ in kept]), estimates([a for _, a in kept])
    change = differences(before.records, after.records)
    title = f"{before.title} and {after.title}, on the {count} texts that both have"
    table = Table(
        title=safe(title), caption="sure: the share of resamples of the texts that agree on the sign."
    )
    for heading in ("", before.title, after.title, "difference", "95 %", "sure"):
        table.add_column(safe(heading), justify="right" if heading else "left")
    for rate in RATES:
        first, second, by = one[rate.name], other[rate.name], change[rate.name]
        if first.value is not None and second.value is not None and by.value is not None:
            style = _style(rate, by)
            table.add_row(
                rate.name,
                _figure(rate, first.value),
                _figure(rate, second.value),
                safe(_figure(rate, by.value, signed=True), style),
                _interval(rate, by),
                "–" if by.sure is None else f"{by.sure:.0%}",
            )
    return table


def _style(rate: Rate, by: Difference) -> str:
    """Green for what has surely got better, red for what has surely got worse."""
    if rate.good is None or by.low is None or by.high is None or by.low <= 0 <= by.high:
        return ""
    return "green" if (by.low > 0) == rate.good else "red"


def _changes(changed: Sequence[tuple[Scored, Scored]]) -> Table:
    changed = sorted(changed, key=lambda pair: _right(pair[1]) - _right(pair[0]))
    more = f"; {len(changed) - CHANGED} more" if len(changed) > CHANGED else ""
    table = Table(title=f"texts with another result: {len(changed)}", caption=f"the worst first{more}")
    for heading in ("text", "outcome", "right before", "right after", "fields that changed"):
        table.add_column(heading, justify="right" if heading.startswith("right") else "left")
    for before, after in changed[:CHANGED]:
        outcome = before.outcome if before.outcome == after.outcome else f"{before.outcome} → {after.outcome}"
        fields = ", ".join(_changed_fields(before, after))
        table.add_row(safe(before.id), outcome, str(_right(before)), str(_right(after)), safe(fields))
    return table


def _changed_fields(before: Scored, after: Scored) -> list[str]:
    one, other = before.score.normalised.by_field, after.score.normalised.by_field
    return [name for name in dict.fromkeys((*one, *other)) if one.get(name) != other.get(name)]


def _right(record: Scored) -> int:
    return record.score.normalised.overall.correct


def _figure(rate: Rate, value: float, signed: bool = False) -> str:
    return figure(value, rate.percent, signed)


def _interval(rate: Rate, of: RateEstimate | Difference) -> str:
    if of.low is None or of.high is None:
        return ""
    signed = isinstance(of, Difference)
    return f"{_figure(rate, of.low, signed)} … {_figure(rate, of.high, signed)}"
