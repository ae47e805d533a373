"""`extractor run`: a table in, the same table with records out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..bulk import Stop
from ..errors import ConfigError
from ..schema import RecordType
from ..schema.outline import HIDDEN
from ..tables.databases.address import DatabaseAddress, is_database
from ..tables.databases.sink import BATCH_ROWS, DatabaseSink
from ..tables.databases.source import DatabaseSource
from ..tables.destination import Destination, is_drained
from ..tables.formulas import Formulas
from ..tables.input import ReadOptions
from ..tables.job import FileJob
from ..tables.plan import RunPlan
from ..tables.spelling import SHELL
from .commands import feeding, without_passwords
from .ended import RunEnd
from .grouping import grouping
from .options import (
    KEYS,
    ConcurrencyOption,
    DocumentReading,
    JournalOption,
    ParamsOption,
    PromptOptions,
    ReplyOptions,
    SureOptions,
    TypeOptions,
    parameters,
    told_by_row,
)
from .output import opened
from .screen import echo, say
from .signals import stopping

EPILOG = f"""Examples:

    extractor run mails.csv --type mail.py:Mail --text body --dry-run
    extractor run mails.csv --type mail.py:Mail --text body -o mails.parquet --max-cost 5
    extractor run 'mail/**/*.txt' --type mail.py:Mail -o mails.parquet --quarantine bad.jsonl
    extractor run mails.jsonl -t mail.py:Mail -x "{{subject}}: {{body}}" -o out.jsonl --html run.html
    extractor run mails.csv -t mail.py:Mail -x body -o out.csv --retry-failed
    extractor run mails.csv -t mail.py:Mail -x body -o out.csv --mode batch
    extractor run postgresql://me@db/shop --table mails -t mail.py:Mail -x body \\
        -o postgresql://me@db/shop --into mails_read --key id

Each answer is kept in a journal as soon as it arrives: the same command again asks only for what has no
answer yet. {KEYS}

Exit status: 0 if every row with text gave a record, 1 if some did not, 2 if the run did not finish,
130 or 143 if Ctrl-C or SIGTERM stopped it. With --resume, rows that an earlier run has done do not count.
Requests in flight are finished and written after a signal; a second one stops at once.
"""

InputArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="FILE.csv, .tsv, .jsonl, .json, .parquet, .xlsx, or a URL of one; - for JSON Lines "
        "from standard input. A folder, a pattern such as 'mail/**/*.txt' or several files: "
        "each is one document. Or a database, postgresql://USER@HOST/DB, sqlite:///FILE or "
        "duckdb:///FILE.",
        show_default=False,
    ),
]
TextOption = Annotated[
    list[str] | None,
    typer.Option(
        "--text",
        "-x",
        metavar="COLUMN",
        help='The text of a row: a column, or a template such as "{subject}: {body}". '
        "Repeat it to join columns by blank lines. Leave it out for documents.",
    ),
]


@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """Which rows are read, and how."""

    rows: Annotated[bool, typer.Option("--rows", help="Read several files as tables, not as documents.")] = (
        False
    )
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The encoding of text files, such as windows-1252. Default: UTF-8, else detected.",
        ),
    ] = None
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHARACTER", help="The delimiter of CSV. Default: detected from the header."),
    ] = None
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="The sheet of an .xlsx file. Default: the first.")
    ] = None
    from_table: Annotated[
        str | None,
        typer.Option("--table", metavar="TABLE", help="The table to read, if INPUT is a database."),
    ] = None
    query: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="A SELECT in place of --table. It needs ORDER BY to be resumed."),
    ] = None

    @property
    def how(self) -> ReadOptions:
        """How files are read."""
        return ReadOptions(self.rows, self.encoding, self.delimiter, self.sheet)

    def source(self, named: Sequence[str]) -> tuple[str, ...] | DatabaseSource:
        """Return what is read. Raises ConfigError for what names no rows."""
        if not any(map(is_database, named)):
            if self.from_table is not None or self.query is not None:
                raise ConfigError("--table and --query need an INPUT that is a database")
            return tuple(named)
        database, *others = named
        if others:
            raise ConfigError("a database must be the only INPUT")
        if (self.from_table is None) == (self.query is None):
            raise ConfigError(
                f"which rows of {DatabaseAddress.of(database)}? Name them with --table or --query"
            )
        return DatabaseSource(database, self.from_table, self.query)


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where rows are written, and what becomes of what is there."""

    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            help="FILE.csv, .tsv, .jsonl, .json, .parquet or .xlsx; {type}.csv writes a file for each "
            "type of a union. Or a database.",
        ),
    ] = "-"
    into: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="The table to write, if OUTPUT is a database. It is created if it does not exist. {type} in "
            "its name writes one for each type of a union.",
        ),
    ] = None
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Replace rows of the table that have the same value in this column."
        ),
    ] = None
    batch_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many rows one transaction has.")
    ] = BATCH_ROWS
    quarantine: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Write rows without a record to this file, with the reason and all replies. OUTPUT gets "
            "the others.",
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the rows that OUTPUT has, and add the missing ones.")
    ] = False
    append: Annotated[
        bool, typer.Option("--append", help="Keep everything in OUTPUT, and add these rows after it.")
    ] = False

    def destination(self, sources: Sequence[str], record_type: Any) -> Destination:
        """Return where the rows of the sources go. Raises ConfigError."""
        drained = is_drained(sources, self.quarantine)
        found = Destination(
            self.output, self.quarantine, self.resume, self.append, drained, self._sink(), SHELL
        )
        return found.of_types(record_type)

    def _sink(self) -> DatabaseSink | None:
        """Return the table that is the output, None if it is a file. Raises ConfigError."""
        if not is_database(self.output):
            if self.into is not None or self.key:
                raise ConfigError("--into and --key need an OUTPUT that is a database: name it with -o")
            return None
        if self.into is None:
            raise ConfigError(f"which table of {DatabaseAddress.of(self.output)}? Name it with --into")
        how: Literal["append", "upsert"] = "upsert" if self.key else "append"
        return DatabaseSink(self.output, self.into, how, tuple(self.key or ()), self.batch_rows)


