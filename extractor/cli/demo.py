"""`extractor demo`: the example texts, read by a model and held against their gold records."""

from __future__ import annotations

import sys
from collections import Counter as Counts
from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby
from typing import Annotated, Any, TextIO

import typer
from rich.table import Table

from ..demo import Kind, Trial, examples_folder, load_kinds, trials
from ..evaluation.metrics import MISSING, Score, score, total
from .lines import dump_for, line_of, to_json
from .options import BaseUrlOption, ModelOption, connected, on_this_machine
from .output import opened
from .screen import Cell, Row, console_on, counting, record_table, say

EPILOG = """Examples:

extractor demo

extractor demo --kind invoice --limit 12 --model openai:gpt-5-mini
"""
ABOUT = (
    "The embedded model is tiny (135 million parameters): it is for trying extractor out, for tests and for "
    "offline CI, and gets most values wrong. For real work name a better one: set OPENAI_API_KEY and run "
    "`extractor demo --model openai:gpt-5-mini`, or give --model and --base-url for a server of your own."
)


class Choice(StrEnum):
    """Which examples."""

    ALL = "all"
    INVOICE = "invoice"
    SUPPORT_EMAIL = "support_email"
    JOB_AD = "job_ad"


def demo(
    kind: Annotated[Choice, typer.Option(help="Which kind of texts.")] = Choice.ALL,
    limit: Annotated[int, typer.Option(min=1, help="Texts of each kind; there are 12.")] = 12,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where the records go, as JSON Lines.")
    ] = "records.jsonl",
) -> None:
    """Extract records from the example texts, and show how many of their values are right.

    Right values are green, wrong ones red. The model is the embedded one unless you name another.
    """
    kinds = [
        each for name, each in load_kinds(examples_folder(), limit).items() if kind in (name, Choice.ALL)
    ]
    extractor = connected(model, base_url)
    say(f"Reading {sum(len(each.examples) for each in kinds)} texts with {extractor.model}")
    with extractor, opened(output) as out:
        done, whole = _tried(kinds, extractor.run, out)
    console = console_on(sys.stdout)
    for name, group in groupby(done, key=lambda trial: trial.kind.name):
        console.print(_records(name, list(group), console.width), "")
    console.print(_summary(done))
    say(f"The records are in {output}." if whole else f"Interrupted; what was done is in {output}.")
    if on_this_machine(model, base_url):
        say(ABOUT)
    if not whole:
        raise typer.Exit(130)


def _tried(kinds: Sequence[Kind], run: Any, out: TextIO) -> tuple[list[Trial], bool]:
    """Try the examples and write their lines; return them, and whether all were tried before Ctrl-C."""
    done: list[Trial] = []
    dumps = {kind.name: dump_for(kind.record_type) for kind in kinds}
    with counting(sum(len(kind.examples) for kind in kinds)) as counter:
        try:
            for trial in trials(kinds, run, begin=counter.begin):
                line = line_of(trial.example.file, trial.extraction, dumps[trial.kind.name])
                counter.write(out, to_json({"kind": trial.kind.name, **line}))
                counter.done(line)
                done.append(trial)
        except KeyboardInterrupt:
            return done, False
    return done, True


def _records(kind: str, group: Sequence[Trial], width: int) -> Table:
    rows = [
        Row(
            trial.example.file.removesuffix(".txt"),
            str(trial.extraction.outcome),
            _cells(trial),
            _right(trial.score),
        )
        for trial in group
    ]
    return record_table(rows, width, title=kind, note="right")


def _right(of: Score) -> str:
    counts = of.normalised.overall
    return f"{counts.correct}/{counts.gold}"


def _cells(trial: Trial) -> dict[str, Cell]:
    """Return the record's values by field, marked right or wrong; where there is no record, none."""
    if trial.found is MISSING:
        return {name: Cell("") for name in trial.example.gold}
    record = dump_for(trial.kind.record_type)(trial.extraction.record)
    return {
        name: Cell(record[name], "right" if _agrees(trial, name) else "wrong") for name in trial.example.gold
    }


def _agrees(trial: Trial, name: str) -> bool:
    return score(trial.example.gold[name], trial.found[name]).normalised.overall.perfect


# -- totals


def _summary(done: Sequence[Trial]) -> Table:
    table = Table("kind", "texts", "outcomes", "field accuracy", "(strict)", "nulls", "s a text", "tokens")
    names = list(dict.fromkeys(trial.kind.name for trial in done))
    for name in names:
        table.add_row(*totals(name, [trial for trial in done if trial.kind.name == name]))
    if len(names) != 1:
        table.add_section()
        table.add_row(*totals("all", done))
    return table


def totals(name: str, done: Sequence[Trial]) -> tuple[str, ...]:
    """Return the cells of one line of totals.

    Field accuracy is the F1 of values: what is missing, wrong or invented counts against it.
    """
    together = total(trial.score for trial in done)
    outcomes = Counts(str(trial.extraction.outcome) for trial in done)
    seconds = sum(trial.seconds for trial in done) / max(1, len(done))
    tokens = sum(trial.extraction.usage.total_tokens for trial in done)
    nulls = together.normalised.overall.null_accuracy
    return (
        name,
        str(len(done)),
        ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common()),
        f"{together.normalised.overall.f1:.1%}",
        f"{together.strict.overall.f1:.1%}",
        "–" if nulls is None else f"{nulls:.1%}",
        f"{seconds:.1f}",
        f"{tokens:,}",
    )
