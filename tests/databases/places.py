"""Databases of three kinds to test with, looked into by each one's own means and not by what is tested."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import postgres

adbc_postgresql = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="needs the `databases` extra")
duckdb = pytest.importorskip("duckdb", reason="needs the `databases` extra")

KINDS = ("postgresql", "sqlite", "duckdb")
NESTED: Mapping[str, str] = {"postgresql": "jsonb", "sqlite": "TEXT", "duckdb": "STRUCT(town VARCHAR)"}


@dataclass(frozen=True)
class Place:
    """A database with nothing in it. url: with the password, where there is one."""

    kind: str
    url: str

    @property
    def file(self) -> Path:
        return Path(self.url.partition(":///")[2])

    @property
    def database(self) -> str:
        return self.url.rpartition("/")[2]

    def do(self, *statements: str) -> None:
        """Run statements, and commit them."""
        if self.kind == "postgresql":
            with adbc_postgresql.connect(self.url) as connection, connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                connection.commit()
        elif self.kind == "sqlite":
            with closing(sqlite3.connect(self.file, isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            with duckdb.connect(str(self.file)) as connection:
                for statement in statements:
                    connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query gives."""
        if self.kind == "postgresql":
            with adbc_postgresql.connect(self.url) as connection, connection.cursor() as cursor:
                cursor.execute(query)
                return [tuple(row) for row in cursor.fetchall()]
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.file)) as connection:
                return list(connection.execute(query).fetchall())
        with duckdb.connect(str(self.file)) as connection:
            return list(connection.execute(query).fetchall())

    def count(self, table: str) -> int:
        """Return how many rows a table has; 0 where there is none."""
        try:
            return int(self.rows(f"SELECT count(*) FROM {table}")[0][0])
        except (sqlite3.OperationalError, duckdb.CatalogException, adbc_postgresql.Error):
            return 0


needs_postgresql = pytest.mark.skipif(postgres.binaries() is None, reason="needs PostgreSQL on this machine")
of_each_kind = [
    pytest.param(kind, marks=[pytest.mark.server, needs_postgresql] if kind == "postgresql" else ())
    for kind in KINDS
]
