"""Which rows are left to do, beside an earlier output and its quarantine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from ..errors import ConfigError
from .placed import Placed
from .table import BadRow, Fields
from .values import same_row, to_json

SAMPLE = 100  # rows that were left out and are kept: their answers tell what one takes


class Rows:
    """The rows that are left to do, read from one thread, while another marks those that are done."""

    def __init__(self, rows: Iterator[Placed]) -> None:
        self._rows = rows
        self._ahead: deque[Placed] = deque(maxlen=1)
        self._open: deque[Placed] = deque()
        self._ended = False
        self.skipped: list[Placed] = []  # the first of those that were left out

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
        if len(self.skipped) < SAMPLE:
            self.skipped += self._ahead
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
    good: Sequence[Iterator[Fields | BadRow]],
    bad: Iterator[Fields | BadRow],
    own: Callable[[Placed], Fields],
) -> Iterator[tuple[Fields, int | None]]:
    """Yield the rows of earlier files, and which output each is of, None for the quarantine; leave them out
    of `rows`.

    good: the rows of each earlier output. bad: the lines of its quarantine. Raises ConfigError if they
    are not the first rows of the input.
    """
    nexts, line = list(map(_whole, good)), _whole(bad)
    number = 0
    while line is not None or any(row is not None for row in nexts):
        number += 1
        each = rows.peek()
        if each is not None and line is not None and _is_line_of(line, each):
            yield line, None
            line = _whole(bad)
        elif each is not None and (found := _output_of(each, nexts, own(each))) is not None:
            yield nexts[found] or {}, found
            nexts[found] = _whole(good[found])
        else:
            lacks = f"the input has only {number - 1:,} rows, and the output more"
            differs = f"row {number:,} of the output is not row {number:,} of the input"
            raise ConfigError(
                f"can't be resumed: {lacks if each is None else differs}. The output was made of another "
                "input, or rows were appended to it. Run it without resuming, which writes the output "
                "anew, or write to a new file: answers come from the journal"
            )
        rows.skip()


def _output_of(each: Placed, nexts: Sequence[Fields | None], own: Fields) -> int | None:
    """Return which output's next row was made of a row, None if none was."""
    there = (n for n, row in enumerate(nexts) if row is not None and _is_row_of(row, each, own))
    return next(there, None)


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
