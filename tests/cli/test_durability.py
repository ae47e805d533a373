"""Whatever fails while an output is written, and wherever its process is killed: the old file or the new one.

Each step is an operation of the disk. It fails, or the process is killed before or after it: then nothing
more is done to the disk, whatever the code that is left would do.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor.bulk.frames.cells import Gathered, shape_of
from extractor.cli.output import opened
from extractor.errors import ConfigError
from extractor.files import Disk, Unwritten, replacing
from extractor.tables.files import written
from extractor.tables.sheet import Sheet
from extractor.tables.table import Table
from tests.record_types import records_of

OLD = b"what was there before, from the first byte to the last"
ROWS = 1500  # more than the writers hold back


class Visit(BaseModel):
    town: str


class Killed(BaseException):
    """The process is gone."""


class FailingDisk(Disk):
    """Fails at its n-th operation. how: "error"; "before" or "after": killed then."""

    def __init__(self, fails_at: int, how: str) -> None:
        self._left, self._how, self._dead = fails_at, how, False
        self.done = list[str]()

    def write(self, handle: int, data: Any) -> int:
        return int(self._do("write", lambda: os.write(handle, data)))

    def fsync(self, handle: int) -> None:
        self._do("fsync", lambda: os.fsync(handle))

    def replace(self, temporary: str, target: str) -> None:
        self._do("replace", lambda: os.replace(temporary, target))

    def unlink(self, path: str) -> None:
        self._do("unlink", lambda: os.unlink(path))

    def _do(self, what: str, act: Callable[[], Any]) -> Any:
        if self._dead:
            raise Killed
        self.done.append(what)
        self._left -= 1
        if self._left >= 0:
            return act()
        if self._left < -1:
            return act()
        if self._how == "error":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._dead = True
        if self._how == "after":
            with suppress(OSError):
                act()
        raise Killed


def as_table(path: str, disk: Disk) -> None:
    shape = shape_of("visit", None, False, False, False, False, None)
    rows = [{"id": str(n), "body": f"text {n}"} for n in range(ROWS)]
    source = Table(("id", "body"), ROWS, lambda: iter(rows))
    sheet = Sheet(shape, lambda record: record.model_dump())
    with written(path, sheet, source, lambda: Gathered(records_of(Visit), shape), disk=disk) as writer:
        for row in rows:
            writer.again({**row, "visit": {"town": "Bern"}, "visit_error": None})


def as_text(path: str, disk: Disk, partly: bool) -> None:
    with opened(path, partly, disk=disk) as out:
        for n in range(ROWS):
            out.write(json.dumps({"quarantine": 2, "index": n}) + "\n")


def as_page(path: str, disk: Disk) -> None:
    with opened(path, disk=disk) as out:
        out.write(f"<html>{'x' * 30_000}</html>")


def as_bytes(path: str, disk: Disk) -> None:
    with replacing(path, disk=disk) as out:
        out.write(b"new")


WRITERS: dict[str, Callable[[str, Disk], None]] = {
    "out.jsonl": as_table,
    "out.csv": as_table,
    "out.tsv": as_table,
    "out.parquet": as_table,
    "bad.jsonl": lambda path, disk: as_text(path, disk, partly=True),
    "added.jsonl": lambda path, disk: as_text(path, disk, partly=False),
    "page.html": as_page,
    "kept.json": as_bytes,
}


def read(path: Path) -> Any:
    """Return what a reader sees, who would not take a part for the whole."""
    data = path.read_bytes()
    if path.suffix == ".parquet" and data != OLD:
        return pytest.importorskip("pyarrow.parquet").read_table(io.BytesIO(data)).to_pylist()
    if path.suffix == ".csv":
        return list(csv.reader(io.StringIO(data.decode(), newline="")))
    return data


def steps(write: Callable[[str, Disk], None], path: Path) -> Iterator[tuple[int, str]]:
    """Yield each way to fail: at which operation, and how."""
    disk = FailingDisk(10_000, "error")
    write(str(path), disk)
    assert disk.done[-4:] == ["fsync", "replace", "fsync", "unlink"]
    for step in range(len(disk.done)):
        for how in ("error", "before", "after"):
            yield step, how


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_the_old_file_or_the_new_one_is_there_whole_whatever_fails(tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow.parquet")
    path, write = tmp_path / name, WRITERS[name]
    ways = [*steps(write, path)]
    new = read(path)
    seen = set[tuple[str, bool]]()
    for step, how in ways:
        path.write_bytes(OLD)
        old = read(path)
        with suppress(Killed, Unwritten, ConfigError, OSError):
            write(str(path), FailingDisk(step, how))
        assert read(path) in (old, new), (step, how)
        if how == "error":
            assert [each for each in os.listdir(tmp_path) if each.endswith(".tmp")] == [] or step == len(
                ways
            ) // 3 - 1
        seen.add((how, read(path) == new))
        for each in tmp_path.glob(".*.tmp"):
            each.unlink()
    assert {("before", False), ("after", True), ("error", False)} <= seen
