"""`extractor probe`: what a server supports with a model."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

import typer
from rich.table import Table

from ..client import Extractor
from ..dialogue.probe import Findings, ProbeAnswer
from .options import KEYS, BaseUrlOption, connected
from .screen import console_on, safe, say, tell

EPILOG = f"""Examples:

    extractor probe openai:gpt-5-mini
    extractor probe qwen3:8b --base-url http://127.0.0.1:11434/v1 --json

{KEYS}
"""
MEANINGS = {
    ProbeAnswer.YES: "yes",
    ProbeAnswer.IGNORED: "no: it accepts the request, but ignores this feature",
    ProbeAnswer.NO: "no: it rejects the request",
    ProbeAnswer.UNKNOWN: "unknown: its reply does not show it",
}
CHANGED = (
    "Before, it began with {}. Answers of that mode in a journal still count for runs with "
    'mode="auto"; other rows are asked by {}.'
)
STYLES = {
    ProbeAnswer.YES: "green",
    ProbeAnswer.IGNORED: "red",
    ProbeAnswer.NO: "red",
    ProbeAnswer.UNKNOWN: "yellow",
}


def ask(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="PROVIDER:MODEL; with --base-url, the server's own name of the model.",
            show_default=False,
        ),
    ] = None,
    base_url: BaseUrlOption = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Probe again, even if there is a result from before.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find out what a server supports with a model, by at most six tiny requests.

    Does it enforce a schema, or accept and ignore it? Does it force a function call, answer in JSON, report
    the usage of streams, give log-probabilities, see images? The answers are kept for 30 days, and
    mode="auto" then begins with the best mode that the server supports.
    """
    with connected(model, base_url) as ex:
        began, before = time.time(), ex.modes[0]
        found = ex.probe(lambda feature: tell(f"asking for {feature} …"), refresh)
        asked, modes = found.asked_at >= began, [str(mode) for mode in found.ladder(ex.modes)]
    if as_json:
        typer.echo(json.dumps({"model": ex.model, "modes": modes, "asked": asked, **found.to_json()}))
        return
    console_on(sys.stdout).print(_table(ex, found))
    typer.echo(f'mode="auto" tries, in this order: {", ".join(modes)}')
    say(_spent(found) if asked else _remembered(found))
    if asked and modes[0] != before:
        say(CHANGED.format(before, modes[0]))


def _table(ex: Extractor, found: Findings) -> Table:
    table = Table("feature", "what the server supports", title=ex.model, title_justify="left")
    for feature, answer in found.answers.items():
        table.add_row(feature, safe(MEANINGS[answer], STYLES[answer]))
    return table


def _spent(found: Findings) -> str:
    cost = "at an unknown cost" if found.cost is None else f"for {found.cost:.6f} US dollars"
    return f"{found.requests} requests, {found.usage.total_tokens} tokens, {cost}"


def _remembered(found: Findings) -> str:
    when = time.strftime("%Y-%m-%d", time.localtime(found.asked_at))
    return f"probed on {when}; --refresh probes again"
