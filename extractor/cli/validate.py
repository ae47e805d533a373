"""`extractor validate`: records that are there already, against their type. No model is asked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from ..bulk import line_of, problem_cells
from ..bulk.frames import cell, columns_of
from ..errors import ConfigError, Problem
from ..messages import JSON
from ..pointers import any_index
from ..schema import VERBATIM, RecordType
from ..schema.outline import Check
from ..tables.names import format_of
from ..tables.selecting import selector
from ..tables.table import BadRow, Table
from ..tables.values import plain, to_json
from .commands import without_passwords
from .grouping import grouping
from .options import SchemaOption, chosen_type
from .output import opened
from .records import FoundRecord, Keep, RecordLines, Where, keeping, records_in
from .screen import echo, reading, say

EPILOG = """Examples:

    extractor validate invoices.jsonl --type invoice.py:Invoice
    extractor validate invoices.csv --schema invoice.json -o good.csv --quarantine bad.jsonl
    extractor validate mails.parquet -t mail.py:Mail --column mail --text body

Exit status: 0 if all records are valid, 1 if some are not, 2 if they could not be read, 130 after Ctrl-C.
"""
INTERRUPTED = 130
SHOWN_EVERY = 5_000  # rows
MOST_KINDS = 1_000  # kinds of problems that are counted separately
MOST_SHOWN = 20
LONGEST = 160  # characters of a reason
Handle: TypeAlias = Callable[[FoundRecord, Sequence[Problem]], None]


@dataclass(slots=True)
class ProblemKind:
    """Problems of one kind at one place. first: the line of the first of them."""

    reason: str
    first: int
    rows: int = 0


@dataclass(slots=True)
class FileFindings:
    """What came of the rows so far. others: problems of further kinds, which are counted together."""

    rows: int = 0
    invalid: int = 0
    others: int = 0
    kinds: dict[tuple[str, str], ProblemKind] = field(default_factory=dict)

    def add(self, line: int, problems: Sequence[Problem]) -> None:
        """Take in a row: each kind of problem counts once."""
        self.rows += 1
        self.invalid += bool(problems)
        found = {(any_index(each.pointer), each.type): each for each in reversed(problems)}
        for key, problem in found.items():
            if key not in self.kinds and len(self.kinds) == MOST_KINDS:
                self.others += 1
                continue
            self.kinds.setdefault(key, ProblemKind(problem.reason, line)).rows += 1

    def __str__(self) -> str:
        return f"{self.rows:,} rows, {self.rows - self.invalid:,} valid, {self.invalid:,} invalid"

    def lines(self) -> Iterator[str]:
        """Yield what is wrong, the most frequent first."""
        found = sorted(self.kinds.items(), key=lambda item: (-item[1].rows, item[1].first))
        for (place, _), kind in found[:MOST_SHOWN]:
            reason = " ".join(kind.reason.split())[:LONGEST]
            yield f"{kind.rows:>10,}  {place or 'the whole record'}: {reason} (first on line {kind.first:,})"
        if more := sum(kind.rows for _, kind in found[MOST_SHOWN:]) + self.others:
            yield f"{more:>10,}  more, of other kinds"


@dataclass(frozen=True, kw_only=True)
class SortedFiles:
    """Where valid and invalid rows are written."""

    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="OUTPUT", help="Write valid rows to this file, unchanged."),
    ] = None
    quarantine: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Write invalid rows to this file, with everything that is wrong with them.",
        ),
    ] = None

    def check(self, data: str) -> None:
        """Raise ConfigError for a format that is not written, and for one file in two roles."""
        if self.quarantine is not None and (self.quarantine == "-" or format_of(self.quarantine) != "jsonl"):
            raise ConfigError("--quarantine takes a file of JSON Lines, such as bad.jsonl")
        named = (data, self.output, self.quarantine)
        files = [Path(each).absolute() for each in named if each not in (None, "-")]
        if len(set(files)) < len(files):
            raise ConfigError("DATA, OUTPUT and the quarantine must be different files")


@grouping
def validate(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="FILE.jsonl, .csv, .tsv, .parquet, or a URL of one; - is JSON Lines.",
            show_default=False,
        ),
    ],
    record_type: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", metavar="FILE.py:Name", help="The record type. The Python file is executed."
        ),
    ] = None,
    schema: SchemaOption = None,
    column: Annotated[
        str | None,
        typer.Option(
            "--column",
            metavar="NAME",
            help="The column with the record. Default: the row itself is the record.",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            "-x",
            metavar="COLUMN",
            help="The text that verbatim values must stand in, as in `run`.",
        ),
    ] = None,
    *,
    files: SortedFiles,
    limit: Annotated[int | None, typer.Option(min=1, help="Read only the first N rows.")] = None,
    max_errors: Annotated[
        int | None, typer.Option("--max-errors", min=1, help="Stop after this many invalid rows.")
    ] = None,
) -> None:
    """Check existing records, without a model.

    Pydantic validates records of a type. `jsonschema` validates records of a JSON Schema, formats included.
    Files are read as streams. In CSV and Parquet, cells are converted to what the type expects.
    """
    wanted = chosen_type(record_type, schema)
    files.check(data)
    where = Where(column, frozenset(columns_in(text or [])))
    records, asked = records_in(data, wanted, where), RecordType.of(wanted)
    check, text_of = asked.checker(written=column is not None), _text_finder(text, records)
    if text_of is None and VERBATIM in json.dumps(asked.described()):
        say("Verbatim values are not checked against a text: name its column with --text.", "yellow")
    command = shlex.join(["extractor", *map(without_passwords, context.obj or ["validate"])])
    shown, aside = without_passwords(data), files.output == "-"
    findings = FileFindings()
    with reading(shown) as show, _handling(files, data, records, wanted, command) as handle:
        try:
            for found in islice(records.rows(), limit):
                problems = problems_of(found, check, text_of)
                findings.add(found.line, problems)
                handle(found, problems)
                if findings.rows % SHOWN_EVERY == 0:
                    show(str(findings))
                if findings.invalid == max_errors:
                    break
        except KeyboardInterrupt:
            _tell(findings, shown, aside, "Interrupted: the rest was not read.")
            raise typer.Exit(INTERRUPTED) from None
    stopped = findings.invalid == max_errors
    _tell(findings, shown, aside, f"Stopped by --max-errors {max_errors}." if stopped else "")
    if findings.invalid:
        raise typer.Exit(1)


def problems_of(found: FoundRecord, check: Check, text_of: Callable[[Any], Any] | None) -> Sequence[Problem]:
    """Return what is wrong with a row."""
    if isinstance(found.data, BadRow):
        return [Problem("", found.data.why, type="input")]
    try:
        return check(found.data, None if text_of is None else text_of(found.fields))
    except ConfigError as error:  # the row has no text
        return [Problem("", str(error), type="input")]


def _text_finder(text: Sequence[str] | None, records: RecordLines) -> Callable[[Any], Any] | None:
    if not text:
        return None
    names = None if records.names is None else tuple(records.names)
    return selector(text[0] if len(text) == 1 else text, Table(names, None, lambda: iter(())))


def columns_in(text: Sequence[str]) -> Iterator[str]:
    """Yield the columns that --text names."""
    for each in text:
        yield from columns_of(each)


@contextmanager
def _handling(
    files: SortedFiles, data: str, records: RecordLines, wanted: Any, command: str
) -> Iterator[Handle]:
    """Yield what writes a row to where it belongs."""
    holding = _holding(files.quarantine, records, wanted, command)
    with _keeping(files.output, data, records) as keep, holding as hold:
        yield lambda found, problems: hold(found, problems) if problems else keep(found)


@contextmanager
def _keeping(output: str | None, data: str, records: RecordLines) -> Iterator[Keep]:
    if output is None:
        yield lambda found: None
        return
    with keeping(output, data, records) as keep:
        yield keep


@contextmanager
def _holding(quarantine: str | None, records: RecordLines, wanted: Any, command: str) -> Iterator[Handle]:
    if quarantine is None:
        yield lambda found, problems: None
        return
    version = RecordType.of(wanted).fingerprint
    with opened(quarantine) as stream:
        yield lambda found, problems: _hold(stream.write, _line(found, problems, records, version, command))


def _hold(write: Callable[[str], object], line: JSON) -> None:
    write(to_json(line) + "\n")


def _line(
    found: FoundRecord, problems: Sequence[Problem], records: RecordLines, version: str, command: str
) -> JSON:
    row = records.fields(found)
    own = row.raw if isinstance(row, BadRow) else plain(row)
    kind = "input" if isinstance(found.data, BadRow) else "invalid"
    error = cell(kind, "; ".join(map(str, problems[:5])))
    told = {"kind": kind, "message": error["message"], "problems": problem_cells(problems), **error}
    return line_of(found.position, own, told, version, command)


def _tell(findings: FileFindings, data: str, aside: bool, why: str) -> None:
    """Print what was found; aside: on standard error, where the output has the rows."""
    for line in (f"{data}: {findings}.", *findings.lines(), *([why] if why else [])):
        echo(line, err=aside)
