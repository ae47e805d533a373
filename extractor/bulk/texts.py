"""The text of a caller's row. Pure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from pathlib import Path
from string import Formatter
from typing import Any, TypeAlias

from ..errors import ConfigError, ExtractorError
from ..keywords import names_wrong_keywords
from ..readers.given import USUAL, Reading
from ..saying import Saying
from .outcomes import Row

Select: TypeAlias = str | Sequence[str] | Callable[[Any], Any] | None


def row_maker(
    select: Select, by_row: Callable[[Any], Saying] | None = None, reading: Reading = USUAL
) -> Callable[[Any], Row]:
    """Return what makes a Row of a caller's row, with that row for its key. by_row: tells what is said of it.
    reading: how a document in it is read.

    select: None where rows are texts; the name of a field; several names, whose texts are joined by
    blank lines; a template such as "{title}: {body}"; or a function of the row. What it finds is the
    row's text, None where there is none. Raises ConfigError for a select that is nothing of these.
    """
    text_of = _text_of(select)

    def make(row: Any) -> Row:
        made = row if isinstance(row, Row) else Row(as_text(text_of(row)), row)
        return made if reading == USUAL else made._replace(text=reading.of(made.text))

    def make_saying(row: Any) -> Row:
        made = make(row)
        asks = made.asked(made.text) is not None and made.saying is None
        return made._replace(saying=by_row(made.key)) if asks and by_row else made

    return make if by_row is None else make_saying


@names_wrong_keywords({"column": "name"})
@dataclass(frozen=True, slots=True)
class Files:
    """For `text=`: the field holds paths, and the documents there are read. Paths are opened only if you use
    this.
    """

    name: str

    def __call__(self, row: Any) -> Path | None:
        """Return the path in a row, None where there is none."""
        found = as_text(row if isinstance(row, str | os.PathLike) else _field(row, self.name))
        return None if found is None or not str(found).strip() else Path(found)


def as_text(value: Any) -> Any:
    """Return a text as Python has it; None for what stands for nothing in a table: NaN, and pandas' own."""
    if value is None or isinstance(value, str):
        return value
    if hasattr(value, "as_py"):  # a scalar of pyarrow's
        value = value.as_py()
    if isinstance(value, Decimal):
        return None if value.is_nan() else value
    if isinstance(value, Real):
        return None if value != value else value
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _text_of(select: Select) -> Callable[[Any], Any]:
    if select is None:
        return _itself
    if isinstance(select, str):
        return _template(select) if "{" in select else lambda row: _field(row, select)
    if isinstance(select, Sequence) and select and all(isinstance(name, str) for name in select):
        return lambda row: _joined(_field(row, name) for name in select)
    if callable(select):
        return _called(select)
    raise ConfigError(
        f"text= must be the name of a field, several names, a template or a function, not {select!r:.80}"
    )


def _called(select: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(row: Any) -> Any:
        try:
            return select(row)
        except ExtractorError:
            raise
        except Exception as error:  # a bug of the caller's: theirs to see, and no other row's
            raise ConfigError(f"text= raised {type(error).__name__}: {error}") from error

    return call


def _itself(row: Any) -> Any:
    if isinstance(row, Mapping):
        raise ConfigError("rows that are mappings need text=: the name of the field with the text")
    return row


def _field(row: Any, name: str) -> Any:
    try:
        return getattr(row, name) if name in getattr(row, "_fields", ()) else row[name]
    except (KeyError, TypeError, IndexError):
        known = f"; it has {', '.join(map(str, row))}" if isinstance(row, Mapping) else ""
        raise ConfigError(f"the row has no field {name!r}{known}") from None


def _joined(texts: Iterator[Any]) -> str | None:
    known = (text for text in map(as_text, texts) if text is not None)
    return "\n\n".join(str(_not_bytes(text)) for text in known if str(text).strip()) or None


def _not_bytes(value: Any) -> Any:
    """Return a value that goes into a text. Raises ConfigError for bytes, which would be Python's spelling of
    them.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        raise ConfigError(
            "bytes cannot be a part of a text: for the document that they are, name their field alone"
        )
    return value


def names_in(template: str) -> Sequence[str]:
    """Return the names of the fields in a template, in order. Raises ConfigError where it is none."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise ConfigError(f"text={template!r} is not a valid template: {error}") from error
    if not names or not all(names):
        raise ConfigError(f"text={template!r} is not a valid template: write names of fields as {{name}}")
    return names


def _template(template: str) -> Callable[[Any], Any]:
    names, parts = names_in(template), list(Formatter().parse(template))

    def fill(row: Any) -> str | None:
        values = {name: as_text(_field(row, name)) for name in names}
        if all(value is None for value in values.values()):
            return None
        return "".join(
            literal + ("" if name is None else _formatted(name, values[name], conversion, spec or ""))
            for literal, name, spec, conversion in parts
        )

    return fill


def _formatted(name: str, value: Any, conversion: Any, spec: str) -> str:
    if value is None:
        return ""
    try:
        return format(Formatter().convert_field(_not_bytes(value), conversion), spec)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the field {name!r} can't be formatted as {{{name}:{spec}}}: {error}") from error
