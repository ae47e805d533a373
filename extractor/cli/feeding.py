"""Rows on their way into a run: each with its position, also where they come out of a quarantine."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ..batch.quarantine import Line, is_held
from ..errors import ConfigError
from ..messages import JSON
from .lines import to_json
from .tables import BadRow, Fields, Table, object_of, plain, same_row

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Placed:
    """A row. index: its position in the input, from 0; for one out of a quarantine, in the input that it
    first came from. line: what it was in the quarantine, None for other rows.
    """

    index: int
    row: Fields | BadRow
    line: Line | None = None

    @property
    def input(self) -> JSON:
        """What a quarantine keeps of the row: its own fields, or the line that could not be read."""
        return self.row.raw if isinstance(self.row, BadRow) else plain(self.row)


def placed(rows: Iterable[Fields | BadRow]) -> Iterator[Placed]:
    """Yield the rows with their positions; what a quarantine holds is taken out of it."""
    for number, row in enumerate(rows):
        if isinstance(row, BadRow) or not is_held(row):
            yield Placed(number, row)
        else:
            yield Placed(row["index"], _taken_out(row["input"], number + 1), row)


def missing(source: Table, earlier: Table, row_id: str) -> Iterator[Placed]:
    """Yield the rows but for those out of a quarantine that an output has already: with the same position
    in the column `row_id`, and the same fields.
    """
    held: dict[str, list[Placed]] = {}
    for each in placed(source.rows()):
        if each.line is not None:
            held.setdefault(str(each.index), []).append(each)
    there = {
        _key(each)
        for row in earlier.rows()
        if not isinstance(row, BadRow)
        for each in held.get(str(row.get(row_id)), ())
        if same_row(own_fields(each, row_id), row)
    }
    return (each for each in placed(source.rows()) if each.line is None or _key(each) not in there)


def _key(each: Placed) -> tuple[int, str]:
    return each.index, to_json(each.input)


def _taken_out(row: JSON, number: int) -> Fields | BadRow:
    if isinstance(row, dict):
        return row
    if isinstance(row, str):
        return object_of(row.encode(), number)  # a line of JSON that was broken, and may be mended by now
    return BadRow(number, "the quarantined row could not be read: mend its `input`", row)


def own_fields(each: Placed, row_id: str | None) -> Fields:
    """Return what an output says of the row itself. row_id: the column for its position, if one is asked
    for. Raises ConfigError where the row has that field already.
    """
    own = {"line": each.row.line} if isinstance(each.row, BadRow) else each.row
    if row_id is None:
        return own
    _check_free(row_id, own)
    return {row_id: each.index, **own}


def _check_free(row_id: str, names: Iterable[str]) -> None:
    if row_id in names:
        raise ConfigError(f"the input has a field {row_id!r} already: give --row-id another name")


def as_written(source: Table, row_id: str | None) -> Table:
    """Return the table of the rows' own fields, as they are written beside the records. Raises ConfigError
    where the input has a column called `row_id`.
    """

    def rows() -> Iterator[Fields | BadRow]:
        return (own_fields(each, row_id) for each in placed(source.rows()))

    names = source.names
    if row_id is not None and names is not None:
        _check_free(row_id, names)
        names = (row_id, *names)
    return replace(source, names=names, rows=rows, row_id=row_id)


class Rows:
    """The rows that are left to do, read from one thread, while another is told which of them are done."""

    def __init__(self, rows: Iterator[Placed]) -> None:
        self._rows = rows
        self._ahead: deque[Placed] = deque(maxlen=1)
        self._open: deque[Placed] = deque()
        self._ended = False

    @property
    def all_settled(self) -> bool:
        """Whether all rows have been read, and are done."""
        return self._ended and not self._open

    def peek(self) -> Placed | None:
        """Return the next row, None at the end."""
        if not self._ahead:
            self._ahead.extend(each for each in [next(self._rows, None)] if each is not None)
        return self._ahead[0] if self._ahead else None

    def __iter__(self) -> Iterator[Placed]:
        while (row := self.peek()) is not None:
            self._open.append(row)
            self._ahead.clear()
            yield row
        self._ended = True

    def skip(self) -> None:
        """Leave the next row out."""
        self._ahead.clear()

    def settled(self) -> None:
        """Say that the first of the open rows is done."""
        self._open.popleft()

    def unsettled(self) -> Iterator[Placed]:
        """Yield the rows that were begun and not done, and then those that were not begun."""
        yield from self._open
        yield from self


def kept(
    rows: Rows,
    good: Iterator[Fields | BadRow],
    bad: Iterator[Fields | BadRow],
    own: Callable[[Placed], Fields],
) -> Iterator[tuple[Fields, bool]]:
    """Yield the rows of earlier files, and whether each is good, and leave them out of `rows`.

    good: the rows of an earlier output. bad: the lines of its quarantine. Raises ConfigError where they
    are not the first rows of the input.
    """
    row, line = _whole(good), _whole(bad)
    number = 0
    while row is not None or line is not None:
        number += 1
        each = rows.peek()
        if each is not None and line is not None and _is_line_of(line, each):
            yield line, False
            line = _whole(bad)
        elif each is not None and row is not None and _is_row_of(row, each, own(each)):
            yield row, True
            row = _whole(good)
        else:
            raise ConfigError(
                f"row {number} of the output is not row {number} of the input: without --resume, answers "
                "come from the journal all the same"
            )
        rows.skip()


def _is_row_of(row: Fields, each: Placed, own: Fields) -> bool:
    """Whether an earlier output's row was made of this one. An output with columns that are given has none
    for the line of a row that could not be read.
    """
    if isinstance(each.row, BadRow) and "line" not in row:
        return same_row({name: value for name, value in own.items() if name != "line"}, row)
    return same_row(own, row)


def _whole(rows: Iterator[Fields | BadRow]) -> Fields | None:
    """Return the next row; None at the end, and for the end of a line that was being written."""
    row = next(rows, None)
    return None if isinstance(row, BadRow) else row


def _is_line_of(line: Fields, each: Placed) -> bool:
    return line.get("index") == each.index and to_json(line.get("input")) == to_json(each.input)


# -- the command that feeds a quarantine again

ONLY_ONCE = ("--resume", "--append", "--retry-failed")  # said anew, where they are needed
WITH_VALUE = ("--limit", "--sample", "--quarantine", "--table", "--query")


def feeding_again(command: Sequence[str], source: str, quarantine: str, to_file: bool) -> list[str]:
    """Return the command that asks the rows of a quarantine again, and adds what comes to the output.

    command: the one that made the quarantine, and read `source`. to_file: whether it has an output file.
    """
    plain_command = without(command, ONLY_ONCE, WITH_VALUE)
    place = plain_command.index(source) if source in plain_command else len(plain_command)
    again = [*plain_command[:place], quarantine, *plain_command[place + 1 :], "--retry-failed"]
    return [*again, "--append", "--quarantine", quarantine] if to_file else again


def without(command: Sequence[str], flags: Sequence[str], with_value: Sequence[str]) -> list[str]:
    """Return a command without some of its options."""
    left: list[str] = []
    parts = iter(command)
    for part in parts:
        if part in with_value:
            next(parts, None)
        elif part not in flags and part.partition("=")[0] not in with_value:
            left.append(part)
    return left


# -- the types of an output that is added to


def typed_fields(fields: Fields, schema: pa.Schema) -> Fields:
    """Return a row out of a quarantine with the types of a Parquet file's columns."""
    return {name: typed(value, schema.field(name).type) for name, value in fields.items()}


def typed(value: JSON, kind: pa.DataType) -> Any:
    """Return what a quarantine holds of a field as pyarrow takes it for its type."""
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return urlsafe_b64decode(value)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [typed(each, kind.value_type) for each in value]
    if pa.types.is_struct(kind):
        return {each.name: typed(value.get(each.name), each.type) for each in kind}
    if pa.types.is_map(kind):
        return [(typed(name, kind.key_type), typed(each, kind.item_type)) for name, each in value]
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return TypeAdapter(time if pa.types.is_time(kind) else timedelta).validate_python(value)
    return pa.scalar(value).cast(kind).as_py() if isinstance(value, str) else value
