"""The rules: what each kind of node becomes for a target, each with the codec that inverts it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PurePath
from typing import Any
from uuid import UUID

from pydantic import SecretBytes, SecretStr

from ..errors import SchemaError
from ..messages import JSON
from .codec import (
    ABSENT,
    Anything,
    Array,
    Branch,
    Bytes,
    Choice,
    Codec,
    Extras,
    Field,
    Leaf,
    Mapped,
    Misfit,
    Null,
    Nullable,
    Number,
    Object,
    Reference,
    Root,
    Text,
    Tuple,
    Union,
    check_keys,
    check_length,
    json_of,
)
from .document_nodes import Converter
from .nodes import PYTHON, TOLD, Choices, Map, Member, Note, Python, Record, Source, json_type, python_of
from .regex import translate
from .targets import PERMISSIVE, Target
from .limits import fresh
from .words import sentence

Schema = dict[str, JSON]
Rule = tuple[Schema, Codec]

MAX_LEVELS = 2  # how often recursion is unrolled for targets that don't take it; below is JSON text
MAX_TOLD = 2_000  # characters of a JSON Schema in a description
DATE = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
OFFSET = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
OFFSETS = {"naive": "", "aware": OFFSET, None: OFFSET + "?"}
DURATION = r"^[+-]?P([0-9]+W|([0-9]+D)?(T([0-9]+H)?([0-9]+M)?([0-9]+(\.[0-9]{1,6})?S)?)?)$"
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
ASSERTIONS = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """What one form of a node looks like on the wire, as far as one level down. known: the members of
    a closed object, None where it is open. values: all values that it has, None where they are many.
    """

    types: frozenset[str]
    values: frozenset[Any] | None = None
    required: frozenset[str] = frozenset()
    known: frozenset[str] | None = None
    constants: tuple[tuple[str, frozenset[Any]], ...] = ()

    def fits(self, data: JSON) -> bool:
        """Return whether strict JSON may be of this shape."""
        if json_type(data) not in self.types and not (
            isinstance(data, int) and not isinstance(data, bool) and "number" in self.types
        ):
            return False
        if self.values is not None:
            return (json_type(data), data) in self.values
        if isinstance(data, dict):
            return (
                self.required <= data.keys()
                and (self.known is None or data.keys() <= self.known)
                and all(
                    (json_type(data[key]), data[key]) in values
                    for key, values in self.constants
                    if isinstance(data.get(key), str | int | float | bool | None)
                )
            )
        return True

    def apart(self, other: Shape) -> bool:
        """Return whether no JSON is of both shapes."""
        shared = self.types & other.types
        if not shared and not ({"integer", "number"} <= self.types | other.types):
            return True
        if self.values is not None and other.values is not None:
            return not self.values & other.values
        if shared == {"object"}:
            mine, theirs = dict(self.constants), dict(other.constants)
            return (
                (other.known is not None and not self.required <= other.known)
                or (self.known is not None and not other.required <= self.known)
                or any(not mine[key] & theirs[key] for key in mine.keys() & theirs.keys())
            )
        return False


EVERY_TYPE = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})


def typed(values: Any) -> frozenset[Any]:
    """Return values with their JSON types, so that 1 and true stay apart."""
    return frozenset((json_type(v), v) for v in values if isinstance(v, str | int | float | bool | None))


@dataclass
class Walk:
    """One walk over a record type for one target."""

    target: Target
    source: Source
    notes: list[Note] = field(default_factory=list)
    definitions: dict[str, Schema] = field(default_factory=dict)
    names: dict[tuple[str, int], str] = field(default_factory=dict)
    references: dict[tuple[str, int], Reference] = field(default_factory=dict)
    said_as_text: frozenset[str] = frozenset()  # references to definitions that are said as JSON text
    kept: int | None = None  # how many members of the root are kept, the others in one JSON text
    level: int = 0  # how often recursion has been unrolled around the present node
    component: int = 0  # the circle of definitions that the present one is part of

    # Entry points

    def root(self) -> Rule:
        """Return the whole strict schema, its definitions aside, and its codec."""
        wire, codec = self.node(self.source.schema, "")
        wire = self._inlined(wire)
        if not self._may_be_root(wire):
            wire, codec = closed({"value": wire}), Wrapped(codec)
            self.note("", "type", "re-encoded", 'the root is an object with the one member "value"')
        return wire, codec

    def bodies(self, wire: Schema) -> dict[str, Schema]:
        """Return the root, under the name "", and the definitions that it needs."""
        used = self._used(wire)
        return {"": wire, **{name: body for name, body in self.definitions.items() if name in used}}

    def _inlined(self, wire: Schema) -> Schema:
        """Return a copy of the definition that a root refers to: roots may not be references."""
        while "$ref" in wire or (len(wire.get("anyOf", ())) == 1 and "$ref" in wire["anyOf"][0]):
            ref = wire.get("$ref") or wire["anyOf"][0]["$ref"]
            body = self.definitions[ref.removeprefix("#/$defs/")]
            wire = {**body, **({"description": wire["description"]} if "description" in wire else {})}
        return wire

    def _may_be_root(self, wire: Schema) -> bool:
        if "anyOf" in wire:
            return self.target.root_anyof
        if wire.get("type") != "object" and ("enum" in wire or "const" in wire):
            return self.target.root_anyof
        return wire.get("type") in self.target.roots

    def _used(self, wire: JSON) -> set[str]:
        used: set[str] = set()
        pending = [wire]
        while pending:
            part = pending.pop()
            if isinstance(part, list):
                pending.extend(part)
            elif isinstance(part, dict):
                name = part.get("$ref")
                if isinstance(name, str):
                    name = name.removeprefix("#/$defs/")
                    if name not in used:
                        used.add(name)
                        pending.append(self.definitions[name])
                pending.extend(v for v in part.values() if isinstance(v, dict | list))
        return used

    def node(self, schema: Schema, at: str) -> Rule:
        """Return the strict schema and the codec of one node."""
        if "$ref" in schema:
            wire, codec = self.reference(schema, at)
        else:
            python = python_of(schema)
            wire, codec = (
                RULES[python.kind](self, schema, python, at) if python else self._foreign(schema, at)
            )
        if schema.get(TOLD):
            wire = self.tell(wire, *schema[TOLD])
        if "description" in schema or "title" in schema or "examples" in schema:
            wire = self.describe(wire, schema)
        return wire, codec

    def _foreign(self, schema: Schema, at: str) -> Rule:
        """Return the rule for a node that a hook of the user's has written: plain JSON Schema."""
        if schema.get("type") == "null":
            return {"type": "null"}, Null()
        converter = Converter(self.source.definitions)
        made = converter.node({k: v for k, v in schema.items() if k != PYTHON}, at)
        self.notes.extend(converter.notes)
        wire, codec = self.node(
            {k: v for k, v in made.items() if k not in ("description", "title", "examples")}, at
        )
        return wire, Plain(codec, FORMAT_TYPES.get(schema.get("format", "")), codec.plain)

    def note(self, at: str, keyword: str, action: str, detail: str) -> None:
        """Report one place."""
        self.notes.append(Note(at, keyword, action, detail))

    # Words

    def describe(self, wire: Schema, schema: Schema) -> Schema:
        """Return `wire` with the user's own words before the compiler's."""
        said = [str(schema["description"])] if schema.get("description") else []
        if not said and schema.get("title") and not python_of(schema):
            said = [str(schema["title"])]
        if isinstance(schema.get("examples"), list) and schema["examples"]:
            said.append("For example: " + ", ".join(dumps_short(e) for e in schema["examples"][:3]) + ".")
        return self.tell(wire, *said, first=True)

    def tell(self, wire: Schema, *sentences: str, first: bool = False) -> Schema:
        """Return `wire` with `sentences` in its description."""
        said = [s for s in sentences if s]
        if not said:
            return wire
        had = wire.get("description")
        parts = [*said, had] if first else [had, *said]
        text = " ".join(p for p in parts if p)
        if "$ref" in wire and not self.target.ref_siblings:
            return {"description": text, "anyOf": [wire]}
        return {**wire, "description": text}

    def assertions(self, schema: Schema, wire: Schema, at: str) -> Schema:
        """Return `wire` with the assertions of `schema` that the target takes, and the others told."""
        told = []
        loose = self.target.loose_numbers and wire.get("type") == "number"
        for keyword in ASSERTIONS:
            if keyword not in schema:
                continue
            if keyword in self.target.keywords and not loose and self._can_say(keyword, schema[keyword]):
                wire[keyword] = schema[keyword]
            elif words := sentence(keyword, schema[keyword]):
                told.append(words)
                self.note(at, keyword, "told", words)
        return self.tell(wire, *told)

    def _can_say(self, keyword: str, value: JSON) -> bool:
        if keyword == "minItems" and self.target.max_min_items is not None:
            return bool(value <= self.target.max_min_items)
        digits = self.target.integer_digits
        return digits is None or not isinstance(value, int) or abs(value) < 10**digits

    def text(self, wire: Schema, schema: Schema, at: str) -> Schema:
        """Return a string's schema with its pattern, format and lengths, as far as the target takes them."""
        told = []
        if "pattern" in schema:
            translated = translate(schema["pattern"]) if "pattern" in self.target.keywords else None
            if translated is not None:
                wire["pattern"] = translated
            else:
                told.append(sentence("pattern", schema["pattern"]))
                self.note(at, "pattern", "told", told[-1])
        if "format" in schema:
            if (
                schema["format"] in self.target.formats
                and "format" in self.target.keywords
                and "pattern" not in wire
            ):
                wire["format"] = schema["format"]
            elif words := sentence("format", schema["format"]):
                told.append(words)
                self.note(at, "format", "told", words)
        if not self.target.pattern_with_length and ("pattern" in wire or "format" in wire):
            for keyword in ("minLength", "maxLength"):
                if keyword in schema:
                    told.append(sentence(keyword, schema[keyword]))
                    self.note(at, keyword, "told", told[-1])
            schema = {k: v for k, v in schema.items() if k not in ("minLength", "maxLength")}
        return self.tell(self.assertions(schema, wire, at), *told)

    # References

    def reference(self, schema: Schema, at: str) -> Rule:
        """Return a reference to a definition, which is compiled when it is first met."""
        ref = schema["$ref"]
        if ref not in self.source.definitions:
            raise SchemaError(f"{ref!r} points nowhere", at)
        if ref in self.said_as_text:
            return self.as_text({"$ref": ref}, at)
        component = self.circles.get(ref, 0)
        unrolled = component != 0 and (self.target.recursion == "none" or component in self.tight)
        level = self.level + 1 if unrolled and component == self.component else 0
        if level > MAX_LEVELS:
            return self.as_text({"$ref": ref}, at)
        key = (ref, level)
        if key not in self.references:
            self._define(ref, level, component)
        reference = self.references[key]
        wire = {"$ref": f"#/$defs/{self.names[key]}"}
        return wire, reference.codec if reference.settled else reference

    def _define(self, ref: str, level: int, component: int) -> None:
        body = self.source.definitions[ref]
        name = self.names[ref, level] = self._definition_name(ref, body)
        reference = self.references[ref, level] = Reference()
        self.definitions[name] = {}
        around = self.level, self.component
        self.level, self.component = level, component
        self.definitions[name], reference.codec = self.node(body, f"/$defs/{name}")
        self.level, self.component = around
        reference.settled = reference.codec.plain

    def as_text(self, schema: Schema, at: str) -> Rule:
        """Return JSON text in a string, for what the target cannot say in JSON."""
        wire, codec = self.inside.node(schema, at)
        whole = self.inside.bodies(wire)
        definitions = {name: body for name, body in whole.items() if name}
        text = dumps_short({**wire, **({"$defs": definitions} if definitions else {})}, MAX_TOLD)
        self.note(at, "$ref" if "$ref" in schema else "type", "re-encoded", "JSON text in a string")
        words = f"JSON text, by this JSON Schema: {text}" if text else "JSON text."
        return {"type": "string", "description": words}, Text(codec, inside=True)

    @cached_property
    def inside(self) -> Walk:
        """The walk whose codecs say JSON text inside a string: plainly."""
        return Walk(PERMISSIVE, self.source)

    @cached_property
    def circles(self) -> dict[str, int]:
        """The number of the circle of references that each recursive definition is in."""
        if self.target.recursion == "all":
            return {}
        return circles({ref: set(references_in(body)) for ref, body in self.source.definitions.items()})

    @cached_property
    def tight(self) -> set[int]:
        """The circles that a target with "optional" recursion cannot take: not through a member."""
        if self.target.recursion != "optional":
            return set()
        edges = {
            ref: set(references_in(body, members=False)) for ref, body in self.source.definitions.items()
        }
        return {self.circles[ref] for ref in circles(edges)}

    def _definition_name(self, ref: str, body: Schema) -> str:
        wanted = str(
            body.get("title") or re.split(r"[./:]", ref.removeprefix("#/$defs/").rsplit(":", 1)[0])[-1]
        )
        base = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_")[:48]
        if not base or base != wanted and not wanted.isascii():
            base = f"{base or 'type'}_{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
        name, number = base, 1
        while name in self.definitions:
            number += 1
            name = f"{base}_{number}"
        return name

    def resolved(self, schema: Schema) -> Schema:
        """Return what `schema` refers to, if it refers."""
        for _ in range(100):
            if "$ref" not in schema:
                break
            schema = self.source.definitions.get(schema["$ref"], {})
        return schema

    def is_root(self, schema: Schema) -> bool:
        """Return whether a node is the record type itself."""
        return schema.get("properties") is self.resolved(self.source.schema).get("properties")

    def must_be_optional(self, schema: Schema) -> bool:
        """Return whether a member closes a circle that may only pass through optional properties."""
        if self.target.recursion != "optional" or not self.component or self.component in self.tight:
            return False
        return any(self.circles.get(ref) == self.component for ref in references_in(schema))

    def property_name(self, key: str) -> str:
        """Return a legal name for a member on the wire."""
        pattern = self.target.property_pattern
        if pattern is None or re.match(pattern, key):
            return key
        kept = re.sub(r"[^A-Za-z0-9_]+", "_", key).strip("_")[:40] or "member"
        return f"{kept}_{hashlib.sha256(key.encode()).hexdigest()[:8]}"

    def takes_null(self, schema: Schema) -> bool:
        """Return whether null is a legal value of `schema`."""
        return any("null" in shape.types for shape in self.shapes(schema))

    # Shapes

    def shapes(self, schema: Schema, depth: int = 0) -> list[Shape]:
        """Return the forms that `schema` has on the wire."""
        schema = self.resolved(schema)
        python = python_of(schema)
        kind = python.kind if python else None
        if depth > 8 or kind == "any":
            return [Shape(EVERY_TYPE)]
        if kind in ("root", "json"):
            return self.shapes(python.data, depth + 1)  # type: ignore[union-attr]
        if kind == "nullable":
            return [*self.shapes(python.data, depth + 1), Shape(frozenset({"null"}))]  # type: ignore[union-attr]
        if kind == "union":
            return self._union_shapes(python.data, depth)  # type: ignore[union-attr]
        if kind == "choice" or "enum" in schema or "const" in schema:
            values = (
                [said for said, _ in python.data]
                if kind == "choice"
                else schema.get("enum", [schema.get("const")])
            )  # type: ignore[union-attr]
            return [Shape(frozenset(map(json_type, values)), typed(values))]
        if kind == "object":
            return [self._object_shape(schema, python.data)]  # type: ignore[union-attr]
        if kind == "map":
            return [Shape(frozenset({"object" if self.maps_plainly(python.data) else "array"}))]  # type: ignore[union-attr]
        if kind == "tuple":
            return [Shape(frozenset({"array", "object"}))]
        if kind == "float" and python.data:  # type: ignore[union-attr]
            return [Shape(frozenset({"number"})), Shape(frozenset({"string"}))]
        return [Shape(frozenset({schema["type"]}) if isinstance(schema.get("type"), str) else EVERY_TYPE)]

    def _union_shapes(self, choices: Choices, depth: int) -> list[Shape]:
        found = [shape for schema in choices.schemas for shape in self.shapes(schema, depth + 1)]
        return [
            *found,
            *(
                Shape(frozenset({"object"}), required=frozenset({t}), known=frozenset({t}))
                for t in choices.labels
            ),
        ]

    def _object_shape(self, schema: Schema, record: Record) -> Shape:
        known = frozenset(member.key for member in record.members)
        required = (
            known if self.target.all_required else frozenset(m.key for m in record.members if m.required)
        )
        if record.extras is not None:
            return Shape(frozenset({"object"}), required=required)
        constants = []
        for member in record.members:
            python = python_of(self.resolved(schema["properties"].get(member.key, {})))
            if python and python.kind == "choice" and member.key in required:
                constants.append((member.key, typed(said for said, _ in python.data)))
        return Shape(frozenset({"object"}), required=required, known=known, constants=tuple(constants))

    def maps_plainly(self, mapping: Map) -> bool:
        """Return whether the target takes such a mapping as an object."""
        python = python_of(self.resolved(mapping.keys))
        plain_keys = python is None or python.kind in ("leaf", "any") and python.type in (None, str)
        return self.target.maps and plain_keys and not mapping.marked


