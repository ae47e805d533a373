"""`extractor run`: a table in, the same table with records out."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ..batch.address import masked
from ..batch.cells import Gathered, shape_of
from ..batch.display import summary
from ..batch.frames import check_columns, columns_of, is_name
from ..batch.page import kinds, run_page
from ..batch.texts import row_maker
from ..databases.address import is_database, without_password
from ..databases.sink import BATCH_ROWS
from ..errors import ConfigError
from ..loading import load_examples
from ..schema import RecordType, compile_schema
from ..schema.outline import HIDDEN
from .databases import TableJob, check_tables, database_table, run_name, sink_for
from .extract import chosen_type
from .feeding import ONLY_ONCE, as_written, feeding_again
from .formulas import Formulas
from .job import CommandJob, GoingOn, RunReport, is_drained, is_typed
from .lines import dump_for
from .options import (
    KEYS,
    BaseUrlOption,
    CalibrationOption,
    ConfidenceOption,
    ModelOption,
    SamplesOption,
    StrictOption,
    ValuesOption,
    asked_confidence,
    connected,
    parameters,
)
from .output import opened
from .screen import echo, say
from .tables import BadRow, Sheet, Table, check_free, first_names, format_of, kept_input, part, table
from .versions import Version, beside

_KEY = re.compile(r"^((?:-p|--param=)?\s*(?:api_key|extra_headers)\s*=).*", re.DOTALL)
MOST_REFUSED = 5  # rows that a summary names

EPILOG = f"""Examples:

    extractor run mails.csv --type mail.py:Mail --text body --dry-run
    extractor run mails.csv --type mail.py:Mail --text body -o mails.parquet --max-cost 5
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
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="FILE.csv, .tsv, .jsonl, .parquet, or a URL of one; - is JSON Lines; or a database, "
            "postgresql://USER@HOST/DB, sqlite:///FILE or duckdb:///FILE.",
            show_default=False,
        ),
    ],
    text: Annotated[
        list[str],
        typer.Option(
            "--text",
            "-x",
            metavar="COLUMN",
            help='Where the text is: a column, or a template such as "{subject}: {body}"; given again, '
            "columns are joined by blank lines.",
        ),
    ],
    record_type: Annotated[
        str | None,
        typer.Option("--type", "-t", metavar="FILE.py:Name", help="The record type; the Python file is run."),
    ] = None,
    schema: Annotated[
        str | None, typer.Option("--schema", "-s", metavar="FILE.json", help="A JSON Schema instead.")
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="OUTPUT",
            help="FILE.csv, .tsv, .jsonl or .parquet. Written whole. Or a database.",
        ),
    ] = "-",
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
    examples: Annotated[
        str | None, typer.Option("--examples", metavar="FILE.jsonl", help="Solved texts for the prompt.")
    ] = None,
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
    """Extract a record from each row of a table, and write the table with the records beside.

    Rows stay in order, with all their own columns. A row that fails has its error in a column; the
    others go on.
    """
    wanted = chosen_type(record_type, schema)
    sink = sink_for(output, into, key or (), batch_rows)
    going_on = GoingOn(output, quarantine, resume, append, is_drained(source, quarantine), sink)
    _check(source, output, limit, sample, resume, retry_failed)
    going_on.check(limit is not None or sample is not None)
    check_tables(source, from_table, query, going_on, retry_failed)
    if is_database(source):
        copied = context.with_resource(database_table(source, from_table, query, limit))
        given = part(copied, limit, sample)
    else:  # standard input is read twice: first for the columns and their types
        twice = source == "-" and (is_typed(output) or format_of(output) != "jsonl")
        given = table(context.with_resource(kept_input()) if twice else source, limit, sample)
    if given.note:
        say(given.note, "yellow")
    rows = as_written(given, row_id)
    text_of = selector(text, rows)
    reading = {"strict_reading": strict_reading, "read_values": read_values}
    client = connected(model, base_url, instructions, **reading, **parameters({}, params or []))
    options: dict[str, Any] = {
        "examples": load_examples(examples, wanted) if examples else [],
        "journal": journal,
        "concurrency": concurrency,
        "rows_per_request": rows_per_request,
        "max_cost": max_cost,
        "retry": "failed" if retry_failed else None,
        **asked_confidence(confidence, calibration, samples),
        "mode": mode,
    }
    if dry_run:
        echo(str(client.estimate(rows.rows(), wanted, text=text_of, **options)))
        return
    command = ["extractor", *map(without_passwords, context.obj or ["run"])]
    version = Version.of(wanted, compile_schema(wanted).name)
    confident = bool(options.get("confidence"))
    shape = shape_of(version.name, name, flatten, usage, evidence, confident, version.stamp)
    check_free(rows.names or (), Gathered(RecordType.of(wanted).records(), shape).schema.names)
    if hidden := RecordType.of(wanted).hidden:
        say(HIDDEN.format(", ".join(hidden)), "yellow")
    again = _feeding(command, without_passwords(source), going_on)
    sheet = Sheet(shape, dump_for(wanted), formulas=Formulas(formulas_as_text))
    job = CommandJob(
        client, wanted, text_of, options, given, rows, sheet, version, going_on, shlex.join(again)
    )
    if sink is not None:
        job = TableJob.of(
            job, sink, run_name(without_passwords(source), from_table, query, sample, version.name, text)
        )
    with client:
        report = job.run()
    if html:
        with opened(str(html)) as page:
            page.write(_page(report, command, going_on))
    _tell_formulas(sheet.formulas, going_on.place)
    _conclude(report, command, again, going_on, rows.total)


