"""`extractor demo`: the example texts, read by a model and compared with gold."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.table import Table

from ..demo import Kind, Run, Trial, examples_folder, load_documents, load_kinds, trials
from ..evaluation.metrics import MISSING, score, total
from ..report import page
from ..schema import RecordType
from ..tables.values import to_json
from ..transport.models import MODELS, traits_of
from .lines import line_of
from .options import BaseUrlOption, ModelOption, connected, name_here
from .output import opened
from .screen import ShownCell, ShownRow, console_on, counting, record_table, say

EPILOG = """Examples:

    extractor demo
    extractor demo --kind invoice --limit 12 --model openai:gpt-5-mini
"""
ALL = "all"
BETTER = (
    "For real work use a larger model: set OPENAI_API_KEY and run `extractor demo --model "
    "openai:gpt-5-mini`, or give --model and --base-url for your own server."
)
LEGEND = (
    "Field accuracy is the F1 of the values against the gold records: missing, wrong and invented ones "
    "count against it. Strict: values must be exactly equal; otherwise case, space, punctuation and the "
    "spelling of numbers don't matter. Nulls: the share of fields left empty that the text does not "
    "mention."
)


def demo(
    kind: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="invoice, support_email, job_ad, or all of these; or documents: receipt (photos), "
            "bill, form, letter, mail.",
        ),
    ] = ALL,
    limit: Annotated[int, typer.Option(min=1, help="How many texts of each kind; there are 12.")] = 2,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FILE", help="Write the records to this file, as JSON Lines."),
    ] = "records.jsonl",
) -> None:
    """Extract records from the example texts, and compare them with gold.

    Right values are green, wrong ones red. The model is the embedded one unless you name another.
    """
    documents = load_documents(examples_folder(), kind, limit)
    kinds = [documents] if documents else _chosen(kind, load_kinds(examples_folder(), limit))
    here = name_here(model, base_url)
    options: dict[str, Any] = {"max_repairs": traits_of(here).max_repairs} if here else {}
    extractor = connected(model, base_url, **options)
    say(f"Reading {sum(len(each.examples) for each in kinds)} example texts with {extractor.model}")
    console = console_on(sys.stdout)
    done: list[Trial] = []
    try:
        with extractor, opened(output, aside=True) as out:
            for each in kinds:
                group = list(_tried(each, extractor.run, out))
                console.print(_records(each.name, group, console.width), "")
                done += group
    except KeyboardInterrupt:
        say(f"Interrupted. The records so far are in {output}.", "yellow")
        raise typer.Exit(130) from None
    console.print(_summary(done))
    say(f"The records are in {output}.")
    if documents:
        shown = Path(output).with_suffix(".html")
        with opened(str(shown)) as out:
            out.write(page((trial.extraction.entry(trial.example.file) for trial in done), kind))
        say(f"Open {shown} in a browser to see each value marked in its document.")
    if here:
        say(about(here))


def about(model: str) -> str:
    """Return what to expect of a model of this machine, and what to do for more."""
    known = MODELS.get(model)
    return f"local:{model} is {known.description}. {BETTER}" if known else BETTER


def _chosen(name: str, kinds: Sequence[Kind]) -> Sequence[Kind]:
    chosen = [kind for kind in kinds if name in (kind.name, ALL)]
    if not chosen:
        known = ", ".join(kind.name for kind in kinds)
        raise typer.BadParameter(f"there are no examples called {name!r}; there are {known}, and {ALL}")
    return chosen


def _tried(kind: Kind, run: Run, out: TextIO) -> Iterator[Trial]:
    """Yield what came of each example once its line is written."""
    dump = RecordType.of(kind.record_type).dump
    with counting(len(kind.examples)) as counter:
        for trial in trials(kind, run, counter.begin):
            text = {"text": trial.example.text} if isinstance(trial.example.text, str) else {}
            line = {"kind": kind.name, **line_of(trial.example.file, trial.extraction, dump), **text}
            counter.write(out, to_json(line))
            counter.done(line)
            yield trial


def _records(kind: str, group: Sequence[Trial], width: int) -> Table:
    rows = [
        ShownRow(
            trial.example.file.removesuffix(".txt"),
            str(trial.extraction.outcome),
            _cells(trial),
            f"{trial.right.correct}/{trial.right.gold}",
        )
        for trial in group
    ]
    return record_table(rows, width, title=kind, note="right")


def _cells(trial: Trial) -> dict[str, ShownCell]:
    """Return the record's values by field, marked right or wrong; empty ones if there is no record."""
    if trial.found is MISSING:
        return {name: ShownCell("") for name in trial.example.gold}
    record = RecordType.of(trial.kind.record_type).dump(trial.extraction.record)
    return {
        name: ShownCell(record[name], "right" if _agrees(trial, name) else "wrong")
        for name in trial.example.gold
    }


def _agrees(trial: Trial, name: str) -> bool:
    return score(trial.example.gold[name], trial.found[name]).normalised.overall.perfect


def _summary(done: Sequence[Trial]) -> Table:
    table = Table(caption=LEGEND, caption_justify="left")
    for heading in ("kind", "texts", "outcomes", "field accuracy", "strict", "nulls", "s a text", "tokens"):
        table.add_column(heading, justify="left" if heading in ("kind", "outcomes") else "right")
    kinds = list(dict.fromkeys(trial.kind.name for trial in done))
    for name in kinds:
        table.add_row(*totals(name, [trial for trial in done if trial.kind.name == name]))
    if len(kinds) > 1:
        table.add_section()
        table.add_row(*totals("all", done), style="bold")
    return table


def totals(name: str, done: Sequence[Trial]) -> tuple[str, ...]:
    """Return the cells of one line of the summary; there is one trial at least."""
    together = total(trial.score for trial in done)
    outcomes = Counter(str(trial.extraction.outcome) for trial in done)
    nulls = together.normalised.overall.null_accuracy
    return (
        name,
        str(len(done)),
        ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()),
        f"{together.normalised.overall.f1:.1%}",
        f"{together.strict.overall.f1:.1%}",
        "–" if nulls is None else f"{nulls:.1%}",
        f"{sum(trial.seconds for trial in done) / len(done):.1f}",
        f"{sum(trial.extraction.usage.total_tokens for trial in done):,}",
    )
