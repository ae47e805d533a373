"""Pydantic's description of a type, for what does not send it. Pure."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema


class Lenient(GenerateJsonSchema):
    """Pydantic's generator; what has no JSON Schema is `{}`."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> dict[str, Any]:
        """Any JSON."""
        return {}

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Warn of nothing: a default that is no JSON is left out."""