def selector(text: Sequence[str], source: Table) -> Callable[[Any], Any]:
    """Return what tells a row's text. Raises ConfigError for a column that is not there."""
    select: Any = text[0] if len(text) == 1 else list(text)
    names = first_names(source) if source.names is None else source.names
    if names and not is_name(select, names):
        check_columns(columns_of(select), names)
    whole = source.names is not None and is_name(select, source.names)
    row_of = row_maker((lambda row: row[select]) if whole else select)

    def text_of(row: Any) -> Any:
        if isinstance(row, BadRow):
            raise ConfigError(f"line {row.line}: {row.why}")
        return only_text(row_of(row).text)

    return text_of


def only_text(found: Any) -> str | None:
    """Return a row's text. A list would be parts of a message, such as an image that the provider fetches:
    those are for code. Raises ConfigError.
    """
    if found is None or isinstance(found, str):
        return found
    raise ConfigError(f"the text is no text but a {type(found).__name__}: {str(found)[:80]}")


def _check(
    source: str, output: str, limit: int | None, sample: int | None, resume: bool, retry_failed: bool
) -> None:
    if output != "-" and not is_database(output) and Path(source).absolute() == Path(output).absolute():
        raise ConfigError(f"-o {output} is the input, and would be overwritten")
    if limit is not None and sample is not None:
        raise ConfigError("--limit takes the first rows, --sample some at random: name one of them")
    if resume and output == "-":
        raise ConfigError("--resume needs the OUTPUT that it goes on with: name it with -o")
    if resume and retry_failed:
        raise ConfigError(
            "--retry-failed writes all rows anew, what worked out of the journal; leave --resume out"
        )


# -- how it ended


