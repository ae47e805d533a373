"""Values that have to stand in the text: how a type says so, and the check. What the grammar is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from ...evidence.folding import ENTITY, Folded, fold, unescaped
from ...evidence.strings import first_said
from ...messages import JSON
from ..nodes import python_of
from .numerals import numbers_in

T = TypeVar("T")
VERBATIM: Final = (
    "x-verbatim"  # the keyword: true on values that have to stand in the text, false on exempt ones
)
DIGITS: Final = "x-digits"  # the keyword: the pattern of a number's digits, for a grammar
REASON: Final = "does not stand in the text"


@dataclass(frozen=True, slots=True)
class Mark:
    """Says of a type whether its strings and numbers have to stand in the text."""

    bound: bool

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        core = handler(source)
        return core_schema.with_info_after_validator_function(as_it_stands, core) if self.bound else core

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, JSON]:
        schema = handler(core)
        self._put(schema)
        return schema

    def _put(self, schema: dict[str, JSON]) -> None:
        """Mark the strings and numbers of a node."""
        branches = schema.get("anyOf", ())  # by name, as the compiler reads a union
        inner = [
            *(branches.values() if isinstance(branches, dict) else branches),
            *schema.get("prefixItems", ()),
        ]
        inner += [
            schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict)
        ]
        for part in inner:
            self._put(part)
        if "$ref" in schema or "properties" in schema or (self.bound and _is_made(schema)):
            raise PydanticInvalidForJsonSchema(
                "Verbatim and Free go on strings, numbers and lists of them, not on models"
            )
        if schema.get("type") in ("string", "number", "integer") and "enum" not in schema:
            schema[VERBATIM] = self.bound


def _is_made(schema: dict[str, JSON]) -> bool:
    """Whether values are seldom written as JSON writes them: dates, bytes and the like."""
    python = python_of(schema)
    kinds = ("leaf", "float", "decimal", "choice", "nullable", "union", "array", "tuple", "map", "null")
    return "format" in schema or (python is not None and python.kind not in kinds)


Verbatim: TypeAlias = Annotated[T, Mark(True)]
"""`Verbatim[str]`, `Verbatim[Decimal]`: a value that has to stand in the text."""
Free: TypeAlias = Annotated[T, Mark(False)]
"""`Free[str]`: a string that the model may word itself, also where decoding is held to the text."""


def source_text(text: str | Sequence[Mapping[str, Any]] | None) -> str | None:
    """Return the text that values have to stand in: a text, or content parts that are nothing but text.

    None if there is none, or where an image or a file may hold what the text does not.
    """
    if text is None or isinstance(text, str):
        return text
    if not all(part.get("type") == "text" and isinstance(part.get("text"), str) for part in text):
        return None
    return "\n".join(part["text"] for part in text)


def as_it_stands(value: Any, info: ValidationInfo) -> Any:
    """Return a value as the text in `info.context` has it; without a text, as it is.

    A validator of Pydantic's: raises its error for a string or a number that does not stand there.
    """
    context = info.context if isinstance(info.context, Mapping) else {}
    text = source_text(context.get("text"))
    return value if text is None else _spelt(value, text)


def _spelt(value: Any, text: str) -> Any:
    if isinstance(value, str):
        span = first_said(value, folded(text)) if value else None
        if value and not span:
            raise PydanticCustomError("verbatim", REASON)
        if not span or type(value) is not str:
            return value
        return span.text if ENTITY.search(value) else unescaped(span.text)
    if isinstance(value, list | tuple | set | frozenset):
        return type(value)(_spelt(item, text) for item in value)
    if isinstance(value, dict):
        return {key: _spelt(item, text) for key, item in value.items()}
    if not stands(value, text):
        raise PydanticCustomError("verbatim", REASON)
    return value


def stands(value: Any, text: str) -> bool:
    """Return whether a scalar stands in `text`: a string as `find_said` finds it, a number in digits.
    Nothing, the empty string and true and false stand anywhere.
    """
    if isinstance(value, str):
        return not value or first_said(value, folded(text)) is not None
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return number in numbers_in(unescaped(text))
    return True


@lru_cache(maxsize=16)
def folded(text: str) -> Folded:
    """Return a text as `find_said` reads it, kept for the next value."""
    return fold(text)
