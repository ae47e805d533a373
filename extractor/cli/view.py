"""`extractor view`: records beside their texts, on one page for a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter

from ..errors import ConfigError
from ..evaluation.page import evaluation_page
from ..evaluation.reports import EvalReport, load_report
from ..layout import Source
from ..loading import BadInput, if_array, load_type, read_text
from ..messages import JSON
from ..readers.given import USUAL, Reading
from ..report import Entry, page
from ..tables.documents import TextFiles
from ..tables.input import ReadOptions
from ..tables.names import format_of
from ..tables.sources import opened_sources
from ..tables.table import BadRow
from ..viewing import Names, entry_of, names_of
from .grouping import grouping
from .options import TextReading
from .output import opened
from .screen import say, tell

EPILOG = """A line is what `extractor extract` or `extractor run` wrote, or any object with text and record.
A report of `extractor eval -o` is shown as by `eval --html`.
The text is the field `text`, or the field that --text names, or the file that `source` names, if that file
is below the folder of RESULTS or of --texts.
Evidence is taken from the field `evidence` (pointer or path, start, end), else it is searched for.

Examples:

    extractor view invoices.jsonl -o invoices.html
    extractor view mails.xlsx --type mail.py:Mail -o mails.html
    extractor view out/invoices.jsonl --texts mail -o invoices.html
    extractor view enriched.jsonl --text body --record invoice --type invoice.py:Invoice -o page.html
"""


@dataclass
class Texts:
    """The files that lines may name: those below some folders. A stranger's line may name any other one,
    such as a key. reading: how documents are read of which a line says nothing. left_out: lines whose file
    was not read.
    """

    folders: Sequence[Path]
    reading: Reading = USUAL
    left_out: int = 0
    _told: dict[str, Reading] = field(default_factory=dict)

    def read(self, source: str, reading: Reading = USUAL) -> str | Source | None:
        """Return the text of a file, or a document; None where there is none. Relative names are of here, or
        of a folder. reading: how the line says that it was read, which holds for later calls too.
        """
        found = self._found(source)
        if found is None:
            return None
        if reading != USUAL:
            self._told[source] = reading
        try:
            return TextFiles(self._told.get(source, self.reading)).read(
                str(found), None
            )  # as a run reads them: packed, in any encoding
        except ConfigError:
            return None

    def _found(self, source: str) -> Path | None:
        try:
            files = [(folder / source).resolve() for folder in (Path(), *self.folders)]
            files = [file for file in files if file.is_file()]
        except (OSError, ValueError):  # no name of a file
            return None
        allowed = [file for file in files if any(map(file.is_relative_to, self._real()))]
        self.left_out += bool(files) and not allowed
        return next(iter(allowed), None)

    def _real(self) -> Iterator[Path]:
        return (folder.resolve() for folder in self.folders)


@dataclass(frozen=True, kw_only=True)
class ResultFields:
    """Where records and their texts are."""

    text: Annotated[str | None, typer.Option(metavar="FIELD", help="The field that holds the text.")] = None
    record: Annotated[str | None, typer.Option(metavar="FIELD", help="The field that holds the record.")] = (
        None
    )
    texts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A further folder for the files that `source` names.")
    ] = None

    @property
    def names(self) -> Names:
        """The fields of the text and of the record."""
        return Names(self.text, self.record)

    def files(self, results: str, reading: Reading) -> Texts:
        """Return the files that `source` names."""
        return Texts([Path(results).parent, *([self.texts] if self.texts else [])], reading)


@grouping
def view(
    results: Annotated[
        str,
        typer.Argument(
            metavar="RESULTS",
            help="Records, as JSON Lines or a table (.csv, .xlsx, .parquet, ...); or a report of `eval`.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="PAGE.html", help="The page to write. Only you may read it."),
    ] = "records.html",
    *,
    held: ResultFields,
    record_type: Annotated[
        str | None,
        typer.Option(
            "--type",
            "-t",
            metavar="FILE.py:Name",
            help="The record type, which says which values are dates and enums.",
        ),
    ] = None,
    documents: TextReading,
) -> None:
    """Show records beside their texts on one page, with the place of each value marked. The page needs no
    network.

    Values that are not found in the text are marked as such. Open the page in any browser.
    """
    if (report := _report(results)) is not None:
        with opened(output) as out:
            out.write(evaluation_page(report))
        tell(f"Wrote the evaluation {report.title} to {output}. Open it in a browser.")
        return
    adapter = TypeAdapter(load_type(record_type)) if record_type else None
    files = held.files(results, documents.chosen())
    found = entries(results, held.names, adapter, files)
    with opened(output) as out:
        out.write(page(found, Path(results).name))
    without = sum(entry.missing for entry in found)
    if without:
        say(
            f"The text of {without} records was not found, so the places of their values are not known.",
            "yellow",
        )
    if files.left_out:
        where = " or ".join(map(str, files.folders))
        say(f"Not shown: {files.left_out} texts whose files are not below {where}.", "yellow")
        say("Name their folder with --texts DIR if you trust the results.")
    tell(f"Wrote {len(found)} records to {output}. Open it in a browser.")


def _report(path: str) -> EvalReport | None:
    """Return the report that a file holds, None if it is of another kind: reports alone are one object
    over many lines, which begins with the model.
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            head = [stream.readline().strip(), stream.readline().strip()]
        return load_report(path) if head[0] == "{" and head[1].startswith('"model":') else None
    except (OSError, UnicodeDecodeError):  # said by what reads lines
        return None


def entries(
    path: str, given: Names, adapter: TypeAdapter[Any] | None, files: Texts, pictures: bool = True
) -> list[Entry]:
    """Return what each line of a file of records holds. Raises ConfigError with the line that is none."""
    lines = lines_of(path)
    names = names_of(lines, given)
    if names != given:
        say(f"The texts are from the column {names.text}; --text names another.")
    numbered = enumerate(lines, 1)
    return [entry_of(line, number, names, adapter, files.read, pictures) for number, line in numbered]


def lines_of(path: str) -> list[Mapping[str, JSON]]:
    """Return the lines of a file of records: JSON Lines, or a table. Raises ConfigError with the line that is
    none.
    """
    if format_of(path) != "jsonl":
        return [_read(row, path) for row in opened_sources((path,), ReadOptions(), ()).rows()]
    data = read_text(path)
    if isinstance(data, BadInput):
        raise ConfigError(data.message)
    numbered = enumerate(data.split("\n"), 1)
    return [_object(line, f"{path}, line {number}") for number, line in numbered if line.strip()]


def _read(row: Mapping[str, JSON] | BadRow, path: str) -> Mapping[str, JSON]:
    if isinstance(row, BadRow):
        raise ConfigError(f"{path}, line {row.line}: {row.why}")
    return row


def _object(line: str, where: str) -> Mapping[str, JSON]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: this is not JSON: {error}{if_array(line)}") from error
    if not isinstance(told, dict):
        raise ConfigError(f"{where}: a line must be an object with a text and a record{if_array(line)}")
    return told
