"""How the drafts of JSON Schema differ: what each keyword is in the words of draft 2020-12.

Sources: the specifications at https://json-schema.org/specification-links and the OpenAPI
specification, https://spec.openapis.org/oas/.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from urllib.parse import urljoin

from ....errors import SchemaError
from ....messages import JSON
from ....pointers import pointer as as_pointer
from ...patterns.ecmascript import matcher

MAX_REASON = 400  # characters


@dataclass(frozen=True, slots=True)
class Draft:
    """How one draft differs from 2020-12. `means_nothing`: keywords that only later drafts know."""

    uri: str
    ref_stands_alone: bool = False  # siblings of $ref are ignored
    dependencies: bool = False  # one keyword for dependentRequired and dependentSchemas
    nullable: bool = False  # OpenAPI 3.0
    means_nothing: frozenset[str] = frozenset()


_AFTER_2019 = frozenset({"prefixItems", "$dynamicRef"})
_AFTER_7 = _AFTER_2019 | {
    *("$recursiveRef", "dependentRequired", "dependentSchemas", "maxContains", "minContains"),
    *("unevaluatedItems", "unevaluatedProperties"),
}
_AFTER_6 = _AFTER_7 | {"else", "if", "then"}
_AFTER_4 = _AFTER_6 | {"const", "contains", "propertyNames"}

DRAFT_2020 = Draft("https://json-schema.org/draft/2020-12/schema", means_nothing=frozenset({"$recursiveRef"}))
DRAFT_2019 = Draft("https://json-schema.org/draft/2019-09/schema", means_nothing=_AFTER_2019)
DRAFT_7 = Draft("http://json-schema.org/draft-07/schema#", True, True, means_nothing=_AFTER_7)
DRAFT_6 = Draft("http://json-schema.org/draft-06/schema#", True, True, means_nothing=_AFTER_6)
DRAFT_4 = Draft("http://json-schema.org/draft-04/schema#", True, True, means_nothing=_AFTER_4)
OPENAPI_30 = replace(DRAFT_4, nullable=True)


def _bare(uri: str) -> str:
    return re.sub(r"^https?:|#$", "", uri)


_DIALECTS = {_bare(each.uri): each for each in (DRAFT_2020, DRAFT_2019, DRAFT_7, DRAFT_6, DRAFT_4)}
_TOO_OLD = re.compile(r"//json-schema\.org/draft-0[0-3]/")

# Where subschemas stand, in any draft.
ONE = frozenset(
    {
        *("additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items"),
        *("not", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
MANY = frozenset({"allOf", "anyOf", "items", "oneOf", "prefixItems"})
NAMED = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
# What is applied to the same value as the schema that holds it.
IN_PLACE = frozenset({"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
_LEFT_OUT = frozenset(
    {
        *("$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$recursiveAnchor", "$schema"),
        *("$vocabulary", "components", "definitions"),
    }
)
_FREE_TEXT = frozenset(
    {
        *("$anchor", "$comment", "$dynamicAnchor", "$dynamicRef", "$id", "$recursiveRef", "$ref", "$schema"),
        *("default", "description", "id", "pattern", "title"),
    }
)
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """One schema: where it stands, in the user's eyes, and the dialect it is written in."""

    schema: JSON
    pointer: str
    dialect: Draft

    def child(self, path: tuple[str | int, ...]) -> DocumentPlace:
        """Return the place of the subschema at `path`."""
        schema = at(self.schema, path)
        pointer = self.pointer + as_pointer(path)
        return DocumentPlace(schema, pointer, declared(schema, pointer) or self.dialect)

    def check(self) -> None:
        """Raise SchemaError unless the schema's own keywords are as its metaschema wants them."""
        if not isinstance(self.schema, (dict, bool)):
            raise SchemaError(f"a schema is an object, true or false, not {self.schema!r:.60}", self.pointer)
        if isinstance(self.schema, bool):
            return
        _check_references(self)
        if fault := _fault(self.dialect.uri, _without_subschemas(self.schema)):
            raise SchemaError(fault[1], self.pointer + fault[0])
        for pattern in self.patterns():
            try:
                matcher(pattern)
            except ValueError as error:
                raise SchemaError(
                    f"the pattern {pattern!r} is not a regular expression: {error}", self.pointer
                ) from error

    def patterns(self) -> Iterator[str]:
        """Yield the schema's own regular expressions."""
        if "pattern" in self.schema:
            yield self.schema["pattern"]
        yield from self.schema.get("patternProperties", ())

    def modern(self) -> dict[str, JSON]:
        """Return the schema in the words of 2020-12; its subschemas are still as they were."""
        if self.dialect.ref_stands_alone and isinstance(self.schema.get("$ref"), str):
            return {"$ref": self.schema["$ref"]}
        return {
            new: value
            for keyword in self.schema
            if keyword not in _LEFT_OUT and keyword not in self.dialect.means_nothing
            for new, value in _translated(keyword, self.schema, self.dialect)
        }


def _check_references(place: DocumentPlace) -> None:
    """Raise SchemaError for references and identifiers that are no URIs: some metaschemas let them pass."""
    for keyword in ("$ref", "$id", *(["id"] if place.dialect.uri == DRAFT_4.uri else ())):
        uri = place.schema.get(keyword, "")
        if not isinstance(uri, str) or not _is_uri(uri):
            raise SchemaError(f"no URI: {uri!r:.60}", f"{place.pointer}/{keyword}")


@lru_cache(maxsize=4096)
def _is_uri(text: str) -> bool:
    try:
        return bool(urljoin("http://example.com/", text))
    except ValueError:
        return False


