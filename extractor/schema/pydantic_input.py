"""Pydantic types -> the compiler's input, by Pydantic's own JSON Schema generator."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from inspect import isroutine
from typing import Any

from pydantic import BaseModel, ConfigDict, EncodedBytes, EncodedStr, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, to_jsonable_python

from ..errors import SchemaError
from ..messages import JSON
from .nodes import ABSENT, PYTHON, Choices, Map, Member, Python, Record, Source, python_of
from .problems import explain
from .rewrites import (
    ALL_BYTES,
    Rewrite,
    built,
    encoder,
    from_base64,
    from_latin_1,
    from_pairs,
    is_bytes_pattern,
    key_reader,
    looked_up,
    marked,
    plain_tags,
    rewritten,
    says_itself,
)
from .smart_mode import Judges, choices_of, labels, resolve, told_apart
from .verbatim import as_it_stands

Schema = dict[str, JSON]
Core = Any  # a pydantic-core schema


def read(record_type: Any) -> Source:
    """Return what the compiler needs to know of `record_type`. Raises SchemaError."""
    if isroutine(record_type):
        raise SchemaError(f"{record_type!r:.200} is a function, no record type: use tool_schema")
    try:
        core, validator = _core(record_type)
        generator = Generator(by_alias=None)
        generator.core = core
        schema = generator.generate_inner(core)
    except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
        pointer = "".join(f"/{step}" for step in reversed(getattr(error, "steps", [])))
        raise SchemaError(f"no JSON describes this type: {error.message}", pointer) from error
    except (PydanticOmit, NameError, TypeError, SyntaxError) as error:
        raise SchemaError(f"{record_type!r:.200} is no type that Pydantic validates: {error}") from error
    definitions = {
        str(ref): generator.definitions[name]
        for ref, name in generator.json_to_defs_refs.items()
        if name in generator.definitions
    }
    rewrites = generator.settle(definitions)
    if rewrites:
        core = rewritten(core, rewrites)
        validator = built(core)
    return Source(type_name(record_type), schema, definitions, (), _validate(validator), explain, core)


def _core(record_type: Any) -> tuple[Core, Any]:
    if isinstance(record_type, type) and issubclass(record_type, BaseModel) and record_type is not BaseModel:
        if not record_type.__pydantic_complete__:
            record_type.model_rebuild()
        return record_type.__pydantic_core_schema__, record_type.__pydantic_validator__
    adapter: TypeAdapter[Any] = TypeAdapter(record_type)
    return adapter.core_schema, adapter.validator


def _validate(validator: Any) -> Callable[[str | bytes, Any], Any]:
    return lambda text, context: validator.validate_json(text, context=context)


def type_name(record_type: Any) -> str:
    """Return a readable name for a type: letters, digits and underscores of any script."""
    origin_free = getattr(record_type, "__name__", None) if isinstance(record_type, type) else None
    text = origin_free if origin_free and not getattr(record_type, "__args__", ()) else repr(record_type)
    words = re.findall(
        r"(?:\w+\.)*(\w+)", re.sub(r" at 0x[0-9a-f]+|<class '|<enum '|typing\.|[<>']", "", text)
    )
    return "_".join(words) or "record"


# The generator


def _python(kind: str, schema: Schema, data: Any = None, type: Any = None) -> Schema:  # noqa: A002
    schema[PYTHON] = Python(kind, data, type)
    return schema


def _one_tag_each(choices: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the members by the first of their tags: one discriminator may have several values for one."""
    first: dict[Any, Any] = {}
    for tag, choice in choices.items():
        first.setdefault(choice.get("schema_ref", id(choice)), (tag, choice))
    return dict(first.values())


def _loosened(schema: Schema) -> Schema:
    """Return a scalar's schema without its class: a function may have made something else of it."""
    python = python_of(schema)
    return schema if python is None or python.kind != "leaf" else _python("leaf", {**schema}, python.data)


NO_HOOKS: Mapping[str, Any] = {}
HOOKS = frozenset(
    {
        *("pydantic_js_updates", "pydantic_js_extra", "pydantic_js_functions"),
        *("pydantic_js_annotation_functions", "pydantic_js_prefer_positional_arguments"),
    }
)


