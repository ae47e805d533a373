"""Whether Pydantic finds the member of a union that JSON means, and names for the members."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from pydantic_core import SchemaValidator, core_schema

from ...names import distinct
from ...nodes import FORMAT_TYPES, Choices, Python, Schema, json_type, python_of, resolve

Core = Any  # a pydantic-core schema
Definitions = Mapping[str, Schema]
NUMERIC = frozenset({"boolean", "integer", "number"})
LAX = NUMERIC | {"text", "string"}  # kinds whose types may also take numbers
EXACT_TEXT = frozenset({"string"})
TEXTS = frozenset({"text", "string"})
SCALARS = (int, float, str)


class Nature(NamedTuple):
    """What JSON a member of a union reads: JSON types, with a star where it becomes something else;
    "text" is text that numbers may be taken for; "?" is unknown. constants: members that tell it. chosen:
    it is one of a few values, among which 1 counts as True.
    """

    kinds: frozenset[str]
    constants: Mapping[str, frozenset[Any]] = {}
    chosen: bool = False


def told_apart(schemas: list[Schema], definitions: Definitions) -> bool:
    """Return whether JSON of each member can only become a value of that member. False when unsure."""
    natures = [nature(schema, definitions) for schema in schemas]
    return all(_differ(a, b) for i, a in enumerate(natures) for b in natures[:i])


def nature(schema: Schema, definitions: Definitions) -> Nature:
    """Return what JSON a node reads."""
    schema = resolve(schema, definitions)
    python = python_of(schema)
    if schema.get("type") in ("null", "boolean"):
        return Nature(frozenset({schema["type"]}))
    if python is None:
        return Nature(frozenset({"string*" if schema.get("type") == "string" else "?"}))
    if python.kind == "choice":
        star = "" if all(said is meant for said, meant in python.data) else "*"
        return Nature(frozenset(json_type(said) + star for said, _ in python.data), chosen=True)
    if python.kind == "nullable":
        inner = nature(python.data, definitions)
        return Nature(inner.kinds | {"null"}, inner.constants, inner.chosen)
    if python.kind == "object":
        return Nature(frozenset({"object"}), _constants(schema, python, definitions))
    return Nature(frozenset({_kind(schema, python)}))


def _kind(schema: Schema, python: Python) -> str:
    if python.kind in ("map", "array", "tuple"):
        return "object" if python.kind == "map" and not python.data.marked else "array"
    if (
        python.kind in ("leaf", "float")
        and python.type in SCALARS
        and schema.get("format") not in FORMAT_TYPES
    ):
        return str(schema["type"])
    if python.kind in ("decimal", "bytes"):
        return "text"
    return f"{schema['type']}*" if "type" in schema else "?"


def _constants(schema: Schema, python: Python, definitions: Definitions) -> dict[str, frozenset[Any]]:
    found = {}
    for member in python.data.members:
        inner = python_of(resolve(schema["properties"].get(member.key, {}), definitions))
        if inner and inner.kind == "choice" and member.required:
            found[member.key] = frozenset(said for said, _ in inner.data if not isinstance(said, dict | list))
    return found


def _differ(a: Nature, b: Nature) -> bool:
    """Return whether no JSON can be taken for both, or the value is the same whoever takes it."""
    kinds_a, kinds_b = ({kind.rstrip("*") for kind in nature.kinds} for nature in (a, b))
    both = kinds_a | kinds_b
    if "?" in both or (len(a.kinds) > 1 and len(b.kinds) > 1):
        return False
    if (a.chosen or b.chosen) and {"boolean", "integer"} <= both:
        return False
    if kinds_a & kinds_b == {"object"}:
        return any(not a.constants[k] & b.constants[k] for k in a.constants.keys() & b.constants.keys())
    if (_is_number_of_its_own(a) and kinds_b & LAX) or (_is_number_of_its_own(b) and kinds_a & LAX):
        return a.kinds <= EXACT_TEXT or b.kinds <= EXACT_TEXT
    if kinds_a & TEXTS and kinds_b & TEXTS:
        return a.kinds == b.kinds == {"string"}
    if "text" in both and both & NUMERIC:
        return False
    shared = kinds_a & kinds_b
    return not shared or (a.kinds == b.kinds and shared <= NUMERIC | {"null"})


def _is_number_of_its_own(nature: Nature) -> bool:
    """Return whether numbers become something else, such as members of an Enum."""
    return any(kind.endswith("*") and kind[:-1] in NUMERIC for kind in nature.kinds)


def labels(schemas: list[Schema], definitions: Definitions) -> list[str]:
    """Return a short name for each member of a union, all different."""
    return distinct(_label(resolve(schema, definitions)) for schema in schemas)


def _label(schema: Schema) -> str:
    python = python_of(schema)
    named = (
        python.type.__name__
        if python and isinstance(python.type, type) and python.type is not Mapping
        else None
    )
    known = schema.get("format") if schema.get("format") in FORMAT_TYPES else None
    kind = python.kind if python else "value"
    return str(schema.get("title") or known or named or schema.get("type") or kind)


def choices_of(union: Core) -> list[Core]:
    """Return the members of pydantic-core's union."""
    return [choice[0] if isinstance(choice, tuple) else choice for choice in union["choices"]]


class Judges:
    """Which member of a union a value belongs to: Pydantic is asked, member by member."""

    def __init__(self, union: Core, choices: Choices, whole: Core) -> None:
        members = choices_of(union)
        self.cores = [members[int(mark)] for mark in choices.marks]
        self.choices = choices
        self.definitions = whole.get("definitions", []) if whole["type"] == "definitions" else []

    @cached_property
    def validators(self) -> list[SchemaValidator]:
        """One validator for each member."""
        around = core_schema.definitions_schema
        return [SchemaValidator(around(c, self.definitions) if self.definitions else c) for c in self.cores]

    def pick(self, value: Any) -> str | None:
        """Return the label of the one member that takes `value` as it is; None if several do, or none."""
        pairs = zip(self.choices.labels, self.validators, strict=True)
        taken = [label for label, validator in pairs if _takes(validator, value)]
        return taken[0] if len(taken) == 1 else None


def _takes(validator: SchemaValidator, value: Any) -> bool:
    try:
        return bool(validator.isinstance_python(value, strict=True))
    except Exception:  # a validator of the user's
        return False
