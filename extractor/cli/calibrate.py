"""`extractor calibrate`: confidence scores into probabilities, by labelled texts."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from ..client import Extractor
from ..confidence import FieldPromise, Method, Promise
from ..errors import ConfigError
from ..evaluation.calibrating import CalibrationTrial, alike, check_installed, tried
from ..evaluation.cases import Case, load_cases
from ..evaluation.escalations import EscalationGain, evaluate_escalation
from ..evaluation.evaluating import PromiseCount
from ..evaluation.plots import reliability_page, reliability_svg
from ..evaluation.promising import check_shares
from ..evaluation.records import gold_reader
from ..evaluation.reliability import BINS, Bin, calibration_error, errors_caught, reliability
from ..groups import Run
from ..schema import RecordType, compile_schema
from .grouping import grouping
from .options import (
    KEYS,
    ConcurrencyOption,
    JournalOption,
    LimitOption,
    ParameterOptions,
    PromptOptions,
    SamplesOption,
    TextReading,
    TypeOptions,
    given,
)
from .output import opened
from .screen import console_on, counting, safe, say, tell

EPILOG = f"""DATA is JSON Lines, as for `extractor eval`: {{"text": …, "gold": …}}. The calibration is fitted
on half of the texts, and the figures are measured on the other half.

Examples:

    extractor calibrate invoices.jsonl --type invoice.py:Invoice -m openai:gpt-5-mini -o calibration.json
    extractor extract --type invoice.py:Invoice --calibration calibration.json mail.txt
    extractor calibrate invoices.jsonl --type invoice.py:Invoice --right 0.97 -o promise.json

Answers are kept in the journal of `extractor run`, so running this again costs nothing. {KEYS}

