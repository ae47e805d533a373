"""Nodes of plain JSON Schema -> the compiler's nodes: merged, with one type each, by kind.

What a node can't say any more (`not`, `if`, a second pattern) is left to the judge that validates the
record; each such place is noted. Everything kept admits at least the values that the schema admits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....errors import SchemaError
from ....messages import JSON
from ...grounding.verbatim import VERBATIM
from ...names import distinct
from ...nodes import (
    NEVER,
    PYTHON,
    STRICT,
    TOLD,
    TYPES,
    Choices,
    Map,
    Member,
    Note,
    Python,
    Record,
    Schema,
    json_type,
)
from ...words import sentence
from .formats import is_checked

ANNOTATIONS = frozenset(
    {
        *("title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly", "$comment"),
        *("$id", "$schema", "$anchor", "$dynamicAnchor", "$vocabulary", "$defs", "definitions", "id"),
        *("discriminator", "xml", "externalDocs", "example"),
    }
)
OF_TYPE: Mapping[str, frozenset[str]] = {
    "object": frozenset(
        {
            *("properties", "required", "additionalProperties", "patternProperties", "propertyNames"),
            *("minProperties", "maxProperties", "dependentRequired", "dependentSchemas"),
            "unevaluatedProperties",
        }
    ),
    "array": frozenset(
        {
            *("items", "prefixItems", "contains", "minContains", "maxContains", "minItems", "maxItems"),
            *("uniqueItems", "unevaluatedItems"),
        }
    ),
    "string": frozenset(
        {
            *("pattern", "minLength", "maxLength", "format"),
            *("contentEncoding", "contentMediaType", "contentSchema"),
        }
    ),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
}
CHECKED = frozenset(
    {
        *("not", "if", "then", "else", "contains", "minContains", "maxContains", "dependentRequired"),
        *("dependentSchemas", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contentSchema"),
        "patternProperties",
    }
)
LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"})
UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"})
CLASSES: Mapping[str, Any] = {"string": str, "integer": (int, float), "boolean": bool}
MAX_BRANCHES = 64  # of a union that several keywords make together; past it the judge is left to it
MAX_DEPTH = 100


@dataclass
class _Made:
    """A merged node. shared: it was met more than once, so it is a definition."""

    ref: str
    node: Schema = field(default_factory=dict)
    shared: bool = False


class Converter:
    """Turns nodes of one document into the compiler's. `definitions`: by the text of `$ref`. keeps_extras:
    objects that do not say whether they take other members do. empty: definitions that no value fits.
    """

    def __init__(
        self, definitions: Mapping[str, JSON], keeps_extras: bool = False, empty: frozenset[str] = frozenset()
    ) -> None:
        self.definitions = definitions
        self.keeps_extras = keeps_extras
        self.empty = empty
        self.notes: list[Note] = []
        self.depth = 0
        self.made: dict[str, _Made] = {}
        self.whole: dict[str, Schema] = {}

    def node(self, schema: JSON, at: str) -> Schema:
        """Return the compiler's node. Raises SchemaError if nesting is past all bounds."""
        self.depth += 1
        try:
            if self.depth > MAX_DEPTH:
                raise SchemaError(f"schemas are nested over {MAX_DEPTH} levels deep", at)
            return self._node(schema, at)
        finally:
            self.depth -= 1

    def _node(self, schema: JSON, at: str) -> Schema:
        if isinstance(schema, bool):
            return {PYTHON: Python("any")} if schema else {PYTHON: Python("never")}
        if schema.get("$ref") in self.empty:
            return {PYTHON: Python("never")}
        if "$ref" in schema and not self._asserts(schema):
            return {k: v for k, v in schema.items() if k in ("$ref", "description")}
        if "$ref" in schema or "allOf" in schema:
            return self._once(schema, at)
        return self._merged_node(schema, at)

    def _once(self, schema: Schema, at: str) -> Schema:
        """Return the node of a schema that has to be merged; met again, it is a definition."""
        key = json.dumps(schema, sort_keys=True)
        if key in self.made:
            if _is_never(self.made[key].node):
                return self.made[key].node
            self.made[key].shared = True
            return {"$ref": self.made[key].ref}
        made = self.made[key] = _Made(f"#/$defs/Merged_{len(self.made) + 1}")
        made.node = self._merged_node(schema, at)
        return {"$ref": made.ref} if made.shared else made.node

    def _merged_node(self, schema: Schema, at: str) -> Schema:
        schema = self.merged(schema, at)
        if schema is NEVER:
            return {PYTHON: Python("never")}
        for keyword in sorted(schema.keys() & CHECKED):
            if keyword != "patternProperties":
                self.note(at, keyword, "checked", "only after decoding")
        words: Schema = {k: schema[k] for k in ("description", "examples", "title") if k in schema}
        return {**self._kind(schema, at), **words}

    def shared(self) -> dict[str, Schema]:
        """Return the definitions that merging has made."""
        return {made.ref: made.node for made in self.made.values() if made.shared}

    def note(self, at: str, keyword: str, action: str, detail: str) -> None:
        """Report one place."""
        self.notes.append(Note(at, keyword, action, detail))

    def _asserts(self, schema: Schema) -> bool:
        return any(
            k == VERBATIM or (k not in ANNOTATIONS and k != "$ref" and not k.startswith("x-")) for k in schema
        )

    # Merging

    def merged(self, schema: Schema, at: str, seen: tuple[str, ...] = ()) -> Schema:
        """Return `schema` with what it refers to and its `allOf` merged in; NEVER where they clash."""
        parts: list[JSON] = [{k: v for k, v in schema.items() if k not in ("$ref", "allOf")}]
        if "$ref" in schema and schema["$ref"] not in seen:
            parts.append(self._referred(schema["$ref"], at, seen))
        parts.extend(
            self._part(part, f"{at}/allOf/{i}", seen) for i, part in enumerate(schema.get("allOf", ()))
        )
        result: Schema = parts[0]
        for part in parts[1:]:
            result = self.both(result, part, at)
            if result is NEVER:
                return NEVER
        return result

    def _referred(self, ref: str, at: str, seen: tuple[str, ...]) -> Schema:
        """Return a definition as one schema, merged when it is first met."""
        if ref not in self.whole:
            if ref not in self.definitions:
                raise SchemaError(f"{ref!r} points nowhere", at)
            self.whole[ref] = self._part(self.definitions[ref], at, (*seen, ref))
        return self.whole[ref]

    def _part(self, part: JSON, at: str, seen: tuple[str, ...]) -> Schema:
        if isinstance(part, bool):
            return {} if part else NEVER
        return self.merged(part, at, seen)

    def both(self, a: Schema, b: Schema, at: str) -> Schema:
        """Return a schema of what both admit, as far as one node can say it."""
        if a is NEVER or b is NEVER:
            return NEVER
        a, b = _closed_to(a, b), _closed_to(b, a)
        result: Schema = {**b, **a}
        for keyword in sorted(a.keys() & b.keys()):
            if a[keyword] != b[keyword] or isinstance(b[keyword], bool):
                result[keyword] = self._join(keyword, a[keyword], b[keyword], at)
        return NEVER if any(value is NEVER for value in result.values()) else result

    def _join(self, keyword: str, a: JSON, b: JSON, at: str) -> JSON:
        if keyword == "type":
            kept = [t for t in _types(a) if t in _types(b)] or ["integer"] * (
                "integer" in _types(a) + _types(b) and "number" in _types(a) + _types(b)
            )
            return kept if len(kept) > 1 else kept[0] if kept else NEVER
        if keyword in LOWER | UPPER:
            return (max if keyword in LOWER else min)(a, b)
        if keyword == "multipleOf":
            return math.lcm(a, b) if isinstance(a, int) and isinstance(b, int) else a
        if keyword == "required":
            return [*a, *(name for name in b if name not in a)]
        if keyword == "enum":
            others = set(map(_identity, b))
            return [value for value in a if _identity(value) in others] or NEVER
        if keyword == "const":
            return a if _identity(a) == _identity(b) else NEVER
        if keyword in ("properties", "patternProperties"):
            return {**a, **{k: _all_of(a[k], v) if k in a else v for k, v in b.items()}}
        if keyword in ("items", "additionalProperties"):
            return _all_of(a, b)
        if keyword == "prefixItems":
            shared = [_all_of(x, y) for x, y in zip(a, b, strict=False)]
            return [*shared, *a[len(shared) :], *b[len(shared) :]]
        if keyword in ("anyOf", "oneOf") and len(a) * len(b) <= MAX_BRANCHES:
            return [_all_of(x, y) for x in a for y in b]
        if keyword == "uniqueItems":
            return a or b
        if keyword not in ANNOTATIONS:
            self.note(at, keyword, "checked", "said more than once: the first is kept")
        return a

    # Kinds

    def _kind(self, schema: Schema, at: str) -> Schema:
        if "enum" in schema or "const" in schema:
            return self._choice(schema, at)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._union(schema, keyword, at)
        types = _types(schema.get("type")) or self._meant(schema, at)
        if len(types) > 1:
            return self._choices([self._one_type(schema, kind, at) for kind in types])
        return self._one_type(schema, types[0], at) if types else {PYTHON: Python("any")}

    def _meant(self, schema: Schema, at: str) -> list[str]:
        """Return the one type that untyped keywords speak of; all types, below the root of an open one."""
        for kind, keywords in OF_TYPE.items():
            if found := sorted(schema.keys() & keywords):
                if self.keeps_extras and at:
                    return [each for each in TYPES if each != "integer"]
                self.note(at, "type", "bounded", f"{found[0]!r} without a type: taken for {kind}")
                return [kind]
        return []

    def _one_type(self, schema: Schema, kind: str, at: str) -> Schema:
        if kind == "object":
            return self._object(schema, at)
        if kind == "array":
            return self._array(schema, at)
        if kind == "null":
            return {"type": "null", PYTHON: Python("null")}
        keywords = OF_TYPE["number" if kind == "integer" else kind] if kind != "boolean" else frozenset()
        kept: Schema = {k: v for k, v in schema.items() if k in keywords}
        if "format" in kept and not is_checked(kept["format"]):
            self.note(at, "format", "dropped", f"there is no check for {kept['format']!r}: it is only told")
        if kind != "boolean" and VERBATIM in schema:
            kept[VERBATIM] = schema[VERBATIM] is True
        for keyword in sorted(kept.keys() & {"contentEncoding", "contentMediaType", "contentSchema"}):
            self.note(at, keyword, "dropped", "an annotation")
            del kept[keyword]
        if kind == "number":
            return {"type": kind, **kept, PYTHON: Python("float", None, (int, float))}
        return {"type": kind, **kept, PYTHON: Python("leaf", STRICT, CLASSES[kind])}

    def _choice(self, schema: Schema, at: str) -> Schema:
        values = schema.get("enum", [schema.get("const")])
        if "const" in schema:
            values = [v for v in values if _identity(v) == _identity(schema["const"])]
        types = _types(schema.get("type"))
        fitting = [
            v
            for v in values
            if not types
            or json_type(v) in types
            or (json_type(v) == "integer" and "number" in types)
            or (isinstance(v, float) and v.is_integer() and "integer" in types)
        ]
        for keyword in sorted(schema.keys() - ANNOTATIONS - {"enum", "const", "type"} - CHECKED):
            if not keyword.startswith("x-"):
                self.note(at, keyword, "checked", "only after decoding")
        if not fitting:
            return {PYTHON: Python("never")}
        unique: dict[Any, JSON] = {}
        for value in fitting:
            unique.setdefault(_identity(value), value)
        return {"enum": [*unique.values()], PYTHON: Python("choice", [(v, v) for v in unique.values()])}

    def _union(self, schema: Schema, keyword: str, at: str) -> Schema:
        base = {k: v for k, v in schema.items() if k != keyword and k not in ANNOTATIONS and k not in CHECKED}
        if keyword == "oneOf":
            self.note(at, "oneOf", "checked", "that only one of them fits")
        if not any(not isinstance(b, dict) or self._asserts(b) or "$ref" in b for b in schema[keyword]):
            return self._kind(base, at) if base else {PYTHON: Python("any")}
        branches = []
        for i, branch in enumerate(schema[keyword]):
            joined = _all_of(base, branch) if base else branch
            made = self.node(joined, f"{at}/{keyword}/{i}")
            if not _is_never(made):
                branches.append(made)
        return self._choices(branches)

    def _choices(self, branches: list[Schema]) -> Schema:
        branches = [b for b in branches if not _is_never(b)]
        if not branches:
            return {PYTHON: Python("never")}
        if len(branches) == 1:
            return branches[0]
        rest = [b for b in branches if b.get("type") != "null"]
        if len(rest) == 1 and len(branches) == 2:
            return {PYTHON: Python("nullable", rest[0]), "anyOf": branches}
        labels = distinct(map(_label, branches))
        return {PYTHON: Python("union", Choices(labels, branches)), "anyOf": branches}

    # Objects

    def _object(self, schema: Schema, at: str) -> Schema:
        properties = {
            k: self.node(v, f"{at}/properties/{k}") for k, v in schema.get("properties", {}).items()
        }
        required = [name for name in schema.get("required", ()) if isinstance(name, str)]
        if any(_is_never(properties.get(name, {})) for name in required):
            return {PYTHON: Python("never")}
        properties = {k: v for k, v in properties.items() if not _is_never(v)}
        others = self._others(schema, at)
        lengths: Schema = {k: schema[k] for k in ("minProperties", "maxProperties") if k in schema}
        if not properties and not required and others is not None:
            keys = {"type": "string", PYTHON: Python("leaf", type=str)}
            return {"type": "object", **lengths, PYTHON: Python("map", Map(keys, others), Mapping)}
        for name in required:
            if name not in properties:
                if others is None and "additionalProperties" in schema:
                    return {PYTHON: Python("never")}
                properties[name] = others or {PYTHON: Python("any")}
        always = frozenset(required)
        members = [Member(name, name, name in always) for name in properties]
        told = [sentence(k, v) for k, v in lengths.items()]
        stated = "additionalProperties" in schema or "patternProperties" in schema
        record = Record(members, by_item=True, extras=others if stated or self._keeps(schema) else None)
        if not stated and record.extras is None:
            self.note(at, "additionalProperties", "bounded", "no other members than those named")
        return {"type": "object", "properties": properties, PYTHON: Python("object", record), TOLD: told}

    def _keeps(self, schema: Schema) -> bool:
        return self.keeps_extras and schema.get("unevaluatedProperties") is not False

    def _others(self, schema: Schema, at: str) -> Schema | None:
        """Return the node of members that are not named; None if there can be none."""
        patterns = schema.get("patternProperties", {})
        additional = schema.get("additionalProperties", True)
        if patterns:
            self.note(at, "patternProperties", "checked", "which pattern a name matches")
        made = [self.node(v, f"{at}/patternProperties/{k}") for k, v in patterns.items()]
        if additional is not False and (
            not patterns or "additionalProperties" in schema or self._keeps(schema)
        ):
            made.append(self.node(additional, f"{at}/additionalProperties"))
        made = [m for m in made if not _is_never(m)]
        if any(_is_any(m) for m in made):
            return {PYTHON: Python("any")}
        unique = [m for i, m in enumerate(made) if m not in made[:i]]
        return self._choices(unique) if unique else None

    # Arrays

    def _array(self, schema: Schema, at: str) -> Schema:
        lengths: Schema = {k: schema[k] for k in ("minItems", "maxItems", "uniqueItems") if k in schema}
        first = [self.node(v, f"{at}/prefixItems/{i}") for i, v in enumerate(schema.get("prefixItems", ()))]
        rest = self.node(schema.get("items", True), f"{at}/items")
        if any(map(_is_never, first)):
            first = first[: next(i for i, node in enumerate(first) if _is_never(node))]
            rest = {PYTHON: Python("never")}
        if _is_never(rest) and schema.get("minItems", 0) > len(first):
            return {PYTHON: Python("never")}
        if first and schema.get("minItems", 0) >= len(first):
            return self._tuple(first, rest, lengths)
        if not first and _is_never(rest):
            return {"type": "array", "prefixItems": [], PYTHON: Python("tuple", None, list)}
        if first:
            self.note(at, "prefixItems", "checked", "which item stands where")
            maximum = (
                {"maxItems": min(len(first), lengths.get("maxItems", len(first)))} if _is_never(rest) else {}
            )
            lengths |= maximum
        items = self._choices(
            [node for i, node in enumerate([*first, rest]) if node not in [*first, rest][:i]]
        )
        if any(_is_any(node) for node in [*first, rest]):
            items = {PYTHON: Python("any")}
        return {"type": "array", "items": items, **lengths, PYTHON: Python("array", type=list)}

    def _tuple(self, first: list[Schema], rest: Schema, lengths: Schema) -> Schema:
        if _is_never(rest) or lengths.get("maxItems") == len(first):
            return {"type": "array", "prefixItems": first, PYTHON: Python("tuple", None, list)}
        told = [sentence(k, v) for k, v in lengths.items() if not (k == "minItems" and v == len(first))]
        return {
            "type": "array",
            "prefixItems": [*first, rest],
            PYTHON: Python("tuple", len(first), list),
            TOLD: told,
        }