def _name_in(ref: str) -> str:
    """Return the type's name in a reference, without its module and its address in memory."""
    path = re.sub(r":\d+", "", ref.removeprefix("#/$defs/"))
    return re.sub(r"(?:\w+\.)+(\w)", r"\1", path).replace("%", "_")


@dataclass(slots=True)
class Wrapped(Codec):
    """A root that is no object, under the one key "value"."""

    inner: Codec
    plain: bool = False

    def encode(self, value: Any) -> JSON:
        """Wrap."""
        return {"value": self.inner.encode(value)}

    def decode(self, data: JSON) -> JSON:
        """Unwrap."""
        check_keys(data, {"value"}, {"value"})
        return self.inner.decode(data["value"])


def closed(properties: Schema, optional: frozenset[str] = frozenset()) -> Schema:
    """Return the schema of an object with these members only."""
    return {
        "type": "object",
        "properties": properties,
        "required": [key for key in properties if key not in optional],
        "additionalProperties": False,
    }


def dumps_short(value: JSON, most: int = 200) -> str:
    """Return a value as text; "" where it would be longer than `most` characters."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= most else ""


def references_in(schema: Any, members: bool = True) -> Iterator[str]:
    """Yield the references below a node; `members`: those in members of objects, too."""
    if isinstance(schema, list):
        for part in schema:
            yield from references_in(part, members)
    if not isinstance(schema, dict):
        return
    if isinstance(schema.get("$ref"), str):
        yield schema["$ref"]
    for key, part in schema.items():
        if key == "properties" and isinstance(part, dict):
            yield from references_in(list(part.values()) if members else [])
        elif isinstance(part, dict | list):
            yield from references_in(part, members)
    if python := python_of(schema):
        yield from references_in(python.parts(), members)


def circles(edges: Mapping[str, set[str]]) -> dict[str, int]:
    """Return a number from 1 on for each node that reaches itself, the same for all of one circle."""
    reached = {node: _reached(node, edges) for node in edges}
    found: dict[str, int] = {}
    for node in edges:
        if node in reached[node] and node not in found:
            number = len(set(found.values())) + 1
            found |= {other: number for other in reached[node] if node in reached.get(other, ())}
    return found


def _reached(node: str, edges: Mapping[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    pending = list(edges[node])
    while pending:
        other = pending.pop()
        if other not in seen:
            seen.add(other)
            pending.extend(edges.get(other, ()))
    return seen


# Leaves

TYPES: Mapping[str, Any] = {"string": None, "integer": int, "number": (int, float), "boolean": bool}
FORMAT_TYPES: Mapping[str, Any] = {
    "date": date,
    "uuid": UUID,
    **dict.fromkeys(("uuid1", "uuid3", "uuid4", "uuid5", "uuid6", "uuid7", "uuid8"), UUID),
    "ipv4": IPv4Address,
    "ipv6": IPv6Address,
    "ipv4network": IPv4Network,
    "ipv6network": IPv6Network,
    "ipv4interface": IPv4Interface,
    "ipv6interface": IPv6Interface,
    "path": PurePath,
    "file-path": PurePath,
    "directory-path": PurePath,
    "regex": (re.Pattern, str),
    "password": (SecretStr, SecretBytes, str),
}


def null(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """Null."""
    return {"type": "null"}, Null()


def leaf(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A scalar with the assertions that the target takes."""
    wire: Schema = {"type": schema["type"]}
    known = python.type if python else TYPES[schema["type"]]
    codec = Leaf(
        FORMAT_TYPES.get(schema.get("format", ""), known) if known is None else known, _within(schema)
    )
    if schema["type"] != "string":
        return walk.assertions(schema, wire, at), codec
    return bounded(walk, walk.text(wire, schema, at), codec, at)


