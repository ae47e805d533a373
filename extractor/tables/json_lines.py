"""Files of JSON Lines, read and written as streams."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import PurePath
from typing import IO

from ..errors import ConfigError
from .input import byte_stream, check_text
from .sheet import Sheet, Writer
from .table import BadRow, Fields, Table
from .values import plain, to_json


def json_lines_table(path: str) -> Table:
    """Return the rows of a file of JSON Lines. Raises ConfigError."""
    total = None
    if path != "-" and "://" not in path:
        check_text(path)
        with byte_stream(path) as stream:
            lines = filter(None, map(bytes.strip, stream))
            first = next(lines, b"")
            total = sum(1 for _ in lines) + bool(first)
        _check_first_line(path, first, total)

    def rows() -> Iterator[Fields | BadRow]:
        with byte_stream(path) as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    yield object_of(line, number)

    return Table(None, total, rows)


def _check_first_line(path: str, first: bytes, total: int) -> None:
    """Raise ConfigError for JSON that is no JSON Lines: an array, or one object over many lines."""
    beginning = first.removeprefix(b"\xef\xbb\xbf").strip()
    is_array = beginning[:1] == b"[" and (total == 1 or beginning[-1:] != b"]")
    if not is_array and beginning != b"{":
        return
    query = ".[]" if is_array else "."
    raise ConfigError(
        f"{path} is JSON, not JSON Lines, which has one object on each line: make it so with "
        f"jq -c {query!r} {shlex.quote(path)} > {shlex.quote(PurePath(path).stem + '.lines.jsonl')}"
    )


def object_of(line: bytes, number: int) -> Fields | BadRow:
    """Return the JSON object in a line."""
    raw = line.decode("utf-8-sig", "replace").rstrip("\r\n")
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        return BadRow(number, f"this line is no JSON: {error}", raw)
    return row if isinstance(row, dict) else BadRow(number, "this line is no JSON object", raw)


def json_lines_writer(stream: IO[str], sheet: Sheet) -> Writer:
    """Return what writes rows as lines of JSON."""

    def again(fields: Fields) -> None:
        stream.write(to_json(fields) + "\n")

    return Writer(lambda outcome: again(plain(sheet.fields(outcome))), again)
