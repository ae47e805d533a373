"""Which format a file has, by its name. Pure."""

from __future__ import annotations

from pathlib import PurePath

from ..errors import ConfigError
from .databases.address import is_database

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".json": "json",
    ".xlsx": "xlsx",
}
TEXTS = frozenset({"csv", "tsv", "jsonl", "json"})


def format_of(path: str) -> str:
    """Return the format of a file: one of those in FORMATS, also where a text is packed as .gz. Standard
    input and output are JSON Lines. Raises ConfigError.
    """
    if path == "-":
        return "jsonl"
    packed = path.lower().endswith(".gz")
    found = FORMATS.get(PurePath(path[:-3] if packed else path).suffix.lower())
    if found is None or (packed and found not in TEXTS):
        raise ConfigError(f"{path} must end in one of {', '.join(FORMATS)}, which determines the format")
    return found


def is_table(path: str) -> bool:
    """Whether a file's name says that it holds rows."""
    try:
        return bool(format_of(path))
    except ConfigError:
        return False


def is_typed(output: str) -> bool:
    """Whether the columns of an output have types, which are looked for in the whole input first."""
    return is_database(output) or format_of(output) == "parquet"
