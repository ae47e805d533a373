"""`extractor infer`: a record type proposed from a few texts and words of what is wanted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table

from ..errors import ConfigError
from ..inferring import InferredType
from ..inferring import infer as inferred
from .options import KEYS, BaseUrlOption, ModelOption, connected
from .output import opened
from .screen import console_on, safe, say

EPILOG = f"""Example:

    extractor infer inbox/*.txt --about "what was ordered, by whom, until when" -o order.py
    extractor extract --type order.py:Order inbox/*.txt

A model proposes the type as data; the code is written by extractor, and nothing that the model says is run.
The texts are then read with it: that is one request a text, kept in the journal. {KEYS}

Exit status: 0 when the file is written, 2 when it could not be.
"""


def infer(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="Texts in UTF-8.", show_default=False)],
    about: Annotated[
        str, typer.Option("--about", metavar="TEXT", help="What is wanted of the texts.", show_default=False)
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE.py", help="Where the code goes; - is the screen.")
    ] = "-",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    journal: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where answers are kept. Default: the cache folder.")
    ] = None,
) -> None:
    """Propose a record type: readable Pydantic code, and how much of it the texts fill."""
    texts = [_text(name) for name in files]
    with connected(model, base_url) as extractor:
        found = inferred(extractor, texts, about, journal=True if journal is None else journal)
    with opened(output) as out:
        out.write(found.source)
    console_on(sys.stderr).print(_table(found))
    for name, why in found.left_out.items():
        say(f"{name} is left out: {why}.", "yellow")
    for note in found.notes:
        say(f"{note}.", "yellow")
    spent = "at a cost that is not known" if found.cost is None else f"for {found.cost:.6f} US dollars"
    requests, tokens = len(found.attempts), found.usage.total_tokens
    read = f"{found.valid} of {found.texts} texts gave a record"
    say(f"{read}: {requests} requests, {tokens:,} tokens, {spent}.")


def _text(name: str) -> str:
    try:
        with open(name, encoding="utf-8-sig") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error


def _table(found: InferredType) -> Table:
    table = Table("field", "texts that have it", "values that stand in their text", title=found.draft.name)
    for name, each in found.coverage.items():
        standing = f"{each.found} of {each.should_stand}" if each.should_stand else "–"
        table.add_row(safe(name), f"{each.filled} of {found.valid}", standing)
    return table
