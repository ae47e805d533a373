"""The text of a row of a table. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias, cast

from ..bulk import Select, row_maker
from ..bulk.frames import check_columns, columns_of, is_name
from ..errors import ConfigError
from ..layout import Source
from ..readers.given import text_of as text_in
from .table import BadRow, Table, first_names

ReadText: TypeAlias = Callable[[str, str | None], str | Source]


def selector(select: Select, source: Table) -> Callable[[Any], Any]:
    """Return what tells a row's text. Raises ConfigError for a column that is not there."""
    names = first_names(source) if source.names is None else source.names
    if names and not callable(select) and not is_name(select, names):
        check_columns(columns_of(select), names)
    whole = source.names is not None and is_name(select, source.names)
    row_of = row_maker((lambda row: row[cast(str, select)]) if whole else select)

    def text_of(row: Any) -> Any:
        if isinstance(row, BadRow):
            raise ConfigError(f"line {row.line}: {row.why}")
        return only_text(row_of(row).text)

    return text_of


def file_selector(select: Select, source: Table, read: ReadText) -> Callable[[Any], Any]:
    """Return what tells the text of a row that names a file by its `path`: that of the file, as `text`,
    unless the row has one. A document that is the whole text keeps its layout. read: reads a file. Raises
    ConfigError for rows that name none.
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
        found = read(row["path"], row.get("encoding"))
        if isinstance(found, Source) and select in (None, "text"):
            return found
        return only_text(row_of({**row, "text": text_in(found)}).text)

    return text_of


def only_text(found: Any) -> str | None:
    """Return a row's text. A list would be parts of a message, such as an image that the provider fetches:
    those are for code. Raises ConfigError.
    """
    if found is None or isinstance(found, str):
        return found
    raise ConfigError(f"the text is not a string but a {type(found).__name__}: {str(found)[:80]}")
