"""Record types whose records come with quotes: beside the values of each object, the words that show them.

The input of the compiler is rewritten, so this works for every target. Each object gets one more member, in
which the model quotes the text for each value that is not an object itself. The quotes are checked against
the text and taken out before the record is validated.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic_core import from_json

from ...errors import Invalid, Problem
from ...evidence import align, find_elided, find_said
from ...messages import JSON, Cited
from ...pointers import Step, pointer
from ..codec.values import as_said, dumps, loads
from ..grounding.verbatim import REASON, folded, source_text
from ..nodes import PYTHON, TAG, VALUE, Member, Python, Record, Schema, TypeSource, below, mapped, python_of
from ..problems import invalid, judged

QUOTES: Final = "quotes_from_text"  # the member's name, which hardly any type has
TOLD: Final = 'For each value the few words of the text that show it, word for word; "" where none do.'
LONGEST: Final = 120  # characters of a quote in an example


@dataclass(frozen=True)
class Quoted:
    """A record type that is extracted together with quotes."""

    record_type: Any


def with_quotes(source: TypeSource) -> TypeSource:
    """Return a record type as the compiler reads it, with quotes in each object. `validate` returns Cited."""
    return replace(mapped(source, lambda node: _quoting(node, source)), validate=_validate(source))


# The schema


def _quoting(schema: Schema, source: TypeSource) -> Schema:
    """Return a node, an object's with quotes of its values before them."""
    record, properties = schema[PYTHON].data, schema.get("properties", {})
    if not isinstance(record, Record):
        return schema
    keys = [m.key for m in record.members if not _holds_objects(properties.get(m.key, {}), source, set())]
    if not keys or QUOTES in properties:
        return schema
    quote: Schema = {"type": "string", PYTHON: Python("leaf", type=str)}
    quotes: Schema = {
        "type": "object",
        "description": TOLD,
        "properties": dict.fromkeys(keys, quote),
        PYTHON: Python("quotes", Record([Member(key, key, True) for key in keys], by_item=True)),
    }
    record = replace(record, members=[Member(QUOTES, QUOTES, True), *record.members])
    python = replace(schema[PYTHON], data=record)
    quoting: Schema = {QUOTES: quotes, **properties}
    return {**schema, "properties": quoting, PYTHON: python}


def _holds_objects(schema: Schema, source: TypeSource, seen: set[str]) -> bool:
    """Whether objects with quotes of their own can stand in a node's values."""
    if "$ref" in schema:
        if schema["$ref"] in seen:
            return False
        seen.add(schema["$ref"])
        return _holds_objects(source.definitions.get(schema["$ref"], {}), source, seen)
    python = python_of(schema)
    if python is None:
        return False
    if python.kind == "object":
        return bool(schema.get("properties"))
    return any(_holds_objects(part, source, seen) for part in below(schema))


# The records


def _validate(source: TypeSource) -> Callable[[str | bytes, Any], Any]:
    def validate(text: str | bytes, context: Any) -> Any:
        found: dict[str, str] = {}
        data = _without_quotes(from_json(text), (), found)
        given = context.get("text") if isinstance(context, Mapping) else None
        quotes, problems = _checked(found, source_text(given))
        try:
            record = judged(source, data, context)
        except Invalid as error:
            raise invalid([*error.problems, *problems]) from error
        if problems:
            raise invalid(problems)
        return Cited(record, quotes)

    return validate


def _without_quotes(data: JSON, at: tuple[Step, ...], found: dict[str, str]) -> JSON:
    """Return plain JSON without its quotes, which go to `found` by the pointer of what they are for."""
    if isinstance(data, list):
        return [_without_quotes(item, (*at, i), found) for i, item in enumerate(data)]
    if not isinstance(data, dict):
        return data
    if data.keys() == {TAG, VALUE}:
        return {**data, VALUE: _without_quotes(data[VALUE], at, found)}
    quotes = data.get(QUOTES)
    if isinstance(quotes, dict):
        data = {key: value for key, value in data.items() if key != QUOTES}
        found |= {pointer((*at, key)): quote for key, quote in quotes.items() if isinstance(quote, str)}
    return {key: _without_quotes(value, (*at, key), found) for key, value in data.items()}


def _checked(found: Mapping[str, str], text: str | None) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    """Return the quotes as they stand in the text, and a problem for each that does not."""
    quotes, problems = dict[str, tuple[str, ...]](), list[Problem]()
    if text is None:
        return quotes, problems
    for place, quote in found.items():
        spans = find_said(quote, folded(text))[:1] or find_elided(quote, folded(text))
        if spans:
            quotes[place] = tuple(span.text for span in spans)
        elif quote.strip():
            holder, _, key = place.rpartition("/")
            problems.append(Problem(f"{holder}/{QUOTES}/{key}", f"the quote {REASON}", quote, "verbatim"))
    return quotes, problems


# Examples


def quote_example(wire: str, text: str, places: Mapping[str, Sequence[tuple[int, int]]] | None = None) -> str:
    """Return a record's strict JSON with quotes of the text that it is an example for. places: where values
    stand, by their pointers, as far as they are known.
    """
    data = as_said(loads(wire, as_written=True))
    spans = align(json.loads(dumps(data)), text)
    for holder, quotes in list(_holders(data, ())):
        for key in quotes:
            at = pointer((*holder, key))
            found = (places or {}).get(at) or [(span.start, span.end) for span in spans.get(at, ())]
            quotes[key] = _around(text, *found[0]) if found else ""
    return dumps(data)


def _holders(data: JSON, at: tuple[Step, ...]) -> Iterator[tuple[tuple[Step, ...], dict[str, JSON]]]:
    if isinstance(data, list):
        for i, item in enumerate(data):
            yield from _holders(item, (*at, i))
    elif isinstance(data, dict):
        if isinstance(data.get(QUOTES), dict):
            yield at, data[QUOTES]
        for key, value in data.items():
            yield from _holders(value, (*at, key))


def _around(text: str, start: int, end: int) -> str:
    """Return the line that a span stands in, or the span where that is long."""
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", end)
    line = text[first : len(text) if last < 0 else last].strip()
    return line if len(line) <= LONGEST else text[start:end]
