"""A quick proof that JSON text is valid by a JSON Schema document. Pure.

`jsonschema` has the last word on what is valid, and needs some fifty microseconds for a flat record. What
nearly all documents say of flat records, pydantic-core checks in two: a document is translated for it
where every keyword is known to mean the same. A proof says yes, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any, Protocol, TypeAlias

from pydantic_core import PydanticCustomError, SchemaError, SchemaValidator, ValidationError, core_schema

from ....messages import JSON
from ...patterns.ecmascript import matcher

Core: TypeAlias = Any
Schema: TypeAlias = Mapping[str, JSON]
Prove: TypeAlias = Callable[[bytes], bool]


class Conforms(Protocol):
    """Says whether a value is of a format."""

    def __call__(self, instance: object, format: str) -> bool:  # noqa: A002  as `jsonschema` calls it
        """Return whether it is; other values than strings are."""
        ...


SAYS_NOTHING = frozenset(
    {
        *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"),
        *("contentEncoding", "contentMediaType", "$defs", "$schema", "$id", "x-verbatim"),
    }
)
DEFINITIONS = "#/$defs/"
EXACT = 2**53  # integers up to here are doubles, too


class _Unproven(Exception):
    """The document says something that is not translated."""


def proof_of(document: Schema, conforms: Conforms) -> Prove | None:
    """Return the function that proves texts valid, None if the document says too much for it.

    document: of draft 2020-12, its references all `#/$defs/NAME`. conforms: whether a value is of a format.
    """
    translation = _Translation(document, conforms)
    try:
        validator = SchemaValidator(translation.whole())
    except (_Unproven, SchemaError):
        return None

    def prove(text: bytes) -> bool:
        try:
            validator.validate_json(text, strict=True)
        except ValidationError:
            return False
        return True

    return prove


def quick_proof(schema: Schema) -> Callable[[str], bool]:
    """Return the function that proves texts to have a strict schema's shape, its validator built when it
    is first needed. schema: without formats.
    """

    @cache
    def proof() -> Prove | None:
        closed = {name: part for name, part in schema.items() if name not in SAYS_NOTHING or name == "$defs"}
        return proof_of(closed, _any_format)

    def prove(text: str) -> bool:
        try:
            known = proof()
            return known is not None and known(text.encode())
        except (ValueError, RecursionError):  # a lone surrogate, or a number with too many digits
            return False

    return prove


def _any_format(instance: object, format: str) -> bool:  # noqa: A002  as `jsonschema` calls it
    return True


class _Translation:
    def __init__(self, document: Schema, conforms: Conforms) -> None:
        self._document, self._conforms = document, conforms
        self._names: dict[str, None] = {}  # definitions that are referred to
        self._met: set[str] = set()  # those that the definition at hand refers to
        self._forked: set[str] = set()  # ... and those that several choices of one union of it refer to

    def whole(self) -> Core:
        """Return the document as pydantic-core's schema. Raises _Unproven."""
        root = self._core(self._document)
        refers, forks, names = {"": self._met}, {"": self._forked}, [*self._names]
        done: list[Core] = []
        for name in names:
            self._met, self._forked = set(), set()
            done.append({**self._core(self._document["$defs"][name]), "ref": name})
            refers[name], forks[name] = self._met, self._forked
            names += [*self._names][len(names) :]
        _refuse_doubling(refers, forks)
        return core_schema.definitions_schema(root, done) if done else root

    def _core(self, schema: JSON) -> Core:
        if schema is True:
            return core_schema.any_schema()
        if not isinstance(schema, dict):
            raise _Unproven
        said = {name: value for name, value in schema.items() if name not in SAYS_NOTHING}
        if not said:
            return core_schema.any_schema()
        match said:
            case {"$ref": str(reference), **rest} if not rest and reference.startswith(DEFINITIONS):
                return self._referred(reference.removeprefix(DEFINITIONS))
            case {"anyOf": list(choices), **rest} if not rest:
                return self._union(choices)
        if "enum" in said or "const" in said:
            return self._choice(said)
        kinds = said.get("type")
        if isinstance(kinds, list):
            return _any_of([self._typed(kind, said) for kind in kinds])
        return self._typed(kinds, said)

    def _union(self, choices: list[JSON]) -> Core:
        before, cores, met = self._met, list[Core](), list[set[str]]()
        for choice in choices:
            self._met = set()
            cores.append(self._core(choice))
            met.append(self._met)
        self._met = before.union(*met)
        if sum(map(bool, met)) > 1:
            self._forked = self._forked.union(*met)
        return _any_of(cores)

    def _referred(self, name: str) -> Core:
        body = self._document["$defs"][name]
        if not isinstance(body, dict):
            return self._core(body)
        if body.keys() - SAYS_NOTHING <= {"$ref", "anyOf"}:  # it could be a reference to itself
            raise _Unproven
        self._names[name] = None
        self._met.add(name)
        return core_schema.definition_reference_schema(name)

    def _choice(self, said: Schema) -> Core:
        kinds, values = said.get("type", ["string", "null"]), said.get("enum", [said.get("const")])
        texts = [each for each in values if isinstance(each, str)]
        if said.keys() - {"enum", "const", "type"} or {"enum", "const"} <= said.keys():
            raise _Unproven
        if not texts or "string" not in kinds or not {None, *texts} >= {*map(_hashable, values)}:
            raise _Unproven
        chosen = core_schema.literal_schema(texts)
        return _any_of([chosen, core_schema.none_schema()]) if None in values and "null" in kinds else chosen

    def _typed(self, kind: JSON, said: Schema) -> Core:
        own = KEYWORDS.get(kind if isinstance(kind, str) else "", frozenset())
        of_others = frozenset().union(*KEYWORDS.values())
        if kind not in KEYWORDS or said.keys() - of_others - {"type"}:
            raise _Unproven
        mine = {name: value for name, value in said.items() if name in own}
        match kind:
            case "null":
                return core_schema.none_schema()
            case "boolean":
                return core_schema.bool_schema()
            case "string":
                return self._string(mine)
            case "array":
                return self._array(mine)
            case "object":
                return self._object(mine)
        whole = core_schema.int_schema(**_bounds(mine))
        broken = core_schema.float_schema(**_bounds(mine), allow_inf_nan=False)
        return whole if kind == "integer" else _any_of([whole, broken])

    def _string(self, said: Schema) -> Core:
        plain = core_schema.str_schema(
            min_length=_length(said.get("minLength")), max_length=_length(said.get("maxLength"))
        )
        tests: list[Callable[[str], bool | None]] = []
        if "pattern" in said:
            tests.append(matcher(said["pattern"]).quick)
        if "format" in said:
            tests.append(partial(self._conforms, format=said["format"]))
        return core_schema.no_info_after_validator_function(_passing(tests), plain) if tests else plain

    def _array(self, said: Schema) -> Core:
        return core_schema.list_schema(
            self._core(said.get("items", True)),
            min_length=_length(said.get("minItems")),
            max_length=_length(said.get("maxItems")),
        )

    def _object(self, said: Schema) -> Core:
        required, members = {*said.get("required", ())}, said.get("properties", {})
        others = said.get("additionalProperties", True)
        if required - members.keys():
            raise _Unproven
        if not members and isinstance(others, dict):
            return core_schema.dict_schema(core_schema.str_schema(), self._core(others))
        if not isinstance(others, bool):
            raise _Unproven
        fields = {
            name: core_schema.typed_dict_field(self._core(each), required=name in required)
            for name, each in members.items()
        }
        return core_schema.typed_dict_schema(fields, extra_behavior="ignore" if others else "forbid")


