"""`extractor extract`: a line of JSON for each input."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeAlias

import typer

from ..documents import DocumentExtraction, SettledItem
from ..errors import ConfigError
from ..groups import grouped
from ..layout import Source
from ..loading import BadInput, read_source
from ..options import DocumentOptions
from ..previewing import Preview
from ..readers.given import text_of
from ..results import Extraction
from ..schema import RecordType
from ..schema.outline import HIDDEN
from ..tables.values import to_json
from ..task import list_of
from ..viewing import sha256_of
from ..words import printable
from .grouping import grouping
from .item_lines import write_items
from .lines import Line, LineTally, line_of, tally
from .options import (
    KEYS,
    DocumentReading,
    PromptOptions,
    ReplyOptions,
    SeededParameters,
    SureOptions,
    TypeOptions,
    given,
)
from .output import opened
from .screen import Counter, ShownCell, ShownRow, console_on, counting, record_table, safe, say, tell

EPILOG = f"""Examples:

    extractor extract --type invoice.py:Invoice mail/*.txt -o invoices.jsonl
    extractor extract --type invoice.py:Invoice invoice.pdf receipt.jpg -o invoices.jsonl
    extractor extract --schema invoice.json -m openai:gpt-5-mini - < mail.txt
    extractor extract --type ledger.py:Ledger --long ledger.txt -o ledger.jsonl

{KEYS}

Exit status: 0 if every input gave a record, 1 if some did not, 2 if nothing was sent,
130 after Ctrl-C.
"""


Reader: TypeAlias = Callable[..., Source]
Result: TypeAlias = Extraction[Any] | DocumentExtraction[Any]


class Format(StrEnum):
    """How the lines are written."""

    JSONL = "jsonl"
    JSON = "json"
    TABLE = "table"


@dataclass(frozen=True, kw_only=True)
class LongOptions:
    """Texts of any length, and how they are read."""

    long: Annotated[
        bool,
        typer.Option(
            "--long",
            help="Read texts of any length in overlapping chunks, and merge their records. The line has "
            "`evidence`, `conflicts` and the outcome of each of the `chunks`. After Ctrl-C run it "
            "again to resume.",
        ),
    ] = False
    chunk: Annotated[
        int | None,
        typer.Option(
            "--chunk", metavar="CHARACTERS", min=1, help="With --long: the most characters of a chunk."
        ),
    ] = None
    window: Annotated[
        int | None,
        typer.Option(
            "--window",
            metavar="TOKENS",
            min=1,
            help="With --long: the model's context window, if it is not known.",
        ),
    ] = None
    passes: Annotated[
        int | None,
        typer.Option("--passes", min=1, help="With --long: how often to read the text."),
    ] = None
    rereads: Annotated[
        int | None,
        typer.Option(
            "--rereads",
            metavar="N",
            min=0,
            help="With --long: how many passages may be read again because items in them seem overlooked.",
        ),
    ] = None
    items: Annotated[
        bool,
        typer.Option(
            "--items",
            help="With --long: --type is the type of one item of a list. Each item is a line, written "
            "once it is settled, and none is kept in memory.",
        ),
    ] = False

    def dividing(self) -> dict[str, int]:
        """Return the options of `document`. Raises BadParameter for what needs --long."""
        found = given(
            {"chunk": self.chunk, "window": self.window, "passes": self.passes, "rereads": self.rereads}
        )
        if (found or self.items) and not self.long:
            raise typer.BadParameter(f"--{next(iter(found), 'items')} needs --long")
        return found


@grouping
def extract(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE",
            help="Texts in UTF-8, and documents: PDFs, scans, photos; - is standard input.",
            show_default=False,
        ),
    ],
    *,
    kind: TypeOptions,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="The file to write. Only you may read it.")
    ] = "-",
    form: Annotated[
        Format,
        typer.Option("--format", help="jsonl: a line for each input; json: a list; table: for reading."),
    ] = Format.JSONL,
    asked: PromptOptions,
    sure: SureOptions,
    replies: ReplyOptions,
    parameters: SeededParameters,
    long_text: LongOptions,
    documents: DocumentReading,
    show_request: Annotated[
        bool,
        typer.Option(
            "--show-request", help="Show what would be sent for each text, without keys. Nothing is sent."
        ),
    ] = False,
) -> None:
    """Extract a record from each text, and write it as a line of JSON.

    A line has `source`, `outcome` and `record`, or `error` in place of the record. An input that cannot be
    read is such a line too. The other inputs are still read.
    """
    wanted = kind.chosen()
    solved = asked.solved(list_of(wanted) if long_text.items else wanted)
    _refuse_to_overwrite(output, files)
    dividing = long_text.dividing()
    if long_text.items and form is not Format.JSONL:
        raise typer.BadParameter("--items writes lines: leave out --format")
    how = {**sure.of_client(), **replies.of_client(), **asked.told(), **parameters.of_client()}
    extractor = asked.connected(**how)
    reader, how_sure = documents.reader(), sure.of_call()
    if show_request:
        preview = partial(extractor.preview, wanted, examples=solved, **how_sure)
        with extractor, opened(output) as out:
            _show_requests(files, reader, preview, out)
        return

    def run(text: str | Source, counter: Counter) -> Result:
        if not long_text.long:
            return extractor.run(wanted, text, examples=solved, **how_sure)
        options = DocumentOptions(examples=solved, progress=False, **dividing, **how_sure)  # type: ignore[typeddict-item]
        told = {**options, "on_progress": lambda p: counter.chunks(p.done)}
        return extractor.document(wanted, text, **grouped(told, "run", "chunks"))

    def items_of(text: str | Source, counter: Counter) -> Iterator[SettledItem[Any]]:
        options = DocumentOptions(examples=solved, **dividing, **how_sure)  # type: ignore[typeddict-item]
        told = {**options, "on_progress": lambda p: counter.chunks(p.done)}
        return extractor.document_items(wanted, text, **grouped(told, "run", "chunks"))

    if hidden := RecordType.of(wanted).hidden:
        say(HIDDEN.format(", ".join(hidden)), "yellow")
    if long_text.items:
        with extractor, opened(output) as out:
            write_items(files, reader, items_of, RecordType.of(wanted).dump, out, output)
        return
    with extractor, opened(output, aside=True) as out:
        lines, whole = _written(files, documents, run, RecordType.of(wanted).dump, form, out)
    _conclude(lines, len(files), whole, output)


def _refuse_to_overwrite(output: str, files: Sequence[str]) -> None:
    if any(file != "-" and Path(file).absolute() == Path(output).absolute() for file in files):
        raise ConfigError(f"-o {output} would overwrite one of the inputs")


def _written(
    files: Sequence[str],
    documents: DocumentReading,
    run: Callable[[str | Source, Counter], Result],
    dump: Callable[[Any], Any],
    form: Format,
    out: TextIO,
) -> tuple[list[Line], bool]:
    """Write what comes of each file; return it, and whether all were done before Ctrl-C."""
    lines: list[Line] = []
    whole = True
    with counting(len(files)) as counter:
        try:
            for line in _lines(files, documents, run, dump, counter):
                lines.append(line)
                if form is Format.JSONL:
                    counter.write(out, to_json(line))
        except KeyboardInterrupt:
            whole = False
    if form is Format.JSON:
        out.write(to_json(lines, indent=2) + "\n")
    if form is Format.TABLE:
        _write_table(lines, out)
    return lines, whole


def _lines(
    files: Iterable[str],
    documents: DocumentReading,
    run: Callable[[str | Source, Counter], Result],
    dump: Callable[[Any], Any],
    counter: Counter,
) -> Iterator[Line]:
    reader, told = documents.reader(), documents.chosen().told()
    for file in files:
        counter.begin(file)
        text = read_source(file, partial(reader, on_progress=counter.pages))
        if isinstance(text, Source):
            for note in text.notes:
                say(f"{file}: {note}", "yellow")
        if isinstance(text, BadInput):
            line = line_of(file, text, dump)
        else:
            read_so = told if isinstance(text, Source) else {}
            line = {**line_of(file, run(text, counter), dump), **read_so, "sha256": sha256_of(text_of(text))}
        counter.done(line)
        yield line


def _show_requests(
    files: Sequence[str], reader: Reader, preview: Callable[[str | Source], Preview], out: TextIO
) -> None:
    """Write what would be sent for each file. Raises ConfigError for one that can't be read."""
    for file in files:
        text = read_source(file, reader)
        if isinstance(text, BadInput):
            raise ConfigError(f"{file}: {text.message}")
        shown = preview(text)
        out.write(f"{printable(str(shown))}\n\n")
        tokens = sum(part.tokens for part in shown.parts or (shown,))
        where = f" in {len(shown.parts)} requests" if shown.parts else ""
        say(f"{file}: about {tokens:,} tokens would be sent{where}. Nothing was sent.")


def _write_table(lines: Sequence[Line], out: TextIO) -> None:
    console = console_on(out)
    rows = [ShownRow(line["source"], line["outcome"], _cells(line.get("record"))) for line in lines]
    console.print(record_table(rows, console.width))
    for line in lines:
        if "error" in line:
            console.print(safe(f"{line['source']}: {line['error']['message']}"))


def _cells(record: Any) -> dict[str, ShownCell]:
    fields = record if isinstance(record, dict) else {} if record is None else {"record": record}
    return {name: ShownCell(value) for name, value in fields.items()}


def _conclude(lines: Sequence[Line], asked: int, whole: bool, output: str) -> None:
    """Say what is not as it should be, and end with the exit status that tells it."""
    counts = sum(map(tally, lines), LineTally())
    if not whole:
        kept = "" if output == "-" else f"; they are in {output}"
        say(f"Interrupted: {len(lines)} of {asked} inputs are done ({counts}){kept}.", "yellow")
        raise typer.Exit(130)
    where = "" if output == "-" else f" in {output}"
    if counts.failed:
        say(f"{counts.failed} of {asked} inputs gave no record. Their lines{where} say why.", "yellow")
        raise typer.Exit(1)
    if where:
        tell(f"{counts.ok} records are{where} ({counts.tokens:,} tokens).")
