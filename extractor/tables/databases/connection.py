"""A connection to a database, and its errors without the password."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError
from ...files import leads_to
from .address import MEMORY, DatabaseAddress, Name
from .engines import ENGINES
from .types import Existing
from .wires import WIRES, DatabaseWire

if TYPE_CHECKING:
    import pyarrow as pa

TWICE = "21000"  # PostgreSQL: one statement would change a row twice
_SAID = re.compile(r"(?:ERROR|FATAL): +(.*?)(?=\n|\. SQLSTATE|$)")
_LEAD = re.compile(r"^[A-Z_]+: |\[libpq\] ")


class Failed(Exception):
    """A database failed at a statement. rows: whether what was in the rows is to blame."""

    def __init__(self, message: str, rows: bool = False) -> None:
        super().__init__(message)
        self.rows = rows


class DatabaseConnection:
    """A connection on which each step is in a transaction. Each method raises Failed."""

    def __init__(self, address: DatabaseAddress, read_only: bool = False) -> None:
        self.address, self.engine = address, ENGINES[address.kind]
        self._read_only = read_only
        self._wire = self._opened()

    def _opened(self) -> DatabaseWire:
        with self._owner_only(), self._told():
            if self._is_file() and not self._read_only:
                leads_to(self.address.place)
            return WIRES[self.address.kind](self.address.place, self._read_only)

    def _is_file(self) -> bool:
        return self.address.kind != "postgresql" and self.address.place != MEMORY

    def reopen(self) -> None:
        """Connect anew; what was not committed is undone."""
        with suppress(Failed):
            self.close()
        self._wire = self._opened()

    def rows(self, statement: str, *given: Any) -> list[tuple[Any, ...]]:
        """Run a statement with parameters $1, $2, ...; return what rows it gives."""
        with self._told():
            return self._wire.rows(statement, given)

    def columns(self, name: Name) -> Mapping[str, Existing]:
        """Return the columns of a table; none if there is no such table."""
        found = self.rows(self.engine.columns, name.table, name.schema)
        return {column: Existing(column, kind, bool(required)) for column, kind, required in found}

    def uniques(self, name: Name) -> Sequence[Sequence[str]]:
        """Return the columns of each unique constraint of a table."""
        found = self.rows(self.engine.uniques, name.table, name.schema)
        return [[row[1] for row in rows] for _, rows in groupby(found, lambda row: row[0])]

    def primary_key(self, name: Name) -> Sequence[str]:
        """Return the columns of a table's primary key; none if it has none."""
        found = self.rows(self.engine.uniques, name.table, name.schema)
        return [column for _, column, primary in found if primary]

    def stage(self, batch: pa.RecordBatch) -> None:
        """Put rows into a new temporary table."""
        with self._told():
            self._wire.stage(batch)

    def schema(self, query: str) -> pa.Schema:
        """Return which columns a query gives."""
        with self._told():
            return self._wire.schema(query)

    def stream(self, query: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield what a query gives, batch by batch; schema: what `schema` said of it."""
        with self._told():
            yield from self._wire.stream(query, schema)

    def commit(self) -> None:
        """End the transaction."""
        with self._told(), self._owner_only():
            self._wire.commit()

    def rollback(self) -> None:
        """Undo the transaction."""
        with self._told():
            self._wire.rollback()

    def close(self) -> None:
        """Close it; what was not committed is undone."""
        with self._told(), self._owner_only():
            self._wire.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (ConfigError, Failed):
            raise
        except Exception as error:
            wire: DatabaseWire | None = getattr(self, "_wire", None)
            if wire is not None and not isinstance(error, wire.errors):
                raise
            faults = wire.faults if wire else ()
            rows = isinstance(error, faults) or getattr(error, "sqlstate", None) == TWICE
            # not `from error`: the library's own message may hold the URL with its password
            raise Failed(self.address.hide(_shorter(str(error))), rows) from None

    @contextmanager
    def _owner_only(self) -> Iterator[None]:
        """While files are made, a new database is readable by its owner only. Files beside a database, such
        as the log of its commits, are readable only by those who may read the database.
        """
        place = self.address.place
        if not self._is_file() or self._read_only:
            yield
            return
        with MASK.with_more(0o777 & ~os.stat(place).st_mode if os.path.exists(place) else 0o077):
            yield


class Mask:
    """The rights that files of this process are made without. Threads share it, and come and go in any
    order: the last one to leave puts back what was there before the first.
    """

    def __init__(self) -> None:
        self._lock, self._within, self._before = threading.Lock(), 0, 0

    @contextmanager
    def with_more(self, rights: int) -> Iterator[None]:
        """Take these rights too from what is made meanwhile."""
        with self._lock:
            before = os.umask(0o077)
            os.umask(before | rights)
            self._before = self._before if self._within else before
            self._within += 1
        try:
            yield
        finally:
            with self._lock:
                self._within -= 1
                if not self._within:
                    os.umask(self._before)


MASK = Mask()


def _shorter(message: str) -> str:
    """Return a library's message without the statement, and where it points to in that."""
    if found := _SAID.search(message):
        return found[1].strip()
    return _LEAD.sub("", message).partition("\n\n")[0].replace("\n", " ").strip()


@contextmanager
def connected(address: DatabaseAddress, read_only: bool = False) -> Iterator[DatabaseConnection]:
    """Yield a connection. Raises ConfigError if there is none, or where the block fails."""
    connection: DatabaseConnection | None = None
    try:
        connection = DatabaseConnection(address, read_only)
        yield connection
    except Failed as error:
        raise ConfigError(f"{address}: {error}") from None
    finally:
        if connection is not None:
            with suppress(Failed):
                connection.close()