def bounded(walk: Walk, wire: Schema, codec: Codec, at: str) -> Rule:
    """Bound a free string where the target wants strings bounded."""
    limit = walk.target.max_string
    if limit is None or wire.keys() & {"maxLength", "pattern", "format"}:
        return wire, codec
    walk.note(at, "maxLength", "bounded", f"at most {limit} characters")
    return {**wire, "maxLength": limit}, Bounded(codec, limit)


@dataclass(slots=True)
class Bounded(Codec):
    """A string or an array with a length that the compiler has added: one that fills it was cut off."""

    inner: Codec
    limit: int
    plain: bool = False

    @property
    def type(self) -> Any:
        """The inner codec's class."""
        return getattr(self.inner, "type", None)

    def encode(self, value: Any) -> JSON:
        """As the inner codec does."""
        return self.inner.encode(value)

    def decode(self, data: JSON) -> JSON:
        """As the inner codec does, unless the bound is filled."""
        return self.inner.decode(check_length(data, self.limit))

    def accepts(self, value: Any) -> bool:
        """As the inner codec does."""
        return self.inner.accepts(value)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value >= bound,
    "maximum": lambda value, bound: value <= bound,
    "exclusiveMinimum": lambda value, bound: value > bound,
    "exclusiveMaximum": lambda value, bound: value < bound,
    "minLength": lambda value, bound: len(value) >= bound,
    "maxLength": lambda value, bound: len(value) <= bound,
    "pattern": lambda value, bound: re.search(bound, value) is not None,
}


