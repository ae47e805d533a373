"""Frames in, the same kind of frame out, with new columns beside the caller's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from numbers import Number
from typing import TYPE_CHECKING, Any

from ...callers import warn
from ...errors import ConfigError, RunStopped
from ...saying import columns_by_row
from ...schema import RecordType, compile_schema, types_in, with_extras
from ...schema.outline import HIDDEN
from ..display import shown
from ..outcomes import Row, RowOutcome
from ..texts import Select, names_in
from .cells import Gathered, shape_of

if TYPE_CHECKING:
    import pyarrow as pa

MOST_NAMED = 12  # columns in an error's message
SHAPING = ("name", "flatten", "usage", "evidence", "version")
RESUME = "Finished rows are in the journal: the same call again resumes."


@dataclass(frozen=True, slots=True)
class Opened:
    """A frame of any kind. values: a column's cells, None for every kind of null. add: the same kind
    of frame with the table's columns beside its own. fold: whether names that differ in case are one.
    """

    names: tuple[Any, ...]
    length: int
    values: Callable[[Any], Sequence[Any]]
    add: Callable[[pa.Table], Any]
    fold: bool = False


class Enriching:
    """A frame that is being enriched: rows go out, outcomes come in, and the frame comes out.

    rows, text, options: what to hand to `rows`.
    """

    def __init__(
        self, opened: Opened, gathered: Gathered, rows: Iterator[Any], text: Select, options: dict[str, Any]
    ) -> None:
        self._opened, self._gathered = opened, gathered
        self.rows, self.text, self.options = rows, text, options

    def take(self, outcome: RowOutcome[Any]) -> None:
        """Take what came of the next row."""
        self._gathered.add(outcome)

    def result(self, why: str = "") -> Any:
        """Return the frame. why: the reason why rows were not run, if there are such rows."""
        return self._opened.add(self._gathered.table(self._opened.length, why))


@contextmanager
def enriching(
    frame: Any, record_type: Any, text: Select, options: Mapping[str, Any], escalation: bool = False
) -> Iterator[Enriching]:
    """Yield what carries a frame through a run; while it runs, its progress is shown.

    options: those of FrameOptions. escalation: whether a column says what became of doubtful values. Raises
    ConfigError if the frame could not come out well. A RunStopped gets the frame as far as it is as
    `partial`.
    """
    opened = open_frame(frame)
    gathered, others = gathering(record_type, options, escalation)
    check_names(opened, gathered.schema.names)
    rows, select = rows_of(opened, text, columns_by_row(options))
    with shown(options.get("progress"), opened.length, options.get("on_progress")) as told:
        work = Enriching(opened, gathered, rows, select, {**others, "on_progress": told})
        try:
            yield work
        except RunStopped as error:
            error.partial = work.result(str(error))
            raise
        except KeyboardInterrupt as error:
            error.add_note(RESUME)
            raise


def gathering(
    record_type: Any, options: Mapping[str, Any], escalation: bool = False
) -> tuple[Gathered, dict[str, Any]]:
    """Return what gathers the new columns, and the options that are left for `rows`. escalation: whether a
    column says what became of doubtful values.
    """
    shaping = {name: options[name] for name in SHAPING[:-1] if name in options}
    asked = RecordType.of(with_extras(record_type, options.get("extras")))
    fingerprint = asked.fingerprint if options.get("version") else None
    others = {name: value for name, value in options.items() if name not in (*SHAPING, "progress")}
    if options.get("evidence") == "quote":  # both a column and a way to ask
        others["evidence"] = "quote"
    sure = bool(options.get("confidence")) or options.get("samples", 1) != 1
    shape = shape_of(
        compile_schema(record_type).name,
        **shaping,
        confidence=sure,
        fingerprint=fingerprint,
        types=types_in(asked.written),
        escalation=escalation,
    )
    if hidden := asked.hidden:
        warn(HIDDEN.format(", ".join(hidden)))
    return Gathered(asked.records(), shape), others


def check_names(opened: Opened, new: Sequence[str]) -> None:
    """Raise ConfigError if a new column would have the name of another one."""

    def folded(name: Any) -> Any:
        return name.casefold() if opened.fold and isinstance(name, str) else name

    taken = [*map(folded, opened.names)]
    for i, name in enumerate(new):
        if folded(name) in [*taken, *map(folded, new[:i])]:
            raise ConfigError(
                f"there would be two columns {name!r}: give name= another name for the new ones "
                "(with flatten=True it stands before each), or rename the frame's"
            )


# -- rows


def rows_of(opened: Opened, text: Select, more: Sequence[str] | None = ()) -> tuple[Iterator[Any], Select]:
    """Return the rows of a frame, one after the other, and what tells the text of each. text: which
    columns hold the text. Only those columns are read, and `more`; all for a function, or where that is None.

    Raises ConfigError for a column that is not there, or holds no text.
    """
    names, whole = opened.names, is_name(text, opened.names)
    if whole:
        values = opened.values(text)
        _check_texts(text, values)
        if more == ():
            return map(Row, values), None
    asked: Sequence[Any] = () if callable(text) else [text] if whole else columns_of(text)
    check_columns([*asked, *(more or ())], names)
    everything = callable(text) or more is None
    needed: Sequence[Any] = list(dict.fromkeys(names if everything else [*asked, *(more or ())]))
    if whole:
        text = _Cell(text)
    cells = zip(*map(opened.values, needed), strict=True)
    return (dict(zip(needed, row, strict=True)) for row in cells), text


@dataclass(frozen=True, slots=True)
class _Cell:
    """A select: the cell under one name, whatever that looks like."""

    name: Any

    def __call__(self, row: Any) -> Any:
        return row[self.name]


def is_name(text: Any, names: Sequence[Any]) -> bool:
    """Whether `text` names one column, whatever it looks like."""
    try:
        return not isinstance(text, list) and not callable(text) and text in names
    except (TypeError, ValueError):
        return False


def columns_of(text: Any) -> Sequence[str]:
    """Return the columns that a template, a name or several names need."""
    if isinstance(text, str):
        if "{" not in text:
            return [text]
        return names_in(text)
    if isinstance(text, Sequence) and text:
        return text
    raise ConfigError(
        "text= must be the name of a column, several names, a template or a function of the row"
    )


def check_columns(needed: Sequence[Any], names: Sequence[Any]) -> None:
    """Raise ConfigError for a column that is not there."""
    for name in needed:
        if name not in names:
            near = get_close_matches(str(name), [str(each) for each in names], 1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {_listed(names)}"
            raise ConfigError(f"there is no column {name!r}{hint}")


def _listed(names: Sequence[Any]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(str, names[:MOST_NAMED])) + more


def _check_texts(name: Any, values: Sequence[Any]) -> None:
    first = next((value for value in values if value is not None), None)
    if isinstance(first, Number | bool):  # bytes are documents
        raise ConfigError(f"the column {name!r} holds {type(first).__name__}, not text")


# -- kinds of frames


def open_frame(frame: Any) -> Opened:
    """Return a frame of pandas, Polars, PyArrow or DuckDB, or of any library with Arrow streams
    (`__arrow_c_stream__`), ready to be read. Raises ConfigError for anything else.
    """
    for module, kind, opener in OPENERS:
        library = sys.modules.get(module)  # a frame of a library that is not imported there is none
        if library is not None and isinstance(frame, getattr(library, kind)):
            return opener(frame)
    if hasattr(frame, "__arrow_c_stream__"):
        return _stream(frame)
    if isinstance(frame, type):
        raise ConfigError(f"the arguments are swapped: call frame(df, {frame.__name__}, text=...)")
    raise ConfigError(
        "a frame must be a DataFrame of pandas or Polars, a table of PyArrow, a relation of DuckDB, or "
        f"have __arrow_c_stream__, not {type(frame).__name__}; for other rows use rows(...)"
    )


def is_frame(value: Any) -> bool:
    """Whether `open_frame` is meant for a value, and not the rows of an iterable."""
    libraries = ((sys.modules.get(module), kind) for module, kind, _ in OPENERS)
    known = any(
        library is not None and isinstance(value, getattr(library, kind)) for library, kind in libraries
    )
    return known or hasattr(value, "__arrow_c_stream__")


def has_columns(value: Any) -> bool:
    """Whether a value is a whole frame, and not one column of it, which may be a stream of Arrow's too."""
    kind = type(value)  # the names themselves may cost a query
    return is_frame(value) and (hasattr(kind, "columns") or hasattr(kind, "schema"))


