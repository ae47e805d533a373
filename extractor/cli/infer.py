"""`extractor infer`: a record type proposed from a few texts and words of what is wanted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.table import Table

from ..errors import ConfigError
from ..groups import Run
from ..inferring import InferredType
from ..inferring import infer as inferred
from ..readers.given import text_of
from ..tables.documents import TextFiles
from .options import KEYS, BaseUrlOption, JournalOption, ModelOption, connected
from .output import opened
from .screen import console_on, safe, say

EPILOG = f"""Example:

    extractor infer inbox/*.txt --about "what was ordered, by whom, until when" -o order.py
    extractor extract --type order.py:Order inbox/*.txt

A model proposes the type as data, and extractor writes the code: nothing that the model returns is run.
The texts are then read with the new type, by one request each. Answers are kept in the journal. {KEYS}

Exit status: 0 if the file was written, 2 if not.
"""


def infer(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Texts or documents.", show_default=False)
    ],
    about: Annotated[
        str,
        typer.Option(
            "--about", metavar="TEXT", help="What you want to know from the texts.", show_default=False
        ),
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE.py", help="The file to write; - prints the code.")
    ] = "-",
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    journal: JournalOption = None,
) -> None:
    """Propose a record type from a few texts: write it as Pydantic code, and show how much of it the texts
    fill.
    """
    reader = TextFiles()
    texts = [_text(name, reader) for name in files]
    if reader.note:
        say(reader.note, "yellow")
    with connected(model, base_url) as extractor:
        kept = Run(journal=True if journal is None else journal)
        found = inferred(extractor, texts, about, run=kept)
    with opened(output) as out:
        out.write(found.source)
    console_on(sys.stderr).print(_table(found))
    for name, why in found.left_out.items():
        say(f"Left out {name}: {why}.", "yellow")
    for note in found.notes:
        say(f"{note}.", "yellow")
    spent = "at an unknown cost" if found.cost is None else f"for {found.cost:.6f} US dollars"
    requests, tokens = len(found.attempts), found.usage.total_tokens
    read = f"{found.valid} of {found.texts} texts gave a record"
    say(f"{read}: {requests} requests, {tokens:,} tokens, {spent}.")


def _text(name: str, files: TextFiles) -> str:
    try:
        return str(text_of(files.read(name, None)))
    except ConfigError as error:
        raise ConfigError(f"cannot read {name}: {error}") from error


def _table(found: InferredType) -> Table:
    table = Table("field", "texts that have it", "values found in their text", title=found.draft.name)
    for name, each in found.coverage.items():
        standing = f"{each.found} of {each.should_stand}" if each.should_stand else "–"
        table.add_row(safe(name), f"{each.filled} of {found.valid}", standing)
    return table
