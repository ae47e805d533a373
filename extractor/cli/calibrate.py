"""`extractor calibrate`: from labelled texts to probabilities that values are right."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..client import Extractor
from ..confidence import Method
from ..errors import ConfigError
from ..evaluation.calibrating import Labelled, check_enough, fitted, halves, labelled
from ..evaluation.cases import Case, load_cases
from ..evaluation.plots import reliability_page, reliability_svg
from ..evaluation.reliability import BINS, Bin, calibration_error, errors_caught, reliability
from ..loading import load_examples
from ..schema import compile_schema
from .evaluate import gold_reader
from .extract import chosen_type
from .lines import dump_for
from .options import KEYS, BaseUrlOption, ModelOption, SamplesOption, connected
from .output import opened
from .screen import console_on, counting, say, tell

EPILOG = f"""DATA is that of `extractor eval`: JSON Lines, {{"text": …, "gold": …}}. Half of the texts are
fitted on, the figures are those of the other half.

Examples:

    extractor calibrate invoices.jsonl --type invoice.py:Invoice -m openai:gpt-5-mini -o calibration.json
    extractor extract --type invoice.py:Invoice --calibration calibration.json mail.txt

Each answer is kept in the journal of `extractor run`: asked again, it costs nothing. {KEYS}

Exit status: 0 when the file is written, 2 when it could not be, 130 after Ctrl-C.
"""
REVIEWED = 0.2
HEAD = ("on texts that were not fitted on", "calibration error", f"errors in the least sure {REVIEWED:.0%}")
BAR = 20  # characters of a bar that is full


def calibrate(
    data: Annotated[str, typer.Argument(metavar="DATA.jsonl", help="Labelled texts.", show_default=False)],
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
        str, typer.Option("--output", "-o", metavar="FILE.json", help="Where the calibration goes.")
    ] = "calibration.json",
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD", help="isotonic: any rising map; platt: a logistic curve, for few labels."
        ),
    ] = "isotonic",
    samples: SamplesOption = 1,
    plot: Annotated[
        str | None, typer.Option(metavar="FILE", help="The reliability plot: FILE.svg, or a page, FILE.html.")
    ] = None,
    examples: Annotated[
        str | None, typer.Option("--examples", metavar="FILE.jsonl", help="Solved texts for the prompt.")
    ] = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", "-i", metavar="TEXT", help="Said to the model each time.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first texts only.")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight at most.")] = 64,
    journal: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where answers are kept. Default: the cache folder.")
    ] = None,
) -> None:
    """Make probabilities of confidence scores: fit a map on labelled texts, and show how true it is.

    Needs scikit-learn, `extractor[calibrate]`; what uses the file does not.
    """
    if method not in ("isotonic", "platt"):
        raise ConfigError(f"--method is isotonic or platt, not {method}")
    if plot is not None and Path(plot).suffix not in (".svg", ".html"):
        raise ConfigError(f"--plot takes FILE.svg or FILE.html, not {plot}")
    wanted = chosen_type(record_type, schema)
    cases = load_cases(data, gold_reader(wanted), limit)
    options: dict[str, Any] = {
        "examples": load_examples(examples, wanted) if examples else [],
        "samples": samples,
        "concurrency": concurrency,
        "journal": journal,
    }
    with connected(model, base_url, instructions) as extractor:
        values = _values(extractor, wanted, cases, options)
    fit_on, held_out = halves(values)
    check_enough(fit_on, "that are fitted on")
    check_enough(held_out, "that are held out")
    chosen: Method = "platt" if method == "platt" else "isotonic"
    found = fitted(fit_on, chosen, extractor.model, compile_schema(wanted).fingerprint, samples)
    scores, right = [v.signals.score for v in held_out], [v.right for v in held_out]
    sure = [found.probability(score) for score in scores]
    rows = figures(held_out, {"score": scores, "calibrated": sure})
    panels = {"score": reliability(scores, right), "calibrated": reliability(sure, right)}
    with opened(output) as out:
        out.write(found.to_json())
    if plot is not None:
        title = f"How sure {extractor.model} is, and how right"
        with opened(plot) as out:
            page = Path(plot).suffix == ".html"
            out.write(reliability_page(title, panels, HEAD, rows) if page else reliability_svg(panels))
    console = console_on(sys.stdout)
    console.print(_figures(rows, held_out))
    console.print(_reliability(panels))
    tell(f"{output} is fitted on {found.values:,} values of {found.texts:,} texts.")


def _values(
    extractor: Extractor, record_type: Any, cases: Sequence[Case], options: Mapping[str, Any]
) -> list[Labelled]:
    dump, values = dump_for(record_type), list[Labelled]()
    with counting(len(cases)) as counter:
        try:
            for row in extractor.rows([c.text for c in cases], record_type, confidence=True, **options):
                values += labelled(cases[row.index], row.extraction, dump)
                counter.done({"record": 1} if row.record is not None else {})
        except KeyboardInterrupt:
            say(
                "Interrupted; the answers so far are in the journal: the same command goes on from there.",
                "yellow",
            )
            raise typer.Exit(130) from None
    return values


def figures(values: Sequence[Labelled], stated: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Return a line for each way to state confidence: its calibration error, and the share of errors among
    the least sure values. The plain mean log-probability comes first, where all values have one.
    """
    right = [value.right for value in values]
    plain = [math.exp(log) for value in values if (log := value.signals.mean_logprob) is not None]
    ways = {**({"mean log-probability": plain} if len(plain) == len(values) else {}), **stated}
    return [
        [name, f"{calibration_error(s, right):.3f}", _share(errors_caught(s, right, REVIEWED))]
        for name, s in ways.items()
    ]


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _figures(rows: Sequence[Sequence[str]], values: Sequence[Labelled]) -> Table:
    wrong = 1 - sum(value.right for value in values) / len(values)
    most = f"; no order could bring more than {REVIEWED / wrong:.0%} there" if wrong > REVIEWED else ""
    texts = len({value.text for value in values})
    table = Table(caption=f"{len(values):,} values of {texts:,} texts, {wrong:.1%} of them wrong{most}.")
    for i, name in enumerate(HEAD):
        table.add_column(name, justify="right" if i else "left")
    for row in rows:
        table.add_row(*row)
    return table


def _reliability(panels: Mapping[str, Sequence[Bin]]) -> Table:
    """The plot in characters: a bar for what is right in each tenth, a stroke where it should end."""
    table = Table(title="of the values in each tenth of confidence, how many are right")
    table.add_column("")
    for name in panels:
        table.add_column(name)
    by_tenth = [{round(each.low * BINS): each for each in bins} for bins in panels.values()]
    for tenth in range(BINS):
        cells = [_bar(found.get(tenth)) for found in by_tenth]
        table.add_row(f"{tenth / BINS:.1f}–{(tenth + 1) / BINS:.1f}", *cells)
    return table


def _bar(each: Bin | None) -> str:
    if each is None:
        return ""
    full, mark = round(each.right * BAR), min(round(each.stated * BAR), BAR - 1)
    drawn = ["█" if i < full else "·" for i in range(BAR)]
    drawn[mark] = "┃"
    return f"{''.join(drawn)} {each.right:4.0%} of {each.count:,}"
