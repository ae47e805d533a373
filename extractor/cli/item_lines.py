"""`extractor extract --long --items`: a line of JSON for each item of a list, written as it is settled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TextIO, TypeAlias

import typer

from ..documents import SettledItem
from ..errors import ExtractionError, ServiceError
from ..evaluation.records import Dump
from ..layout import Source
from ..loading import BadInput, read_source
from ..messages import JSON
from ..recorded import error_as_json
from ..tables.values import to_json
from .lines import NO_INPUT
from .screen import Counter, counting, say, tell

Items: TypeAlias = Callable[[Source | str, Counter], Iterator[SettledItem[Any]]]


def write_items(
    files: Sequence[str], reader: Callable[..., Source], items: Items, dump: Dump, out: TextIO, output: str
) -> None:
    """Write the items of each file, and after them what is missing. Ends with exit status 1 if something is,
    and 130 after Ctrl-C.
    """
    count = failed = 0
    with counting(len(files)) as counter:
        try:
            for file in files:
                counter.begin(file)
                for line in _lines(file, partial(reader, on_progress=counter.pages), items, dump, counter):
                    counter.write(out, to_json(line))
                    count, failed = count + ("item" in line), failed + ("error" in line)
        except KeyboardInterrupt:
            say(
                f"Interrupted: {count:,} items were written. Run it again to resume.",
                "yellow",
            )
            raise typer.Exit(130) from None
    if failed:
        say(f"{failed} of {len(files)} inputs are not complete. Their last lines say why.", "yellow")
        raise typer.Exit(1)
    if output != "-":
        tell(f"{count:,} items are in {output}.")


def _lines(
    file: str, reader: Callable[..., Source], items: Items, dump: Dump, counter: Counter
) -> Iterator[dict[str, JSON]]:
    text = read_source(file, reader)
    if isinstance(text, BadInput):
        yield {"source": file, "error": {"kind": text.kind or NO_INPUT, "message": text.message}}
        return
    try:
        for found in items(text, counter):
            spans = [{"start": span.start, "end": span.end} for span in found.spans]
            yield {"source": file, "number": found.number, "item": dump(found.item), "spans": spans}
    except (ExtractionError, ServiceError) as error:
        yield {"source": file, "error": error_as_json(error)}