KEYWORDS: Mapping[str, frozenset[str]] = {
    "null": frozenset(),
    "boolean": frozenset(),
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
}


def _refuse_doubling(refers: Mapping[str, set[str]], forks: Mapping[str, set[str]]) -> None:
    """Raise _Unproven where a union of several references leads to another one, or to itself: pydantic-core
    tries each choice anew, so that its steps double at each level.
    """
    pending = [name for found in forks.values() for name in found]
    seen = set(pending)
    while pending:
        name = pending.pop()
        if forks[name]:
            raise _Unproven
        pending += refers[name] - seen
        seen |= refers[name]


def _any_of(choices: list[Core]) -> Core:
    if not choices:
        raise _Unproven
    return core_schema.union_schema(choices, mode="left_to_right")


def _hashable(value: JSON) -> Any:
    """Return a value; what is neither text nor null as something that is in no set of such."""
    return value if value is None or isinstance(value, str) else object()


def _passing(tests: list[Callable[[str], bool | None]]) -> Callable[[str], str]:
    def passing(value: str) -> str:
        if not all(test(value) for test in tests):
            raise PydanticCustomError("unproven", "not proven")
        return value

    return passing


def _length(value: JSON) -> int | None:
    if value is None or isinstance(value, int):
        return value
    raise _Unproven


def _bounds(said: Schema) -> dict[str, Any]:
    names = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
    bounds = {names[keyword]: value for keyword, value in said.items()}
    if not all(isinstance(value, int) and abs(value) <= EXACT for value in bounds.values()):
        raise _Unproven
    return bounds