def _pandas(frame: Any) -> Opened:
    def values(name: Any) -> Sequence[Any]:
        column = frame[name]
        if column.ndim > 1:
            raise ConfigError(f"the frame has more than one column {name!r}")
        return list(column.astype(object).where(column.notna(), None))

    def add(table: pa.Table) -> Any:
        new = frame.copy(deep=False)
        below = ("",) * (frame.columns.nlevels - 1)  # pandas wants names of all levels
        for name in table.column_names:
            new[(name, *below) if below else name] = _pandas_column(table.column(name), frame.index)
        return new

    return Opened(tuple(frame.columns), len(frame), values, add)


def _pandas_column(column: pa.ChunkedArray, index: Any) -> Any:
    """Return a column in pandas' own types: nullable integers and booleans; Python values in an object
    column where pandas has no type, as structs, lists, dates and decimals.
    """
    import pandas as pd
    import pyarrow as pa

    nullable = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    if column.type in nullable:
        return pd.array(column.to_pylist(), nullable[column.type])
    simple = (pa.types.is_string, pa.types.is_floating, pa.types.is_timestamp, pa.types.is_duration)
    if any(test(column.type) for test in simple):
        return column.to_pandas().set_axis(index)
    return pd.Series(column.to_pylist(maps_as_pydicts="strict"), index, dtype=object)


