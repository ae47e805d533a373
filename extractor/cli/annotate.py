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
from .grouping import grouping
from .options import KEYS, BaseUrlOption, MaskOption, ModelOption, TypeOptions, connected
from .output import opened_bytes
from .screen import tell

EPILOG = f"""Examples:

    extractor annotate --type invoice.py:Invoice invoice.pdf -o marked.pdf
    extractor annotate --schema invoice.json -m openai:gpt-5-mini invoice.pdf -o marked.pdf

{KEYS}
"""


@grouping
def annotate(
    file: Annotated[str, typer.Argument(metavar="FILE.pdf", help="A PDF.", show_default=False)],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="MARKED.pdf", help="The PDF with boxes. Only you may read it."
        ),
    ],
    *,
    kind: TypeOptions,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    mask: MaskOption = None,
) -> None:
    """Extract a record from a PDF, and write the PDF with a box around each value.

    The boxes are annotations with the field's pointer and the value. Any PDF reader shows them.
    """
    wanted = kind.chosen()
    if Path(file).absolute() == Path(output).absolute():
        raise ConfigError(f"-o {output} would overwrite the input")
    source = read_source(file)
    if isinstance(source, BadInput):
        raise ConfigError(f"{file}: {source.message}")
    if not isinstance(source, Source) or source.media_type != PDF:
        raise ConfigError(
            f"{file} is not a PDF; to see its values use `extractor extract` and `extractor view`"
        )
    with connected(model, base_url, mask=mask) as extractor:
        result = extractor.run(wanted, source)
    result.unwrap()
    marks = marks_of(result)
    with opened_bytes(output) as out:
        out.write(marked_pdf(source, marks))
    found = len({mark.pointer for mark in marks})
    tell(f"Marked {found} of {len(result.evidence)} values in {output}.")


def marks_of(result: Any) -> list[PageMark]:
    """Return a mark for each box, with what stands in it."""
    said = {pointer: " ".join(span.text for span in spans) for pointer, spans in result.evidence.items()}
    return [PageMark(pointer, said[pointer], box) for pointer, found in result.boxes.items() for box in found]
