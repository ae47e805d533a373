"""Changes to pydantic-core's schema, where JSON as Pydantic reads it cannot say every value."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from operator import itemgetter
from threading import Lock
from typing import Any, TypeAlias

from pydantic import EncodedBytes
from pydantic_core import PydanticCustomError, SchemaValidator, core_schema, to_json

from ....messages import JSON
from ....processes import held_over_forks
from ...nodes import TAG, VALUE
from .smart_mode import choices_of

Core = Any  # a pydantic-core schema
Rewrite = Callable[[Core], Core]
Path: TypeAlias = tuple[str | int, ...]
Marks: TypeAlias = dict[Path, tuple[str, Any]]
OWN_VALIDATOR = "__pydantic_validator__"
MARKED = json.dumps(TAG).encode()  # what JSON with a mark in it holds
NATURAL = "natural"  # the tag of JSON without a mark
PARTS = frozenset(
    {
        *("schema", "choices", "fields", "items_schema", "keys_schema", "values_schema", "steps"),
        *("lax_schema", "strict_schema", "json_schema", "python_schema", "definitions", "extras_schema"),
        *("arguments_schema", "extras_keys_schema", "var_args_schema", "var_kwargs_schema"),
    }
)


def _takes_use_prebuilt() -> bool:
    try:
        SchemaValidator(core_schema.any_schema(), None, _use_prebuilt=False)
    except TypeError:
        return False
    return True


TAKES_USE_PREBUILT = _takes_use_prebuilt()
BUILDING = held_over_forks(Lock())


def built(core: Core, config: Any = None) -> SchemaValidator:
    """Return a validator of a changed `core`, in which no class keeps the validator that it has already."""
    if TAKES_USE_PREBUILT:
        return SchemaValidator(core, config, _use_prebuilt=False)
    classes = {node["cls"] for node in parts_of(core) if node["type"] in ("model", "dataclass")}
    ready = [cls for cls in classes if cls.__dict__.get("__pydantic_complete__")]
    with BUILDING:  # Pydantic before 2.13 asks the class, and has no other way to be told
        for cls in ready:
            cls.__pydantic_complete__ = False
        try:
            return SchemaValidator(core, config)
        finally:
            for cls in ready:
                cls.__pydantic_complete__ = True


def one_of_each(core: Core) -> Core:
    """Return `core` with one node for each reference: pydantic-core may hold the same model twice."""
    return _changed(core, {}, lambda old, new: new)


def parts_of(core: Core) -> Iterator[Core]:
    """Yield a node and all nodes inside, each once."""
    pending: list[Any] = [core]
    seen = set[int]()
    while pending:
        part = pending.pop()
        if _is_node(part):
            if id(part) in seen:
                continue
            seen.add(id(part))
            yield part
            pending += [part[key] for key in PARTS & part.keys()]
        elif isinstance(part, dict):
            pending += part.values()
        elif isinstance(part, list | tuple):
            pending += part


def rewritten(core: Core, rewrites: Mapping[int, Rewrite]) -> Core:
    """Return `core`, which has one node for each reference, with its parts changed, innermost first."""
    made: dict[str, Core] = {}

    def change(old: Core, new: Core) -> Core:
        if old["type"] in SHIELDS:
            shield = SHIELDS[old["type"]]
            new["function"] = {**old["function"], "function": shield(old["function"]["function"])}
        if old["type"] == "model" and old.get("custom_init"):
            return initialised(new, made)
        return rewrites[id(old)](new) if id(old) in rewrites else new

    return _changed(core, made, change)


def _changed(core: Core, made: dict[str, Core], change: Callable[[Core, Core], Core]) -> Core:
    """Return `core` rebuilt from the inside out. made: the new nodes, by their references."""
    ref = core.get("ref")
    if ref in made:
        return made[ref]
    if isinstance(encoder(core), EncodedBytes):
        return core
    inside = {key: _part(core[key], made, change) for key in PARTS & core.keys()}
    new = change(core, {key: inside.get(key, value) for key, value in core.items() if key != "ref"})
    if ref is None:
        return new
    made[ref] = {**new, "ref": ref}
    return made[ref]


def _part(part: Any, made: dict[str, Core], change: Callable[[Core, Core], Core]) -> Any:
    if _is_node(part):
        return _changed(part, made, change)
    if isinstance(part, dict):
        return {key: _part(value, made, change) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return type(part)([_part(item, made, change) for item in part])
    return part


def _is_node(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("type"), str)


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


def whole_pattern(core: Core) -> Core:
    """Text that its pattern describes to the end."""
    return {**core, "pattern": rf"{core['pattern']}\s*$"}


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


def is_marked(value: Any) -> bool:
    """Return whether a mark has come through validation, anywhere in a record."""
    pending, seen = [value], set[int]()
    while pending:
        value = pending.pop()
        if id(value) in seen or isinstance(value, str | bytes | int | float | None):
            continue
        seen.add(id(value))
        if isinstance(value, Mapping):
            if TAG in value:
                return True
            pending += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset | deque):
            pending += value
        else:
            pending += [vars(value)] if hasattr(value, "__dict__") and not isinstance(value, type) else []
            pending += [getattr(value, "__pydantic_extra__", None)]
    return False


# Classes with an `__init__` of their own are called with JSON, and validate it by their own validator


class _Marking:
    """In place of a class's validator for one `__init__`: it reads the JSON that was marked before."""

    def __init__(self, validator: SchemaValidator, marks: Marks, context: Any) -> None:
        self.validator, self.marks, self.context = validator, marks, context

    def validate_python(self, data: Any, **options: Any) -> Any:
        """Return what the validator makes of `data`, of which unchanged parts are marked again."""
        options = {"context": self.context, **options}
        return self.validator.validate_python(_marked_again(data, self.marks, ()), **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.validator, name)


