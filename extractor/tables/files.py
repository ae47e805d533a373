"""Tables in files: CSV, JSON Lines and Parquet, read and written as streams. No file is ever held whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..batch.cells import Gathered
from ..files import DISK, Disk
from .columns import names_in
from .csv_files import csv_table, csv_writer
from .json_lines import json_lines_table, json_lines_writer
from .names import format_of
from .output import text_output
from .parquet import parquet_table, parquet_writer
from .sheet import Sheet, Writer
from .table import Table, input_names, part

READERS = {"csv": csv_table, "tsv": csv_table, "jsonl": json_lines_table, "parquet": parquet_table}


def table(path: str, limit: int | None = None, sample: int | None = None) -> Table:
    """Return a file's rows. limit: the first ones; sample: some at random, the same each time.

    path: also a URL that fsspec opens. Raises ConfigError where it can't be read.
    """
    return part(READERS[format_of(path)](path), limit, sample)


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
    where that is text. Raises ConfigError where the rows have others.
    """
    kind = format_of(path)
    if kind == "parquet":
        with parquet_writer(path, source, gathered(), earlier, disk) as writer:
            yield writer
        return
    names: Sequence[str] = ()
    if kind != "jsonl":
        new = gathered().schema.names
        names = [*input_names(source), *new] if earlier is None else names_in(earlier, source, new)
    with text_output(path, partly, disk) as stream:
        if kind == "jsonl":
            yield json_lines_writer(stream, sheet)
            return
        with csv_writer(stream, kind, sheet, names) as writer:
            yield writer
