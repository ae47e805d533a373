"""Pydantic types -> the compiler's input, by Pydantic's own JSON Schema generator."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import isroutine
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUserError

from ....errors import SchemaError
from ...nodes import TypeSource
from ...problems import explain
from .generator import Generator
from .hooks import plain
from .rewrites import MARKED, built, is_marked, one_of_each, rewritten

Core = Any  # a pydantic-core schema


def read(record_type: Any) -> TypeSource:
    """Return what the compiler needs to know of `record_type`. Raises SchemaError."""
    shown = plain(f"{record_type!r:.200}")
    if isroutine(record_type):
        raise SchemaError(f"{shown} is a function, not a record type: use tool_schema")
    try:
        core, validator = _core(record_type)
        core = one_of_each(core)
    except (PydanticUserError, NameError, TypeError, SyntaxError) as error:
        raise SchemaError(f"Pydantic can't validate the type {shown}: {plain(error)}") from error
    generator = Generator(core)
    schema, definitions = generator.described()
    rewrites = generator.settle(schema, definitions)
    if rewrites:
        core = rewritten(core, rewrites)
        validator = built(core)
    notes = tuple(generator.notes)
    return TypeSource(type_name(record_type), schema, definitions, notes, _validate(validator), explain, core)


def _core(record_type: Any) -> tuple[Core, Any]:
    if isinstance(record_type, type) and issubclass(record_type, BaseModel) and record_type is not BaseModel:
        if not record_type.__pydantic_complete__:
            record_type.model_rebuild()
        return record_type.__pydantic_core_schema__, record_type.__pydantic_validator__
    adapter: TypeAdapter[Any] = TypeAdapter(record_type)
    return adapter.core_schema, adapter.validator


def _validate(validator: Any) -> Callable[[str | bytes, Any], Any]:
    def validate(text: str | bytes, context: Any) -> Any:
        record = validator.validate_json(text, context=context)
        if isinstance(text, bytes) and MARKED in text and is_marked(record):
            raise ValueError("a validator has put aside which member of a union was meant")
        return record

    return validate


def type_name(record_type: Any) -> str:
    """Return a readable name for a type: letters, digits and underscores of any script."""
    origin_free = getattr(record_type, "__name__", None) if isinstance(record_type, type) else None
    text = origin_free if origin_free and not getattr(record_type, "__args__", ()) else repr(record_type)
    words = re.findall(
        r"(?:\w+\.)*(\w+)", re.sub(r" at 0x[0-9a-f]+|<class '|<enum '|typing\.|[<>']", "", text)
    )
    return "_".join(words) or "record"