def initialised(core: Core, definitions: Mapping[str, Core]) -> Core:
    """A model whose own `__init__` sees JSON without marks. definitions: all nodes with a reference."""
    validators: list[SchemaValidator] = []

    def validator() -> SchemaValidator:  # built when it is first needed, since definitions are by then whole
        if not validators:
            validators.append(built(core_schema.definitions_schema(core, list(definitions.values()))))
        return validators[0]

    def construct(value: Any, handler: Callable[[Any], Any], info: Any) -> Any:
        marks: Marks = {}
        plain = _without(value, marks, ())
        if type(plain) is not dict:  # as pydantic-core: only objects are keywords
            return handler(value)
        return _constructed(core["cls"], plain, lambda: _Marking(validator(), marks, info.context))

    return core_schema.with_info_wrap_validator_function(construct, core)


def _constructed(cls: Any, keywords: dict[str, Any], marking: Callable[[], _Marking]) -> Any:
    made = cls.__new__(cls, **keywords) if cls.__new__ is not object.__new__ else cls.__new__(cls)
    if isinstance(made, cls):
        made.__dict__[OWN_VALIDATOR] = marking()  # what `BaseModel.__init__` looks up on the instance
        made.__init__(**keywords)
        made.__dict__.pop(OWN_VALIDATOR, None)
    return made


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
    pairs = core_schema.list_schema(core_schema.tuple_schema(parts, strict=False), strict=False)
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
    validator = built(_within(keys, whole))
    return lambda text: validator.validate_python(text, strict=False)


def reads_back(core: Core, whole: Core, value: Any) -> bool:
    """Return whether the JSON of a value is read as that value. whole: as above."""
    try:
        said = to_json(value)
        return bool(SchemaValidator(_within(core, whole)).validate_json(said) == value)
    except Exception:  # no JSON, not valid, or no answer from the user's own comparison
        return False


def _within(core: Core, whole: Core) -> Core:
    if whole["type"] != "definitions":
        return core
    return core_schema.definitions_schema(core, whole["definitions"])


def looked_up(pairs: list[tuple[JSON, Any]]) -> Rewrite:
    """One of a few values, each with the JSON that means it."""
    shown = ", ".join(repr(said) for said, _ in pairs)

    def look_up(value: Any) -> Any:
        for said, meant in pairs:
            if type(said) is type(value) and said == value:
                return meant
        raise ValueError(f"must be one of {shown}")

    return lambda core: core_schema.no_info_plain_validator_function(look_up)