Exit status: 0 if the file was written, 1 if the model of --escalate is no better, 2 if it was not written
for another reason, 130 after Ctrl-C.
"""
REVIEWED = 0.2
HEAD = (
    "on texts that were not used for fitting",
    "calibration error",
    f"errors in the least sure {REVIEWED:.0%}",
)
BAR = 20  # characters of a bar that is full


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """What is made of the scores: a calibration, or a promise."""

    output: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.json",
            help="The file to write. Default: calibration.json; with --right, promise.json.",
        ),
    ] = None
    right: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Write a promise instead: the score from which on this share of values is right, such "
            "as 0.97.",
        ),
    ] = None
    assurance: Annotated[
        float, typer.Option(metavar="SHARE", help="The probability with which a promise of --right holds.")
    ] = 0.95
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="isotonic fits any rising curve; platt fits a logistic curve, for few labels.",
        ),
    ] = "isotonic"
    samples: SamplesOption = None
    plot: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write the reliability plot as FILE.svg, or as a page, FILE.html."),
    ] = None
    escalate: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="With --right: a second model for values below the score. The file is written only if it is "
            "better on them, beyond chance.",
        ),
    ] = None

    @property
    def file(self) -> str:
        """The file that is written."""
        return self.output or ("calibration.json" if self.right is None else "promise.json")

    def fitted_by(self) -> Method:
        """Return the method. Raises ConfigError for options that do not go together."""
        known: Method = "platt" if self.method == "platt" else "isotonic"
        if self.method != known:
            raise ConfigError(f"--method is isotonic or platt, not {self.method}")
        if self.plot is not None and Path(self.plot).suffix not in (".svg", ".html"):
            raise ConfigError(f"--plot takes FILE.svg or FILE.html, not {self.plot}")
        if self.right is not None:
            check_shares(self.right, self.assurance)
        elif self.escalate is not None:
            raise ConfigError("--escalate needs --right: a promise tells which values are doubtful")
        else:
            check_installed()
        return known


@grouping
def calibrate(
    data: Annotated[str, typer.Argument(metavar="DATA.jsonl", help="Labelled texts.", show_default=False)],
    *,
    kind: TypeOptions,
    asked: PromptOptions,
    wished: CalibrationOptions,
    parameters: ParameterOptions,
    documents: TextReading,
    limit: LimitOption = None,
    concurrency: ConcurrencyOption = 64,
    journal: JournalOption = None,
) -> None:
    """Fit a calibration on labelled texts, which turns confidence scores into probabilities. Show how
    accurate these are.

    Fitting needs scikit-learn, `typed-extractor[calibrate]`. Using the file does not.
    """
    method = wished.fitted_by()
    wanted = kind.chosen()
    cases = alike(load_cases(data, gold_reader(wanted), limit, reading=documents.chosen()))
    options: dict[str, Any] = {
        "examples": asked.solved(wanted),
        **given({"samples": wished.samples}),
        "run": Run(concurrency=concurrency, journal=True if journal is None else journal),
    }
    with asked.connected(**asked.told(), **parameters.of_client()) as extractor:
        count = _counted(extractor, wanted, cases, options)
        name, fingerprint = extractor.model, compile_schema(wanted).fingerprint
        votes = wished.samples or extractor.samples
        if wished.right is None:
            trial = tried(count.values, method, name, fingerprint, votes)
            _tell_trial(trial, wished.file, wished.plot)
            return
        made = count.promise(wished.right, wished.assurance, name, fingerprint, votes)
        _tell_promise(made)
        if wished.escalate is not None:
            with extractor.with_options(escalate=wished.escalate, below=made) as both:
                _tell_gain(evaluate_escalation(both, wanted, cases, **options))
    with opened(wished.file) as out:
        out.write(made.to_json())
    tell(f"{wished.file} rests on {made.texts:,} texts.")


def _tell_gain(gain: EscalationGain) -> None:
    """Say whether the second model is better. End with 1 if it is not, so that no file is written."""
    if not gain.is_better:
        say(f"{gain}. No file was written; without --escalate it is.", "yellow")
        raise typer.Exit(1)
    say(f"{gain}.")


def _tell_trial(trial: CalibrationTrial, output: str, plot: str | None) -> None:
    with opened(output) as out:
        out.write(trial.calibration.to_json())
    panels = {name: reliability(trial.stated[name], trial.right) for name in ("score", "calibrated")}
    if plot is not None:
        with opened(plot) as out:
            out.write(_plot(trial, panels, Path(plot).suffix))
    console = console_on(sys.stdout)
    console.print(_figures(trial))
    console.print(_reliability(panels))
    fitted = trial.calibration
    tell(f"{output} was fitted on {fitted.values:,} values of {fitted.texts:,} texts.")


def _counted(
    extractor: Extractor, record_type: Any, cases: Sequence[Case], options: Mapping[str, Any]
) -> PromiseCount:
    count = PromiseCount(cases, RecordType.of(record_type).dump)
    with counting(len(cases)) as counter:
        try:
            for row in extractor.rows([c.text for c in cases], record_type, confidence=True, **options):
                count.take(row)
                counter.done({"record": 1} if row.record is not None else {})
        except KeyboardInterrupt:
            say(
                "Interrupted. The answers so far are in the journal: run the same command again to resume.",
                "yellow",
            )
            raise typer.Exit(130) from None
    return count


def _tell_promise(made: Promise) -> None:
    console = console_on(sys.stdout)
    table = Table(title=f"right in {made.right:.1%} of cases, each with {made.assurance:.0%} assurance")
    for name in ("", "from score", "kept", "wrong of", "at least right", "labels needed"):
        table.add_column(name, justify="right" if name else "left")
    rows = {**made.fields, "whole records": made.record}
    for name, each in rows.items():
        table.add_row(safe(name), *_told(each))
    console.print(table)
    for name, each in rows.items():
        if each.why is not None:
            console.print(safe(f"{name}: no promise: {each.why}.", "yellow"))


def _told(each: FieldPromise) -> list[str]:
    threshold = "–" if each.threshold is None else f"{each.threshold:g}"
    floor = "–" if each.floor is None else f"{each.floor:.1%}"
    wants = "" if each.threshold is not None else "–" if each.needed is None else f"{each.needed:,}"
    return [threshold, f"{each.kept:.0%}", f"{each.wrong} of {each.count}", floor, wants]


def figures(trial: CalibrationTrial) -> list[list[str]]:
    """Return a line for each way to say how sure the values are: its calibration error, and the share of
    errors among the least sure of them.
    """
    return [
        [name, f"{calibration_error(s, trial.right):.3f}", _share(errors_caught(s, trial.right, REVIEWED))]
        for name, s in trial.stated.items()
    ]


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _plot(trial: CalibrationTrial, panels: Mapping[str, Sequence[Bin]], kind: str) -> str:
    if kind == ".svg":
        return reliability_svg(panels)
    title = f"How sure {trial.calibration.model} is, and how right"
    return reliability_page(title, panels, HEAD, figures(trial))


def _figures(trial: CalibrationTrial) -> Table:
    count, texts = len(trial.held_out), len({value.text for value in trial.held_out})
    wrong = 1 - sum(trial.right) / count
    most = f"; no order could put more than {REVIEWED / wrong:.0%} there" if wrong > REVIEWED else ""
    table = Table(caption=f"{count:,} values of {texts:,} texts, {wrong:.1%} of them wrong{most}.")
    for i, name in enumerate(HEAD):
        table.add_column(name, justify="right" if i else "left")
    for row in figures(trial):
        table.add_row(*row)
    return table


def _reliability(panels: Mapping[str, Sequence[Bin]]) -> Table:
    """The plot in characters: a bar for what is right in each tenth, a stroke where it should end."""
    table = Table(title="share of right values in each tenth of confidence")
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
