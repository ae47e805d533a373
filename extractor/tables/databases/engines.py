"""What differs between databases, as frozen values. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .types import TYPE_NAME, family, struct_type

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Engine:
    """A kind of database.

    column_type: what a column is created as. sent_as_text: families of types that can't be sent
    otherwise. cast: whether text is to be cast to the type of its column. folds: whether names that
    differ in case are one. longest_name: in bytes. also: what fits, beside what fits everywhere.

    columns, uniques: queries about a table, $1, of a schema, $2 or "" for the usual one. They give name,
    type and whether it is required; and for each column of a unique constraint an id of the
    constraint, the column's name, and whether it is the primary key.
    """

    title: str
    column_type: Callable[[pa.Field], str]
    columns: str
    uniques: str
    sent_as_text: frozenset[str] = frozenset()
    cast: bool = False
    folds: bool = False
    longest_name: int | None = None
    also: Mapping[str, frozenset[str]] = field(default_factory=dict)


# -- PostgreSQL

_POSTGRESQL: Mapping[str, str] = {
    "boolean": "boolean",
    "integer": "bigint",
    "float": "double precision",
    "date": "date",
    "time": "time",
    "timestamp": "timestamp",
    "instant": "timestamptz",
    "duration": "interval",
    "nested": "jsonb",
    "binary": "bytea",
    "text": "text",
}
KEPT = frozenset(  # types that a column of PostgreSQL keeps on its way back to PostgreSQL, as text between
    (
        *("bit", "cidr", "inet", "interval", "json", "jsonb", "macaddr", "macaddr8", "money", "numeric"),
        *("timetz", "tsquery", "tsvector", "uuid", "varbit", "xml"),
    )
)


def _postgresql_type(column: pa.Field) -> str:
    kept: str = (column.metadata or {}).get(TYPE_NAME, b"").decode()
    if kept in KEPT:
        return kept
    kind = family(column.type)
    return _decimal(column.type) if kind == "decimal" else _POSTGRESQL[kind]


def _decimal(kind: Any) -> str:
    return f"numeric({kind.precision}, {kind.scale})"


_RELATION = (
    "to_regclass(CASE WHEN $2::text = '' THEN quote_ident($1::text) "
    "ELSE quote_ident($2::text) || '.' || quote_ident($1::text) END)"
)
POSTGRESQL = Engine(
    "PostgreSQL",
    _postgresql_type,
    columns="SELECT attname::text, format_type(atttypid, NULL), "
    "attnotnull AND NOT atthasdef AND attidentity = '' "
    f"FROM pg_attribute WHERE attrelid = {_RELATION} AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
    uniques="SELECT i.indexrelid::bigint, a.attname::text, i.indisprimary FROM pg_index i "
    "CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(number, place) "
    "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number "
    f"WHERE i.indrelid = {_RELATION} AND i.indisunique AND i.indisvalid AND i.indimmediate "
    "AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts ORDER BY 1, k.place",
    sent_as_text=frozenset({"nested"}),
    cast=True,
    longest_name=63,
    also={"nested": frozenset({"text"})},
)

# -- SQLite

_SQLITE: Mapping[str, str] = {"integer": "INTEGER", "float": "REAL", "boolean": "BOOLEAN", "binary": "BLOB"}
_TEXT = frozenset({"text"})
SQLITE = Engine(
    "SQLite",
    lambda column: _SQLITE.get(family(column.type), "TEXT"),
    columns='SELECT name, type, "notnull" AND dflt_value IS NULL '
    "FROM pragma_table_info($1, coalesce(nullif($2, ''), 'main'))",
    uniques="SELECT '', name, 1 FROM pragma_table_info($1, coalesce(nullif($2, ''), 'main')) WHERE pk > 0 "
    "UNION ALL SELECT l.name, c.name, 0 FROM pragma_index_list($1, coalesce(nullif($2, ''), 'main')) l, "
    "pragma_index_info(l.name, coalesce(nullif($2, ''), 'main')) c "
    "WHERE l.\"unique\" AND NOT l.partial AND l.origin <> 'pk'",
    folds=True,
    sent_as_text=frozenset({"nested", "decimal", "date", "time", "timestamp", "instant", "duration"}),
    also={
        "boolean": frozenset({"integer"}),
        "instant": _TEXT | {"timestamp"},
        **dict.fromkeys(("nested", "decimal", "date", "time", "timestamp", "duration"), _TEXT),
    },
)

# -- DuckDB

_DUCKDB: Mapping[str, str] = {
    "boolean": "BOOLEAN",
    "integer": "BIGINT",
    "float": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "instant": "TIMESTAMP WITH TIME ZONE",
    "duration": "INTERVAL",
    "binary": "BLOB",
    "text": "VARCHAR",
}


def _duckdb_leaf(kind: Any) -> str:
    return f"DECIMAL({kind.precision},{kind.scale})" if family(kind) == "decimal" else _DUCKDB[family(kind)]


_WHERE = (
    "WHERE database_name = current_database() AND table_name = $1 "
    "AND schema_name = coalesce(nullif($2, ''), current_schema())"
)
DUCKDB = Engine(
    "DuckDB",
    lambda column: struct_type(column.type, _duckdb_leaf),
    folds=True,
    columns="SELECT column_name, data_type, NOT is_nullable AND column_default IS NULL "
    f"FROM duckdb_columns() {_WHERE} ORDER BY column_index",
    uniques="SELECT constraint_index::VARCHAR, unnest(constraint_column_names), "
    "constraint_type = 'PRIMARY KEY' "
    f"FROM duckdb_constraints() {_WHERE} AND constraint_type IN ('PRIMARY KEY', 'UNIQUE')",
)

ENGINES: Mapping[str, Engine] = {"postgresql": POSTGRESQL, "sqlite": SQLITE, "duckdb": DUCKDB}