def _conclude(
    report: RunReport, command: Sequence[str], feed: Sequence[str], going_on: GoingOn, total: int | None
) -> None:
    say(f"{summary(report.progress, total)}{_failures(report)}.", "yellow" if report.progress.failed else "")
    if report.progress.possibly_paid_twice:
        say(f"Possibly paid twice: {report.progress.possibly_paid_twice}, after a run that died.", "yellow")
    _tell_refused(report, going_on.place)
    if report.stopped is not None:
        for note in report.notes:
            say(note, "yellow")
        say(f"The run did not finish: {report.stopped}.{_left(report, going_on)} Go on with:", "yellow")
        say(f"  {shlex.join(_go_on(command, report, going_on))}")
        raise typer.Exit(report.status)
    if report.held:
        rows = f"{going_on.quarantine} holds {report.held:,} of the rows."
        say(f"{rows} Once they are mended, feed them again with:")
        say(f"  {shlex.join(feed)}")
    elif report.progress.failed and {*report.facts.failures} == {"input"}:
        say("Once these rows of the input are mended, run the same again.", "yellow")
    elif report.progress.failed and {*report.facts.failures} == {"serialization"}:
        say("These records can't be written. Once the record type is mended, run the same again.", "yellow")
    elif report.progress.failed and (going_on.sink is None or going_on.sink.keys):
        say("Ask the failed rows again with:", "yellow")
        say(f"  {shlex.join(_again(command, '--retry-failed'))}")
    if report.progress.failed or report.refused or report.bare:
        raise typer.Exit(1)


def _tell_formulas(formulas: Formulas, place: str) -> None:
    if formulas.found and not formulas.as_text:
        begin = f"{formulas.found:,} cells of {place} begin as formulas do (=, +, -, @)"
        say(f"{begin}, which a spreadsheet may run: --formulas-as-text writes them as texts.", "yellow")


def _tell_refused(report: RunReport, place: str) -> None:
    """Say what a database did not take."""
    if bare := len(report.bare - report.refused.keys()):
        say(f"{bare:,} records did not go into {place}: their rows' errors say why.", "yellow")
    if report.refused:
        say(f"{len(report.refused):,} rows are not in {place}:", "yellow")
    for number, why in islice(report.refused.items(), MOST_REFUSED):
        say(f"  row {number + 1}: {why}")


def without_passwords(word: str) -> str:
    """Return a word of the command as others may see it: without passwords and keys."""
    return _KEY.sub(r"\1***", without_password(word) if is_database(word) else masked(word))


def _feeding(command: Sequence[str], source: str, going_on: GoingOn) -> list[str]:
    """Return the command that feeds the quarantine again. Into a table without a key, what fails once more
    goes into another file: see `check_tables`.
    """
    if going_on.quarantine is None:
        return []
    again = feeding_again(command, source, going_on.quarantine, going_on.output != "-")
    if going_on.sink is None or going_on.sink.keys:
        return again
    return [*again[:-1], beside(going_on.quarantine)]


def _left(report: RunReport, going_on: GoingOn) -> str:
    """Say what is where after a run that did not finish."""
    if report.kept:
        return f" {going_on.place} is as it was; what is done is in the journal."
    if going_on.drained:
        return f" {going_on.place} has the rows that are done, {going_on.quarantine} the others."
    if going_on.append and going_on.sink is None:
        return f" Nothing was added to {going_on.place}; what is done is in the journal."
    return "" if going_on.output == "-" else f" {going_on.place} has the rows that are done."


def _go_on(command: Sequence[str], report: RunReport, going_on: GoingOn) -> Sequence[str]:
    if report.kept:
        return _again(command, None)
    if going_on.append and (going_on.sink is None or going_on.drained):
        return command
    return _again(command, "--resume" if going_on.output != "-" else None)


def _failures(report: RunReport) -> str:
    found = kinds(report.facts)
    return f" ({', '.join(found)})" if found else ""


def _again(command: Sequence[str], option: str | None) -> list[str]:
    plain = [part for part in command if part not in ONLY_ONCE]
    return plain if option is None else [*plain, option]


def _page(report: RunReport, command: Sequence[str], going_on: GoingOn) -> str:
    retry = shlex.join(_again(command, "--retry-failed")) if report.progress.failed else None
    ended = "All rows are done." if report.stopped is None else f"It did not finish: {report.stopped}."
    return run_page(
        f"Run to {going_on.place}", shlex.join(command), report.progress, report.facts, retry, ended
    )
