"""JSON Schema documents -> the compiler's input. The record is plain JSON, judged by `jsonschema`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import from_json

from ....errors import Problem
from ....messages import JSON
from ...grounding.verbatim import source_text
from ...nodes import TypeSource
from ...problems import invalid, not_json
from .convert import convert
from .judge import JudgeRecord
from .wrapped import unwrapped


def read(
    document: Mapping[str, JSON], documents: Mapping[str, JSON] | None, keeps_extras: bool = False
) -> TypeSource:
    """Return what the compiler needs to know of a JSON Schema document. Raises SchemaError."""
    from . import library

    schema, judge = library.load_with_judge(document, documents)
    raw = {f"#/$defs/{name}": body for name, body in schema.get("$defs", {}).items()}
    bare = {keyword: value for keyword, value in schema.items() if keyword != "$defs"}
    root, definitions, notes = convert(bare, raw, keeps_extras)
    name = str(unwrapped(document).get("title") or "record")
    return TypeSource(name, root, definitions, tuple(notes), _validate(judge), _explain)


def _explain(error: Exception, text: str | bytes) -> list[Problem]:
    return [Problem("", f"{type(error).__name__}: {error}", type="validator_error")]


def _validate(judge: JudgeRecord) -> Callable[[str | bytes, Any], Any]:
    def validate(text: str | bytes, context: Any) -> Any:
        try:
            record = from_json(text)  # infinities may stand in it as the codec said them
        except (ValueError, TypeError) as error:
            raise not_json(str(error), text) from None
        given = context.get("text") if isinstance(context, Mapping) else None
        if found := judge(record, source_text(given)):
            raise invalid(found)
        return record

    return validate
