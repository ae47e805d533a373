"""The rules: what each kind of node becomes for a target, each with the codec that inverts it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...errors import SchemaError
from ...messages import JSON
from ...pointers import pointer
from ...reading import place_names
from ..codec.containers import Anything, Array, Branch, Nullable, Root, Tuple, Union
from ..codec.mappings import Mapped
from ..codec.objects import Extras, Field, Object, Unsaid
from ..codec.values import BoundedCodec, ChoiceCodec, Codec, Foreign, Null, TextCodec
from ..names import fresh
from ..nodes import (
    ABSENT,
    FORMAT_TYPES,
    PYTHON,
    Choices,
    Map,
    Member,
    Python,
    Record,
    Schema,
    json_type,
    python_of,
)
from ..strict import closed
from ..types.documents.convert import Converter
from ..words import sentence
from .leaves import binary, clock, decimal, encoded, leaf, moment, real, span, told
from .shapes import FILLER, Shape, ambiguous, maps_plainly, sent, shapes_of, takes_null
from .targets import Target
from .walk import FOREIGN, Rule, Walk, Wired

KEY_KEYWORDS = ("pattern", "format", "minLength", "maxLength")
ANY: Schema = {PYTHON: Python("any")}
NAMED = 20  # members in a note
OTHERS = "other_members"  # the member that holds what a target has no room for
TEXT: Schema = {"type": "string", PYTHON: Python("leaf", type=str)}


def free_text(target: Target) -> Schema:
    """Return the schema of any text, bounded where the target wants it bounded."""
    return {"type": "string", **({} if target.max_string is None else {"maxLength": target.max_string})}


def free_array(target: Target, items: Schema) -> Schema:
    """Return the schema of an array of any length, bounded where the target wants it bounded."""
    bound = {} if target.max_array is None else {"maxItems": target.max_array}
    return {"type": "array", "items": items, **bound}


def nullable(wire: Schema) -> Schema:
    """Return `wire`, or null."""
    description = {"description": wire["description"]} if "description" in wire else {}
    inner = {key: value for key, value in wire.items() if key != "description"}
    branches = inner["anyOf"] if inner.keys() == {"anyOf"} else [inner]
    return wire if {"type": "null"} in branches else {**description, "anyOf": [*branches, {"type": "null"}]}


# Scalars of a few or of any values


def null(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """Null."""
    return {"type": "null"}, Null()


def never(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """Refuse: no value fits."""
    raise SchemaError("no value fits this schema", at)


def choice(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """One of a few values, of one type or of several."""
    said = [value for value, _ in python.data]
    codec = ChoiceCodec([meant for _, meant in python.data], said, [sent(value) for value in said])
    codec.plain = all(a is b for a, b in zip(codec.said, codec.sent, strict=True))
    if not codec.plain:
        walk.note(at, "enum", "re-encoded", "objects, arrays and long integers as text")
    groups: dict[str, dict[JSON, None]] = {}
    for value in codec.sent:
        groups.setdefault(json_type(value), {})[value] = None
    branches = [_enum(walk.target, kind, list(values)) for kind, values in groups.items()]
    return branches[0] if len(branches) == 1 else {"anyOf": branches}, codec


def _enum(target: Target, kind: str, values: list[JSON]) -> Schema:
    if kind == "null":
        return {"type": "null"}
    if len(values) == 1 and "const" in target.keywords:
        return {"type": kind, "const": values[0]}
    return {"type": kind, "enum": values}


def anything(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """Any JSON value: a definition of its own, or JSON text where recursion is not taken."""
    target = walk.target
    if target.recursion == "none":
        walk.note(at, "type", "re-encoded", "any JSON value as JSON text")
        return {"type": "string", "description": "Any JSON value, as JSON text."}, TextCodec(Anything())
    boxed = target.recursion == "optional"
    wrapped = boxed or not target.maps
    if not walk.json_name:
        walk.json_name = fresh("JSON", walk.definitions.keys())
        walk.definitions[walk.json_name] = json_value(target, walk.json_name, wrapped, boxed)
    if wrapped:
        walk.note(at, "type", "re-encoded", "any JSON value, its objects as lists of entries")
    plain = not (wrapped or target.max_array or target.max_string)
    codec = Anything(wrapped, boxed, target.max_array, target.max_string, plain)
    return {"$ref": f"#/$defs/{walk.json_name}"}, codec


def json_value(target: Target, name: str, wrapped: bool, boxed: bool) -> Schema:
    """Return the schema of any JSON value: a definition that refers to itself."""
    here: Schema = {"$ref": f"#/$defs/{name}"}
    scalars = [{"type": "null"}, {"type": "boolean"}, {"type": "number"}, free_text(target)]
    items = free_array(target, here)
    members = free_array(target, closed({"key": free_text(target), "value": here}))
    loose = frozenset({"items", "entries"}) if boxed else frozenset()
    objects = (
        closed({"entries": members}, loose) if wrapped else {"type": "object", "additionalProperties": here}
    )
    return {"anyOf": [*scalars, closed({"items": items}, loose) if boxed else items, objects]}


def json_text(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A value for which Pydantic wants JSON text: it is said plainly."""
    wire, inner = walk.node(python.data, at)
    walk.note(at, "contentMediaType", "re-encoded", "the value itself, not its text")
    return wire, TextCodec(inner, inside=False)