def _within(schema: Schema) -> Callable[[Any], bool] | None:
    tests = [(_TESTS[keyword], schema[keyword]) for keyword in schema.keys() & _TESTS.keys()]
    if not tests:
        return None

    def within(value: Any) -> bool:
        try:
            return all(test(value, bound) for test, bound in tests)
        except (TypeError, re.error):
            return True

    return within


def real(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A float; infinities and nan by name where the type says that it takes them."""
    wire = walk.assertions(schema, {"type": "number"}, at)
    if python is None or not python.data:
        return wire, Number()
    walk.note(at, "type", "re-encoded", "infinities and NaN by name")
    description = {"description": wire.pop("description")} if "description" in wire else {}
    names = {"type": "string", "enum": ["Infinity", "-Infinity", "NaN"]}
    codec = Number(names=True)
    codec.plain = False
    return {**description, "anyOf": [wire, names]}, codec


def string(
    walk: Walk, schema: Schema, at: str, pattern: str, words: str, codec: Codec, form: str | None = None
) -> Rule:
    """A string that a format or a pattern describes, in words where the target takes neither."""
    wire: Schema = {"type": "string"}
    if form in walk.target.formats and "format" in walk.target.keywords:
        wire["format"] = form
    elif "pattern" in walk.target.keywords:
        wire["pattern"] = pattern
    else:
        wire = walk.tell(wire, words)
        walk.note(at, "format", "told", words)
    return wire, codec


def decimal(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A decimal as text, so that it never passes through a binary float."""
    core = python.data if python else {}
    places, digits = core.get("decimal_places"), core.get("max_digits")
    whole = f"{{1,{max(digits - (places or 0), 1)}}}" if digits else "+"
    fraction = "" if places == 0 else rf"(\.[0-9]{{1,{places}}})?" if places else r"(\.[0-9]+)?"
    exponent = "" if digits or places is not None else "([eE][+-]?[0-9]+)?"
    special = "|NaN|-?Infinity" if core.get("allow_inf_nan") else ""
    pattern = f"^(-?[0-9]{whole}{fraction}{exponent}{special})$"
    walk.note(at, "type", "re-encoded", "a decimal number as text")
    wire, codec = string(walk, schema, at, pattern, "A decimal number.", Decimals(plain_digits=not exponent))
    names = {
        "ge": "minimum",
        "le": "maximum",
        "gt": "exclusiveMinimum",
        "lt": "exclusiveMaximum",
        "multiple_of": "multipleOf",
    }
    told = [sentence(keyword, core[name]) for name, keyword in names.items() if name in core]
    for words in told:
        walk.note(at, "minimum", "told", words)
    return walk.tell(wire, *told), codec


@dataclass(slots=True)
class Decimals(Codec):
    """A decimal as text. plain_digits: without an exponent."""

    plain_digits: bool
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Return its digits."""
        from decimal import Decimal

        value = value if isinstance(value, Decimal) else Decimal(str(value))
        return f"{value:f}" if self.plain_digits and value.is_finite() else str(value)

    def accepts(self, value: Any) -> bool:
        """Only decimals."""
        from decimal import Decimal

        return isinstance(value, Decimal)


def moment(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A date and time; a pattern where it may be without an offset, which the format forces."""
    aware = python.data if python else None
    form = "date-time" if aware == "aware" else None
    return string(
        walk,
        schema,
        at,
        f"^{DATE}T{TIME}{OFFSETS[aware]}$",
        _clock("A date and time as YYYY-MM-DDTHH:MM:SS", aware),
        Leaf(python and python.type),
        form,
    )


def clock(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A time of day."""
    aware = python.data if python else None
    form = "time" if aware == "aware" else None
    return string(
        walk,
        schema,
        at,
        f"^{TIME}{OFFSETS[aware]}$",
        _clock("A time as HH:MM:SS", aware),
        Leaf(python and python.type),
        form,
    )


def _clock(words: str, aware: str | None) -> str:
    return (
        words
        + {
            "naive": ", without an offset.",
            "aware": ", with an offset or Z.",
            None: ", with its offset if there is one.",
        }[aware]
    )


def span(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A span of time."""
    return string(walk, schema, at, DURATION, sentence("format", "duration"), Leaf(python and python.type))


def binary(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """Bytes in base64."""
    walk.note(at, "format", "re-encoded", "bytes as base64 text")
    wire, codec = string(walk, schema, at, BASE64, "", Bytes())
    return walk.tell(wire, "Base64."), codec


def choice(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """One of a few values, of one type or of several."""
    if python:
        pairs = python.data
    else:
        pairs = [(v, v) for v in schema.get("enum", [schema.get("const")])]
    said = [value for value, _ in pairs]
    codec = Choice([meant for _, meant in pairs], said, said)
    if any(isinstance(value, dict | list) for value in said):
        codec.sent = [dumps_short(value) for value in said]
        codec.plain = False
    groups: dict[str, list[JSON]] = {}
    for value in codec.sent:
        group = groups.setdefault(json_type(value), [])
        if value not in group:
            group.append(value)
    branches = [_enum(walk, kind, values) for kind, values in groups.items()]
    return branches[0] if len(branches) == 1 else {"anyOf": branches}, codec


def _enum(walk: Walk, kind: str, values: list[JSON]) -> Schema:
    if kind == "null":
        return {"type": "null"}
    if len(values) == 1 and "const" in walk.target.keywords:
        return {"type": kind, "const": values[0]}
    return {"type": kind, "enum": values}


def anything(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """Any JSON value: a definition of its own, or JSON text where recursion is not taken."""
    if walk.target.recursion == "none":
        walk.note(at, "type", "re-encoded", "any JSON value as JSON text")
        return {"type": "string", "description": "Any JSON value, as JSON text."}, Text(
            Anything(), inside=True
        )
    optional = walk.target.recursion == "optional"
    wrapped = optional or not walk.target.maps
    if JSON_VALUE not in walk.definitions:
        walk.definitions[JSON_VALUE] = json_value(walk.target, wrapped, optional)
    if wrapped:
        walk.note(at, "type", "re-encoded", "any JSON value, its objects as lists of entries")
    codec = Anything(wrapped, optional, walk.target.max_array, walk.target.max_string)
    return {"$ref": f"#/$defs/{JSON_VALUE}"}, codec


def json_value(target: Target, wrapped: bool, optional: bool) -> Schema:
    """Return the schema of any JSON value: a definition that refers to itself."""
    here: Schema = {"$ref": f"#/$defs/{JSON_VALUE}"}
    scalars = [{"type": "null"}, {"type": "boolean"}, {"type": "number"}, free_text(target)]
    items = free_array(target, here)
    members = free_array(target, closed({"key": free_text(target), "value": here}))
    loose = frozenset({"items", "entries"}) if optional else frozenset()
    as_object = (
        closed({"entries": members}, loose) if wrapped else {"type": "object", "additionalProperties": here}
    )
    return {"anyOf": [*scalars, closed({"items": items}, loose) if optional else items, as_object]}


def free_text(target: Target) -> Schema:
    """Return the schema of any text, bounded where the target wants it bounded."""
    return (
        {"type": "string"}
        if target.max_string is None
        else {"type": "string", "maxLength": target.max_string}
    )


def free_array(target: Target, items: Schema) -> Schema:
    """Return the schema of an array of any length, bounded where the target wants it bounded."""
    wire: Schema = {"type": "array", "items": items}
    return wire if target.max_array is None else {**wire, "maxItems": target.max_array}


def json_text(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A value for which Pydantic wants JSON text: it is said plainly."""
    wire, inner = walk.node(python.data, at)  # type: ignore[union-attr]
    walk.note(at, "contentMediaType", "re-encoded", "the value itself, not its text")
    return wire, Text(inner, inside=False)


# Arrays


def array(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """An array of one kind of item."""
    items, codec = walk.node(schema.get("items", {PYTHON: Python("any")}), f"{at}/items")
    wire = walk.assertions(schema, {"type": "array", "items": items}, at)
    return bounded_array(walk, wire, Array(codec, python.type if python else None, plain=codec.plain), at)


def bounded_array(walk: Walk, wire: Schema, codec: Codec, at: str) -> Rule:
    """Bound a free array where the target wants arrays bounded."""
    limit = walk.target.max_array
    if limit is None or "maxItems" in wire:
        return wire, codec
    walk.note(at, "maxItems", "bounded", f"at most {limit} items")
    return {**wire, "maxItems": limit}, Bounded(codec, limit)


def fixed(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A tuple: an array where the target takes `prefixItems`, else an object with a member for each place."""
    made = [walk.node(item, f"{at}/prefixItems/{i}") for i, item in enumerate(schema["prefixItems"])]
    variadic = python.data if python else None
    codecs = [codec for _, codec in made]
    if variadic is None and made and "prefixItems" in walk.target.keywords:
        wire = {
            "type": "array",
            "prefixItems": [w for w, _ in made],
            "items": False,
            "minItems": len(made),
            "maxItems": len(made),
        }
        return wire, Tuple(codecs, plain=all(c.plain for c in codecs))
    walk.note(at, "prefixItems", "re-encoded", "an object with a member for each place")
    keys = [f"item_{i + 1}" for i in range(len(made))]
    properties: Schema = {}
    for i, (key, (wire, _)) in enumerate(zip(keys, made, strict=True)):
        properties[key] = free_array(walk.target, wire) if i == variadic else wire
    if variadic is None:
        return closed(properties), Tuple(codecs, keys=keys)
    others = keys[:variadic] + keys[variadic + 1 :]
    return closed(properties), Tuple(
        codecs[:variadic], codecs[variadic], codecs[variadic + 1 :], others, keys[variadic]
    )


# Objects


def mapping(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A mapping: an object where the target takes maps, else a list of entries."""
    data: Map = python.data  # type: ignore[union-attr]
    values, value_codec = walk.node(data.values, f"{at}/additionalProperties")
    if walk.maps_plainly(data):
        _, key_codec = walk.node(data.keys, f"{at}/propertyNames")
        wire = walk.assertions(schema, {"type": "object", "additionalProperties": values}, at)
        return wire, Mapped(key_codec, value_codec, as_entries=False, plain=value_codec.plain)
    keys, key_codec = walk.node(_key_schema(walk, data), f"{at}/propertyNames")
    walk.note(at, "additionalProperties", "re-encoded", "a list of entries with key and value")
    entry = closed({"key": keys, "value": values})
    lengths = {
        new: schema[old]
        for old, new in (("minProperties", "minItems"), ("maxProperties", "maxItems"))
        if old in schema
    }
    wire = walk.assertions(lengths, {"type": "array", "items": entry}, at)
    return bounded_array(walk, wire, Mapped(key_codec, value_codec, pairs=data.marked), at)


def _key_schema(walk: Walk, data: Map) -> Schema:
    python = python_of(walk.resolved(data.keys))
    return (
        {"type": "string", PYTHON: Python("leaf", type=str)} if python and python.kind == "any" else data.keys
    )


def record(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """An object with named members; those with defaults are nullable where all must be required."""
    data: Record = python.data  # type: ignore[union-attr]
    members, others = data.members, []
    if walk.kept is not None and walk.is_root(schema):
        members, others = data.members[: walk.kept], data.members[walk.kept :]
    properties: Schema = {}
    fields = []
    for member in members:
        inner = schema["properties"].get(member.key, {PYTHON: Python("any")})
        wire, made = _member(walk, data, member, inner, f"{at}/properties/{escaped(member.key)}")
        properties[made.wire] = wire
        fields.append(made)
    codec = Object(fields, data.by_item, python.type)  # type: ignore[union-attr]
    result = closed(properties, frozenset(f.wire for f in fields if f.optional))
    if others:
        _rest(walk, schema, Record(others, data.by_item), result, codec, at)
    if data.extras is not None:
        _extras(walk, data.extras, result, codec, at)
    if not result["properties"] and data.extras is None and not walk.target.empty_objects:
        walk.note(at, "properties", "re-encoded", "an object without members has one, which says nothing")
        codec.filler = "empty"
        result = closed({"empty": {"type": "boolean"}})
    codec.plain = (
        all(map(_is_plain, fields))
        and not others
        and not codec.filler
        and (codec.extras is None or (codec.extras.key is None and codec.extras.codec.plain))
    )
    return result, codec


def _rest(walk: Walk, schema: Schema, rest: Record, wire: Schema, codec: Object, at: str) -> None:
    part = {"type": "object", "properties": schema["properties"], PYTHON: Python("object", rest, None)}
    key = fresh("other_members", wire["properties"].keys() | {m.key for m in rest.members})
    _, inner = walk.inside.node(part, at)
    inner.is_rest = True  # type: ignore[attr-defined]
    names = ", ".join(member.key for member in rest.members[:5])
    words = f"JSON text of an object with the other {len(rest.members)} members: {names}, ..."
    wire["properties"][key] = {"type": "string", "description": words}
    wire["required"].append(key)
    codec.rest = (key, Text(inner, inside=True))
    detail = f"{len(rest.members)} members past the limits, as JSON text in {key!r}"
    walk.note(at, "properties", "re-encoded", detail)


def _is_plain(member: Field) -> bool:
    return (
        member.codec.plain
        and not member.null_is_absent
        and not member.wrapped
        and member.path == (member.wire,)
    )


def _extras(walk: Walk, extras: Schema, wire: Schema, codec: Object, at: str) -> None:
    values, value_codec = walk.node(extras, f"{at}/additionalProperties")
    if walk.target.maps:
        wire["additionalProperties"] = values
        codec.extras = Extras(value_codec)
        return
    key = fresh("additional_properties", wire["properties"].keys())
    entry = closed({"key": free_text(walk.target), "value": values})
    members = free_array(walk.target, entry)
    wire["properties"][key] = {**members, "description": "Members that have no name above."}
    wire["required"].append(key)
    codec.extras = Extras(value_codec, key)
    walk.note(at, "additionalProperties", "re-encoded", f"other members as a list of entries in {key!r}")


def escaped(step: str) -> str:
    """Return a step of a JSON pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def _member(walk: Walk, data: Record, member: Member, schema: Schema, at: str) -> tuple[Schema, Field]:
    wire, codec = walk.node(schema, at)
    path = member.path or (member.key,)
    made = Field(walk.property_name(member.key), member.name, path, codec, member.default, member.required)
    if walk.must_be_optional(schema):
        made.optional = True
        walk.note(at, "required", "told", "Required.")
        return (walk.tell(wire, "Required.") if member.required else wire), made
    if member.required or _is_constant(walk, schema, member):
        return wire, made
    if not walk.target.all_required:
        made.optional = True
        return wire, made
    if not walk.takes_null(schema):
        made.null_is_absent = True
        walk.note(at, "required", "re-encoded", "null where it is left out")
        return nullable(wire), made
    if data.by_item and member.default is ABSENT:
        made.wrapped = True
        walk.note(at, "required", "re-encoded", 'null where it is left out, else {"value": ...}')
        return nullable(closed({"value": wire})), made
    return wire, made


def _is_constant(walk: Walk, schema: Schema, member: Member) -> bool:
    python = python_of(walk.resolved(schema))
    if python is None or python.kind != "choice" or len(python.data) != 1:
        return False
    said, meant = python.data[0]
    return any(
        member.default is v or (type(member.default) is type(v) and member.default == v)
        for v in (said, meant)
    )


def nullable(wire: Schema) -> Schema:
    """Return `wire`, or null."""
    description = {"description": wire["description"]} if "description" in wire else {}
    inner = {key: value for key, value in wire.items() if key != "description"}
    if inner.keys() == {"anyOf"}:
        branches = inner["anyOf"]
        return (
            wire if {"type": "null"} in branches else {**description, "anyOf": [*branches, {"type": "null"}]}
        )
    return {**description, "anyOf": [inner, {"type": "null"}]}


# Unions and wrappers


def optional(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """The inner type or null."""
    inner = python.data  # type: ignore[union-attr]
    wire, codec = walk.node(inner, at)
    return nullable(wire), Nullable(codec, codec.plain)


def union(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """One of several types: as they are where they look different, else each under its own name."""
    choices: Choices = python.data  # type: ignore[union-attr]
    made = [walk.node(inner, f"{at}/anyOf/{i}") for i, inner in enumerate(choices.schemas)]
    plain = not choices.marked and all(codec.plain for _, codec in made)
    shapes = [walk.shapes(inner) for inner in choices.schemas]
    tags = set() if plain else ambiguous(shapes, choices.labels)
    branches, wires = [], []
    for i, (wire, codec) in enumerate(made):
        tag = choices.labels[i] if i in tags else None
        mark = str(i) if choices.marked else None
        branches.append(Branch(choices.labels[i], codec, _fits(shapes[i]), tag, mark))
        wires.append(closed({tag: wire}) if tag else wire)
    if tags:
        walk.note(at, "anyOf", "re-encoded", "members that look alike, each under its own name")
    flat = [w for wire in wires for w in (wire["anyOf"] if wire.keys() == {"anyOf"} else [wire])]
    unique = [w for i, w in enumerate(flat) if w not in flat[:i]]
    return unique[0] if len(unique) == 1 else {"anyOf": unique}, Union(branches, choices.pick, plain)


def ambiguous(shapes: list[list[Shape]], labels: list[str]) -> set[int]:
    """Return which members of a union cannot be told from the others by their shape."""
    tags = {
        i
        for i, mine in enumerate(shapes)
        if any(not a.apart(b) for j, others in enumerate(shapes) if i != j for a in mine for b in others)
    }
    boxes = [
        Shape(frozenset({"object"}), required=frozenset({labels[i]}), known=frozenset({labels[i]}))
        for i in tags
    ]
    return tags | {i for i, mine in enumerate(shapes) if any(not a.apart(b) for a in mine for b in boxes)}


def _fits(shapes: list[Shape]) -> Callable[[JSON], bool]:
    return lambda data: any(shape.fits(data) for shape in shapes)


def root_model(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """A RootModel: as what it holds."""
    wire, codec = walk.node(python.data, at)  # type: ignore[union-attr]
    return wire, Root(codec, python.type, codec.plain)  # type: ignore[union-attr]


@dataclass(slots=True)
class Encoded(Codec):
    """Text that Pydantic decodes by an encoder of its own, such as Base64Str."""

    encoder: Callable[[Any], str]
    type: Any
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Return what the type's own encoder makes of it."""
        return self.encoder(value)

    def accepts(self, value: Any) -> bool:
        """By class."""
        return isinstance(value, self.type)


@dataclass(slots=True)
class Plain(Codec):
    """Values of a type with a JSON Schema of the user's own: its JSON first, then the schema's codec."""

    inner: Codec
    type: Any = None
    plain: bool = True

    def encode(self, value: Any) -> JSON:
        """Encode the value's own JSON."""
        return self.inner.encode(json_of(value))

    def decode(self, data: JSON) -> JSON:
        """As the inner codec does."""
        return self.inner.decode(data)

    def accepts(self, value: Any) -> bool:
        """By class, where the schema's format tells it; else by the value's JSON."""
        if self.type is not None:
            return isinstance(value, self.type)
        try:
            return self.inner.accepts(json_of(value))
        except Misfit:
            return False


def never(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """Refuse: no value fits."""
    raise SchemaError("no value fits this schema", at)


def encoded(walk: Walk, schema: Schema, python: Python | None, at: str) -> Rule:
    """Base64 text that is decoded by the type itself."""
    codec = Encoded(python.data, python.type)  # type: ignore[union-attr]
    return string(walk, schema, at, "^[A-Za-z0-9+/_-]*={0,2}$", "Base64.", codec)


JSON_VALUE = "JSON"
RULES: Mapping[str, Callable[[Walk, Schema, Python | None, str], Rule]] = {
    "null": null,
    "leaf": leaf,
    "float": real,
    "decimal": decimal,
    "datetime": moment,
    "time": clock,
    "timedelta": span,
    "bytes": binary,
    "encoded": encoded,
    "never": never,
    "choice": choice,
    "any": anything,
    "json": json_text,
    "array": array,
    "tuple": fixed,
    "map": mapping,
    "object": record,
    "nullable": optional,
    "union": union,
    "root": root_model,
}
