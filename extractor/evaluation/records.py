"""Records of a type as JSON: how they are written and read, and which values their fields choose from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import Any, TypeAlias

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from ..errors import ConfigError
from ..messages import JSON
from ..pointers import steps_of
from ..schema import RecordType
from .scoring import field_of

Dump: TypeAlias = Callable[[Any], JSON]
Read: TypeAlias = Callable[[JSON], JSON]
Path: TypeAlias = tuple[str | int, ...]
DEEP = 24  # members within members that are looked through for choices


def gold_reader(record_type: Any) -> Read:
    """Return what reads a gold record to the form in which found ones are dumped. It raises ValueError for
    one that does not fit the type. Raises ConfigError for what is gold itself.
    """
    if isinstance(record_type, str | PathLike | Sequence):
        raise ConfigError(
            "the record type comes before the gold, as in evaluate(extractor, Model, cases), and "
            f"{record_type!r:.80} is none"
        )
    kind = RecordType.of(record_type)
    if kind.is_document:
        return kind.dump
    adapter, plain = TypeAdapter(record_type), TypeAdapter(Any)
    return lambda gold: kind.dump(adapter.validate_json(plain.dump_json(gold)))


def choices_of(record_type: Any) -> dict[str, list[str]]:
    """Return the values that a field chooses from, as texts, for each that has an enum; by its pointer with
    `*` for indexes. Empty for a type without a JSON Schema.
    """
    if RecordType.of(record_type).is_document:
        schema: Mapping[str, JSON] = record_type
    else:
        try:
            schema = TypeAdapter(record_type).json_schema(mode="serialization")
        except PydanticInvalidForJsonSchema:
            return {}
    found: dict[str, list[str]] = {}
    for path, value in _choices(schema, schema, (), frozenset()):
        known = found.setdefault(field_of(path), [])
        if value not in known:
            known.append(value)
    return {name: values for name, values in found.items() if len(values) > 1}


def _choices(
    node: JSON, whole: Mapping[str, JSON], path: Path, inside: frozenset[str]
) -> Iterator[tuple[Path, str]]:
    if not isinstance(node, Mapping) or len(path) > DEEP:
        return
    for value in [*_several(node, "enum"), *([node["const"]] if "const" in node else [])]:
        if isinstance(value, str | bool | int):
            yield path, str(value).lower() if isinstance(value, bool) else str(value)
    reference = node.get("$ref")
    if isinstance(reference, str) and reference not in inside:
        yield from _choices(_resolved(reference, whole), whole, path, inside | {reference})
    for part in (each for key in ("anyOf", "oneOf", "allOf") for each in _several(node, key)):
        yield from _choices(part, whole, path, inside)
    properties = node.get("properties")
    for name, below in properties.items() if isinstance(properties, Mapping) else ():
        yield from _choices(below, whole, (*path, str(name)), inside)
    for below in (node.get("items"), *_several(node, "prefixItems")):
        yield from _choices(below, whole, (*path, 0), inside)


def _several(node: Mapping[str, JSON], key: str) -> Sequence[JSON]:
    found = node.get(key)
    return found if isinstance(found, list | tuple) else ()


def _resolved(reference: str, whole: Mapping[str, JSON]) -> JSON:
    node: JSON = whole
    for key in steps_of(reference):
        node = node.get(key) if isinstance(node, Mapping) else None
    return node
