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
    LocaleOption,
    MaskOption,
    ModelOption,
    PromptOption,
    SamplesOption,
    SchemaOption,
    StrictOption,
    TunedOption,
    ValuesOption,
    asked_confidence,
    connected,
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

Each answer is kept in a journal as soon as it is there: the same command again asks only for what has no
answer yet. {KEYS}

Exit status: 0 when every row with text gave a record, 1 when some did not, 2 when the run did not finish,
130 or 143 when Ctrl-C or SIGTERM stopped it: what was in flight was waited for and written. A second signal
ends it at once.
"""


def run(
    context: typer.Context,
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT",
            help="FILE.csv, .tsv, .jsonl, .json, .parquet, .xlsx, or a URL of one; - is JSON Lines; a "
            "folder, a pattern such as 'mail/**/*.txt' or several files, each one text; or a database, "
            "postgresql://USER@HOST/DB, sqlite:///FILE or duckdb:///FILE.",
            show_default=False,
        ),
    ],
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            "-x",
            metavar="COLUMN",
            help='Where the text is: a column, or a template such as "{subject}: {body}"; given again, '
            "columns are joined by blank lines. Of files that are one text each it is left out.",
        ),
    ] = None,
    record_type: Annotated[
        str | None,
        typer.Option("--type", "-t", metavar="FILE.py:Name", help="The record type; the Python file is run."),
    ] = None,
    schema: SchemaOption = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            help="FILE.csv, .tsv, .jsonl, .json, .parquet or .xlsx. Written whole. {type}.csv is a file for "
            "each type of a union. Or a database.",
        ),
    ] = "-",
    rows: Annotated[
        bool, typer.Option("--rows", help="Read the rows of several tables, not each file as one text.")
    ] = False,
    encoding: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Of text files, such as windows-1252. Default: UTF-8, or found out."
        ),
    ] = None,
    delimiter: Annotated[
        str | None, typer.Option(metavar="CHARACTER", help="Between cells of CSV. Default: by the header.")
    ] = None,
    sheet: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of an .xlsx file. Default: the first.")
    ] = None,
    from_table: Annotated[
        str | None, typer.Option("--table", metavar="TABLE", help="Of the INPUT that is a database.")
    ] = None,
    query: Annotated[
        str | None, typer.Option(metavar="SQL", help="A SELECT on it instead; with ORDER BY, to be resumed.")
    ] = None,
    into: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE", help="Of the OUTPUT that is a database: made, or added to where it is there."
        ),
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Rows take the place of those in the table with the same value."),
    ] = None,
    batch_rows: Annotated[
        int, typer.Option(min=1, metavar="N", help="Rows that go into the table in one transaction.")
    ] = BATCH_ROWS,
    model: ModelOption = None,
    base_url: BaseUrlOption = None,
    instructions: Annotated[
        str | None, typer.Option("--instructions", "-i", metavar="TEXT", help="Said to the model each time.")
    ] = None,
    prompt: PromptOption = None,
    reference_date: DateOption = None,
    locale: LocaleOption = None,
    examples: Annotated[
        str | None, typer.Option("--examples", metavar="FILE.jsonl", help="Solved texts for the prompt.")
    ] = None,
    mask: MaskOption = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first rows only.")] = None,
    sample: Annotated[
        int | None, typer.Option(min=1, help="Rows drawn at random; the same ones each time.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what it would come to: requests, tokens, cost.")
    ] = False,
    max_cost: Annotated[
        float | None, typer.Option(min=0, help="US dollars; the run stops before they are passed.")
    ] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Requests in flight at most.")] = 64,
    mode: Annotated[
        Literal["live", "batch"],
        typer.Option(help="batch: by the provider's batch API, within a day, at half the price."),
    ] = "live",
    rows_per_request: Annotated[
        int, typer.Option(min=1, metavar="N", help="Short texts that share a request.")
    ] = 1,
    journal: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Where answers are kept: a file, or redis://HOST/0. Default: the cache folder.",
        ),
    ] = None,
    quarantine: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Where rows without a record go, with the reason and all replies; OUTPUT has the others.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the rows that OUTPUT has, and add those that are missing.")
    ] = False,
    append: Annotated[
        bool, typer.Option("--append", help="Keep all that OUTPUT has, and put these rows behind it.")
    ] = False,
    row_id: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="A column with each row's position in INPUT, from 0.")
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ask again for rows whose answers gave no record.")
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Of the new columns. Default: the record type's.", show_default=False)
    ] = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="A column for each member of the record.")
    ] = False,
    usage: Annotated[bool, typer.Option("--usage", help="A column with tokens, cost and latency.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="A column with where in the text each value stands.")
    ] = False,
    confidence: ConfidenceOption = False,
    tuned: TunedOption = None,
    escalate: EscalateOption = None,
    below: BelowOption = None,
    calibration: CalibrationOption = None,
    samples: SamplesOption = 1,
    formulas_as_text: Annotated[
        bool,
        typer.Option(
            "--formulas-as-text", help="In CSV, an apostrophe before cells that a spreadsheet would run."
        ),
    ] = False,
    strict_reading: StrictOption = False,
    read_values: ValuesOption = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="The run as one page.")] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param", "-p", metavar="NAME=VALUE", help="A parameter of the API; the value as JSON."
        ),
    ] = None,
) -> None:
    """Extract a record from each row of a table, or each file of a folder, and write them with the records.

    Rows stay in order, with all their own columns. A row that fails has its error in a column; the
    others go on.
    """
    wanted = chosen_type(record_type, schema)
    plan = RunPlan(
        source=_source(sources, from_table, query),
        text=text[0] if text and len(text) == 1 else text,
        read=ReadOptions(rows, encoding, delimiter, sheet),
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
    reading |= escalation(escalate, below)
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
            raise ConfigError("--table and --query are of an INPUT that is a database")
        return tuple(sources)
    source, *others = sources
    if others:
        raise ConfigError("a database is read alone: name no other INPUT beside it")
    if (from_table is None) == (query is None):
        raise ConfigError(f"which rows of {DatabaseAddress.of(source)}? Name them with --table or --query")
    return DatabaseSource(source, from_table, query)


def _sink(output: str, into: str | None, key: Sequence[str], batch_rows: int) -> DatabaseSink | None:
    """Return the table that is the output, None where it is a file. Raises ConfigError."""
    if not is_database(output):
        if into is not None or key:
            raise ConfigError("--into and --key are of an OUTPUT that is a database: name it with -o")
        return None
    if into is None:
        raise ConfigError(f"which table of {DatabaseAddress.of(output)}? Name it with --into")
    return DatabaseSink(output, into, "upsert" if key else "append", tuple(key), batch_rows)


def _tell_formulas(formulas: Formulas, place: str) -> None:
    if formulas.found and not formulas.as_text:
        begin = f"{formulas.found:,} cells of {place} begin as formulas do (=, +, -, @)"
        say(f"{begin}, which a spreadsheet may run: --formulas-as-text writes them as texts.", "yellow")
