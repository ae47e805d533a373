"""`extractor view`: records beside their texts, on one page for a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from ..errors import ConfigError
from ..evaluation.page import evaluation_page
from ..evaluation.reports import EvalReport, load_report
from ..evidence import Evidence, How, Span, align
from ..layout import Source
from ..loading import BadInput, if_array, load_type, read_source, read_text
from ..messages import JSON
from ..readers.given import text_of
from ..report import Entry, PagePiece, Variants, page, piece_told, shown_pages
from .lines import sha256_of
from .output import opened
from .screen import say, tell

EPILOG = """A line is what `extractor extract` and `extractor run` write, or any object with text and record.
The report of `extractor eval -o` is shown as `eval --html` would.
The text is the field `text`, or the one that --text names, or stands in the file that `source` names, if
that lies below the folder of RESULTS.jsonl or of --texts.
Evidence is taken from the field `evidence` (pointer or path, start, end), else found anew.

Examples:

    extractor view invoices.jsonl -o invoices.html
    extractor view out/invoices.jsonl --texts mail -o invoices.html
    extractor view enriched.jsonl --text body --record invoice --type invoice.py:Invoice -o page.html
"""
CHANGED = "the text has changed since it was read: it is not shown, and nothing is marked"
ERROR = "_error"  # ends the name of the column that says why a row has no record


@dataclass(frozen=True)
class Names:
    """The fields of a line that hold its text and its record; None for those that are usual."""

    text: str | None
    record: str | None


@dataclass
class Texts:
    """The files that lines may name: those below some folders. A stranger's line may name any other one,
    such as a key. left_out: lines whose file was not read.
    """

    folders: Sequence[Path]
    left_out: int = 0

    def read(self, source: str) -> str | Source | None:
        """Return the text of a file, or a document; None where there is none. Relative names are of here, or
        of a folder.
        """
        told = read_source(str(found)) if (found := self._found(source)) else None
        return None if isinstance(told, BadInput) else told

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


def view(
    results: Annotated[
        str, typer.Argument(metavar="RESULTS.jsonl", help="Records, as JSON Lines; or a report of `eval`.")
    ],
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="PAGE.html", help="Written whole, for you alone to read.")
    ] = "records.html",
    text: Annotated[str | None, typer.Option(metavar="FIELD", help="The field that holds the text.")] = None,
    record: Annotated[
        str | None, typer.Option(metavar="FIELD", help="The field that holds the record.")
    ] = None,
    texts: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the files that `source` names are, too.")
    ] = None,
    record_type: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", metavar="FILE.py:Name", help="The record type: dates and enums are found by it."
        ),
    ] = None,
) -> None:
    """Show records beside their texts: one page, no network, with the place of each value marked.

    Values that stand nowhere in the text are plainly marked. Open the page in any browser.
    """
    if (report := _report(results)) is not None:
        with opened(output) as out:
            out.write(evaluation_page(report))
        tell(f"The evaluation {report.title} is in {output}; open it in a browser.")
        return
    adapter = TypeAdapter(load_type(record_type)) if record_type else None
    files = Texts([Path(results).parent, *([texts] if texts else [])])
    found = list(entries(results, Names(text, record), adapter, files))
    with opened(output) as out:
        out.write(page(found, Path(results).name))
    if files.left_out:
        where = " or ".join(map(str, files.folders))
        say(f"Texts that are not shown, as their files are not below {where}: {files.left_out}.", "yellow")
        say("Name their folder with --texts DIR if you trust the results.")
    tell(f"{len(found)} records are in {output}; open it in a browser.")


def _report(path: str) -> EvalReport | None:
    """Return the report that a file holds, None where it is of another kind: reports alone are one object
    over many lines, which begins with the model.
    """
    try:
        with open(path, encoding="utf-8-sig") as stream:
            head = [stream.readline().strip(), stream.readline().strip()]
        return load_report(path) if head[0] == "{" and head[1].startswith('"model":') else None
    except (OSError, UnicodeDecodeError):  # said by what reads lines
        return None


def entries(path: str, names: Names, adapter: TypeAdapter[Any] | None, files: Texts) -> Iterator[Entry]:
    """Yield what each line of a file of records holds. Raises ConfigError with the line that is none."""
    data = read_text(path)
    if isinstance(data, BadInput):
        raise ConfigError(data.message)
    for number, line in enumerate(data.split("\n"), 1):
        if line.strip():
            yield _entry(_object(line, f"{path}, line {number}"), number, names, adapter, files)


def _object(line: str, where: str) -> Mapping[str, JSON]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: this is not JSON: {error}{if_array(line)}") from error
    if not isinstance(told, dict):
        raise ConfigError(f"{where}: a line is an object with a text and a record{if_array(line)}")
    return told


def _entry(
    line: Mapping[str, JSON], number: int, names: Names, adapter: TypeAdapter[Any] | None, files: Texts
) -> Entry:
    column = names.record or _record_field(line)
    record, origin = line.get(column), _text(line, names.text, files)
    text = text_of(origin)
    changed = bool(text) and line.get("sha256") not in (None, sha256_of(text))
    if changed:  # its marks would stand at other words
        text = origin = ""
    error = line.get(f"{column}{ERROR}") or line.get("error") or {}
    outcome = line.get("outcome") or (error.get("kind") if error else "ok" if record is not None else "empty")
    usage = line.get("usage") or line.get(f"{column}_usage") or {}
    facts = {name.replace("_", " "): str(told) for name, told in usage.items() if told is not None}
    title = str(line.get("source") or line.get("id") or number)
    why = ((CHANGED,) if changed else ()) + ((str(error["message"]),) if error.get("message") else ())
    evidence = _given(line.get("evidence") or line.get(f"{column}_evidence"), text)
    if changed:
        evidence = {}
    elif evidence is None:
        evidence = {} if record is None else align(_typed(record, adapter), text)
    of_pages = origin if isinstance(origin, Source) else None
    return Entry(
        title,
        str(outcome),
        text,
        record if record is not None else line.get("found"),
        evidence,
        why,
        facts,
        conflicts=tuple(_conflicts(line.get("conflicts"), text)),
        chunks=tuple(_chunks(line.get("chunks"), text)),
        confidence=_confidence(line.get("confidence") or line.get(f"{column}_confidence")),
        pages=shown_pages(of_pages),
        boxes={} if of_pages is None else of_pages.boxes_by_pointer(evidence),
    )


def _confidence(told: JSON) -> dict[str, float]:
    """Return what a line says by pointer, or as a list of objects with `pointer` and `confidence`."""
    rows: list[tuple[Any, Any]] = list(told.items()) if isinstance(told, dict) else []
    if isinstance(told, list):
        rows = [(one.get("pointer"), one.get("confidence")) for one in told if isinstance(one, dict)]
    return {str(where): float(value) for where, value in rows if isinstance(value, int | float)}


def _record_field(line: Mapping[str, JSON]) -> str:
    """Return "record", or the field that has an error column beside it, as `extractor run` writes it."""
    beside = (name.removesuffix(ERROR) for name in line if name.endswith(ERROR))
    return "record" if "record" in line else next((name for name in beside if name in line), "record")


def _text(line: Mapping[str, JSON], name: str | None, files: Texts) -> str | Source:
    if name is not None and name not in line:
        raise ConfigError(f"a line has no field {name!r}; it has {', '.join(line)}")
    told = line.get(name or "text")
    if told is None and name is None and isinstance(source := line.get("source"), str):
        told = files.read(source)
    return told if isinstance(told, str | Source) else ""


def _typed(record: JSON, adapter: TypeAdapter[Any] | None) -> Any:
    """Return the record as its type, which tells dates and enums; as it is, where it does not fit."""
    if adapter is None:
        return record
    try:
        return adapter.validate_json(json.dumps(record))
    except ValidationError:
        return record


def _given(told: JSON, text: str) -> Evidence | None:
    if not isinstance(told, list):
        return None
    found: dict[str, tuple[Span, ...]] = {}
    for one in told:
        for span in _spans([one], text):
            pointer = str(one.get("pointer", one.get("path", "")))
            found[pointer] = (*found.get(pointer, ()), span)
    return found


def _spans(told: JSON, text: str) -> Iterator[Span]:
    for one in told if isinstance(told, list) else ():
        match one:
            case {"start": int(start), "end": int(end)} if 0 <= start < end <= len(text):
                how = one.get("how")
                how = How(how) if how in list(How) else How.EXACT
                yield Span(start, end, text[start:end], how, float(one.get("score") or 1.0))


def _conflicts(told: JSON, text: str) -> Iterator[Variants]:
    for one in told if isinstance(told, list) else ():
        match one:
            case {"pointer": str(pointer), "candidates": [*candidates]}:
                yield Variants(
                    pointer,
                    tuple(
                        (each.get("value"), tuple(_spans(each.get("spans"), text)), each.get("readings", 1))
                        for each in candidates
                        if isinstance(each, dict)
                    ),
                )


def _chunks(told: JSON, text: str) -> Iterator[PagePiece]:
    for one in told if isinstance(told, list) else ():
        match one:
            case {"start": int(start), "end": int(end)} if 0 <= start <= end <= len(text):
                why, again = str(one.get("error") or ""), bool(one.get("again"))
                yield PagePiece(
                    start,
                    end,
                    piece_told(one.get("outcome"), why, again),
                    bool(one.get("missing", why and not again)),
                    one.get("pass", 1),
                    not why,
                )
