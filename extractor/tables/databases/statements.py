"""The SQL of a sink. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ...errors import ConfigError
from .address import Name, listed, quoted
from .engines import Engine
from .types import Existing, declared, family, fits

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "_extractor_stage"  # the temporary table through which rows come in
DROP_STAGE = f"DROP TABLE {quoted(STAGE)}"
RUNS = "_extractor_runs"  # the table that knows how far each run is


def create(engine: Engine, name: Name, schema: pa.Schema, key: Sequence[str]) -> str:
    """Return what makes a table for rows of a schema. key: the columns that tell its rows apart."""
    columns = [
        f"{quoted(each.name)} {engine.column_type(each)}" + (" NOT NULL" if each.name in key else "")
        for each in schema
    ]
    primary = [f"PRIMARY KEY ({listed(key)})"] if key else []
    return f"CREATE TABLE {name.sql} ({', '.join([*columns, *primary])})"


def insert(
    engine: Engine, name: Name, schema: pa.Schema, existing: Mapping[str, Existing], key: Sequence[str]
) -> str:
    """Return what brings the rows of the stage into a table: with a key, in place of those that have it."""
    values = ", ".join(_staged(engine, each, existing) for each in schema)
    return (
        f"INSERT INTO {name.sql} ({listed(schema.names)}) "
        f"SELECT {values} FROM {quoted(STAGE)} WHERE true{_conflict(schema.names, key)}"
    )


def take_out(
    engine: Engine, name: Name, schema: pa.Schema, existing: Mapping[str, Existing], key: Sequence[str]
) -> str:
    """Return what takes the rows out of a table whose key is that of a row of the stage."""
    keys = ", ".join(_staged(engine, schema.field(each), existing) for each in key)
    return f"DELETE FROM {name.sql} WHERE ({listed(key)}) IN (SELECT {keys} FROM {quoted(STAGE)})"


def _staged(engine: Engine, column: pa.Field, existing: Mapping[str, Existing]) -> str:
    """Return a column of the stage, as the table's column is."""
    name = quoted(column.name)
    return f"CAST({name} AS {existing[column.name].type})" if _is_cast(engine, column, existing) else name


def _is_cast(engine: Engine, column: pa.Field, existing: Mapping[str, Existing]) -> bool:
    """Whether text is to be read as the type of the column; a cast to character(n) would cut it off."""
    sent = "text" if family(column.type) in engine.sent_as_text else family(column.type)
    return engine.cast and sent == "text" and declared(existing[column.name].type) != "text"


def _conflict(names: Sequence[str], key: Sequence[str]) -> str:
    if not key:
        return ""
    others = [f"{quoted(name)} = excluded.{quoted(name)}" for name in names if name not in key]
    action = f"UPDATE SET {', '.join(others)}" if others else "NOTHING"
    return f" ON CONFLICT ({listed(key)}) DO {action}"


def check_fit(engine: Engine, name: Name, schema: pa.Schema, existing: Mapping[str, Existing]) -> None:
    """Raise ConfigError if rows of a schema have no place in a table that is there."""
    wrong = [*_misfits(engine, schema, existing)]
    wrong += [
        f"{each.name!r} is required, but the records do not fill it"
        for each in existing.values()
        if each.required and each.name not in schema.names
    ]
    if wrong:
        raise ConfigError(
            f"the table {name} does not fit: {'; '.join(wrong)}. Change it, or name a new table, "
            "which is then created"
        )


def _misfits(engine: Engine, schema: pa.Schema, existing: Mapping[str, Existing]) -> Sequence[str]:
    missing = [f"it has no column {each.name!r}" for each in schema if each.name not in existing]
    return missing + [
        f"{each.name!r} is {existing[each.name].type}, but {engine.column_type(each)} would be written"
        for each in schema
        if each.name in existing and not _has_place(engine, each, existing[each.name].type)
    ]


def _has_place(engine: Engine, column: pa.Field, type_name: str) -> bool:
    kind, there = family(column.type), declared(type_name)
    if kind == "nested" and there == "nested":
        return engine.column_type(column).replace('"', "") == type_name.replace('"', "")
    return fits(kind, there, engine.also) or engine.column_type(column) == type_name


def check_key(name: Name, uniques: Sequence[Sequence[str]], key: Sequence[str]) -> None:
    """Raise ConfigError if no constraint keeps the key's values apart."""
    if not any(sorted(columns) == sorted(key) for columns in uniques):
        raise ConfigError(
            f"the table {name} has no unique constraint on ({', '.join(key)}), which upsert needs: "
            f"ALTER TABLE {name.sql} ADD UNIQUE ({listed(key)})"
        )


def differing(name: Name, column: str) -> str:
    """Return what finds a value of a column that is not $1."""
    return f"SELECT {quoted(column)} FROM {name.sql} WHERE {quoted(column)} <> $1 LIMIT 1"


# -- runs


def create_runs(runs: Name) -> str:
    """Return what makes the table of runs, if there is none."""
    return (
        f"CREATE TABLE IF NOT EXISTS {runs.sql} (into_table TEXT NOT NULL, run TEXT NOT NULL, "
        "rows_done BIGINT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (into_table, run))"
    )


def begin_run(runs: Name) -> str:
    """Return what notes that into a table, $1, a run, $2, is at its beginning."""
    return (
        f"INSERT INTO {runs.sql} VALUES ($1, $2, 0, '') "
        "ON CONFLICT (into_table, run) DO UPDATE SET rows_done = 0, digest = ''"
    )


def read_run(runs: Name) -> str:
    """Return what finds how far into a table, $1, a run, $2, is."""
    return f"SELECT rows_done, digest FROM {runs.sql} WHERE into_table = $1 AND run = $2"


def forget_runs(runs: Name) -> str:
    """Return what forgets the runs into a table, $1."""
    return f"DELETE FROM {runs.sql} WHERE into_table = $1"


def advance_run(runs: Name) -> str:
    """Return what moves on to rows, $1, and digest, $2, into a table, $3, a run, $4, if it is still at $5. It
    gives a row if so.
    """
    return (
        f"UPDATE {runs.sql} SET rows_done = $1, digest = $2 "
        "WHERE into_table = $3 AND run = $4 AND rows_done = $5 RETURNING run"
    )
