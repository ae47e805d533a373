"""Arrow types and those of databases: which type a new column gets, and what fits an existing one. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pydantic_core import to_jsonable_python

from .address import quoted

if TYPE_CHECKING:
    import pyarrow as pa

Field: TypeAlias = "pa.Field"
TYPE_NAME = (
    b"POSTGRESQL:type"  # in a field's metadata: what PostgreSQL calls the type of the column it came of
)


class Existing(NamedTuple):
    """A column of a table. type: as the database spells it. required: without it there is no row."""

    name: str
    type: str
    required: bool


# -- Arrow -> family


def family(kind: pa.DataType) -> str:
    """Return which family of types an Arrow type is of: "integer", "text", "instant", "nested", ..."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind):
        return "timestamp" if kind.tz is None else "instant"
    tests: Sequence[tuple[str, Callable[[Any], bool]]] = (
        ("boolean", pa.types.is_boolean),
        ("integer", pa.types.is_integer),
        ("float", pa.types.is_floating),
        ("decimal", pa.types.is_decimal),
        ("date", pa.types.is_date),
        ("time", pa.types.is_time),
        ("duration", pa.types.is_duration),
        ("nested", pa.types.is_nested),
        ("binary", lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind)),
        ("binary", pa.types.is_fixed_size_binary),
    )
    return next((name for name, test in tests if test(kind)), "text")


def plain(array: pa.Array) -> pa.Array:
    """Return an array of a type that all drivers take: without dictionaries, extensions, views, nulls' own
    type, and unsigned integers of 64 bits.
    """
    import pyarrow as pa

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        array = array.storage
    elif pa.types.is_dictionary(kind):
        array = array.dictionary_decode()
    simpler: Sequence[tuple[Callable[[Any], bool], pa.DataType]] = (
        (pa.types.is_null, pa.string()),
        (pa.types.is_string_view, pa.string()),
        (pa.types.is_binary_view, pa.binary()),
        (pa.types.is_uint64, pa.decimal128(20)),
        (pa.types.is_float16, pa.float32()),
    )
    other = next((to for test, to in simpler if test(array.type)), array.type)
    return array if other == array.type else array.cast(other)


def plain_field(column: pa.Field) -> pa.Field:
    """Return a field with the type that `plain` makes of its own."""
    import pyarrow as pa

    return column.with_type(plain(pa.nulls(0, column.type)).type)


def as_text(array: pa.Array) -> pa.Array:
    """Return the values as strings: what is nested as JSON, dates and times by ISO 8601, in UTC."""
    import pyarrow as pa

    nested = pa.types.is_nested(array.type)
    return pa.array([_text(value, nested) for value in array.to_pylist(maps_as_pydicts="lossy")], pa.string())


def _text(value: Any, nested: bool) -> str | None:
    if value is None:
        return None
    found = to_jsonable_python(value, bytes_mode="base64", inf_nan_mode="strings", serialize_unknown=True)
    return json.dumps(found, ensure_ascii=False) if nested else str(found)


# -- what databases declare -> family

_DECLARED: Sequence[tuple[str, re.Pattern[str]]] = tuple(
    (name, re.compile(pattern, re.IGNORECASE))
    for name, pattern in (
        ("nested", r".*\[\d*\]|(struct|map|list|union)\b.*"),
        ("json", r"jsonb?"),
        ("instant", r"timestamp.*with time zone|timestamptz"),
        ("timestamp", r"timestamp.*|datetime"),
        ("time", r"time( without time zone)?"),
        ("date", r"date"),
        ("duration", r"interval"),
        ("integer", r"(tiny|small|medium|big|huge|u\w*)?int(eger)?\d*|(small|big)?serial"),
        ("boolean", r"bool(ean)?"),
        ("float", r"real|float\d*|double( precision)?"),
        ("decimal", r"(numeric|decimal)(\(.*\))?"),
        ("text", r".*char.*|.*text|.*clob|string|name"),
        ("binary", r"bytea|.*blob|.*binary.*"),
        ("any", r""),
    )
)


def declared(type_name: str) -> str:
    """Return the family of a type that a database spells out; "other" for those that are none of ours."""
    return next((name for name, pattern in _DECLARED if pattern.fullmatch(type_name)), "other")


FITS: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"integer", "decimal"}),
    "float": frozenset({"float", "decimal"}),
    "decimal": frozenset({"decimal"}),
    "nested": frozenset({"json", "nested"}),
    "text": frozenset({"text", "json", "other"}),
}


def fits(wanted: str, existing: str, also: Mapping[str, frozenset[str]]) -> bool:
    """Whether values of one family have a place in a column of another. also: what else a database takes."""
    return existing in ({wanted, "any"} | FITS.get(wanted, frozenset()) | also.get(wanted, frozenset()))


def arrow_type(type_name: str) -> pa.DataType | None:
    """Return the type that text is read as, where it goes into a column that a database declares so; None
    if it stays text.
    """
    import pyarrow as pa

    return {
        "integer": pa.int64(),
        "float": pa.float64(),
        "decimal": pa.decimal128(38, 9),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
        "instant": pa.timestamp("us", "UTC"),
    }.get(declared(type_name))


# -- family -> what a column is created as


def struct_type(kind: pa.DataType, leaf: Callable[[pa.DataType], str]) -> str:
    """Return a nested type as DuckDB spells it."""
    import pyarrow as pa

    if pa.types.is_struct(kind):
        members = ", ".join(f"{quoted(each.name)} {struct_type(each.type, leaf)}" for each in kind)
        return f"STRUCT({members})"
    if pa.types.is_map(kind):
        return f"MAP({struct_type(kind.key_type, leaf)}, {struct_type(kind.item_type, leaf)})"
    return f"{struct_type(kind.value_type, leaf)}[]" if pa.types.is_nested(kind) else leaf(kind)
