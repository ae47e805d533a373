"""What plain JSON Schema loses of a Python type, kept beside its keywords on the way to the compiler."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..messages import JSON

PYTHON: Final = "\0python"  # the key of a node's Python; never sent, and ignored unless it holds one
TAG: Final = "\0tag"  # beside VALUE in JSON for Pydantic: which member of a union was meant
VALUE: Final = "\0value"
TOLD: Final = "\0told"  # the key of sentences about a node, for the model
NEVER: Final[dict[str, JSON]] = {"\0never": True}  # a schema that no value fits
STRICT: Final = "strict"  # a leaf's data: only values of its own class are said
ABSENT: Final = object()  # a member without a default
NODES: Final = ("items", "additionalProperties")  # the keywords that hold one node
LISTS: Final = ("prefixItems",)  # those that hold several
HOLDERS: Final = ("nullable", "root", "json")  # kinds whose data is the node inside


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
    validated is read as that default; None where it was.
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
    choices. type: the class of its values, where there is one.
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
    members, None where there are none.
    """

    members: list[Member]
    by_item: bool = False
    extras: dict[str, JSON] | None = None


@dataclass(slots=True)
class Choices:
    """The members of a union, each with a label for a tag.

    marks: Pydantic could not tell them apart, so JSON for it says by a mark which one is meant; empty
    where it can. pick: returns the label of the member that a value belongs to, where the type has its
    own way to tell.
    """

    labels: list[str]
    schemas: list[dict[str, JSON]]
    marks: list[str] = field(default_factory=list)
    pick: Callable[[Any], Any] | None = None


@dataclass(slots=True)
class Map:
    """A mapping. marked: JSON for Pydantic is a list of pairs, since its keys are no text. reads: what a
    key's text means, where two texts may mean the same.
    """

    keys: dict[str, JSON]
    values: dict[str, JSON]
    marked: bool = False
    reads: Callable[[str], Any] | None = None


@dataclass(frozen=True)
class TypeSource:
    """A record type as the compiler reads it.

    schema: its JSON Schema, with PYTHON beside the keywords. definitions: by the text of `$ref`.
    validate: returns the record, from JSON text and a context; raises what `problems` explains. core:
    pydantic-core's schema of it, None where there is none.
    """

    name: str
    schema: dict[str, JSON]
    definitions: dict[str, dict[str, JSON]] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    validate: Callable[[str | bytes, Any], Any] = lambda text, context: text
    problems: Callable[[Exception, str | bytes], list[Any]] = lambda error, text: []
    core: Any = None


def with_parts(schema: dict[str, JSON], change: Callable[[dict[str, JSON]], Any]) -> dict[str, JSON]:
    """Return a node with `change` applied to each node directly below it; references are none of them."""

    def changed(part: Any) -> Any:
        return change(part) if isinstance(part, dict) else part

    parts: dict[str, JSON] = {key: changed(schema[key]) for key in NODES if key in schema}
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


def python_of(schema: dict[str, JSON]) -> Python | None:
    """Return what `schema` is in Python, None where that is unknown."""
    found = schema.get(PYTHON)
    return found if isinstance(found, Python) else None
