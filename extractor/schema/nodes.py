"""What plain JSON Schema loses of a Python type, kept beside its keywords on the way to the compiler."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address, IPv6Interface, IPv6Network
from pathlib import PurePath
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import SecretBytes, SecretStr

from ..messages import JSON

Schema: TypeAlias = dict[str, JSON]  # a node, or a strict schema
PYTHON: Final = "\0python"  # the key of a node's Python; never sent, and ignored unless it holds one
TAG: Final = "\0tag"  # beside VALUE in JSON for Pydantic: which member of a union was meant
VALUE: Final = "\0value"
TOLD: Final = "\0told"  # the key of sentences about a node, for the model
CODED: Final = "\0coded"  # the key of what a node's values are codes of
SHOWN: Final = "\0shown"  # the key of the codes that are shown of them
NEVER: Final[Schema] = {"\0never": True}  # a schema that no value fits
STRICT: Final = "strict"  # a leaf's data: only values of its own class are said
ABSENT: Final = object()  # a member without a default
TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
EVERY_TYPE: Final = frozenset(TYPES)
NODES: Final = ("items", "additionalProperties")  # the keywords that hold one node
LISTS: Final = ("prefixItems",)  # those that hold several
HOLDERS: Final = ("nullable", "root", "json")  # kinds whose data is the node inside
FORMAT_TYPES: Final[Mapping[str, Any]] = {
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


@dataclass(frozen=True, slots=True)
class Note:
    """What became of a keyword that the target does not carry as it stands.

    pointer: where in the record type's JSON Schema. action: "re-encoded", "told" in words, "checked"
    after decoding only, "bounded", or "dropped". "told" implies "checked".
    """

    pointer: str
    keyword: str
    action: str
    detail: str


@dataclass(slots=True)
class Member:
    """One member of an object. key: its name in JSON. name: the attribute or key of the Python value.
    path: where Pydantic looks for it, if deeper than `key`. reads: whether JSON of a default that was not
    validated is read as that default; None if it was.
    """

    key: str
    name: str
    required: bool
    default: Any = ABSENT
    path: tuple[str | int, ...] | None = None
    reads: Callable[[Any], bool] | None = None


@dataclass(slots=True)
class Python:
    """What a node is in Python.

    kind: the rule that compiles it. data: what the rule needs: the inner schema, the members, the
    choices. type: the class of its values, if there is one.
    """

    kind: str
    data: Any = None
    type: type | tuple[type, ...] | None = None

    def __deepcopy__(self, memo: Any) -> Python:
        return self  # hooks copy schemas; the copies mean the same type

    def parts(self) -> list[JSON]:
        """Return the schemas that it holds."""
        if isinstance(self.data, Record):
            return [self.data.extras]
        if isinstance(self.data, Choices):
            return list(self.data.schemas)
        if isinstance(self.data, Map):
            return [self.data.keys, self.data.values]
        return [self.data] if self.kind in HOLDERS else []


@dataclass(slots=True)
class Record:
    """An object with named members. by_item: its values are mappings. extras: the schema of other
    members, None if there are none. elsewhere: names of members that are asked for elsewhere; is_open:
    whether so are those without a name.
    """

    members: list[Member]
    by_item: bool = False
    extras: Schema | None = None
    elsewhere: tuple[str, ...] = ()
    is_open: bool = False


@dataclass(slots=True)
class Choices:
    """The members of a union, each with a label for a tag.

    marks: Pydantic could not tell them apart, so JSON for it says by a mark which one is meant; empty
    where it can. pick: returns the label of the member that a value belongs to, where the type has its
    own way to tell.
    """

    labels: list[str]
    schemas: list[Schema]
    marks: list[str] = field(default_factory=list)
    pick: Callable[[Any], Any] | None = None


@dataclass(slots=True)
class Map:
    """A mapping. marked: JSON for Pydantic is a list of pairs, since its keys are no text. reads: what a
    key's text means, where two texts may mean the same.
    """

    keys: Schema
    values: Schema
    marked: bool = False
    reads: Callable[[str], Any] | None = None


@dataclass(frozen=True)
class TypeSource:
    """A record type as the compiler reads it.

    schema: its JSON Schema, with PYTHON beside the keywords. definitions: by the text of `$ref`.
    validate: returns the record, from JSON text and a context; raises what `problems` explains. core:
    pydantic-core's schema of it, None if there is none.
    """

    name: str
    schema: Schema
    definitions: dict[str, Schema] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    validate: Callable[[str | bytes, Any], Any] = lambda text, context: text
    problems: Callable[[Exception, str | bytes], list[Any]] = lambda error, text: []
    core: Any = None


def mapped(source: TypeSource, visit: Callable[[Schema], Schema]) -> TypeSource:
    """Return a record type with each node as `visit` makes it, which is given nodes whose parts are done.
    Nodes that say nothing of what they are in Python, such as references, stay as they are.
    """

    def node(schema: Schema) -> Schema:
        return schema if python_of(schema) is None else visit(_with_parts(schema, node))

    definitions = {ref: node(body) for ref, body in source.definitions.items()}
    return replace(source, schema=node(source.schema), definitions=definitions, core=None)


def below(schema: Schema) -> list[Schema]:
    """Return the nodes directly below one; what it refers to is none of them."""
    python = python_of(schema)
    parts = [schema.get(key) for key in NODES]
    parts += [part for key in LISTS for part in schema.get(key, ())]
    parts += [*schema.get("properties", {}).values(), *(python.parts() if python else ())]
    return [part for part in parts if isinstance(part, dict)]


def _with_parts(schema: Schema, change: Callable[[Schema], Any]) -> Schema:
    """Return a node with `change` applied to each node directly below it, once to each."""
    known: dict[int, Any] = {}

    def changed(part: Any) -> Any:
        if isinstance(part, dict) and id(part) not in known:
            known[id(part)] = change(part)
        return known[id(part)] if isinstance(part, dict) else part

    parts: Schema = {key: changed(schema[key]) for key in NODES if key in schema}
    parts |= {key: list(map(changed, schema[key])) for key in LISTS if key in schema}
    if "properties" in schema:
        parts["properties"] = {key: changed(part) for key, part in schema["properties"].items()}
    python = python_of(schema)
    if python is None:
        return {**schema, **parts}
    data = python.data
    match data:
        case Record():
            data = replace(data, extras=changed(data.extras))
        case Choices():
            data = replace(data, schemas=list(map(changed, data.schemas)))
        case Map():
            data = replace(data, values=changed(data.values))
        case dict() if python.kind in HOLDERS:
            data = changed(data)
    return {**schema, **parts, PYTHON: replace(python, data=data)}


def json_type(value: JSON) -> str:
    """Return the JSON type of a parsed value."""
    return _JSON_TYPES.get(type(value)) or next(
        (name for cls, name in _JSON_TYPES.items() if isinstance(value, cls)), "object"
    )


_JSON_TYPES: Final = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
}


def python_of(schema: Schema) -> Python | None:
    """Return what `schema` is in Python, None if that is unknown."""
    found = schema.get(PYTHON)
    return found if isinstance(found, Python) else None


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


def resolve(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """Return what `schema` refers to, if it refers."""
    for _ in range(100):
        if "$ref" not in schema:
            break
        schema = definitions.get(schema["$ref"], {})
    return schema


def resolved(source: TypeSource, schema: Schema) -> Schema:
    """Return what a reference, a type that may be null or a root model stands for."""
    for _ in range(100):
        python = python_of(schema)
        if "$ref" in schema:
            schema = source.definitions.get(schema["$ref"], NEVER)
        elif python is not None and python.kind in ("nullable", "root") and isinstance(python.data, dict):
            schema = python.data
        else:
            break
    return schema
