"""Values of rows as JSON and as cells of CSV. Pure."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from math import isfinite, isnan
from typing import Any

from pydantic_core import to_jsonable_python

from ..messages import JSON
from ..words import escaped
from .formulas import unquoted
from .table import BadRow, Fields


def to_json(line: JSON, indent: int | None = None) -> str:
    """Return a value as JSON text that UTF-8 can hold, and a terminal can show. JSON has no numbers that are
    none: they become the texts "NaN", "Infinity" and "-Infinity", as in Pydantic's mode "strings".
    """
    try:
        text = json.dumps(line, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        text = json.dumps(finite(line), ensure_ascii=False, indent=indent)
    return escaped(text)


def finite(value: JSON) -> JSON:
    """Return a value with texts in the place of numbers that JSON has not."""
    if isinstance(value, float) and not isfinite(value):
        return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    return [finite(each) for each in value] if isinstance(value, list | tuple) else value


def plain(value: Any) -> JSON:
    """Return a row's own fields as JSON: Parquet has dates, bytes and decimals."""
    return to_jsonable_python(value, serialize_unknown=True, bytes_mode="base64")


_BYTES = "$base64"


def held(value: Any) -> JSON:
    """Return a row's own fields as a quarantine keeps them: as JSON of which `released` makes the same bytes,
    since they may be the document that is asked about.
    """
    if isinstance(value, bytes | bytearray | memoryview):
        return {_BYTES: b64encode(value).decode()}
    if isinstance(value, dict):
        kept = {str(name): held(each) for name, each in value.items()}
        return {_BYTES: kept} if value.keys() == {_BYTES} else kept
    return [held(each) for each in value] if isinstance(value, list | tuple) else plain(value)


def released(value: JSON) -> Any:
    """Return the fields that `held` made a value of, bytes as bytes."""
    if isinstance(value, list):
        return [released(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_BYTES}:
        return _bytes_of(value[_BYTES])
    return {name: released(each) for name, each in value.items()}


def _bytes_of(kept: JSON) -> Any:
    if isinstance(kept, dict):
        return {name: released(each) for name, each in kept.items()}
    try:
        return b64decode(str(kept), validate=True)
    except ValueError:  # a person may have changed it
        return kept


def cell_text(value: Any) -> Any:
    """Return a value as a cell of CSV: what is not a scalar is JSON text."""
    if value is None or isinstance(value, str | int | float):
        return finite(well_formed(value))
    simple = plain(value)
    return simple if isinstance(simple, str) else to_json(simple)


def well_formed(value: Any) -> Any:
    """Return a value of JSON without lone surrogates, which only JSON has a way to write: they become "?"."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {well_formed(name): well_formed(each) for name, each in value.items()}
    return [well_formed(each) for each in value] if isinstance(value, list) else value


def same_row(own: Fields | BadRow, earlier: Fields) -> bool:
    """Whether an earlier output's row was made of this row of the input."""
    fields = {"line": own.line} if isinstance(own, BadRow) else own
    return all(_as_text(value) == _as_text(earlier.get(name)) for name, value in fields.items())


def _as_text(value: Any) -> str:
    cell = cell_text(value)
    return "" if cell is None else unquoted(str(cell))