def _is_never(node: Schema) -> bool:
    python = node.get(PYTHON)
    return python is not None and python.kind == "never"


def _is_any(node: Schema) -> bool:
    python = node.get(PYTHON)
    return python is not None and python.kind == "any"


def _types(value: JSON) -> list[str]:
    if value is None:
        return []
    return [value] if isinstance(value, str) else [t for t in value if t in TYPES]


def _all_of(a: JSON, b: JSON) -> JSON:
    if a is True or b is True:
        return b if a is True else a
    if a is False or b is False:
        return False
    parts = []
    for schema in (a, b):
        for part in schema["allOf"] if schema.keys() == {"allOf"} else [schema]:
            if part not in parts:
                parts.append(part)
    return {"allOf": parts} if len(parts) > 1 else parts[0]


def _closed_to(a: Schema, b: Schema) -> Schema:
    """Return `a` with what its `additionalProperties` says about members that only `b` names."""
    additional = a.get("additionalProperties", True)
    if additional is True or "properties" not in b or a.get("patternProperties"):
        return a
    named = {k: additional for k in b["properties"] if k not in a.get("properties", {})}
    return {**a, "properties": {**a.get("properties", {}), **named}}


def _identity(value: JSON) -> Any:
    """Return something hashable that is equal for equal JSON alone: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, list):
        return "array", tuple(map(_identity, value))
    if isinstance(value, dict):
        return "object", frozenset((key, _identity(each)) for key, each in value.items())
    return isinstance(value, bool), value


def _label(node: Schema) -> str:
    name = node.get("title") or node.get("$ref", "").rsplit("/", 1)[-1] or node.get("type")
    python = node.get(PYTHON)
    return str(name or (python.kind if python else "value"))


def convert(
    schema: Schema, definitions: Mapping[str, JSON], keeps_extras: bool = False
) -> tuple[Schema, dict[str, Schema], list[Note]]:
    """Return a document's root and definitions as the compiler's nodes, and what had to be noted."""
    empty: frozenset[str] = frozenset()
    while True:
        converter = Converter(definitions, keeps_extras, empty)
        root = converter.node(schema, "")
        made = {ref: converter.node(body, ref.removeprefix("#")) for ref, body in definitions.items()}
        found = frozenset(ref for ref, node in made.items() if _is_never(node))
        if found == empty:
            return root, made | converter.shared(), converter.notes
        empty = found  # whoever refers to one of them may be empty, too
