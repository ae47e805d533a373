"""A table: rows that can be read more than once, each a mapping or what could not be read. Pure."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

from ..messages import JSON

if TYPE_CHECKING:
    import pyarrow as pa

Fields: TypeAlias = dict[str, Any]
LOOKED_AT = 100  # rows that tell the columns of JSON Lines


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that could not be read. raw: what stands there, if that is known."""

    line: int
    why: str
    raw: JSON = None


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows. names: its columns, None for JSON Lines, where each row has its own. total: its
    rows, None if that is not known before it is read. rows: makes an iterator from its beginning.
    row_id: the column that holds each row's position, where one is added. note: what there is to know of
    it before it is run, None for nothing. of_files: whether each row is a file, whose text is not read yet.
    place: returns the file of a row, by the row's position from 0, and for a row of a table its number from
    1; None if that is not known.
    """

    names: tuple[str, ...] | None
    total: int | None
    rows: Callable[[], Iterator[Fields | BadRow]]
    schema: pa.Schema | None = None
    row_id: str | None = None
    note: str | None = None
    of_files: bool = False
    place: Callable[[int], str] | None = None


def part(found: Table, limit: int | None, sample: int | None) -> Table:
    """Return some of a table's rows. limit: the first ones; sample: some at random, the same each time."""
    if limit is not None:
        return _part(found, lambda rows: islice(rows, limit), limit)
    if sample is not None:
        some = _part(found, lambda rows: sampled(rows, sample, random.Random(0)), sample)
        return replace(some, place=None)
    return found


def _part(whole: Table, part: Callable[[Iterator[Any]], Iterator[Any]], size: int) -> Table:
    total = None if whole.total is None else min(size, whole.total)
    return replace(whole, total=total, rows=lambda: part(whole.rows()))


def sampled(rows: Iterable[Any], size: int, rng: random.Random) -> Iterator[Any]:
    """Yield `size` rows, each as likely as any other, in their order. Source: Vitter 1985, algorithm R."""
    kept: list[tuple[int, Any]] = []
    for i, row in enumerate(rows):
        if i < size:
            kept.append((i, row))
        elif (place := rng.randrange(i + 1)) < size:
            kept[place] = (i, row)
    return (row for _, row in sorted(kept, key=lambda pair: pair[0]))


def first_names(source: Table) -> Sequence[str]:
    """Return the fields of the first rows; none if there are no rows, or they can be read only once."""
    rows = islice(source.rows(), LOOKED_AT) if source.total else ()
    return list(dict.fromkeys(name for row in rows if isinstance(row, dict) for name in row))


def input_names(source: Table) -> Sequence[str]:
    """Return the columns of a table, those of all its rows where each has its own."""
    if source.names is not None:
        return source.names
    names: dict[str, None] = {}
    for row in source.rows():
        names.update(dict.fromkeys(row if isinstance(row, dict) else ["line"]))
    return list(names)
