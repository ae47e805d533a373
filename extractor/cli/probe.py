"""`extractor probe`: what a server really does with a model."""

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
    ProbeAnswer.IGNORED: "no: it takes the request, and ignores what it asks for",
    ProbeAnswer.NO: "no: it refuses the request",
    ProbeAnswer.UNKNOWN: "unknown: its reply did not tell",
}
CHANGED = (
    "Before, it began with {}: answers of that mode that are in a journal still count for runs with "
    'mode="auto", and other rows are asked by {}.'
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
            help="PROVIDER:MODEL, or with --base-url whatever that server calls it.",
            show_default=False,
        ),
    ] = None,
    base_url: BaseUrlOption = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask, whatever was found out before.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find out what a server really does with a model, by at most six tiny requests.

    Does it hold the model to a schema, or take one and ignore it? Does it make the model call a
    function, answer in JSON, report the usage of streams, give logprobs, see images? The answer is
    kept for 30 days, and mode="auto" begins with the best mode that the server was found to have.
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
    table = Table("feature", "what the server does", title=ex.model, title_justify="left")
    for feature, answer in found.answers.items():
        table.add_row(feature, safe(MEANINGS[answer], STYLES[answer]))
    return table


def _spent(found: Findings) -> str:
    cost = "at a cost that is not known" if found.cost is None else f"for {found.cost:.6f} US dollars"
    return f"{found.requests} requests, {found.usage.total_tokens} tokens, {cost}"


def _remembered(found: Findings) -> str:
    when = time.strftime("%Y-%m-%d", time.localtime(found.asked_at))
    return f"found out on {when}; --refresh asks anew"
