"""Records that stood in a table, as JSON again: tables know fewer types, and one kind of nothing. Pure."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, TypeAlias

from pydantic_core import from_json

from ...messages import JSON
from ..nodes import ABSENT
from .members import kinds, members, outline

Fit: TypeAlias = Callable[[Any], Any]
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
PLACE = re.compile("f[0-9]+")  # the members of a struct that is a tuple
WORDS = {"true": True, "false": False}


class Fitting:
    """Converts the values of a table to those of a type, as far as the type's outline tells.

    - Null and an empty cell are null if the type takes null. Otherwise they are the empty string, if the cell
      was text and the type takes text. Otherwise the member is left out.
    - Text is read as a number, true or false, or JSON if the type takes no text. A list or an object is also
      read if it does.
    - What has no one type in Arrow is read as `extractor run` writes it: tuples are structs, and values of
      several types are JSON text.
    """

    def __init__(self, document: JSON) -> None:
        self._document = document
        self._made: dict[int, Fit] = {}

    def row(self, names: Iterable[str] | None = None) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """Return what makes a record of a row whose columns are its members."""
        known = members(self._document, self._document)
        fits = {name: self.of(known.get(name, True)) for name in (known if names is None else names)}
        other = self.of(True)

        def fit(row: Mapping[str, Any]) -> dict[str, Any]:
            found = {name: fits.get(name, other)(value) for name, value in row.items()}
            return {name: value for name, value in found.items() if value is not ABSENT}

        return fit

    def whole(self) -> Fit:
        """Return what makes a record of a cell that holds all of it."""
        return self.of(self._document)

    def of(self, schema: JSON) -> Fit:
        """Return what makes of a value in a table one for this schema."""
        found = self._made.get(id(schema))
        if found is None:
            self._made[id(schema)] = lambda value: self._made[id(schema)](value)  # for what refers to itself
            found = self._made[id(schema)] = self._fit(schema)
        return found

    def _fit(self, schema: JSON) -> Fit:
        inner = outline(schema, self._document)
        takes = kinds(schema, self._document)
        named = {name: self.of(each) for name, each in members(schema, self._document).items()}
        placed = [self.of(each) for each in inner.get("prefixItems", ())]
        other, item = self.of(inner.get("additionalProperties", True)), self.of(inner.get("items", True))
        read = cell_reader(takes)

        def fit(value: Any) -> Any:
            if value is None or isinstance(value, str):
                return read(value)
            if isinstance(value, bytes):
                return _as_text(value, inner.get("format"))
            if isinstance(value, dict | list):
                value = _reshaped(value, takes)
            if isinstance(value, dict):
                found = {name: named.get(name, other)(each) for name, each in value.items()}
                return {name: each for name, each in found.items() if each is not ABSENT}
            if isinstance(value, list):
                fits = chain(placed, repeat(item))
                items = [fit_item(each) for fit_item, each in zip(fits, value, strict=False)]
                return [None if each is ABSENT else each for each in items]
            return value

        return fit


def _as_text(value: bytes, form: JSON) -> str:
    """Return bytes as JSON has them: in UTF-8, which is "binary" in Pydantic's schemas, else in base64."""
    if form == "binary":
        with suppress(UnicodeDecodeError):
            return value.decode()
    return (b64encode if form == "base64" else urlsafe_b64encode)(value).decode()


def _reshaped(value: dict[str, Any] | list[Any], takes: frozenset[str]) -> Any:
    """Return a value as JSON has it: Arrow has maps as lists of pairs, and tuples as structs."""
    if isinstance(value, list):
        is_map = "object" in takes and "array" not in takes and all(isinstance(each, tuple) for each in value)
        return dict(value) if is_map else value
    is_tuple = "array" in takes and "object" not in takes and all(map(PLACE.fullmatch, value))
    return list(value.values()) if is_tuple else value


def cell_reader(takes: frozenset[str]) -> Callable[[str | None], JSON]:
    """Return the function from a cell to JSON of the types `takes`, or to what comes nearest."""
    nothing: JSON = None if "null" in takes else ABSENT
    empty: JSON = "" if nothing is ABSENT and "string" in takes else nothing
    is_text, nested = "string" in takes, takes & {"array", "object"}
    marks = ("[{" if nested else "") + ('"' if is_text and takes - {"string", "null"} else "")
    numeric, boolean = takes & {"integer", "number"}, "boolean" in takes

    def read(cell: str | None) -> JSON:
        if not cell:
            return nothing if cell is None else empty
        if cell[0] in marks:
            return _parsed(cell)
        if is_text:
            return cell
        if numeric and NUMBER.fullmatch(cell):
            return from_json(cell)
        if boolean:
            return WORDS.get(cell.lower(), cell)
        return cell

    return read


def _parsed(cell: str) -> JSON:
    try:
        return from_json(cell)
    except ValueError:
        return cell
