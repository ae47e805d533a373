"""Tables in files. CSV, JSON Lines and Parquet are read and written as streams; JSON arrays and workbooks are
held whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from ..bulk.frames import Gathered
from ..bulk.journal import masked
from ..files import DISK, Disk
from .columns import names_in
from .csv_files import csv_table, csv_writer
from .excel import excel_table, excel_writer
from .input import AS_NAMED, ReadOptions
from .json_lines import json_lines_table, json_lines_writer, json_table, json_writer
from .names import format_of
from .output import text_output
from .parquet import parquet_table, parquet_writer
from .sheet import Sheet, Writer
from .table import Table, input_names, part

READERS: Mapping[str, Callable[[str, ReadOptions], Table]] = {
    "csv": csv_table,
    "tsv": csv_table,
    "jsonl": json_lines_table,
    "json": json_table,
    "parquet": lambda path, _: parquet_table(path),
    "xlsx": excel_table,
}


def table(
    path: str, limit: int | None = None, sample: int | None = None, read: ReadOptions = AS_NAMED
) -> Table:
    """Return a file's rows. limit: the first ones; sample: some at random, the same each time.

    path: also a URL that fsspec opens. Raises ConfigError if it can't be read.
    """
    whole = READERS[format_of(path)](path, read)
    name = "standard input" if path == "-" else masked(path)
    return part(replace(whole, place=lambda index: f"{name}, row {index + 1:,}"), limit, sample)


@contextmanager
def written(
    path: str,
    sheet: Sheet,
    source: Table,
    gathered: Callable[[], Gathered],
    earlier: Table | None = None,
    partly: bool = True,
    disk: Disk = DISK,
) -> Iterator[Writer]:
    """Yield what writes rows. The file stands at `path` once the block is left, and not before.

    gathered: makes the new columns, where their types are needed. earlier: the output that is added to:
    its columns are those of the new one. partly: whether what was written before an exception is kept,
    where that is text. Raises ConfigError if the rows have others.
    """
    kind = format_of(path)
    if kind == "parquet":
        with parquet_writer(path, source, gathered(), earlier, disk) as writer:
            yield writer
        return
    names: Sequence[str] = ()
    if kind not in ("jsonl", "json"):
        new = gathered().schema.names
        names = [*input_names(source), *new] if earlier is None else names_in(earlier, source, new)
    if kind == "xlsx":
        with excel_writer(path, sheet, names, source.total, disk) as writer:
            yield writer
        return
    with text_output(path, partly, disk) as stream:
        if kind == "json":
            with json_writer(stream, sheet) as writer:
                yield writer
            return
        if kind == "jsonl":
            yield json_lines_writer(stream, sheet)
            return
        with csv_writer(stream, kind, sheet, names) as writer:
            yield writer
