"""`extractor split`: the documents that one file holds, each as a file of its own."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ..documents.splitting import Split
from ..errors import ConfigError
from ..groups import Run
from ..layout import Source
from ..loading import BadInput, read_source
from ..readers import pdf_of_pages
from ..readers.kinds import PDF
from ..tables.values import to_json
from .grouping import grouping
from .options import (
    KEYS,
    BaseUrlOption,
    InstructionsOption,
    MaskOption,
    ModelOption,
    SchemaOption,
    TextReading,
    chosen_type,
    connected,
)
from .output import opened_bytes
from .screen import counting, say

EPILOG = f"""Examples:

    extractor split scan.pdf --type 'types.py:Invoice|Letter' -o letters
    extractor split scan.pdf --type types.py:Invoice -m openai:gpt-5-mini -o invoices

{KEYS}
"""


@grouping
def split(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="A document that holds several.", show_default=False)
    ],
    folder: Annotated[
        str,
        typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go. It is made if need be."),
    ],
    record_type: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", metavar="FILE.py:One|Other", help="What the documents are: a record type."
        ),
    ] = None,
    *,
    schema: SchemaOption = None,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    instructions: InstructionsOption = None,
    mask: MaskOption = None,
    documents: TextReading,
) -> None:
    """Find the documents that one file holds, and write each as a file of its own.

    Of a PDF each is a PDF of its pages; of anything else, its text. A page on which one document ends and
    another begins is in both. A line of JSON tells the kind, the pages and the characters of each. Files that
    are there are not replaced.
    """
    wanted = chosen_type(record_type, schema)
    with counting(1) as counter:
        source = read_source(file, partial(documents.reader(), on_progress=counter.pages))
        if isinstance(source, BadInput):
            raise ConfigError(f"{file}: {source.message}")
        whole = Source(source, name=Path(file).name) if isinstance(source, str) else source
        with connected(model, base_url, instructions, mask=mask) as extractor:
            found = extractor.split(whole, wanted, run=Run(progress=False))
    _write(found, Path(folder), Path(file).stem, whole)
    for note in found.notes:
        say(note, "yellow")


def _write(found: Split, folder: Path, stem: str, whole: Source) -> None:
    places = [folder / name for name in _names(found, stem, whole)]
    if there := next((place for place in places if place.exists()), None):
        raise ConfigError(f"{there} is there already: name another folder with -o")
    folder.mkdir(parents=True, exist_ok=True)
    at = 0
    for place, part, kind in zip(places, found.parts, found.kinds, strict=True):
        pages = [page.number for page in part.pages if page.start < page.end]
        with opened_bytes(str(place)) as out:
            out.write(pdf_of_pages(whole, pages) if place.suffix == ".pdf" else part.text.encode())
        line = {"file": str(place), "kind": kind, "pages": pages, "start": at, "end": at + len(part.text)}
        sys.stdout.write(to_json(line) + "\n")
        at += len(part.text)


def _names(found: Split, stem: str, whole: Source) -> Iterator[str]:
    for number, kind in enumerate(found.kinds, 1):
        said = re.sub(r"\W+", "-", kind).strip("-").lower()
        yield f"{stem}-{number:02}-{said}.{'pdf' if whole.media_type == PDF else 'txt'}"
