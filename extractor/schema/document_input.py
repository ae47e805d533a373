"""JSON Schema documents -> the compiler's input. The record is plain JSON, judged by `jsonschema`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

from ..errors import Invalid, Problem
from ..messages import JSON
from .nodes import Source


def read(document: Mapping[str, JSON], documents: Mapping[str, JSON] | None) -> Source:
    """Return what the compiler needs to know of a JSON Schema document. Raises SchemaError."""
    from . import documents as library

    schema = library.load(document, documents)
    definitions = {f"#/$defs/{name}": body for name, body in schema.pop("$defs", {}).items()}
    judge = library.problems(document, documents)
    name = str(document.get("title") or "record")
    return Source(name, schema, definitions, _validate(judge), lambda error, text: [])


def _validate(judge: Callable[[JSON], tuple[Problem, ...]]) -> Callable[[str | bytes, Any], Any]:
    def validate(text: str | bytes, context: Any) -> Any:
        record = from_json(text)
        if found := judge(record):
            raise Invalid("; ".join(map(str, found[:5])), found)
        return record

    return validate
