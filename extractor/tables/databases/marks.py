"""How far a run is in its input, and whether an input begins with the rows that were done before. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import accumulate
from typing import Any, NamedTuple

from pydantic_core import to_json

from ...errors import ConfigError


class TableMark(NamedTuple):
    """A place in an input. rows: how many lie before it. digest: of these, as hexadecimal digits."""

    rows: int = 0
    digest: str = ""

    def after(self, row: Any) -> TableMark:
        """Return the place behind one row more."""
        try:
            told = to_json(row, bytes_mode="base64", inf_nan_mode="strings", serialize_unknown=True)
        except ValueError:  # a lone surrogate in JSON Lines
            told = json.dumps(row).encode()
        return TableMark(self.rows + 1, hashlib.sha256(self.digest.encode() + told).hexdigest())


BEGINNING = TableMark()


def places(begin: TableMark, rows: Iterable[Any]) -> list[TableMark]:
    """Return the places behind each of the rows."""
    return [*accumulate(rows, TableMark.after, initial=begin)][1:]


def check_same(found: TableMark, done: TableMark) -> None:
    """Raise ConfigError if an input has come to another place than the one that it was at before."""
    if found != done:
        raise ConfigError(
            f"the input does not begin with the {done.rows:,} rows that are already written: it has "
            "changed, or the order of its rows has (a query needs ORDER BY)"
        )
