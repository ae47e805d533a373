"""Plain JSON text against a record type: what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError
from pydantic_core import core_schema, from_json

from ..errors import Problem
from ..messages import JSON
from .documents import load_with_judge
from .formats import conforms
from .problems import explain
from .proof import Prove, proof_of
from .rewrites import built

FIELDS = frozenset({"model-field", "dataclass-field", "typed-dict-field"})
NO_SCHEMAS = frozenset({"metadata", "default", "config"})  # what is no part of the type's outline


class Check(Protocol):
    """Says what is wrong with JSON text, () if it is a record. text: where marked values have to stand."""

    def __call__(self, data: bytes, text: str | None = None) -> Sequence[Problem]:
        """Return the problems."""
        ...


def checker_of(record_type: Any, written: bool = False) -> Check:
    """Return the check of JSON text against a type: Pydantic's, or `jsonschema`'s for a document.

    The JSON is of the type's own shape, as Pydantic reads it. written: it may also be as Pydantic writes it,
    with aliases for serialization and with computed fields. Raises SchemaError.
    """
    if isinstance(record_type, Mapping):
        return _by_document(record_type)
    adapter: TypeAdapter[Any] = TypeAdapter(record_type)
    check = _by_validator(adapter.validate_json)
    if not written:
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
        return [_no_json(first["msg"])]
    return explain(error, data)


def _no_json(why: str) -> Problem:
    return Problem("", f"is no JSON: {why}", type="json_invalid")


def _by_document(document: Mapping[str, JSON]) -> Check:
    loaded, judge = load_with_judge(document)
    proves: Prove | None = proof_of(loaded, conforms)

    def check(data: bytes, text: str | None = None) -> Sequence[Problem]:
        if text is None and proves is not None and proves(data):
            return ()
        try:
            record = from_json(data)
        except ValueError as error:
            return [_no_json(str(error))]
        return judge(record, text)

    return check
