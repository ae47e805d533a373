"""`extractor run`: a table in, the same table with records out."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..bulk import Stop
from ..errors import ConfigError
from ..loading import load_examples
from ..schema import RecordType
from ..schema.outline import HIDDEN
from ..tables.databases.address import DatabaseAddress, is_database
from ..tables.databases.sink import BATCH_ROWS, DatabaseSink
from ..tables.databases.source import DatabaseSource
from ..tables.destination import Destination, is_drained
from ..tables.formulas import Formulas
from ..tables.input import ReadOptions
from ..tables.plan import RunPlan
from ..tables.spelling import SHELL
from .commands import feeding, without_passwords
from .ended import RunEnd
from .extract import chosen_type
from .options import (
    KEYS,
    BaseUrlOption,
    BelowOption,
    CalibrationOption,
    ConfidenceOption,
    DateOption,
    EscalateOption,
    ImagesOption,
    LocaleOption,
    MaskOption,
    MaxFieldsOption,
    ModelOption,
    OcrOption,
    PartsOption,
    PromptOption,
    SamplesOption,
    SchemaOption,
    StrictOption,
    TextFormOption,
    TunedOption,
    ValuesOption,
    asked_confidence,
    connected,
    divided_options,
    document_reading,
    escalation,
    parameters,
    told_by_row,
    told_options,
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


def run(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="FILE.csv, .tsv, .jsonl, .json, .parquet, .xlsx, or a URL of one; - for JSON Lines "
            "from standard input. A folder, a pattern such as 'mail/**/*.txt' or several files: "
            "each is one document. Or a database, postgresql://USER@HOST/DB, sqlite:///FILE or "
            "duckdb:///FILE.",
            show_default=False,
        ),
    ],
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            "-x",
            metavar="COLUMN",
            help='The text of a row: a column, or a template such as "{subject}: {body}". '
            "Repeat it to join columns by blank lines. Leave it out for documents.",
        ),
    ] = None,
    record_type: Annotated[
        str | None,
        typer.Option(
            "--type", "-t", metavar="FILE.py:Name", help="The record type. The Python file is executed."
        ),
    ] = None,
    schema: SchemaOption = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            help="FILE.csv, .tsv, .jsonl, .json, .parquet or .xlsx; {type}.csv writes a file for each "
            "type of a union. Or a database.",
        ),
    ] = "-",
    rows: Annotated[
        bool, typer.Option("--rows", help="Read several files as tables, not as documents.")
    ] = False,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The encoding of text files, such as windows-1252. Default: UTF-8, else detected.",
        ),
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHARACTER", help="The delimiter of CSV. Default: detected from the header."),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="The sheet of an .xlsx file. Default: the first.")
    ] = None,
    from_table: Annotated[
        str | None,
        typer.Option("--table", metavar="TABLE", help="The table to read, if INPUT is a database."),
    ] = None,
    query: Annotated[
        str | None,
        typer.Option(metavar="SQL", help="A SELECT in place of --table. It needs ORDER BY to be resumed."),
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE",
            help="The table to write, if OUTPUT is a database. It is created if it does not exist. {type} in "
            "its name writes one for each type of a union.",
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN", help="Replace rows of the table that have the same value in this column."
        ),
    ] = None,
    batch_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many rows one transaction has.")
    ] = BATCH_ROWS,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", "-i", metavar="TEXT", help="Instructions for the model.")
    ] = None,
    prompt: PromptOption = None,
    reference_date: DateOption = None,
    locale: LocaleOption = None,
    examples: Annotated[
        str | None,
        typer.Option(
            "--examples", metavar="FILE.jsonl", help="Texts with their records, shown in the prompt."
        ),
    ] = None,
    mask: MaskOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read only the first N rows.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Read N random rows, the same ones each time.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate requests, tokens and cost. Nothing is sent.")
    ] = False,
    max_cost: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="US dollars. The run stops before it would exceed them. A resumed run may spend them again.",
        ),
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="The most requests in flight.")] = 64,
    mode: Annotated[
        Literal["live", "batch"],
        typer.Option(
            help="batch: use the provider's batch API, which answers within a day at half the price."
        ),
    ] = "live",
    rows_per_request: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many short texts share a request.")
    ] = 1,
    journal: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="The journal of answers: a file, or redis://HOST/0. Default: the cache folder.",
        ),
    ] = None,
    quarantine: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Write rows without a record to this file, with the reason and all replies. OUTPUT gets "
            "the others.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the rows that OUTPUT has, and add the missing ones.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Keep everything in OUTPUT, and add these rows after it.")
    ] = False,
    row_id: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Add a column with each row's position in INPUT, from 0."),
    ] = None,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Ask again for rows whose answers in the journal gave no record."
        ),
    ] = False,
    name: Annotated[
        str | None,
        typer.Option(
            help="The name of the new columns. Default: that of the record type.", show_default=False
        ),
    ] = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Write a column for each member of the record.")
    ] = False,
    usage: Annotated[
        bool, typer.Option("--usage", help="Add a column with tokens, cost and latency.")
    ] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Add a column with the place of each value in the text.")
    ] = False,
    confidence: ConfidenceOption = False,
    tuned: TunedOption = None,
    escalate: EscalateOption = None,
    below: BelowOption = None,
    calibration: CalibrationOption = None,
    samples: SamplesOption = None,
    ocr: OcrOption = "auto",
    text_form: TextFormOption = "plain",
    page_images: ImagesOption = False,
    formulas_as_text: Annotated[
        bool,
        typer.Option(
            "--formulas-as-text", help="In CSV, put an apostrophe before cells that a spreadsheet would run."
        ),
    ] = False,
    parts: PartsOption = None,
    max_fields: MaxFieldsOption = None,
    strict_reading: StrictOption = False,
    read_values: ValuesOption = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="Write a report of the run as a page.")
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", metavar="NAME=VALUE", help="A parameter of the API, with its value as JSON."
        ),
    ] = None,
) -> None:
    """Extract a record from each row of a table, or from each file of a folder, and write them with the
    records.

    Rows keep their order and all their columns. A row that fails has its error in a column; the other rows
    continue.
    """
    wanted = chosen_type(record_type, schema)
    plan = RunPlan(
        source=_source(sources, from_table, query),
        text=text[0] if text and len(text) == 1 else text,
        read=ReadOptions(rows, encoding, delimiter, sheet),
        reading=document_reading(text_form, page_images, ocr),
        destination=Destination(
            output,
            quarantine,
            resume,
            append,
            is_drained(sources, quarantine),
            _sink(output, into, key or (), batch_rows),
            SHELL,
        ).of_types(wanted),
        limit=limit,
        sample=sample,
        retry_failed=retry_failed,
        row_id=row_id,
        name=name,
        flatten=flatten,
        usage=usage,
        evidence=evidence,
        formulas_as_text=formulas_as_text,
    )
    opened_run = context.with_resource(plan.opened())
    if opened_run.given.note:
        say(opened_run.given.note, "yellow")
    reading = {"strict_reading": strict_reading, "read_values": read_values, "tuned": tuned}
    reading |= escalation(escalate, below) | divided_options(parts, max_fields)
    told = told_options(prompt, reference_date, locale)
    by_row = told_by_row(told, opened_run.rows.names or ())
    client = connected(
        model, base_url, instructions, mask=mask, **reading, **told, **parameters({}, params or [])
    )
    options: dict[str, Any] = {
        "examples": load_examples(examples, wanted) if examples else [],
        "journal": True if journal is None else journal,
        "concurrency": concurrency,
        "rows_per_request": rows_per_request,
        "max_cost": max_cost,
        **asked_confidence(confidence, calibration, samples),
        "mode": mode,
        **by_row,
    }
    if dry_run:
        echo(str(opened_run.estimate(client, wanted, options)))
        return
    command = ["extractor", *map(without_passwords, context.obj or ["run"])]
    again = feeding(command, [*map(without_passwords, sources)], plan.destination)
    job = opened_run.job(client, wanted, options, shlex.join(again))
    if hidden := RecordType.of(wanted).hidden:
        say(HIDDEN.format(", ".join(hidden)), "yellow")
    stop = Stop()
    with client, stopping(stop) as asked:
        report = job.run(stop, asked)
    result = job.result(report, opened_run.notes)
    ended = RunEnd(
        report, result, command, again, plan.destination, opened_run.rows.total, asked.status if asked else 2
    )
    if html:
        with opened(str(html)) as page:
            page.write(ended.page())
    for table in job.tables:
        _tell_formulas(table.sheet.formulas, table.destination.place)
    if opened_run.texts.note:
        say(opened_run.texts.note, "yellow")
    for table in job.tables:
        if table.sheet.note:
            say(table.sheet.note, "yellow")
    ended.conclude()


def _source(
    sources: Sequence[str], from_table: str | None, query: str | None
) -> tuple[str, ...] | DatabaseSource:
    """Return what is read. Raises ConfigError for what names no rows."""
    if not any(map(is_database, sources)):
        if from_table is not None or query is not None:
            raise ConfigError("--table and --query need an INPUT that is a database")
        return tuple(sources)
    source, *others = sources
    if others:
        raise ConfigError("a database must be the only INPUT")
    if (from_table is None) == (query is None):
        raise ConfigError(f"which rows of {DatabaseAddress.of(source)}? Name them with --table or --query")
    return DatabaseSource(source, from_table, query)


def _sink(output: str, into: str | None, key: Sequence[str], batch_rows: int) -> DatabaseSink | None:
    """Return the table that is the output, None where it is a file. Raises ConfigError."""
    if not is_database(output):
        if into is not None or key:
            raise ConfigError("--into and --key need an OUTPUT that is a database: name it with -o")
        return None
    if into is None:
        raise ConfigError(f"which table of {DatabaseAddress.of(output)}? Name it with --into")
    return DatabaseSink(output, into, "upsert" if key else "append", tuple(key), batch_rows)


def _tell_formulas(formulas: Formulas, place: str) -> None:
    if formulas.found and not formulas.as_text:
        cells = "1 cell" if formulas.found == 1 else f"{formulas.found:,} cells"
        begin = (
            f"{cells} of {place} {'begins' if formulas.found == 1 else 'begin'} like formulas (=, +, -, @)"
        )
        say(f"{begin}, which a spreadsheet may run. --formulas-as-text writes them as text.", "yellow")
