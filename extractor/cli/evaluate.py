"""`extractor eval`: how right the records are, on labelled texts; and which of two runs is better."""

from __future__ import annotations

import sys
from collections import Counter as Count
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError
from rich.table import Table

from ..client import Extractor
from ..errors import ConfigError
from ..evaluation.cases import Case, load_cases, scored
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
from ..loading import load_examples
from ..messages import JSON
from ..schema import RecordType
from .extract import chosen_type
from .options import KEYS, BaseUrlOption, ModelOption, StrictOption, ValuesOption, connected
from .output import opened
from .screen import console_on, counting, safe, say

EPILOG = f"""DATA is JSON Lines: {{"text": …, "gold": …}}, with "id", and "evidence": [{{"path": "/field",
"start": 0, "end": 5}}] where you have them. A text that gives no record has missed everything.

Examples:

    extractor eval invoices.jsonl --type invoice.py:Invoice -m openai:gpt-5-mini -o mini.json
    extractor eval --compare mini.json large.json

{KEYS}

Exit status: 0 when all texts were asked, 2 when they could not be, 130 after Ctrl-C.
"""
LEGEND = (
    "In brackets: the 95 % bootstrap interval over texts. Values count as right but for case, space, "
    "punctuation and the way of writing a number; strict: as they are."
)
CHANGED = 20  # records shown; the files have all of them


@dataclass(frozen=True)
class EvalReport:
    """One evaluation, as it is kept in a file."""

    model: str
    record_type: str
    records: list[Scored]


_REPORT = TypeAdapter(EvalReport)


def evaluate(
    data: Annotated[
        str | None, typer.Argument(metavar="DATA.jsonl", help="Labelled texts.", show_default=False)
    ] = None,
    record_type: Annotated[
        str | None,
        typer.Option("--type", "-t", metavar="FILE.py:Name", help="The record type; its file is run."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", "-s", metavar="FILE.json", help="A JSON Schema instead.")
    ] = None,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.json", help="Where the report goes.")
    ] = None,
    examples: Annotated[
        str | None, typer.Option("--examples", metavar="FILE.jsonl", help="Solved texts for the prompt.")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", "-i", metavar="TEXT", help="Said to the model each time.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first texts.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight at most.")] = 8,
    strict_reading: StrictOption = False,
    read_values: ValuesOption = False,
    fields: Annotated[bool, typer.Option("--by-field", help="A table of the fields, too.")] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="A.json B.json", help="Two reports, text by text; nothing is asked."),
    ] = None,
) -> None:
    """Measure how right the records are that a model gives for labelled texts."""
    if (data is None) == (compare is None):
        raise typer.BadParameter("name the labelled texts, or two reports with --compare A.json B.json")
    console = console_on(sys.stdout)
    if compare is not None:
        before, after = map(_load, compare)
        _print_comparison(console.print, before, after)
        return
    wanted = chosen_type(record_type, schema)
    cases = load_cases(str(data), gold_reader(wanted), limit)
    solved = load_examples(examples, wanted) if examples else []
    reading = {"strict_reading": strict_reading, "read_values": read_values}
    with connected(model, base_url, instructions, **reading) as extractor:
        records = _records(extractor, wanted, cases, {"examples": solved, "concurrency": concurrency})
        report = EvalReport(extractor.model, record_type or str(schema), records)
    if output is not None:
        with opened(output, aside=True) as out:
            out.write(_REPORT.dump_json(report, indent=1).decode() + "\n")
    console.print(_summary(report))
    if fields:
        console.print(_fields(records))
    if len(records) < len(cases):
        say(f"Interrupted: {len(records)} of {len(cases)} texts were asked.", "yellow")
        raise typer.Exit(130)


def gold_reader(record_type: Any) -> Callable[[JSON], JSON]:
    """Return what reads a gold record to the form in which found ones are dumped."""
    dump = RecordType.of(record_type).dump
    if isinstance(record_type, dict):
        return dump
    adapter = TypeAdapter(record_type)
    return lambda gold: dump(adapter.validate_json(_json(gold)))


def _json(value: JSON) -> str:
    return TypeAdapter(Any).dump_json(value).decode()


def _records(
    extractor: Extractor, record_type: Any, cases: Sequence[Case], options: dict[str, Any]
) -> list[Scored]:
    dump, records = RecordType.of(record_type).dump, list[Scored]()
    texts = [case.text for case in cases]
    with counting(len(cases)) as counter:
        try:
            for row in extractor.rows(texts, record_type, journal=False, **options):
                records.append(scored(cases[row.index], row.extraction, row.error, dump))
                counter.done({"record": 1} if records[-1].score.valid else {})
        except KeyboardInterrupt:
            pass  # what is done is shown; the caller says that it is not all
    return records


def _load(path: str) -> EvalReport:
    try:
        return _REPORT.validate_json(Path(path).read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise ConfigError(f"{path} is no report of `extractor eval -o`") from error


def _summary(report: EvalReport) -> Table:
    outcomes = Count(record.outcome for record in report.records)
    told = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    table = Table(
        title=f"{report.model}: {len(report.records)} texts, {told}", caption=LEGEND, caption_justify="left"
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
    title = f"{before.model} and {after.model}, on the {count} texts that both have"
    table = Table(title=title, caption="sure: how many resamples of the texts agree about the sign.")
    for heading in ("", before.model, after.model, "difference", "95 %", "sure"):
        table.add_column(heading, justify="right" if heading else "left")
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
    table = Table(title=f"texts that came out otherwise: {len(changed)}", caption=f"the worst first{more}")
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
    sign = "+" if signed else ""
    if rate.percent:
        return f"{value:{sign}.1%}"
    return f"{value:{sign},.4f}" if abs(value) < 1 else f"{value:{sign},.1f}"


def _interval(rate: Rate, of: RateEstimate | Difference) -> str:
    if of.low is None or of.high is None:
        return ""
    signed = isinstance(of, Difference)
    return f"{_figure(rate, of.low, signed)} … {_figure(rate, of.high, signed)}"
