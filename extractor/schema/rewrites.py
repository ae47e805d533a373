"""Changes to pydantic-core's schema, where JSON as Pydantic reads it cannot say every value."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from pydantic import EncodedBytes
from pydantic_core import PydanticCustomError, SchemaValidator, core_schema

from ..messages import JSON
from .nodes import TAG, VALUE
from .smart_mode import choices_of

Core = Any  # a pydantic-core schema
Rewrite = Callable[[Core], Core]
Path: TypeAlias = tuple[str | int, ...]
Marks: TypeAlias = dict[Path, tuple[str, Any]]
NATURAL = "natural"  # the tag of JSON without a mark
ALL_BYTES = -1  # in place of an id: hooks of types hand the generator copies of their schemas
PARTS = frozenset(
    {
        *("schema", "choices", "fields", "items_schema", "keys_schema", "values_schema", "steps"),
        *("lax_schema", "strict_schema", "json_schema", "python_schema", "definitions", "extras_schema"),
        "arguments_schema",
    }
)


def built(core: Core, config: Any = None) -> SchemaValidator:
    """Return a validator of a changed `core`."""
    try:  # nested models would keep their own validators otherwise
        return SchemaValidator(core, config, _use_prebuilt=False)
    except TypeError:
        return SchemaValidator(core, config)


def rewritten(core: Core, rewrites: Mapping[int, Rewrite]) -> Core:
    """Return `core` with its parts changed, innermost first."""
    if isinstance(encoder(core), EncodedBytes):
        return core
    new = {key: _part(value, rewrites) if key in PARTS else value for key, value in core.items()}
    if core["type"] in SHIELDS:
        new["function"] = {
            **core["function"],
            "function": SHIELDS[core["type"]](core["function"]["function"]),
        }
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
    """A union whose JSON says which member is meant; without a mark it is read as it always was."""
    choices = {str(i): _unmarked(choice) for i, choice in enumerate(choices_of(core))}
    return core_schema.tagged_union_schema({**choices, NATURAL: core}, _mark_of)


def _mark_of(value: Any) -> str:
    return value[TAG] if isinstance(value, dict) and value.keys() == {TAG, VALUE} else NATURAL


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


# Functions of the user's see JSON without marks, and what they give back unchanged is marked again


def _before(function: Callable[..., Any]) -> Callable[..., Any]:
    def shielded(value: Any, *info: Any) -> Any:
        marks: Marks = {}
        return _marked_again(function(_without(value, marks, ()), *info), marks, ())

    return shielded


def _wrap(function: Callable[..., Any]) -> Callable[..., Any]:
    def shielded(value: Any, handler: Callable[..., Any], *info: Any) -> Any:
        marks: Marks = {}
        plain = _without(value, marks, ())
        return function(plain, lambda v, *place: handler(_marked_again(v, marks, ()), *place), *info)

    return shielded


def _plain(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda value, *info: function(_without(value, {}, ()), *info)


SHIELDS = {"function-before": _before, "function-wrap": _wrap, "function-plain": _plain}


def _without(value: Any, marks: Marks, at: Path) -> Any:
    """Return `value` without marks, which go to `marks` with what they stood on."""
    if type(value) is dict and value.keys() == {TAG, VALUE}:
        plain = _without(value[VALUE], marks, at)
        marks[at] = (value[TAG], plain)
        return plain
    if type(value) is dict:
        return {key: _without(item, marks, (*at, key)) for key, item in value.items()}
    if type(value) is list:
        return [_without(item, marks, (*at, i)) for i, item in enumerate(value)]
    return value


def _marked_again(value: Any, marks: Marks, at: Path) -> Any:
    if not marks:
        return value
    mark, plain = marks.get(at, (None, None))
    unchanged = mark is not None and type(plain) is type(value) and plain == value
    if type(value) is dict:
        value = {key: _marked_again(item, marks, (*at, key)) for key, item in value.items()}
    elif type(value) is list:
        value = [_marked_again(item, marks, (*at, i)) for i, item in enumerate(value)]
    return {TAG: mark, VALUE: value} if unchanged else value


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
    made = core_schema.no_info_after_validator_function(_mapping, pairs)
    return core_schema.chain_schema([made, whole])


def _mapping(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise PydanticCustomError("duplicate_key", "Two keys mean the same")
    return mapping


def says_itself(keys: Core) -> bool:
    """Return whether Pydantic takes such a key as the text that it is, so that no two mean the same."""
    changes = {"strip_whitespace", "to_lower", "to_upper"} & keys.keys()
    return keys["type"] == "any" or (keys["type"] == "str" and not changes)


def key_reader(keys: Core, whole: Core) -> Callable[[str], Any]:
    """Return what tells the meaning of a key's text. whole: the schema that has the definitions."""
    if whole["type"] == "definitions":
        keys = core_schema.definitions_schema(keys, whole["definitions"])
    validator = built(keys)
    return lambda text: validator.validate_python(text, strict=False)


def looked_up(pairs: list[tuple[JSON, Any]]) -> Rewrite:
    """One of a few values, each with the JSON that means it."""
    shown = ", ".join(repr(said) for said, _ in pairs)

    def look_up(value: Any) -> Any:
        for said, meant in pairs:
            if type(said) is type(value) and said == value:
                return meant
        raise ValueError(f"must be one of {shown}")

    return lambda core: core_schema.no_info_plain_validator_function(look_up)