def _polars(frame: Any) -> Opened:
    import polars as pl

    def add(table: pa.Table) -> Any:
        new: Any = pl.from_arrow(table)
        return frame.hstack(new.get_columns())

    return Opened(tuple(frame.columns), frame.height, lambda name: frame[name].to_list(), add)


def _lazy_polars(frame: Any) -> Opened:
    opened = _polars(frame.collect())
    return Opened(opened.names, opened.length, opened.values, lambda table: opened.add(table).lazy())


def _arrow(table: Any) -> Opened:
    def values(name: Any) -> Sequence[Any]:
        if table.column_names.count(name) > 1:
            raise ConfigError(f"the frame has more than one column {name!r}")
        column: list[Any] = table.column(name).to_pylist()
        return column

    def add(new: pa.Table) -> Any:
        wider = table
        for field, column in zip(new.schema, new.columns, strict=True):
            wider = wider.append_column(field, column)
        return wider

    return Opened(tuple(table.column_names), table.num_rows, values, add)


def _batch(batch: Any) -> Opened:
    import pyarrow as pa

    opened = _arrow(pa.Table.from_batches([batch]))

    def add(new: pa.Table) -> Any:
        table = opened.add(new).combine_chunks()
        arrays = [each.chunk(0) if each.num_chunks else pa.array([], each.type) for each in table.columns]
        return pa.RecordBatch.from_arrays(arrays, schema=table.schema)

    return Opened(opened.names, opened.length, opened.values, add)


def _stream(frame: Any) -> Opened:
    try:
        import pyarrow as pa
    except ImportError as error:
        raise ConfigError("frames need pyarrow: pip install 'typed-extractor[frames]'") from error
    try:
        return _arrow(pa.table(frame))
    except (pa.ArrowException, TypeError, ValueError) as error:
        hint = "pass the frame itself, or its .to_frame()" if hasattr(frame, "to_frame") else error
        raise ConfigError(
            f"this {type(frame).__name__} is not a stream of rows with columns: {hint}"
        ) from error


def _duckdb(relation: Any) -> Opened:
    opened = _arrow(relation.to_arrow_table())

    def add(table: pa.Table) -> Any:
        extractor_enriched_rows = opened.add(table)  # noqa: F841  DuckDB finds it by its name
        new = relation.query("extractor_ignored", "FROM extractor_enriched_rows")
        return new.project(", ".join(_as_before(relation, new)))

    return Opened(opened.names, opened.length, opened.values, add, fold=True)


def _as_before(relation: Any, new: Any) -> Iterator[str]:
    """Yield each column of `new`, cast to the type that it had where Arrow has no such type."""
    before: Mapping[str, Any] = dict(zip(relation.columns, relation.types, strict=True))
    for name, kind in zip(new.columns, new.types, strict=True):
        quoted = '"' + name.replace('"', '""') + '"'
        changed = name in before and str(before[name]) != str(kind)
        yield f"CAST({quoted} AS {before[name]}) AS {quoted}" if changed else quoted


OPENERS: Sequence[tuple[str, str, Callable[[Any], Opened]]] = (
    ("pandas", "DataFrame", _pandas),
    ("polars", "DataFrame", _polars),
    ("polars", "LazyFrame", _lazy_polars),
    ("pyarrow", "Table", _arrow),
    ("pyarrow", "RecordBatch", _batch),
    ("duckdb", "DuckDBPyRelation", _duckdb),
)
