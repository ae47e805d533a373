"""The text of a row of a table: a string, or the document that a column of bytes or paths holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol, cast

from ..bulk import Select, row_maker
from ..bulk.frames import check_columns, columns_of, is_name
from ..errors import ConfigError
from ..layout import Source
from ..readers.given import text_of as text_in
from .table import BadRow, Table, first_names


class ReadsFiles(Protocol):
    """What reads texts and documents; see TextFiles."""

    def read(self, path: str, encoding: str | None) -> str | Source:
        """Return the text or the document of a file. Raises ConfigError."""

    def of_bytes(self, data: bytes, encoding: str | None = None) -> str | Source:
        """Return the text or the document that bytes are. Raises ConfigError."""


def selector(select: Select, source: Table, files: ReadsFiles | None = None) -> Callable[[Any], Any]:
    """Return what tells a row's text. files: reads the bytes of a column, and the paths of Files. Raises
    ConfigError for a column that is not there.
    """
    names = first_names(source) if source.names is None else source.names
    if names and not callable(select) and not is_name(select, names):
        check_columns(columns_of(select), names)
    whole = source.names is not None and is_name(select, source.names)
    row_of = row_maker((lambda row: row[cast(str, select)]) if whole else select)

    def text_of(row: Any) -> Any:
        if isinstance(row, BadRow):
            raise ConfigError(f"line {row.line}: {row.why}")
        found = row_of(row).text
        return only_text(found if files is None else _opened(found, files))

    return text_of


def _opened(found: Any, files: ReadsFiles) -> Any:
    """Return the text or the document of bytes, or of a path; anything else as it is."""
    if isinstance(found, bytes | bytearray | memoryview):
        return files.of_bytes(bytes(found)) if len(found) else None
    return files.read(os.fspath(found), None) if isinstance(found, os.PathLike) else found


def file_selector(select: Select, source: Table, files: ReadsFiles) -> Callable[[Any], Any]:
    """Return what tells the text of a row that names a file by its `path`: that of the file, as `text`,
    unless the row has one. A document that is the whole text keeps its layout. Raises ConfigError for
    rows that name none.
    """
    names = first_names(source) if source.names is None else source.names
    if names and "path" not in names:
        raise ConfigError(f"which column has the text? The columns are {', '.join(names)}")
    if select is not None and not callable(select) and not is_name(select, ("text", "path")):
        needed = columns_of(select)
        if not {*needed} <= {"path", "text"}:
            raise ConfigError(
                f"there is no column {needed[0]!r}: each of these files is read as one document, with "
                "its `path`. To read the rows inside them, use rows=True (--rows)"
            )
    row_of = row_maker("text" if select is None else select)

    def text_of(row: Any) -> Any:
        if isinstance(row, BadRow):
            raise ConfigError(f"line {row.line}: {row.why}")
        if row.get("text") is not None:
            return only_text(row_of(row).text)
        if not isinstance(row.get("path"), str):
            raise ConfigError("the row names no file: it has no `path`")
        found = files.read(row["path"], row.get("encoding"))
        if isinstance(found, Source) and select in (None, "text"):
            return found
        return only_text(row_of({**row, "text": text_in(found)}).text)

    return text_of


def only_text(found: Any) -> str | Source | None:
    """Return a row's text or document. A list would be parts of a message, such as an image that the provider
    fetches: those are for code. Raises ConfigError.
    """
    if found is None or isinstance(found, str | Source):
        return found
    raise ConfigError(f"the text is not a string but a {type(found).__name__}: {str(found)[:80]}")
