"""Files of JSON Lines, read and written as streams."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO

from ..errors import ConfigError
from .input import AS_NAMED, ReadOptions, byte_stream, check_text, text_lines
from .sheet import Sheet, Writer
from .table import BadRow, Fields, Table
from .values import plain, to_json


def json_lines_table(path: str, read: ReadOptions = AS_NAMED) -> Table:
    """Return the rows of a file of JSON Lines. Raises ConfigError."""
    total = None
    if path != "-" and "://" not in path:
        if read.encoding is None:
            check_text(path)
        with _lines(path, read.encoding) as stream:
            lines = filter(None, map(bytes.strip, stream))
            first = next(lines, b"")
            total = sum(1 for _ in lines) + bool(first)
        _check_first_line(path, first, total)

    def rows() -> Iterator[Fields | BadRow]:
        with _lines(path, read.encoding) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield object_of(line, number)

    return Table(None, total, rows)


@contextmanager
def _lines(path: str, encoding: str | None) -> Iterator[Iterable[bytes]]:
    """Yield the lines of a file in UTF-8. Raises ConfigError if they are not in its encoding."""
    if encoding is None:
        with byte_stream(path) as stream:
            yield stream
        return
    try:
        with text_lines(path, encoding) as lines:
            yield (line.encode() for line in lines)
    except UnicodeError as error:
        raise ConfigError(f"{path} is not {encoding}: {error}") from error


def json_table(path: str, read: ReadOptions = AS_NAMED) -> Table:
    """Return the objects of a JSON array, which is held whole. Raises ConfigError."""
    with byte_stream(path) as stream:
        data = stream.read()
    try:
        items = json.loads(data.decode(read.encoding or "utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}; if it is JSON Lines, name it .jsonl") from error
    if not isinstance(items, list):
        raise ConfigError(
            f"{path} is one JSON {type(items).__name__}: a table must be an array of objects, or JSON Lines"
        )
    why = "this item is not a JSON object"
    rows = [row if isinstance(row, dict) else BadRow(n, why, row) for n, row in enumerate(items, 1)]
    return Table(None, len(rows), lambda: iter(rows))


def _check_first_line(path: str, first: bytes, total: int) -> None:
    """Raise ConfigError for JSON that is no JSON Lines: an array, or one object over many lines."""
    beginning = first.removeprefix(b"\xef\xbb\xbf").strip()
    is_array = beginning[:1] == b"[" and (total == 1 or beginning[-1:] != b"]")
    if not is_array and beginning != b"{":
        return
    query = ".[]" if is_array else "."
    raise ConfigError(
        f"{path} is JSON, not JSON Lines with one object on each line: convert it with jq -c {query!r} "
        f"{shlex.quote(path)} > {shlex.quote(PurePath(path).stem + '.lines.jsonl')}"
    )


def object_of(line: bytes, number: int) -> Fields | BadRow:
    """Return the JSON object in a line."""
    raw = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"this line is not JSON: {error}", raw)
    return row if isinstance(row, dict) else BadRow(number, "this line is not a JSON object", raw)


@contextmanager
def json_writer(stream: IO[str], sheet: Sheet) -> Iterator[Writer]:
    """Yield what writes rows as the items of a JSON array."""
    begun = False

    def again(fields: Fields) -> None:
        nonlocal begun
        stream.write((",\n" if begun else "[\n") + to_json(fields))
        begun = True

    try:
        yield Writer(lambda outcome: again(plain(sheet.fields(outcome))), again)
    finally:
        stream.write("\n]\n" if begun else "[]\n")


def json_lines_writer(stream: IO[str], sheet: Sheet) -> Writer:
    """Return what writes rows as lines of JSON."""

    def again(fields: Fields) -> None:
        stream.write(to_json(fields) + "\n")

    return Writer(lambda outcome: again(plain(sheet.fields(outcome))), again)
