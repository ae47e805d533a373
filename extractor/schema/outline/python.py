"""What a type of Python's can tell of its records, by Pydantic's own description of it. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from ...errors import Problem
from ...messages import JSON
from ..problems import explain
from ..types.python.rewrites import built
from .arrow import Records, records_of_type
from .check import Check, no_json
from .lenient import Lenient
from .meaning import Meaning, TypeMeaning, canonical

FIELDS = frozenset({"model-field", "dataclass-field", "typed-dict-field"})
HIDDEN: Final = (
    "{} will be written as **********, since a secret does not say what it is: "
    "a field_serializer that returns its value writes it"
)
NO_SCHEMAS = frozenset({"metadata", "default", "config"})  # keywords that the outline leaves out


def name(written: Any) -> str:
    """Return a readable name for a type, not yet legal for any target."""
    from ..types.python.source import type_name

    return type_name(written)


def described(
    written: Any,
    mode: Literal["validation", "serialization"] = "validation",
    generator: type[GenerateJsonSchema] = Lenient,
) -> dict[str, JSON]:
    """Return a type as one JSON Schema whose references are all `#/$defs/NAME`."""
    return generator().generate(TypeAdapter(written).core_schema, mode)


def hidden(written: Any) -> list[str]:
    """Return the members that Pydantic writes as asterisks, by their names: those that are secrets, and have
    no serializer of the user's own.
    """
    found = set[str]()
    pending: list[tuple[str, Any]] = [("", TypeAdapter(written).core_schema)]
    while pending:
        name, core = pending.pop()
        if isinstance(core, list | tuple):
            pending += ((name, each) for each in core)
        elif isinstance(core, dict):
            serializer = core.get("serialization", {}).get("function")
            if serializer is None:
                pending += _parts(name, core)
            elif _hides(serializer):
                found.add(name)
    return sorted(found)


def _parts(name: str, core: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    fields = core.get("fields", ())
    if isinstance(fields, dict):
        yield from fields.items()
    else:  # of a dataclass, which also has them as mere names
        yield from ((each["name"], each) for each in fields if isinstance(each, dict))
    yield from ((name, each) for key, each in core.items() if key not in ("fields", "metadata"))


def _hides(serializer: Any) -> bool:
    """Whether a serializer is that of Pydantic's secrets."""
    own = getattr(serializer, "__module__", "") == "pydantic.types"
    return own and "secret" in getattr(serializer, "__qualname__", "").lower()


def dumper(written: Any) -> Callable[[Any], JSON]:
    """Return the function from a record to JSON, with the names that the type's JSON Schema has."""
    adapter: TypeAdapter[Any] = TypeAdapter(written)
    return lambda record: json.loads(adapter.dump_json(record, by_alias=True, warnings=False))


def reader(written: Any) -> Callable[[JSON], Any]:
    """Return the function from JSON to a record, which raises ValidationError."""
    adapter: TypeAdapter[Any] = TypeAdapter(written)
    return lambda data: adapter.validate_json(json.dumps(data))


def records(written: Any, keeps_extras: bool) -> Records:
    """Return how records become Arrow."""
    return records_of_type(written)


def meaning(written: Any) -> Meaning:
    """Return the JSON Schemas of what the type reads and writes, in their canonical form."""
    reads = described(written, "validation", TypeMeaning)
    writes = described(written, "serialization", TypeMeaning)
    return {"reads": canonical(reads), "writes": canonical(writes)}


def checker(written: Any, as_written: bool) -> Check:
    """Return Pydantic's check of JSON text. as_written: it may also be as Pydantic writes it, with aliases
    for serialization and with computed fields.
    """
    adapter: TypeAdapter[Any] = TypeAdapter(written)
    check = _by_validator(adapter.validate_json)
    if not as_written:
        return check
    validator = built(_as_written(adapter.core_schema))
    other = _by_validator(partial(validator.validate_json, by_alias=True))

    def either(data: bytes, text: str | None = None) -> Sequence[Problem]:
        found = check(data, text)
        return min(found, other(data, text), key=len) if found else found

    return either


def _by_validator(validate: Callable[..., Any]) -> Check:
    def check(data: bytes, text: str | None = None) -> Sequence[Problem]:
        try:
            validate(data) if text is None else validate(data, context={"text": text})
        except ValidationError as error:
            return _explained(error, data)
        except Exception as error:  # what a validator of the user's own raises
            return explain(error, data)
        return ()

    return check


def _as_written(core: Any) -> Any:
    """Return pydantic-core's schema whose fields are read under the names that they are written with, and
    whose models let their computed fields be there.
    """
    if isinstance(core, list | tuple):
        return type(core)([_as_written(each) for each in core])
    if not isinstance(core, dict):
        return core
    kind = core.get("type")
    if not isinstance(kind, str):  # fields by their names
        return {name: _as_written(each) for name, each in core.items()}
    new = {k: v if k in NO_SCHEMAS else _as_written(v) for k, v in core.items() if k != "validation_alias"}
    if kind in FIELDS and "serialization_alias" in core:
        new["validation_alias"] = core["serialization_alias"]
    if kind == "model-fields":
        computed = [each.get("alias", each["property_name"]) for each in core.get("computed_fields", ())]
        there = core_schema.model_field(core_schema.with_default_schema(core_schema.any_schema()))
        new["fields"] = {**dict.fromkeys(computed, there), **new["fields"]}
    return new


def _explained(error: ValidationError, data: bytes) -> Sequence[Problem]:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid" and not first["loc"]:
        return [no_json(first["msg"])]
    return explain(error, data)
