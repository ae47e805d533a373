"""`tables.run`: files and tables of databases in, the same rows with their records out."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from os import PathLike, fspath
from typing import Any, TypeAlias, Unpack

from ..bulk import Estimate, Select, Stop
from ..bulk.frames import is_frame
from ..client import Extractor
from ..errors import ConfigError, RunStopped
from ..files import Halted
from ..groups import flat
from ..options import FrameOptions, RowOptions
from ..readers.given import Reading
from ..schema import types_in
from ..signatures import explicit
from .databases.address import is_database, without_password
from .databases.sink import DatabaseSink
from .databases.source import DatabaseSource
from .destination import Destination, is_drained
from .input import ReadOptions
from .plan import RunPlan
from .result import TableRun
from .stopping import stopping

Place: TypeAlias = str | PathLike[str]
TableSource: TypeAlias = Place | Sequence[Place] | DatabaseSource

_INSTEAD = {
    **dict.fromkeys(("dest", "destination", "out", "outfile", "output", "to"), "into"),
    **dict.fromkeys(("column", "text_column"), "text"),
    **dict.fromkeys(("errors", "rejects"), "quarantine"),
    **dict.fromkeys(("input", "inputs", "path", "paths"), "source"),
    **dict.fromkeys(("schema", "type"), "record_type"),
}
_explicit = partial(explicit, instead=_INSTEAD)


@_explicit
def run(
    source: TableSource,
    record_type: Any,
    *,
    text: Select = None,
    into: Place | DatabaseSink,
    quarantine: Place | None = None,
    resume: bool = False,
    append: bool = False,
    rows: bool = False,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    model: str | Extractor | None = None,
    limit: int | None = None,
    sample: int | None = None,
    row_id: str | None = None,
    formulas_as_text: bool = False,
    **options: Unpack[FrameOptions],
) -> TableRun:
    """Extract a record from each row of a table, and write the rows with their records.

    What is read:

    - source: a table: a file of CSV, JSON Lines, a JSON array, Parquet or Excel, a URL of one, or a
      DatabaseSource. Or documents, one for each row with the column `path`: a folder, a pattern such as
      "mail/**/*.txt", or several files.
    - rows: True reads several files as tables, not as documents.
    - text: the text of a row: a column, several, a template such as "{subject}: {body}", or a function of the
      row; None for the document at its `path`.
    - encoding, delimiter, sheet: of the input, if they are not recognised.
    - limit, sample: only the first rows; or a random sample, the same each time.

    What is written:

    - into: a file, in the format of its suffix, or a DatabaseSink. With a union of types, "{type}.parquet"
      writes a file for each, and a sink with "{type}" in its table's name a table for each.
    - quarantine: a file of JSON Lines for rows without a record.
    - resume: keep the rows that `into` has, and add the missing ones.
    - append: keep everything in `into`, and add these rows after it.
    - row_id: the name of a column for each row's position, from 0.
    - formulas_as_text: in CSV, put an apostrophe before cells that a spreadsheet would run.

    How:

    - model: an Extractor, or the name of a model.
    - Other options: see ColumnOptions and RowOptions. `retry="failed"` asks again if the journal has no
      record.

    A row that fails does not stop the others: its error is written beside it, or in the quarantine. The same
    call again asks only for what has no answer in the journal. Raises ConfigError and SchemaError before
    anything is sent. Raises RunStopped, with the TableRun as `partial`, if the run can't go on, and
    KeyboardInterrupt after Ctrl-C, once requests in flight are written.
    """
    asks = flat(options, "run", "columns")
    shape = {name: asks.pop(name) for name in ("name", "flatten", "usage") if name in asks}
    progress = asks.pop("progress", None)
    asks.pop("version", None)  # a file always says for which version of the type its rows were made
    given = _source(source, record_type)
    plan = RunPlan(
        source=given,
        text=text,
        destination=_destination(given, into, quarantine, resume, append).of_types(record_type),
        read=ReadOptions(rows, encoding, delimiter, sheet),
        reading=Reading.taken_from(asks),
        limit=limit,
        sample=sample,
        retry_failed=asks.get("retry") == "failed",
        row_id=row_id,
        evidence=bool(asks.get("evidence")),
        formulas_as_text=formulas_as_text,
        **shape,
    )
    stop = Stop()
    with plan.opened() as opened, _client(model) as client:
        job = opened.job(client, record_type, _asked(asks), _again(plan, record_type))
        try:
            with stopping(stop, (signal.SIGINT,)) as asked:
                report = job.run(stop, asked, progress, asks.get("on_progress"))
        except Halted:
            raise KeyboardInterrupt from None
    result = job.result(report, opened.notes)
    if result.stopped is None:
        return result
    if asked:
        interrupted = KeyboardInterrupt()
        interrupted.add_note(str(result))
        raise interrupted
    error = report.error or RunStopped(result.stopped)
    error.partial = result
    raise error


@_explicit
def estimate(
    source: TableSource,
    record_type: Any,
    *,
    text: Select = None,
    into: Place | DatabaseSink | None = None,
    quarantine: Place | None = None,
    resume: bool = False,
    append: bool = False,
    rows: bool = False,
    encoding: str | None = None,
    delimiter: str | None = None,
    sheet: str | None = None,
    model: str | Extractor | None = None,
    limit: int | None = None,
    sample: int | None = None,
    row_id: str | None = None,
    **options: Unpack[RowOptions],
) -> Estimate:
    """Return an estimate for `run`: requests, tokens and US dollars. Nothing is sent or written.

    The arguments are those of `run`. With `into` and resume=True, rows that are done are left out. With
    retry="failed", rows whose answers in the journal gave no record are counted as requests.

    Raises ConfigError and SchemaError.
    """
    asks = flat(options, "run")
    given = _source(source, record_type)
    plan = RunPlan(
        source=given,
        text=text,
        destination=_destination(given, "-" if into is None else into, quarantine, resume, append).of_types(
            record_type
        ),
        read=ReadOptions(rows, encoding, delimiter, sheet),
        reading=Reading.taken_from(asks),
        limit=limit,
        sample=sample,
        retry_failed=asks.get("retry") == "failed",
        row_id=row_id,
    )
    with plan.opened() as opened, _client(model) as client:
        return opened.estimate(client, record_type, _asked(asks))


def _destination(
    given: tuple[str, ...] | DatabaseSource,
    into: Place | DatabaseSink,
    quarantine: Place | None,
    resume: bool,
    append: bool,
) -> Destination:
    sink = into if isinstance(into, DatabaseSink) else None
    output = str(into.address) if isinstance(into, DatabaseSink) else _path(into)
    held = None if quarantine is None else fspath(quarantine)
    drained = isinstance(given, tuple) and is_drained(given, held)
    return Destination(output, held, resume, append, drained, sink)


def _source(source: TableSource, record_type: Any) -> tuple[str, ...] | DatabaseSource:
    if isinstance(source, DatabaseSource):
        return source
    if isinstance(source, type):
        raise ConfigError(
            f"the arguments are swapped: it is tables.run({record_type!r:.80}, {source.__name__})"
        )
    if is_frame(source):
        name = type(source).__name__
        raise ConfigError(f"a {name} is not a file: `ex.frame(..., text=COLUMN)` returns it with its records")
    given: list[Any] = [source]
    if isinstance(source, Iterable) and not isinstance(source, str | Mapping):
        given = list(source)
    if not all(isinstance(each, str | PathLike) for each in given):
        raise ConfigError(
            "what is read is a file, a folder, a pattern, several of these or a DatabaseSource, not "
            f"{source!r:.80}; `ex.rows` takes texts and mappings"
        )
    paths = tuple(map(fspath, given))
    if not paths:
        raise ConfigError("there is no file to read")
    if database := next(filter(is_database, paths), None):
        raise ConfigError(f"which rows of {without_password(database)}? Name them with a DatabaseSource")
    return paths


def _path(into: Place) -> str:
    if not isinstance(into, str | PathLike):
        raise ConfigError(f"into= is the file that is written, or a DatabaseSink, not {into!r:.80}")
    path = fspath(into)
    if is_database(path):
        raise ConfigError(f"which table of {without_password(path)}? Name it with a DatabaseSink")
    return path


def _asked(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each row is asked with. Raises ConfigError for what files can't have."""
    if not options.get("ordered", True):
        raise ConfigError("files always keep the order of the input: leave ordered= out")
    if options.get("retry") not in (None, "failed"):
        raise ConfigError(f"retry is 'failed' or None, not {options['retry']!r:.80}")
    return {name: value for name, value in options.items() if name not in ("retry", "on_progress")}


def _client(model: str | Extractor | None) -> AbstractContextManager[Extractor]:
    if isinstance(model, Extractor):
        return nullcontext(model)
    if model is not None and not isinstance(model, str):
        raise ConfigError(f"model= must be an Extractor, or the name of a model, not {type(model).__name__}")
    return Extractor(model)


def _again(plan: RunPlan, record_type: Any) -> str:
    """Return the call that feeds the quarantine again, as a person would write it."""
    destination = plan.destination
    if destination.quarantine is None:
        return ""
    types = types_in(record_type) or (record_type,)
    kind = " | ".join(dict.fromkeys(getattr(each, "__qualname__", "record_type") for each in types))
    text = getattr(plan.text, "__qualname__", "text") if callable(plan.text) else repr(plan.text)
    into = f"into={'...' if destination.sink else repr(destination.output)}"
    held = repr(destination.quarantine)
    return f"tables.run({held}, {kind}, text={text}, {into}, append=True, quarantine={held}, retry='failed')"
