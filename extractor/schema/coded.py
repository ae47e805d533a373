"""Values that are codes of a long list: how a type says so, and the check. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from ..errors import ConfigError
from ..messages import JSON
from ..pointers import pointer
from ..vocabularies import Shortlist, Vocabulary
from .grounding.verbatim import VERBATIM
from .nodes import CODED, TOLD, Python, Schema, TypeSource, below, python_of

MOST_SHOWN: Final = 200
KEYWORD: Final = "x-codes"  # what a JSON Schema says of them, so that another vocabulary is another type


@dataclass(frozen=True, eq=False, slots=True)
class Coded:
    """Says of a text that it is a code of a vocabulary: `Annotated[str | None, Coded(vocabulary)]`.

    For each text the model sees the likeliest codes with their labels, and chooses among them; None is "none
    of these", if the type allows it. The record may have any code of the vocabulary, and no other.

    - shown: how many codes the model sees, from 1 to 200.

    Raises ConfigError for any other number.
    """

    vocabulary: Vocabulary
    shown: int = 20

    def __post_init__(self) -> None:
        if not isinstance(self.vocabulary, Vocabulary):
            raise ConfigError(f"Coded takes a Vocabulary(...), not {self.vocabulary!r:.80}")
        if type(self.shown) is not int or not 1 <= self.shown <= MOST_SHOWN:
            raise ConfigError(f"shown must be a whole number from 1 to {MOST_SHOWN}, not {self.shown!r:.80}")

    def __deepcopy__(self, memo: Any) -> Coded:
        return self  # the copies of a type's schema mean the same codes

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return core_schema.no_info_after_validator_function(self.checked, handler(source))

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, JSON]:
        schema = handler(core)
        self._put(schema)
        return schema

    def checked(self, code: Any) -> Any:
        """Return a code as it is. A validator of Pydantic's: raises its error for any other value."""
        if code is not None and code not in self.vocabulary:
            raise PydanticCustomError("code", "is no code of {name}", {"name": self.vocabulary.name})
        return code

    def _put(self, schema: dict[str, JSON]) -> None:
        """Mark the string of a node; that of the compiler is marked with the codes themselves."""
        branches = schema.get("anyOf", ())
        if branches:
            for part in branches:
                self._put(part)
        elif schema.get("type") == "string" and schema.keys().isdisjoint(("enum", "format", "pattern")):
            if python_of(schema) is None:
                schema[KEYWORD] = f"{self.vocabulary.name} {self.vocabulary.digest}"
            else:
                schema |= {CODED: self, VERBATIM: False}  # a code seldom stands in the text
                schema[TOLD] = [f"A code of {self.vocabulary.name}."]
        elif schema.get("type") != "null":
            raise PydanticInvalidForJsonSchema("Coded goes on str, or str | None")


def coded_in(source: TypeSource) -> tuple[tuple[str, Coded], ...]:
    """Return where a record type has codes: JSON pointers, with * for an index or a key, and of what."""
    if not any(map(_has_codes, (source.schema, *source.definitions.values()))):
        return ()
    return tuple(dict(_found(source, source.schema, (), ())).items())


def shortlists(coded: Sequence[tuple[str, Coded]], text: str | None) -> dict[str, Shortlist]:
    """Return the codes to show for a text at each place. Raises ConfigError if it can't be searched."""
    found = {each: each.vocabulary.shortlist(text, each.shown) for each in dict(coded).values()}
    return {place: found[each] for place, each in coded}


def _has_codes(schema: Schema) -> bool:
    pending = [schema]
    while pending:
        node = pending.pop()
        if CODED in node:
            return True
        pending += below(node)
    return False


def _found(
    source: TypeSource, schema: Schema, at: tuple[str, ...], around: tuple[str, ...]
) -> Iterator[tuple[str, Coded]]:
    if "$ref" in schema:
        if schema["$ref"] not in around:
            body = source.definitions.get(schema["$ref"], {})
            yield from _found(source, body, at, (*around, schema["$ref"]))
        return
    if CODED in schema:
        yield pointer(at), schema[CODED]
    for step, part in _parts(schema):
        yield from _found(source, part, (*at, *step), around)


def _parts(schema: Schema) -> Iterator[tuple[tuple[str, ...], Schema]]:
    """Yield the nodes below one, each with its step; none for what stands at the same place."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    yield from (((key,), part) for key, part in properties.items())
    known = set(map(id, properties.values()))
    python = python_of(schema)
    for part in below(schema):
        if id(part) not in known:
            known.add(id(part))
            yield (("*",) if _holds_many(schema, python) else ()), part


def _holds_many(schema: Schema, python: Python | None) -> bool:
    return schema.get("type") in ("array", "object") or (python is not None and python.kind == "map")
