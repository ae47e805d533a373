"""Rows on their way into a run: each with its position, also if they come from a quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from ..bulk import Line, is_quarantined
from ..errors import ConfigError
from ..messages import JSON
from .json_lines import object_of
from .table import BadRow, Fields, Table
from .values import held, released, same_row, to_json


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
        return self.row.raw if isinstance(self.row, BadRow) else held(self.row)

    def place(self, given: Table) -> str | None:
        """Return where the row stands, such as "mails.csv, row 3"; None where that is not known. given: the
        input, of which it came.
        """
        if self.line is not None:
            error = self.line["error"]
            return error.get("where") if isinstance(error, dict) else None
        return None if given.place is None else given.place(self.index)


def placed(rows: Iterable[Fields | BadRow]) -> Iterator[Placed]:
    """Yield the rows with their positions; what a quarantine holds is taken out of it."""
    for number, row in enumerate(rows):
        if isinstance(row, BadRow) or not is_quarantined(row):
            yield Placed(number, row)
        else:
            yield Placed(row["index"], _taken_out(row["input"], number + 1), row)


def in_output(source: Table, earlier: Table, row_id: str) -> Callable[[Placed], bool]:
    """Return what tells whether an output has a row out of a quarantine already: with the same position in
    the column `row_id`, and the same fields.
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
    return lambda each: each.line is not None and _key(each) in there


def _key(each: Placed) -> tuple[int, str]:
    return each.index, to_json(each.input)


def _taken_out(row: JSON, number: int) -> Fields | BadRow:
    if isinstance(row, dict):
        return {name: released(each) for name, each in row.items()}
    if isinstance(row, str):
        return object_of(row.encode(), number)  # a line of JSON that was broken, and may be mended by now
    return BadRow(number, "the quarantined row could not be read: fix its `input`", row)


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
        raise ConfigError(
            f"the input already has a field {row_id!r}: choose another name for the column of positions"
        )


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