def _translated(keyword: str, schema: dict[str, JSON], dialect: Draft) -> Iterator[tuple[str, JSON]]:
    """Yield what stands in 2020-12 for one keyword of an older schema."""
    value = schema[keyword]
    match keyword, value:
        case "items", list():
            yield from _tuple(value, schema)
        case "dependencies", dict() if dialect.dependencies:
            yield from _dependencies(value)
        case "minimum" | "maximum", _ if schema.get(f"exclusiveM{keyword[1:]}") is True:
            yield f"exclusiveM{keyword[1:]}", value
        case "type", str() if dialect.nullable and schema.get("nullable") is True:
            yield "type", [value, "null"]
        case ("exclusiveMinimum" | "exclusiveMaximum", bool()) | ("id", str()):
            return
        case "additionalItems" | "dependencies", _:
            return
        case "nullable", _ if dialect.nullable:
            return
        case _:
            yield keyword, value


def _tuple(items: list[JSON], schema: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    yield "prefixItems", items
    if "additionalItems" in schema:
        yield "items", schema["additionalItems"]


def _dependencies(value: dict[str, JSON]) -> Iterator[tuple[str, JSON]]:
    required = {name: each for name, each in value.items() if isinstance(each, list)}
    schemas = {name: each for name, each in value.items() if name not in required}
    if required:
        yield "dependentRequired", required
    if schemas:
        yield "dependentSchemas", schemas


def children(schema: dict[str, JSON]) -> Iterator[tuple[str | int, ...]]:
    """Yield the path to each subschema."""
    for keyword, value in schema.items():
        if keyword in ONE and _is_schema(value):
            yield (keyword,)
        elif keyword in MANY and isinstance(value, list):
            yield from ((keyword, n) for n, each in enumerate(value) if _is_schema(each))
        elif keyword in NAMED and isinstance(value, dict):
            yield from ((keyword, name) for name, each in value.items() if _is_schema(each))


def _is_schema(value: JSON) -> bool:
    return isinstance(value, (dict, bool))


def at(value: JSON, path: Iterable[str | int]) -> JSON:
    """Return what stands in `value` at `path`."""
    for step in path:
        value = value[step]
    return value


def declared(schema: JSON, pointer: str) -> Draft | None:
    """Return the dialect that the schema names, if it names one that is known."""
    if not isinstance(schema, dict):
        return None
    if isinstance(version := schema.get("openapi"), str):
        return OPENAPI_30 if version.startswith("3.0") else DRAFT_2020
    if isinstance(schema.get("swagger"), str):
        return DRAFT_4
    uri = schema.get("$schema")
    if isinstance(uri, str) and _TOO_OLD.search(uri):
        raise SchemaError("drafts before draft 4 are not read; write it in a later one", f"{pointer}/$schema")
    return _DIALECTS.get(_bare(uri)) if isinstance(uri, str) else None


def components(document: DocumentPlace) -> Iterator[DocumentPlace]:
    """Yield the places of an OpenAPI document's schemas."""
    components = document.schema.get("components") if isinstance(document.schema, dict) else None
    schemas = components.get("schemas") if isinstance(components, dict) else None
    for name in schemas if isinstance(schemas, dict) else ():
        yield document.child(("components", "schemas", name))


def guessed(schema: JSON) -> Draft:
    """Return the dialect whose words the schema and its subschemas use."""
    root = DocumentPlace(schema, "", DRAFT_2020)
    words: set[str] = set()
    pending = [schema, *(place.schema for place in components(root))]
    while pending:
        schema = pending.pop()
        if isinstance(schema, dict):
            words.update(f"{name}:{type(value).__name__}" for name, value in schema.items())
            pending += (at(schema, path) for path in children(schema))
    return replace(_earliest(words), nullable="nullable:bool" in words)


def _earliest(words: set[str]) -> Draft:
    if words & {"exclusiveMinimum:bool", "exclusiveMaximum:bool"}:
        return DRAFT_4
    if not words & {"items:list", "additionalItems:dict", "additionalItems:bool", "dependencies:dict"}:
        return DRAFT_2020
    return DRAFT_2019 if words & {"$defs:dict", "$anchor:str", "dependentRequired:dict"} else DRAFT_7


def _without_subschemas(schema: dict[str, JSON]) -> str:
    """Return the schema's text with {} for each subschema: its own keywords are all that is left."""
    bare = {keyword: value for keyword, value in schema.items() if keyword != "components"}
    for keyword, value in schema.items():
        if keyword in ONE and isinstance(value, dict):
            bare[keyword] = {}
        elif keyword in MANY and isinstance(value, list):
            bare[keyword] = [{} if isinstance(each, dict) else each for each in value]
        elif keyword in NAMED and isinstance(value, dict):
            bare[keyword] = {k: each for k, each in value.items() if not isinstance(each, dict)}
        elif keyword in _FREE_TEXT and isinstance(value, str):
            del bare[keyword]
    return json.dumps(bare, sort_keys=True)


@lru_cache(maxsize=4096)
def _fault(dialect: str, schema: str) -> tuple[str, str] | None:
    """Return where and why `schema`, a text, breaks its metaschema; None if it does not."""
    from jsonschema.exceptions import best_match
    from jsonschema.validators import validator_for

    kind = validator_for({"$schema": dialect})
    error = best_match(kind(kind.META_SCHEMA).iter_errors(json.loads(schema)))
    return error and (as_pointer(error.absolute_path), error.message[:MAX_REASON])
