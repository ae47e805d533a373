"""Tables of a page, out of the lines that are drawn on it, and out of words that stand in columns. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeAlias

from .order import Line, PageBlock, PlacedText, in_order, lines_of

Cell: TypeAlias = list[Line]
Rect: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom
NEAR = 3.0  # points within which lines meet, or are one
MOST_LINES = 1_500  # of a page, in either direction; with more there is a drawing
MOST_CELLS = 20_000  # of a table
WIDE = 1.5  # a gap within a line, in heights of it, that parts cells
FEWEST_ROWS = 3  # of a table without lines
FEWEST_COLUMNS = 3  # of a table without lines: with two it may be a form
FILLED = 0.6  # the share of cells with words in such a table, at least


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A piece of a page in reading order: lines of words, or the rows of a table.

    rows: cells of lines of words; all rows have as many, some are empty. joined: whether it goes on with the
    block before, on the next line.
    """

    lines: PageBlock = field(default_factory=list)
    rows: tuple[tuple[Cell, ...], ...] = ()
    joined: bool = False

    @property
    def all_lines(self) -> list[Line]:
        """Its lines, or those of its cells."""
        return [*self.lines, *(line for row in self.rows for cell in row for line in cell)]

    @property
    def has_words(self) -> bool:
        """Whether there is anything in it."""
        return any(self.lines) or bool(self.rows)


class Rule(NamedTuple):
    """A straight line on a page, level or upright. at: where it is across, low and high: from where to where
    it goes.
    """

    at: float
    low: float
    high: float


def blocks_of(
    pieces: Iterable[PlacedText], level: Sequence[Rule] = (), upright: Sequence[Rule] = ()
) -> list[TextBlock]:
    """Return the blocks of a page in reading order, its tables among them. level, upright: the lines that
    are drawn on it.
    """
    words, tables = list(pieces), list[tuple[Rect, TextBlock]]()
    for grid in _grids(level, upright):
        found, words = _filled(grid, words)
        if found is not None:
            tables.append((grid.rect, found))
    stands = [PlacedText(f"{_STAND}{number}", *rect) for number, (rect, _) in enumerate(tables)]
    found_blocks: list[TextBlock] = []
    for block in in_order([*words, *stands]):
        found_blocks += _with_tables(block, [table for _, table in tables])
    return found_blocks


_STAND = "\0table"  # a word in the place of a table, while the page is put in order


def _with_tables(block: PageBlock, ruled: Sequence[TextBlock]) -> Iterator[TextBlock]:
    """Yield a block, cut where tables stand in it."""
    lines: PageBlock = []
    for line in block:
        stands = [piece for piece in line if piece.text.startswith(_STAND)]
        words = [piece for piece in line if not piece.text.startswith(_STAND)]
        if words:
            lines.append(words)
        for stand in stands:
            if lines:
                yield from _aligned(lines)
            lines = []
            yield ruled[int(stand.text[len(_STAND) :])]
    if lines:
        yield from _aligned(lines)


# -- tables whose lines are drawn


@dataclass(frozen=True, slots=True)
class _Grid:
    """xs, ys: where its columns and rows part. level, upright: its lines."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    level: tuple[Rule, ...]
    upright: tuple[Rule, ...]

    @property
    def rect(self) -> Rect:
        return self.xs[0], self.ys[0], self.xs[-1], self.ys[-1]


def _grids(level: Sequence[Rule], upright: Sequence[Rule]) -> Iterator[_Grid]:
    """Yield the grids that lines make which meet, of two columns and two rows at least."""
    levels, uprights = _joined(level), _joined(upright)
    if max(len(levels), len(uprights)) > MOST_LINES:
        return
    for some, others in _meeting(levels, uprights):
        low = min(rule.low for rule in some)
        high = max(rule.high for rule in some)
        xs = _apart([*(rule.at for rule in others), low, high])
        ys = _apart([*(rule.at for rule in some), *(y for rule in others for y in (rule.low, rule.high))])
        if len(xs) > 2 and len(ys) > 2 and len(xs) * len(ys) <= MOST_CELLS:
            yield _Grid(tuple(xs), tuple(ys), tuple(some), tuple(others))


def _joined(rules: Sequence[Rule]) -> list[Rule]:
    """Return lines with those on one another, or end to end, as one."""
    found: list[Rule] = []
    for rule in sorted(rules):
        same = _same(found, rule)
        if same is None:
            found.append(rule)
        else:
            last = found[same]
            found[same] = Rule(last.at, min(last.low, rule.low), max(last.high, rule.high))
        if len(found) > MOST_LINES:
            break
    return sorted(found)


def _same(found: Sequence[Rule], rule: Rule) -> int | None:
    """Return which of the lines before one it goes on with, None for none."""
    for number in range(len(found) - 1, -1, -1):
        last = found[number]
        if rule.at - last.at > NEAR / 2:
            return None
        if rule.low <= last.high + NEAR and last.low <= rule.high + NEAR:
            return number
    return None


def _meeting(levels: Sequence[Rule], uprights: Sequence[Rule]) -> Iterator[tuple[list[Rule], list[Rule]]]:
    """Yield level and upright lines that meet, directly or by others."""
    heights = [rule.at for rule in levels]
    parents = list(range(len(levels) + len(uprights)))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    for number, rule in enumerate(uprights):
        first = bisect_left(heights, rule.low - NEAR)
        last = bisect_right(heights, rule.high + NEAR)
        for other in range(first, last):
            if levels[other].low - NEAR <= rule.at <= levels[other].high + NEAR:
                parents[root(len(levels) + number)] = root(other)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for number, rule in enumerate([*levels, *uprights]):
        groups.setdefault(root(number), ([], []))[number >= len(levels)].append(rule)
    return (group for group in groups.values() if len(group[0]) > 1 and group[1])


def _apart(values: Iterable[float]) -> list[float]:
    """Return sorted values, of those that are near one another the first."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > NEAR:
            found.append(value)
    return found


