"""Which format a file has, by its name. Pure."""

from __future__ import annotations

from pathlib import PurePath

from ..errors import ConfigError
from .databases.address import is_database

FORMATS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}


def format_of(path: str) -> str:
    """Return "csv", "tsv", "jsonl" or "parquet"; standard input and output are JSON Lines."""
    if path == "-":
        return "jsonl"
    found = FORMATS.get(PurePath(path).suffix.lower())
    if found is None:
        hint = "; JSON is taken as JSON Lines, one object on each line" if path.endswith(".json") else ""
        raise ConfigError(
            f"{path} is none of {', '.join(FORMATS)}: its name says how it is read or written{hint}"
        )
    return found


def is_typed(output: str) -> bool:
    """Whether the columns of an output have types, which are looked for in the whole input first."""
    return is_database(output) or format_of(output) == "parquet"