def foreign(walk: Walk, schema: Schema, python: Any, at: str) -> Wired:
    """A node that a hook of the user's has written: plain JSON Schema."""
    if schema.get("type") == "null":
        return {"type": "null"}, Null()
    converter = Converter(walk.source.definitions)
    made = converter.node({k: v for k, v in schema.items() if k != PYTHON}, at)
    walk.notes.extend(converter.notes)
    walk.source.definitions.update(converter.shared())
    wire, codec = walk.node(
        {k: v for k, v in made.items() if k not in ("description", "title", "examples")}, at
    )
    return wire, Foreign(codec, codec.plain, FORMAT_TYPES.get(schema.get("format", "")))


# Arrays


def array(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """An array of one kind of item."""
    items, codec = walk.node(schema.get("items", ANY), f"{at}/items")
    wire = told(walk, schema, {"type": "array", "items": items}, at)
    return bounded_array(walk, wire, Array(codec, python.type, codec.plain), at)


def bounded_array(walk: Walk, wire: Schema, codec: Codec, at: str) -> Wired:
    """Bound a free array where the target wants arrays bounded."""
    limit = walk.target.max_array
    if limit is None or "maxItems" in wire:
        return wire, codec
    walk.note(at, "maxItems", "bounded", f"at most {limit} items")
    return {**wire, "maxItems": limit}, BoundedCodec(codec, limit=limit)


def fixed(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A tuple: an array where the target takes `prefixItems`, else an object with a member for each place."""
    made = [walk.node(item, f"{at}/prefixItems/{i}") for i, item in enumerate(schema["prefixItems"])]
    wires, codecs = [wire for wire, _ in made], [codec for _, codec in made]
    variadic = python.data
    if variadic is None and made and "prefixItems" in walk.target.keywords:
        lengths = {"minItems": len(made), "maxItems": len(made)}
        plain = all(codec.plain for codec in codecs)
        return {"type": "array", "prefixItems": wires, **lengths}, Tuple(
            codecs, type=python.type, plain=plain
        )
    walk.note(at, "prefixItems", "re-encoded", "an object with a member for each place")
    if not made and not walk.target.empty_objects:
        return closed({FILLER: {"type": "boolean"}}), Tuple([], keys=[], filler=FILLER, type=python.type)
    keys = place_names(len(made))
    if variadic is None:
        return closed(dict(zip(keys, wires, strict=True))), Tuple(codecs, keys=keys, type=python.type)
    wires[variadic] = free_array(walk.target, wires[variadic])
    first, rest, last = codecs[:variadic], codecs[variadic], codecs[variadic + 1 :]
    others = keys[:variadic] + keys[variadic + 1 :]
    codec = Tuple(first, rest, last, others, keys[variadic], bound=walk.target.max_array, type=python.type)
    return closed(dict(zip(keys, wires, strict=True))), codec


# Mappings


def mapping(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A mapping: an object where the target takes maps, else a list of entries."""
    data: Map = python.data
    keys_python = python_of(walk.resolved(data.keys))
    key_schema = TEXT if keys_python and keys_python.kind == "any" else data.keys
    keys, key_codec = walk.node(key_schema, f"{at}/propertyNames")
    values, value_codec = walk.node(data.values, f"{at}/additionalProperties")
    if maps_plainly(walk, data):
        wire = told(walk, schema, {"type": "object", "additionalProperties": values}, at)
        wire = walk.tell(wire, _key_words(walk.resolved(data.keys)))
        plain = value_codec.plain and data.reads is None
        return wire, Mapped(key_codec, value_codec, as_entries=False, reads=data.reads, plain=plain)
    walk.note(at, "additionalProperties", "re-encoded", "a list of entries with key and value")
    renamed = {"minProperties": "minItems", "maxProperties": "maxItems"}
    lengths = {renamed[old]: schema[old] for old in renamed.keys() & schema.keys()}
    entries = {"type": "array", "items": closed({"key": keys, "value": values})}
    text_keys = keys.get("type") == "string"
    codec = Mapped(key_codec, value_codec, pairs=data.marked, text_keys=text_keys, reads=data.reads)
    return bounded_array(walk, told(walk, lengths, entries, at), codec, at)


def _key_words(keys: Schema) -> str:
    words = " ".join(
        filter(None, (sentence(keyword, keys[keyword]) for keyword in KEY_KEYWORDS if keyword in keys))
    )
    return f"Each key: {words}" if words else ""


# Objects


def record(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """An object with named members; those with defaults are nullable where all must be required."""
    data: Record = python.data
    members, rest = data.members, list[Member]()
    if walk.kept is not None and walk.is_root(schema):
        members, rest = _most_needed(data.members, walk.kept)
    properties: Schema = {}
    fields = []
    for member in members:
        inner = schema["properties"].get(member.key, ANY)
        wire, made = _member(walk, data, member, inner, at + pointer(("properties", member.key)))
        properties[made.wire] = wire
        fields.append(made)
    codec = Object(fields, data.by_item, python.type, open=data.is_open, elsewhere=frozenset(data.elsewhere))
    result = closed(properties, frozenset(made.wire for made in fields if made.optional))
    if rest:
        _rest(walk, schema, Record(rest, data.by_item), result, codec, at)
    if data.extras is not None:
        _extras(walk, data.extras, result, codec, at)
    elif not result["properties"] and not walk.target.empty_objects:
        walk.note(at, "properties", "re-encoded", "an object without members has one, which says nothing")
        codec.filler = FILLER
        result = closed({FILLER: {"type": "boolean"}})
    codec.plain = (
        not (codec.rest or codec.filler) and _extras_are_plain(codec) and all(map(_is_plain, fields))
    )
    return result, codec


def _most_needed(members: Sequence[Member], count: int) -> tuple[list[Member], list[Member]]:
    """Return so many members, required ones before others, and the rest, both in the order of the type."""
    numbers = sorted(range(len(members)), key=lambda number: not members[number].required)
    kept = set(numbers[:count])
    return (
        [member for number, member in enumerate(members) if number in kept],
        [member for number, member in enumerate(members) if number not in kept],
    )


def _is_plain(member: Field) -> bool:
    said = not member.null_is_absent and not member.wrapped and member.path == (member.wire,)
    return said and member.codec.plain


def _extras_are_plain(codec: Object) -> bool:
    return codec.extras is None or (codec.extras.key is None and codec.extras.codec.plain)


def _rest(walk: Walk, schema: Schema, rest: Record, wire: Schema, codec: Object, at: str) -> None:
    part = {"type": "object", "properties": schema["properties"], PYTHON: Python("object", rest)}
    _, inner = walk.inside.node(part, at)
    if isinstance(inner, Object):
        inner.open = True
    key = fresh(OTHERS, wire["properties"].keys() | {member.key for member in rest.members})
    names = ", ".join(member.key for member in rest.members[:5])
    words = f"JSON text of an object with the other {len(rest.members)} members: {names}, ..."
    wire["properties"][key] = {"type": "string", "description": words}
    wire["required"].append(key)
    codec.rest = (key, TextCodec(inner))
    more = f" and {len(rest.members) - NAMED:,} more" if len(rest.members) > NAMED else ""
    named = ", ".join(member.key for member in rest.members[:NAMED])
    what = f"{len(rest.members)} members as JSON text in {key!r}"
    walk.note(at, "properties", "re-encoded", f"{what}: {walk.why}; they are {named}{more}")


def _extras(walk: Walk, extras: Schema, wire: Schema, codec: Object, at: str) -> None:
    values, value_codec = walk.node(extras, f"{at}/additionalProperties")
    if walk.target.maps and walk.target.open_objects:
        wire["additionalProperties"] = values
        codec.extras = Extras(value_codec)
        return
    key = fresh("additional_properties", wire["properties"].keys())
    members = free_array(walk.target, closed({"key": free_text(walk.target), "value": values}))
    wire["properties"][key] = {**members, "description": "Members that have no name above."}
    wire["required"].append(key)
    codec.extras = Extras(value_codec, key, walk.target.max_array)
    walk.note(at, "additionalProperties", "re-encoded", f"other members as a list of entries in {key!r}")


def _member(walk: Walk, data: Record, member: Member, schema: Schema, at: str) -> tuple[Schema, Field]:
    wire, codec = walk.node(schema, at)
    path = member.path or (member.key,)
    kind = Unsaid if (python := python_of(schema)) and python.kind == "quotes" else Field
    made = kind(
        walk.target.legal_property(member.key), member.name, path, codec, member.default, member.required
    )
    if made.wire != member.key:
        walk.note(at, "properties", "re-encoded", f"the name is said as {made.wire!r}")
    if walk.must_be_optional(schema):
        made.optional = True
        walk.note(
            at, "required", "told" if member.required else "re-encoded", "optional, since it is recursive"
        )
        return (walk.tell(wire, "Required.") if member.required else wire), made
    if member.required or _is_constant(walk, schema, member):
        return wire, made
    if not walk.target.all_required:
        made.optional = True
        return wire, made
    if not takes_null(walk, schema):
        made.null_is_absent = True
        walk.note(at, "required", "re-encoded", "null where it is left out")
        return nullable(wire), made
    if (data.by_item and member.default is ABSENT) or _is_refused(schema, member, codec):
        made.wrapped = True
        walk.note(at, "required", "re-encoded", 'null where it is left out, else {"value": ...}')
        return nullable(closed({"value": wire})), made
    return wire, made


def _is_refused(schema: Schema, member: Member, codec: Codec) -> bool:
    """Return whether a member's default cannot be said, since its own type would not read it back."""
    if member.reads is None or (codec.accepts(member.default) and not _refers(schema)):
        return False
    return not member.reads(member.default)


def _refers(schema: Schema) -> bool:
    """Return whether a node's codec may not be known yet."""
    python = python_of(schema)
    return "$ref" in schema or (python is not None and any(map(_refers, filter(None, python.parts()))))


def _is_constant(walk: Walk, schema: Schema, member: Member) -> bool:
    """Return whether a member can only be its own default."""
    python = python_of(walk.resolved(schema))
    if python is None or python.kind != "choice" or len(python.data) != 1:
        return False
    return any(type(member.default) is type(v) and member.default == v for v in python.data[0])


# Unions and wrappers


def optional(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """The inner type or null."""
    wire, codec = walk.node(python.data, at)
    return nullable(wire), Nullable(codec, codec.plain)


def union(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """One of several types: as they are where they look different, else each under its own name."""
    data: Choices = python.data
    made = [walk.node(inner, f"{at}/anyOf/{i}") for i, inner in enumerate(data.schemas)]
    plain = not data.marks and all(codec.plain for _, codec in made)
    shapes = [shapes_of(walk, inner) for inner in data.schemas]
    whole = _mistakes_whole_floats(walk, data.schemas, shapes)
    tags = set() if plain else ambiguous(shapes, data.labels)
    branches, wires = [], []
    for i, (wire, codec) in enumerate(made):
        tag, mark = data.labels[i] if i in tags else None, data.marks[i] if data.marks else None
        branches.append(Branch(data.labels[i], codec, _fits(shapes[i]), tag, mark))
        wires.append(closed({tag: wire}) if tag else wire)
    if tags:
        walk.note(at, "anyOf", "re-encoded", "members that look alike, each under its own name")
    return _any_of(wires), Union(branches, data.pick, plain and not whole, marked=not plain, whole=whole)


def _mistakes_whole_floats(walk: Walk, members: Sequence[Schema], shapes: Sequence[Sequence[Shape]]) -> bool:
    """Return whether a member takes 1.0 that is no number, and another one is an integer, which it means."""
    types = frozenset[str]().union(*(shape.types for each in shapes for shape in each))
    if "integer" not in types or "number" in types:
        return False
    return "boolean" in types or any(_is_time(walk.resolved(member)) for member in members)


def _is_time(schema: Schema) -> bool:
    python = python_of(schema)
    if python is not None and python.kind == "nullable":
        return _is_time(python.data)
    return schema.get("format") in TIMES or (python is not None and python.kind in TIME_KINDS)


TIMES = frozenset({"date", "date-time", "time", "duration"})
TIME_KINDS = frozenset({"datetime", "time", "timedelta"})


def _any_of(wires: list[Schema]) -> Schema:
    flat = [part for wire in wires for part in (wire["anyOf"] if wire.keys() == {"anyOf"} else [wire])]
    unique: dict[str, Schema] = {}
    for wire in flat:
        unique.setdefault(json.dumps(wire, sort_keys=True), wire)
    return flat[0] if len(unique) == 1 else {"anyOf": list(unique.values())}


def _fits(shapes: list[Shape]) -> Callable[[JSON], bool]:
    return lambda data: any(shape.fits(data) for shape in shapes)


def root_model(walk: Walk, schema: Schema, python: Python, at: str) -> Wired:
    """A RootModel: as what it holds."""
    wire, codec = walk.node(python.data, at)
    return wire, Root(codec, codec.plain, python.type)


RULES: Mapping[str, Rule] = {
    FOREIGN: foreign,
    "null": null,
    "never": never,
    "leaf": leaf,
    "float": real,
    "decimal": decimal,
    "datetime": moment,
    "time": clock,
    "timedelta": span,
    "bytes": binary,
    "encoded": encoded,
    "choice": choice,
    "any": anything,
    "json": json_text,
    "array": array,
    "tuple": fixed,
    "map": mapping,
    "object": record,
    "quotes": record,
    "nullable": optional,
    "union": union,
    "root": root_model,
}
