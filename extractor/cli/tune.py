"""`extractor tune`: examples, words and shapes that make a model better, if any do so beyond chance."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.table import Table

from ..evaluation.scoring import PLAIN, load_scoring
from ..groups import Run
from ..tuning import Tuning
from ..tuning import tune as tuned
from .grouping import grouping
from .options import (
    KEYS,
    ConcurrencyOption,
    JournalOption,
    ModelChoice,
    ParameterOptions,
    SamplesOption,
    ScoringOption,
    TextReading,
    TypeOptions,
    connected,
    given,
)
from .output import opened
from .screen import console_on, safe, say

EPILOG = f"""DATA is JSON Lines, as for `extractor eval`, with at least 33 different texts.

Examples:

    extractor tune invoices.jsonl --type invoice.py:Invoice -m openai:gpt-5-mini --max-cost 2
    extractor extract mail.txt --type invoice.py:Invoice -m openai:gpt-5-mini --tuned extractor.tuned.json

Answers are kept in the journal: the same command again resumes, and pays for no answer twice. {KEYS}

Exit status: 0 if a gain was proved and the file was written, 1 if none was proved, 2 if it did not finish,
130 after Ctrl-C.
"""


@dataclass(frozen=True, kw_only=True)
class BoundOptions:
    """What tuning may take."""

    max_requests: Annotated[int | None, typer.Option(min=1, help="The most requests.")] = None
    max_tokens_total: Annotated[
        int | None, typer.Option(min=1, help="The most tokens, of all requests together.")
    ] = None
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="DOLLARS", help="The most US dollars.")] = (
        None
    )


@grouping
def tune(
    data: Annotated[str, typer.Argument(metavar="DATA.jsonl", help="Labelled texts.", show_default=False)],
    *,
    kind: TypeOptions,
    asked: ModelChoice,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE.json", help="The file to write.")
    ] = "extractor.tuned.json",
    bounds: BoundOptions,
    seed: Annotated[
        int, typer.Option(help="The random seed for splitting the gold and drawing examples.")
    ] = 0,
    concurrency: ConcurrencyOption = 64,
    journal: JournalOption = None,
    scoring: ScoringOption = None,
    documents: TextReading,
    parameters: ParameterOptions,
    samples: SamplesOption = None,
    proposer: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="The model that proposes instructions and descriptions of fields. Default: the one that is "
            "tuned.",
        ),
    ] = None,
    try_samples: Annotated[
        list[int] | None,
        typer.Option(
            min=2,
            metavar="N",
            help="Also try N answers to each text, of which the one is taken that agrees most with the "
            "others. This takes N times the requests. Repeat the option to try several numbers.",
        ),
    ] = None,
) -> None:
    """Choose examples, instructions and the shape of the request on labelled texts, and test on other texts
    whether they help.
    """
    wanted = kind.chosen()
    try:
        with ExitStack() as stack:
            extractor = stack.enter_context(asked.connected(**asked.told(), **parameters.of_client()))
            other = stack.enter_context(connected(proposer, None, mask=asked.mask)) if proposer else None
            found = tuned(
                extractor,
                wanted,
                data,
                seed=seed,
                try_samples=try_samples or (),
                proposer=other,
                scoring=load_scoring(scoring) if scoring else PLAIN,
                **given({"samples": samples}),
                reading=documents.chosen(),
                run=Run(concurrency=concurrency, journal=True if journal is None else journal),
                **asdict(bounds),
            )
    except KeyboardInterrupt:
        say(
            "Interrupted. The answers so far are in the journal: run the same command again to resume.",
            "yellow",
        )
        raise typer.Exit(130) from None
    if found.tuned is not None:
        with opened(output) as out:
            out.write(found.tuned.to_json())
    _tell(found, output)
    raise typer.Exit(0 if found.tuned is not None else 1)


def _tell(found: Tuning, output: str) -> None:
    table = Table("on the validation texts", "value F1", "95 % interval")
    for each in found.trials:
        table.add_row(safe(each.candidate), *_figures(each.f1))
    console = console_on(sys.stdout)
    console.print(table)
    if found.gain is not None and found.untuned is not None and found.after is not None:
        proof = Table("on the test texts", "value F1", "95 % interval")
        proof.add_row("untuned", *_figures(found.untuned))
        proof.add_row("the best of these", *_figures(found.after))
        proof.add_row("difference, paired", *_figures(found.gain))
        console.print(proof)
    for name, why in found.skipped.items():
        say(f"Not tried: {name}, since {why}.", "yellow")
    cost = "at an unknown cost" if found.cost is None else f"for {found.cost:.6f} US dollars"
    say(f"{found.requests:,} requests, {found.tokens:,} tokens, {cost}.")
    say(f"{found.why}. Wrote {output}." if found.tuned else f"{found.why}. No file was written.")


def _figures(estimate: object) -> tuple[str, str]:
    value, low, high = (getattr(estimate, name) for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "–", "–"
    return f"{value:.1%}", f"{low:.1%} to {high:.1%}"
