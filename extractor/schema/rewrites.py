"""Changes to pydantic-core's schema, where JSON as Pydantic reads it cannot say every value."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any

from pydantic import EncodedBytes
from pydantic_core import SchemaValidator, core_schema

from ..messages import JSON
from .nodes import TAG, VALUE
from .smart_mode import choices_of

Core = Any  # a pydantic-core schema
Rewrite = Callable[[Core], Core]
ALL_BYTES = -1  # in place of an id: hooks of types hand the generator copies of their schemas
PARTS = frozenset(
    {
        *("schema", "choices", "fields", "items_schema", "keys_schema", "values_schema", "steps"),
        *("lax_schema", "strict_schema", "json_schema", "python_schema", "definitions", "extras_schema"),
        "arguments_schema",
    }
)


def rebuilt(core: Core, rewrites: Mapping[int, Rewrite]) -> SchemaValidator:
    """Return a validator of `core` with the parts changed whose ids are in `rewrites`."""
    changed = rewritten(core, rewrites)
    try:
        return SchemaValidator(changed, _use_prebuilt=False)  # else nested models keep their own validators
    except TypeError:
        return SchemaValidator(changed)


def rewritten(core: Core, rewrites: Mapping[int, Rewrite]) -> Core:
    """Return `core` with its parts changed, innermost first."""
    if isinstance(encoder(core), EncodedBytes):
        return core
    new = {key: _part(value, rewrites) if key in PARTS else value for key, value in core.items()}
    rewrite = rewrites.get(ALL_BYTES if core["type"] == "bytes" else id(core))
    if rewrite is None:
        return new
    changed = rewrite({key: value for key, value in new.items() if key != "ref"})
    return {**changed, "ref": core["ref"]} if "ref" in core else changed


def _part(part: Any, rewrites: Mapping[int, Rewrite]) -> Any:
    if isinstance(part, dict):
        if isinstance(part.get("type"), str):
            return rewritten(part, rewrites)
        return {key: _part(value, rewrites) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)([_part(item, rewrites) for item in part])
    return part


def encoder(core: Core) -> Any:
    """Return what Pydantic's encoded types (Base64Bytes, ...) decode by; None for all others."""
    return (
        getattr(core["function"]["function"], "__self__", None) if core["type"] == "function-after" else None
    )


def marked(core: Core) -> Core:
    """A union whose JSON says which member is meant."""
    choices = {str(i): _unmarked(choice) for i, choice in enumerate(choices_of(core))}
    return core_schema.tagged_union_schema(choices, TAG)


def _unmarked(choice: Core) -> Core:
    holder = core_schema.typed_dict_schema({VALUE: core_schema.typed_dict_field(choice)})
    return core_schema.no_info_after_validator_function(itemgetter(VALUE), holder)


def plain_tags(core: Core) -> Core:
    """A union with a discriminator whose tags are what JSON says, not members of an Enum."""
    return {**core, "choices": {json_value(tag): choice for tag, choice in core["choices"].items()}}


def json_value(tag: Any) -> JSON:
    """Return the value of an Enum's member, other values as they are."""
    return getattr(tag, "value", tag)


def from_base64(core: Core) -> Core:
    """Bytes whose JSON is base64, whatever the type's own encoding."""
    return core_schema.no_info_before_validator_function(
        lambda value: b64decode(value, validate=True) if isinstance(value, str) else value, core
    )


def is_bytes_pattern(core: Core) -> bool:
    """Return whether this is Pydantic's own validator of `re.Pattern[bytes]`."""
    return getattr(core["function"]["function"], "__name__", "") == "pattern_bytes_validator"


def from_latin_1(core: Core) -> Core:
    """Bytes whose JSON is their text in Latin-1."""
    return core_schema.no_info_before_validator_function(
        lambda value: value.encode("latin-1") if isinstance(value, str) else value, core
    )


def from_pairs(core: Core) -> Core:
    """A mapping whose JSON is a list of pairs, since its keys are no text."""
    parts = [core.get("keys_schema", {"type": "any"}), core.get("values_schema", {"type": "any"})]
    pairs = core_schema.list_schema(core_schema.tuple_schema(parts))
    whole = {
        key: value for key, value in core.items() if key in ("type", "min_length", "max_length", "strict")
    }
    whole["type"] = "dict" if core["type"] == "counter" else core["type"]
    made = core_schema.no_info_after_validator_function(dict, pairs)
    return core_schema.chain_schema([made, whole])


def looked_up(pairs: list[tuple[JSON, Any]]) -> Rewrite:
    """One of a few values, each with the JSON that means it."""
    shown = ", ".join(repr(said) for said, _ in pairs)

    def look_up(value: Any) -> Any:
        for said, meant in pairs:
            if type(said) is type(value) and said == value:
                return meant
        raise ValueError(f"must be one of {shown}")

    return lambda core: core_schema.no_info_plain_validator_function(look_up)
