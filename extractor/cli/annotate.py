"""`extractor annotate`: a PDF with the place of each value marked in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConfigError
from ..layout import Source
from ..loading import BadInput, read_source
from ..readers import PageMark, marked_pdf
from ..readers.kinds import PDF
from .extract import chosen_type
from .options import KEYS, BaseUrlOption, MaskOption, ModelOption, SchemaOption, connected
from .output import opened_bytes
from .screen import tell

EPILOG = f"""Examples:

    extractor annotate --type invoice.py:Invoice invoice.pdf -o marked.pdf
    extractor annotate --schema invoice.json -m openai:gpt-5-mini invoice.pdf -o marked.pdf

{KEYS}
"""


def annotate(
    file: Annotated[str, typer.Argument(metavar="FILE.pdf", help="A PDF.", show_default=False)],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="MARKED.pdf", help="Written whole, for you alone to read."),
    ],
    record_type: Annotated[
        str | None, typer.Option("--type", "-t", metavar="FILE.py:Name", help="The record type.")
    ] = None,
    schema: SchemaOption = None,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    mask: MaskOption = None,
) -> None:
    """Extract a record from a PDF, and write the PDF with a box around each value that stands in it.

    The boxes are annotations: any reader of PDFs shows them, with the field's pointer and the value.
    """
    wanted = chosen_type(record_type, schema)
    if Path(file).absolute() == Path(output).absolute():
        raise ConfigError(f"-o {output} is the input, and would be overwritten")
    source = read_source(file)
    if isinstance(source, BadInput):
        raise ConfigError(f"{file}: {source.message}")
    if not isinstance(source, Source) or source.media_type != PDF:
        raise ConfigError(
            f"{file} is no PDF: its values are shown by `extractor extract` and `extractor view`"
        )
    with connected(model, base_url, mask=mask) as extractor:
        result = extractor.run(wanted, source)
    result.unwrap()
    marks = marks_of(result)
    with opened_bytes(output) as out:
        out.write(marked_pdf(source, marks))
    found = len({mark.pointer for mark in marks})
    tell(f"{found} of {len(result.evidence)} values are marked in {output}.")


def marks_of(result: Any) -> list[PageMark]:
    """Return a mark for each box, with what stands in it."""
    said = {pointer: " ".join(span.text for span in spans) for pointer, spans in result.evidence.items()}
    return [PageMark(pointer, said[pointer], box) for pointer, found in result.boxes.items() for box in found]