@dataclass(frozen=True, kw_only=True)
class AddedColumns:
    """Which columns are added, and what is in them."""

    row_id: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Add a column with each row's position in INPUT, from 0."),
    ] = None
    name: Annotated[
        str | None,
        typer.Option(
            help="The name of the new columns. Default: that of the record type.", show_default=False
        ),
    ] = None
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Write a column for each member of the record.")
    ] = False
    usage: Annotated[bool, typer.Option("--usage", help="Add a column with tokens, cost and latency.")] = (
        False
    )
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Add a column with the place of each value in the text.")
    ] = False
    formulas_as_text: Annotated[
        bool,
        typer.Option(
            "--formulas-as-text", help="In CSV, put an apostrophe before cells that a spreadsheet would run."
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class PaceOptions:
    """How many requests there are at once, and what they may cost."""

    max_cost: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="US dollars. The run stops before it would exceed them. A resumed run may spend them again.",
        ),
    ] = None
    concurrency: ConcurrencyOption = 64
    mode: Annotated[
        Literal["live", "batch"],
        typer.Option(
            help="batch: use the provider's batch API, which answers within a day at half the price."
        ),
    ] = "live"
    rows_per_request: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many short texts share a request.")
    ] = 1
    journal: JournalOption = None

    def of_call(self) -> dict[str, Any]:
        """Return the options of a call."""
        return {**asdict(self), "journal": True if self.journal is None else self.journal}


@dataclass(frozen=True, kw_only=True)
class RowChoice:
    """Which of the rows are asked about."""

    limit: Annotated[int | None, typer.Option(min=1, help="Read only the first N rows.")] = None
    sample: Annotated[
        int | None, typer.Option(min=1, help="Read N random rows, the same ones each time.")
    ] = None
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Ask again for rows whose answers in the journal gave no record."
        ),
    ] = False


@grouping
def run(
    context: typer.Context,
    sources: InputArgument,
    text: TextOption = None,
    *,
    kind: TypeOptions,
    inputs: InputOptions,
    outputs: OutputOptions,
    asked: PromptOptions,
    choice: RowChoice,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate requests, tokens and cost. Nothing is sent.")
    ] = False,
    pace: PaceOptions,
    columns: AddedColumns,
    sure: SureOptions,
    documents: DocumentReading,
    replies: ReplyOptions,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a report of the run as a page.")
    ] = None,
    params: ParamsOption = None,
) -> None:
    """Extract a record from each row of a table, or from each file of a folder, and write them with the
    records.

    Rows keep their order and all their columns. A row that fails has its error in a column; the other rows
    continue.
    """
    wanted = kind.chosen()
    plan = RunPlan(
        source=inputs.source(sources),
        text=text[0] if text and len(text) == 1 else text,
        read=inputs.how,
        reading=documents.chosen(),
        destination=outputs.destination(sources, wanted),
        **asdict(choice),
        **asdict(columns),
    )
    opened_run = context.with_resource(plan.opened())
    if opened_run.given.note:
        say(opened_run.given.note, "yellow")
    told = asked.told()
    by_row = told_by_row(told, opened_run.rows.names or ())
    how = {**sure.of_client(), **replies.of_client(), **parameters({}, params or [])}
    client = asked.connected(**told, **how)
    options = {"examples": asked.solved(wanted), **pace.of_call(), **sure.of_call(), **by_row}
    if dry_run:
        echo(str(opened_run.estimate(client, wanted, options)))
        return
    command = ["extractor", *map(without_passwords, context.obj or ["run"])]
    again = feeding(command, [*map(without_passwords, sources)], plan.destination)
    job = opened_run.job(client, wanted, options, shlex.join(again))
    if hidden := RecordType.of(wanted).hidden:
        say(HIDDEN.format(", ".join(hidden)), "yellow")
    stop = Stop()
    with client, stopping(stop) as ending:
        report = job.run(stop, ending)
    result, total = job.result(report, opened_run.notes), opened_run.rows.total
    status = ending.status if ending else 2
    ended = RunEnd(report, result, command, again, plan.destination, total, status)
    if html:
        with opened(str(html)) as page:
            page.write(ended.page())
    _say_notes(job, opened_run.texts.note)
    ended.conclude()


def _say_notes(job: FileJob, note: str | None) -> None:
    """Say what there is to know of the tables. note: of the texts."""
    for table in job.tables:
        _tell_formulas(table.sheet.formulas, table.destination.place)
    for each in (note, *(table.sheet.note for table in job.tables)):
        if each:
            say(each, "yellow")


def _tell_formulas(formulas: Formulas, place: str) -> None:
    if formulas.found and not formulas.as_text:
        cells = "1 cell" if formulas.found == 1 else f"{formulas.found:,} cells"
        begin = (
            f"{cells} of {place} {'begins' if formulas.found == 1 else 'begin'} like formulas (=, +, -, @)"
        )
        say(f"{begin}, which a spreadsheet may run. --formulas-as-text writes them as text.", "yellow")