def _filled(grid: _Grid, words: Sequence[PlacedText]) -> tuple[TextBlock | None, list[PlacedText]]:
    """Return the table that words make in a grid, and the words beside it; None if it is no table."""
    left, top, right, bottom = grid.rect
    within: dict[tuple[int, int], list[PlacedText]] = {}
    others: list[PlacedText] = []
    for word in words:
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        if not (left < x < right and top < y < bottom) or word.vertical:
            others.append(word)
            continue
        row, column = bisect_right(grid.ys, y) - 1, bisect_right(grid.xs, x) - 1
        within.setdefault(_owner(grid, row, column), []).append(word)
    rows, columns = {row for row, _ in within}, {column for _, column in within}
    if len(rows) < 2 or len(columns) < 2:
        return None, list(words)
    table = [
        [lines_of(within.get((row, column), ())) for column in range(len(grid.xs) - 1)]
        for row in range(len(grid.ys) - 1)
        if row in rows
    ]
    return TextBlock(rows=_without_empty(table)), others


def _owner(grid: _Grid, row: int, column: int) -> tuple[int, int]:
    """Return the first of the cells that are one with a cell, for want of a line between them."""
    y = (grid.ys[row] + grid.ys[row + 1]) / 2
    while column and not _has(grid.upright, grid.xs[column], y):
        column -= 1
    x = (grid.xs[column] + grid.xs[column + 1]) / 2
    while row and not _has(grid.level, grid.ys[row], x):
        row -= 1
    return row, column


def _has(rules: Sequence[Rule], at: float, across: float) -> bool:
    first = bisect_left(rules, (at - NEAR,))
    for rule in rules[first:]:
        if rule.at > at + NEAR:
            return False
        if rule.low - NEAR <= across <= rule.high + NEAR:
            return True
    return False


def _without_empty(table: Sequence[Sequence[Cell]]) -> tuple[tuple[Cell, ...], ...]:
    """Return a table without the columns that have no words at all, such as the gap between double lines."""
    kept = [n for n, column in enumerate(zip(*table, strict=True)) if any(column)]
    return tuple(tuple(row[n] for n in kept) for row in table)


# -- tables whose words stand in columns


def _aligned(block: PageBlock) -> Iterator[TextBlock]:
    """Yield a block, with lines whose cells stand below one another as tables."""
    run: list[tuple[Line, list[Line]]] = []
    pieces: list[TextBlock] = [TextBlock()]
    for line in [*block, []]:
        cells = _cells(line)
        if len(cells) >= FEWEST_COLUMNS - 1 and not any(piece.vertical for piece in line):
            run.append((line, cells))
            continue
        rows = _rows_of([each for _, each in run])
        if rows:
            pieces += [TextBlock(rows=rows), TextBlock()]
        else:
            pieces[-1].lines.extend(each for each, _ in run)
        run = []
        if line:
            pieces[-1].lines.append(line)
    told = [piece for piece in pieces if piece.has_words]
    return (replace(piece, joined=number > 0) for number, piece in enumerate(told))


def _cells(line: Line) -> list[Line]:
    """Return the pieces of a line that wide gaps part."""
    cells: list[Line] = []
    for piece in line:
        if cells and not is_wide(cells[-1][-1], piece):
            cells[-1].append(piece)
        else:
            cells.append([piece])
    return cells


def is_wide(before: PlacedText, after: PlacedText) -> bool:
    """Whether the gap between two words of a line is one that parts cells."""
    if before.vertical or after.vertical:
        return False
    height = max(before.bottom - before.top, after.bottom - after.top)
    return max(after.left - before.right, before.left - after.right) > WIDE * height


def _rows_of(rows: Sequence[Sequence[Line]]) -> tuple[tuple[Cell, ...], ...]:
    """Return the rows of the table that lines of cells make; () where these do not stand in columns."""
    if len(rows) < FEWEST_ROWS:
        return ()
    spans = sorted((_left(cell), _right(cell)) for row in rows for cell in row)
    edges: list[list[float]] = []
    for left, right in spans:
        if edges and left < edges[-1][1]:
            edges[-1][1] = max(edges[-1][1], right)
        else:
            edges.append([left, right])
    if len(edges) < FEWEST_COLUMNS:
        return ()
    starts = [left for left, _ in edges]
    table = []
    for row in rows:
        places = [bisect_right(starts, _left(cell)) - 1 for cell in row]
        if len({*places}) < len(places):
            return ()
        told: dict[int, Line] = dict(zip(places, row, strict=True))
        table.append(tuple([told[n]] if n in told else [] for n in range(len(edges))))
    filled = sum(map(len, rows)) / (len(rows) * len(edges))
    return tuple(table) if filled >= FILLED else ()


def _left(cell: Line) -> float:
    return min(piece.left for piece in cell)


def _right(cell: Line) -> float:
    return max(piece.right for piece in cell)
