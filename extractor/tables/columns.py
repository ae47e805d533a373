"""The Arrow types of rows: those of an output, and those inferred from an input."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Sequence
from datetime import time, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from ..bulk.frames import Gathered
from ..errors import ConfigError
from ..messages import JSON
from .table import Fields, Table, input_names
from .values import well_formed

if TYPE_CHECKING:
    import pyarrow as pa

INFERRED = 2_000  # rows that are looked at together to find the types of JSON


def own_schema(source: Table, gathered: Gathered, earlier: Table | None) -> pa.Schema:
    """Return the Arrow types of the rows' own fields. earlier: a Parquet file that is added to. Raises
    ConfigError if the rows and their records have other columns than it.
    """
    import pyarrow as pa

    if earlier is None or earlier.schema is None:
        found = source.schema or _inferred(source)
        if source.row_id is not None and source.row_id not in found.names:
            found = pa.schema([(source.row_id, pa.int64()), *found])
        return found
    names_in(earlier, source, gathered.schema.names)
    for each in gathered.schema:
        if (there := earlier.schema.field(each.name).type) != each.type:
            raise ConfigError(
                f"the output's column {each.name!r} has the type {there}, but the new rows have "
                f"{each.type}: write a new file"
            )
    return pa.schema([each for each in earlier.schema if each.name not in gathered.schema.names])


def _inferred(source: Table) -> pa.Schema:
    """Return Arrow types that all rows of a file of CSV or JSON Lines have a place in."""
    import pyarrow as pa

    if source.names is not None:
        return pa.schema([(name, pa.string()) for name in source.names if name != source.row_id])
    found = pa.schema([])
    rows = source.rows()
    while some := list(islice(rows, INFERRED)):
        own = [well_formed(row) if isinstance(row, dict) else {"line": row.line} for row in some]
        names = dict.fromkeys(name for row in own for name in row)
        try:
            part = pa.schema([(n, pa.array([row.get(n) for row in own]).type) for n in names])
            found = pa.unify_schemas([found, part], promote_options="permissive")
        except (pa.ArrowException, OverflowError) as error:
            raise ConfigError(
                f"the values of a column have different types, which Parquet can't store: {error}; "
                "write .jsonl"
            ) from error
    return pa.schema([(f.name, pa.string() if pa.types.is_null(f.type) else f.type) for f in found])


def arrow_table(rows: Sequence[Fields], schema: pa.Schema) -> pa.Table:
    """Return rows as Arrow has them."""
    import pyarrow as pa

    try:
        return pa.Table.from_pylist(rows, schema)
    except UnicodeEncodeError:
        return pa.Table.from_pylist(well_formed(rows), schema)


def names_in(earlier: Table, source: Table, new: Sequence[str]) -> Sequence[str]:
    """Return the columns of an output that is added to. Raises ConfigError if the rows have others."""
    known = earlier.names or ()
    for name in (*input_names(source), *new):
        if name not in known:
            of_file = name == "text" and "path" in known
            way = "correct the file at the row's `path` instead" if of_file else "write a new file"
            raise ConfigError(f"the output has no column {name!r}, so these rows can't be added: {way}")
    return known


def typed_fields(fields: Fields, schema: pa.Schema) -> Fields:
    """Return a row out of a quarantine with the types of a Parquet file's columns."""
    return {name: typed(value, schema.field(name).type) for name, value in fields.items()}


def typed(value: JSON, kind: pa.DataType) -> Any:
    """Return what a quarantine holds of a field as pyarrow takes it for its type."""
    import pyarrow as pa

    if value is None:
        return None
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return urlsafe_b64decode(value) if isinstance(value, str) else value  # text in older quarantines
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [typed(each, kind.value_type) for each in value]
    if pa.types.is_struct(kind):
        return {each.name: typed(value.get(each.name), each.type) for each in kind}
    if pa.types.is_map(kind):
        return [(typed(name, kind.key_type), typed(each, kind.item_type)) for name, each in value]
    if pa.types.is_time(kind) or pa.types.is_duration(kind):
        return TypeAdapter(time if pa.types.is_time(kind) else timedelta).validate_python(value)
    return pa.scalar(value).cast(kind).as_py() if isinstance(value, str) else value