class Generator(GenerateJsonSchema):
    """Pydantic's generator, with a `Python` beside the keywords wherever JSON Schema loses something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.unions: list[tuple[Core, Choices]] = []
        self.maps: list[tuple[Core, Map]] = []
        self.rewrites: dict[int, Rewrite] = {}
        self.core: Core = {"type": "any"}

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of one part, without Pydantic's detour where no hook is to be called."""
        if "ref" not in schema and not schema.get("metadata", NO_HOOKS).keys() & HOOKS:
            return self._schema_type_to_method[schema["type"]](schema)
        if schema["type"] == "function-plain" and is_bytes_pattern(schema):
            self.rewrites[id(schema)] = from_latin_1
        return super().generate_inner(schema)

    # Names, titles and defaults are the compiler's affair

    def get_defs_ref(self, core_mode_ref: Any) -> Any:
        """Return a name that is unique in this run; the compiler gives definitions their names."""
        return core_mode_ref[0]

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: a title that repeats the name says nothing."""
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the inner schema: members say which of them have defaults."""
        return self.generate_inner(schema["schema"])

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Refuse what Pydantic would only warn of."""
        if kind == "skipped-choice":
            raise PydanticInvalidForJsonSchema(detail)

    # Leaves

    def any_schema(self, schema: Any) -> JsonSchemaValue:
        """Any JSON value."""
        return _python("any", {})

    def int_schema(self, schema: Any) -> JsonSchemaValue:
        """An integer."""
        return _python("leaf", super().int_schema(schema), type=int)

    def float_schema(self, schema: Any) -> JsonSchemaValue:
        """A float. `data`: whether the type says that it may be infinite or not a number."""
        return _python("float", super().float_schema(schema), bool(schema.get("allow_inf_nan")), type=float)

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """A decimal, as text. `data`: pydantic-core's constraints."""
        return _python("decimal", {"type": "string"}, schema, type=Decimal)

    def fraction_schema(self, schema: Any) -> JsonSchemaValue:
        """A fraction, as text."""
        return _python("leaf", {"type": "string", "pattern": "^-?[0-9]+(/[1-9][0-9]*)?$"})

    def complex_schema(self, schema: Any) -> JsonSchemaValue:
        """A complex number, as text."""
        return _python(
            "leaf", {"type": "string", "description": "A complex number, such as 1+2j."}, type=complex
        )

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        """Text."""
        return _python("leaf", super().str_schema(schema), type=str)

    def bytes_schema(self, schema: Any) -> JsonSchemaValue:
        """Bytes; the codec gives Pydantic what they decode to, not text in the type's own encoding."""
        self.rewrites[ALL_BYTES] = from_base64
        return _python("bytes", {"type": "string"}, schema, type=(bytes, bytearray))

    def date_schema(self, schema: Any) -> JsonSchemaValue:
        """A date."""
        return _python("leaf", {"type": "string", "format": "date"}, type=date)

    def time_schema(self, schema: Any) -> JsonSchemaValue:
        """A time of day. `data`: "naive", "aware", None for both."""
        return _python("time", {"type": "string"}, schema.get("tz_constraint"), type=time)

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """A moment. `data`: "naive", "aware", None for both."""
        return _python("datetime", {"type": "string"}, schema.get("tz_constraint"), type=datetime)

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:
        """A span of time."""
        return _python("timedelta", {"type": "string"}, type=timedelta)

    def literal_schema(self, schema: Any) -> JsonSchemaValue:
        """One of a few values."""
        expected = list(schema["expected"])
        if any(isinstance(v, Enum | bytes) for v in expected):
            self.rewrites[id(schema)] = looked_up([(_plain(v), v) for v in expected])
        return _python("choice", {"enum": [_plain(v) for v in expected]}, [(_plain(v), v) for v in expected])

    def enum_schema(self, schema: Any) -> JsonSchemaValue:
        """A member of an Enum; by its name where its value is no JSON."""
        cls = schema["cls"]
        description = None if cls.__doc__ == "An enumeration." else cls.__doc__
        title = {"title": cls.__name__, **({"description": description} if description else {})}
        if issubclass(cls, Flag):
            return _python("leaf", {"type": "integer", **title}, type=cls)
        pairs = [(_plain(member), member) for member in schema["members"]]
        if not all(isinstance(member.value, str | int | float | None) for member in schema["members"]):
            pairs = [(member.name, member) for member in schema["members"]]
            self.rewrites[id(schema)] = looked_up(pairs)
        return _python("choice", {"enum": [value for value, _ in pairs], **title}, pairs, type=cls)

    def is_subclass_schema(self, schema: Any) -> JsonSchemaValue:
        """Refused: JSON holds no classes."""
        return self.handle_invalid_for_json_schema(schema, f"a subclass of {schema['cls']}")

    # Arrays

    def list_schema(self, schema: Any) -> JsonSchemaValue:
        """A list."""
        return _python("array", super().list_schema(schema), type=list)

    def deque_schema(self, schema: Any) -> JsonSchemaValue:
        """A deque."""
        return _python("array", self.list_schema(schema))

    def set_schema(self, schema: Any) -> JsonSchemaValue:
        """A set."""
        return _python("array", super().set_schema(schema), type=set)

    def frozenset_schema(self, schema: Any) -> JsonSchemaValue:
        """A frozen set."""
        return _python("array", super().frozenset_schema(schema), type=frozenset)

    def generator_schema(self, schema: Any) -> JsonSchemaValue:
        """Anything that iterates."""
        return _python("array", super().generator_schema(schema))

    def tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """A tuple, with one variadic item at most."""
        variadic = schema.get("variadic_item_index")
        items = [self.generate_inner(item) for item in schema["items_schema"]]
        if variadic is not None and len(items) == 1:
            result: Schema = {"type": "array", "items": items[0]}
            self.update_with_validations(result, schema, self.ValidationsMapping.array)
            return _python("array", result, type=tuple)
        result = {"type": "array", "prefixItems": items}
        return _python("tuple", result, variadic, type=tuple)

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """A named tuple, as an object."""
        fields = [(f["name"], f["name"], f, f["schema"]["type"] != "default") for f in schema["fields"]]
        return {**self._record(fields, {"title": schema["cls"].__name__}, cls=schema["cls"])}

    def call_schema(self, schema: Any) -> JsonSchemaValue:
        """A call, as the object of its arguments; named tuples are calls in older versions of Pydantic."""
        result = self.generate_inner(schema["arguments_schema"])
        if isinstance(schema["function"], type) and (python := python_of(result)):
            python.data.by_item, python.type = False, schema["function"]
        return result

    def arguments_schema(self, schema: Any) -> JsonSchemaValue:
        """The arguments of a function, as an object."""
        fields = [
            (a["name"], a["name"], a, a["schema"]["type"] != "default") for a in schema["arguments_schema"]
        ]
        return self._record(fields, {}, by_item=True)

    # Mappings and objects

    def _common_dict_schema(self, schema: Any) -> JsonSchemaValue:
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else _python("any", {})
        values = (
            self.generate_inner(schema["values_schema"]) if "values_schema" in schema else _python("any", {})
        )
        result: Schema = {"type": "object", "additionalProperties": values}
        self.update_with_validations(result, schema, self.ValidationsMapping.object)
        data = Map(keys, values)
        self.maps.append((schema, data))
        return _python("map", result, data, type=Mapping)

    dict_schema = frozendict_schema = ordered_dict_schema = _common_dict_schema

    def counter_schema(self, schema: Any) -> JsonSchemaValue:
        """A Counter."""
        return self._common_dict_schema({"values_schema": {"type": "int"}, **schema})

    def model_fields_schema(self, schema: Any) -> JsonSchemaValue:
        """The members of a model."""
        fields = [
            (name, self._key(f, name), f, f["schema"]["type"] != "default")
            for name, f in schema["fields"].items()
        ]
        return self._record(fields, {}, extras=schema.get("extras_schema"))

    def dataclass_args_schema(self, schema: Any) -> JsonSchemaValue:
        """The members of a dataclass that its constructor takes."""
        fields = [
            (f["name"], self._key(f, f["name"]), f, f["schema"]["type"] != "default")
            for f in schema["fields"]
            if f.get("init", True)
        ]
        return self._record(fields, {})

    def typed_dict_schema(self, schema: Any) -> JsonSchemaValue:
        """A TypedDict."""
        total = schema.get("total", True)
        config = getattr(schema.get("cls"), "__pydantic_config__", None)
        with self._config_wrapper_stack.push(config):
            fields = [
                (name, self._key(f, name), f, f.get("required", total))
                for name, f in schema["fields"].items()
            ]
            extra = schema.get("extra_behavior") or schema.get("config", {}).get("extra_fields_behavior")
            result = self._record(fields, {}, by_item=True, extras=schema.get("extras_schema"))
        if extra == "allow" and result[PYTHON].data.extras is None:
            result[PYTHON].data.extras = _python("any", {})
        if schema.get("cls") is not None:
            self._update_class_schema(result, schema["cls"], config or ConfigDict())
        return result

    def model_schema(self, schema: Any) -> JsonSchemaValue:
        """A model; its class's own hooks and extras have their say."""
        cls = schema["cls"]
        with self._config_wrapper_stack.push(cls.model_config):
            inner = self.generate_inner(schema["schema"])
        if schema.get("root_model"):
            keywords = {} if "$ref" in inner else inner
            result = _python("root", {**keywords}, inner, type=cls)
        else:
            result = inner
            result[PYTHON].type = cls
            if cls.model_config.get("extra") == "allow" and result[PYTHON].data.extras is None:
                result[PYTHON].data.extras = _python("any", {})
        self._update_class_schema(result, cls, cls.model_config)
        return result

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        """A dataclass."""
        result = super().dataclass_schema(schema)
        if python := python_of(result):
            python.type = schema["cls"]
            if result.get("additionalProperties") is True:
                python.data.extras = _python("any", {})
        return result

    def _record(
        self,
        fields: list[tuple[str, Any, Any, bool]],
        result: Schema,
        *,
        by_item: bool = False,
        extras: Any = None,
        cls: Any = None,
    ) -> Schema:
        properties: Schema = {}
        members = []
        for name, key, field, required in fields:
            path = key if isinstance(key, tuple) else None
            key = name if path else key
            try:
                inner = self.generate_inner(
                    field["schema"]
                    if "type" not in field or field["type"] not in self._schema_type_to_method
                    else field
                )
            except PydanticOmit:  # SkipJsonSchema hides the member
                continue
            except PydanticInvalidForJsonSchema as error:
                error.__dict__.setdefault("steps", []).append(key)
                raise
            properties[key] = {**inner}
            default = field["schema"].get("default", ABSENT) if not required else ABSENT
            members.append(Member(key, name, required, default, path))
        result |= {"type": "object", "properties": properties}
        extra = None if extras is None else self.generate_inner(extras)
        return _python("object", result, Record(members, by_item, extra), type=cls)

    def _key(self, field: Any, name: str) -> str | tuple[str | int, ...]:
        """Return what validation looks for: a name, or a path of several steps."""
        config = self._config
        alias = field.get("validation_alias", name)
        if isinstance(alias, str):
            return alias if config.validate_by_alias is not False else name
        if config.validate_by_alias is False:
            return name
        paths = [alias] if alias and not isinstance(alias[0], list) else alias
        simple = [path[0] for path in paths if len(path) == 1]
        return simple[0] if simple else tuple(paths[0])

    # Unions

    def nullable_schema(self, schema: Any) -> JsonSchemaValue:
        """The inner type, or null."""
        inner = self.generate_inner(schema["schema"])
        return _python("nullable", {"anyOf": [inner, {"type": "null"}]}, inner)

    def union_schema(self, schema: Any) -> JsonSchemaValue:
        """A union without a discriminator; `settle` says whether Pydantic could tell its members apart."""
        schemas: dict[str, Schema] = {}
        for i, core in enumerate(choices_of(schema)):
            with suppress(PydanticOmit):  # members that SkipJsonSchema hides
                schemas[str(i)] = self.generate_inner(core)
        if len(schemas) == 1:
            return next(iter(schemas.values()))
        data = Choices([""] * len(schemas), list(schemas.values()), list(schemas))
        self.unions.append((schema, data))
        return _python("union", {"anyOf": schemas}, data)

    def tagged_union_schema(self, schema: Any) -> JsonSchemaValue:
        """A union with a discriminator."""
        discriminator = schema["discriminator"]
        choices = schema["choices"] if callable(discriminator) else _one_tag_each(schema["choices"])
        tags = list(choices)
        schemas = [self.generate_inner(choice) for choice in choices.values()]
        pick = (lambda value: discriminator(value)) if callable(discriminator) else None
        if any(isinstance(tag, Enum) for tag in tags):
            self.rewrites[id(schema)] = plain_tags
        return _python(
            "union",
            {"anyOf": schemas},
            Choices([str(_plain(t)) for t in tags], schemas, pick=pick and (lambda v: str(_plain(pick(v))))),
        )

    # Wrappers

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:
        """What goes into the function; Pydantic's encoded types say themselves what that is."""
        if schema["function"]["function"] is as_it_stands:  # which only spells a string as the text does
            return self.generate_inner(schema["schema"])
        encoding = encoder(schema)
        if isinstance(encoding, EncodedStr):
            return _python("encoded", {"type": "string"}, encoding.encode_str, type=str)
        if isinstance(encoding, EncodedBytes):
            return _python(
                "encoded", {"type": "string"}, lambda value: encoding.encode(value).decode(), type=bytes
            )
        return _loosened(super().function_after_schema(schema))

    def function_wrap_schema(self, schema: Any) -> JsonSchemaValue:
        """What goes into the function."""
        return _loosened(super().function_wrap_schema(schema))

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        """What goes into the function."""
        return _loosened(super().function_plain_schema(schema))

    def lax_or_strict_schema(self, schema: Any) -> JsonSchemaValue:
        """The strict one, if it has a schema: the lax one also reads what a model does not write."""
        try:
            return self.generate_inner(schema["strict_schema"])
        except PydanticInvalidForJsonSchema:
            return self.generate_inner(schema["lax_schema"])

    def json_schema(self, schema: Any) -> JsonSchemaValue:
        """JSON text inside JSON; its value is said plainly on the wire."""
        inner = self.generate_inner(schema.get("schema") or {"type": "any"})
        return _python("json", {}, inner)

    # After the walk

    def settle(self, definitions: Mapping[str, Schema]) -> dict[int, Rewrite]:
        """Return how pydantic-core's schema has to change, by the id of its parts."""
        for core, choices in self.unions:
            choices.labels = labels(choices.schemas, definitions)
            if core.get("mode") == "left_to_right" or not told_apart(choices.schemas, definitions):
                choices.pick = Judges(core, choices, self.core).pick
                self.rewrites[id(core)] = marked
            else:
                choices.marks = []
        for core, mapping in self.maps:
            if not _is_text_key(mapping.keys, definitions):
                mapping.marked = True
                self.rewrites[id(core)] = from_pairs
            elif not says_itself(core.get("keys_schema", {"type": "any"})):
                mapping.reads = key_reader(core["keys_schema"], self.core)
        return self.rewrites


def _plain(value: Any) -> JSON:
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return (
        value
        if value is None or isinstance(value, str | int | float)
        else to_jsonable_python(value, fallback=str)
    )


def _is_text_key(keys: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Return whether Pydantic reads every such key from the text of a JSON object's key."""
    schema = resolve(keys, definitions)
    python = python_of(schema)
    if python is None:
        return schema.get("type") == "string"
    if python.kind == "choice":
        return all(isinstance(said, str) for said, _ in python.data)
    if python.kind == "leaf":
        return python.type in (str, int, date)
    return python.kind in ("any", "datetime", "time", "decimal")
