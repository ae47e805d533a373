"""What a record type means, apart from how it is worded or sent: its fingerprint, and what changed. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from ...messages import JSON
from .lenient import Lenient

Meaning: TypeAlias = dict[str, JSON]
STAMP_LENGTH = 16  # hexadecimal digits: 64 bits
WORDS = frozenset({"title", "description", "examples", "$comment", "$schema", "$id", "id", "deprecated"})
NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
VALUES = frozenset({"const", "default"})
BOUNDS = ("ge", "gt", "le", "lt", "multiple_of", "max_digits", "decimal_places", "now_op", "tz_constraint")
DEFINITIONS = "#/$defs/"
SHOWN = 80  # characters of a value in a message


def fingerprint(meaning: Meaning) -> str:
    """Return 16 hexadecimal digits that tell record types apart by what they mean."""
    return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()[:STAMP_LENGTH]


class TypeMeaning(Lenient):
    """Pydantic's generator, with all that leaves say of themselves."""

    def decimal_schema(self, schema: Any) -> dict[str, Any]:
        """A decimal with its bounds."""
        return _leaf(schema)

    date_schema = time_schema = datetime_schema = timedelta_schema = decimal_schema


def _leaf(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": schema["type"], **{name: str(schema[name]) for name in BOUNDS if name in schema}}


def canonical(document: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the canonical form of a JSON Schema. Types have the same form if they differ only in titles,
    descriptions, examples, the order of members or the names of inner types.

    document: its references are all `#/$defs/NAME`.
    """
    return _Canon(document).whole()


class _Canon:
    """The walk over one document whose references are all `#/$defs/NAME`."""

    def __init__(self, document: Mapping[str, JSON]) -> None:
        self._document = document
        self._numbers: dict[str, int] = {}

    def whole(self) -> dict[str, JSON]:
        """Return the document in its canonical form: definitions have numbers for names."""
        root = self._schema({name: value for name, value in self._document.items() if name != "$defs"})
        definitions: dict[str, JSON] = {}
        while len(definitions) < len(self._numbers):
            name = list(self._numbers)[len(definitions)]
            number = str(self._numbers[name])
            definitions[number] = self._schema(self._document["$defs"][name])
        return {**root, **({"$defs": definitions} if definitions else {})}

    def _schema(self, schema: JSON) -> JSON:
        if isinstance(schema, list):
            return [self._schema(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        return {name: self._keyword(name, schema[name]) for name in sorted(schema.keys() - WORDS)}

    def _keyword(self, name: str, value: JSON) -> JSON:
        if name == "$ref" and str(value).startswith(DEFINITIONS):
            number = self._numbers.setdefault(value.removeprefix(DEFINITIONS), len(self._numbers))
            return f"{DEFINITIONS}{number}"
        if name in NAMED and isinstance(value, dict):
            return {each: self._schema(value[each]) for each in sorted(value)}
        if name in VALUES:
            return value
        if name == "discriminator" and isinstance(value, dict):
            return value.get("propertyName")
        if name in ("required", "enum") or (name == "type" and isinstance(value, list)):
            return sorted(value, key=json.dumps)
        return self._schema(value)


# -- what changed


def changes(before: Meaning, after: Meaning) -> list[str]:
    """Return what differs, a sentence each, at JSON pointers into the record; `*` is any item."""
    sides = ((side, before.get(side), after.get(side)) for side in ("reads", "writes"))
    told = [each for _, old, new in sides if old and new for each in _Changes(old, new).at_root()]
    return list(dict.fromkeys(told))


class _Changes:
    def __init__(self, before: JSON, after: JSON) -> None:
        self._before, self._after = before, after
        self._seen: set[tuple[str, str]] = set()

    def at_root(self) -> Iterator[str]:
        """Yield the changes of the whole."""
        return self._between(self._before, self._after, "")

    def _between(self, old: JSON, new: JSON, place: str) -> Iterator[str]:
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield f"{place or 'the record'} was {_shown(old)} and is {_shown(new)}"
            return
        (old, could), (new, can) = _without_null(old), _without_null(new)
        if could != can:
            yield f"{place or 'the record'} may {'' if can else 'not '}be null now"
        pair = str(old.get("$ref")), str(new.get("$ref"))
        if "$ref" in old or "$ref" in new:
            if pair in self._seen:
                return
            self._seen.add(pair)
            old, new = _referred(old, self._before), _referred(new, self._after)
        for name in sorted({*old, *new} - {"$defs"}):
            yield from self._keyword(name, old.get(name), new.get(name), place)

    def _keyword(self, name: str, old: JSON, new: JSON, place: str) -> Iterator[str]:
        if name in NAMED and isinstance(old, dict) and isinstance(new, dict):
            yield from self._members(old, new, place)
        elif name == "required":
            yield from (f"{place}/{each} may be left out now" for each in _only(old, new))
            yield from (f"{place}/{each} must be there now" for each in _only(new, old))
        elif isinstance(old, dict) and isinstance(new, dict) and name not in VALUES:
            within = f"{place}/*" if name in ("items", "additionalProperties") else place
            yield from self._between(old, new, within)
        elif _are_schemas(old) and _are_schemas(new) and len(old) == len(new):
            for one, other in zip(old, new, strict=True):
                yield from self._between(one, other, place)
        elif old != new:
            yield f"{place or 'the record'}: {name} was {_shown(old)} and is {_shown(new)}"

    def _members(self, old: JSON, new: JSON, place: str) -> Iterator[str]:
        for name in sorted({*old, *new}):
            if name not in new:
                yield f"{place}/{name} is gone"
            elif name not in old:
                yield f"{place}/{name} is new"
            else:
                yield from self._between(old[name], new[name], f"{place}/{name}")


def _referred(schema: JSON, document: JSON) -> JSON:
    reference = str(schema.get("$ref", ""))
    if not reference.startswith(DEFINITIONS):
        return schema
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    return {**document["$defs"][reference.removeprefix(DEFINITIONS)], **beside}


def _without_null(schema: JSON) -> tuple[JSON, bool]:
    """Return a schema without its choice of null, and whether it has one."""
    match schema:
        case {"anyOf": [dict(inner), {"type": "null"}], **rest}:
            return {**rest, **inner}, True
    return schema, False


def _only(some: Sequence[str] | None, others: Sequence[str] | None) -> list[str]:
    return [each for each in some or () if each not in (others or ())]


def _are_schemas(value: JSON) -> bool:
    return isinstance(value, list) and all(isinstance(each, dict) for each in value)


def _shown(value: JSON) -> str:
    if value is None:
        return "not said"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
