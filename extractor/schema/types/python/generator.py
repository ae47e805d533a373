"""Each kind of pydantic-core's schema -> JSON Schema, with a `Python` wherever that loses something."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from operator import itemgetter
from typing import Any

from pydantic import ByteSize, ConfigDict, EncodedBytes, EncodedStr
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import PydanticOmit, to_jsonable_python

from ....messages import JSON
from ...coded import Coded
from ...grounding.verbatim import as_it_stands
from ...nodes import ABSENT, PYTHON, Choices, Map, Member, Note, Record, Schema, json_type, python_of
from .generating import ANY_CORE, Generating, NoValue, default_of, loosened, no_json, pythonic
from .hooks import Derived, kinds_said, plain
from .rewrites import encoder, from_base64, looked_up, plain_tags, reads_back, whole_pattern
from .smart_mode import choices_of

Core = Any  # a pydantic-core schema


def _one_tag_each(choices: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the members by the first of their tags: one discriminator may have several values for one."""
    first: dict[Any, Any] = {}
    for tag, choice in choices.items():
        first.setdefault(choice.get("schema_ref", id(choice)), (tag, choice))
    return dict(first.values())


class Generator(Generating):
    """Pydantic's generator, with a `Python` beside the keywords wherever JSON Schema loses something."""

    # Leaves

    def any_schema(self, schema: Any) -> JsonSchemaValue:
        """Any JSON value."""
        return pythonic("any", {})

    def int_schema(self, schema: Any) -> JsonSchemaValue:
        """An integer."""
        return pythonic("leaf", super().int_schema(schema), type=int)

    def float_schema(self, schema: Any) -> JsonSchemaValue:
        """A float. `data`: whether the type says that it may be infinite or not a number."""
        return pythonic("float", super().float_schema(schema), bool(schema.get("allow_inf_nan")), type=float)

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """A decimal, as text. `data`: pydantic-core's constraints."""
        return pythonic("decimal", {"type": "string"}, schema, type=Decimal)

    def fraction_schema(self, schema: Any) -> JsonSchemaValue:
        """A fraction, as text."""
        return pythonic("leaf", {"type": "string", "pattern": "^-?[0-9]+(/[1-9][0-9]*)?$"})

    def complex_schema(self, schema: Any) -> JsonSchemaValue:
        """A complex number, as text."""
        return pythonic(
            "leaf", {"type": "string", "description": "A complex number, such as 1+2j."}, type=complex
        )

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        """Text. That of a ByteSize is a size alone: Pydantic takes what begins with one, such as a date."""
        if schema.get("pattern") == ByteSize.byte_string_pattern:
            self._rewrite(schema, whole_pattern)
            schema = whole_pattern(schema)
        return pythonic("leaf", super().str_schema(schema), type=str)

    def bytes_schema(self, schema: Any) -> JsonSchemaValue:
        """Bytes; the codec gives Pydantic what they decode to, not text in the type's own encoding."""
        self._rewrite(schema, from_base64)
        return pythonic("bytes", {"type": "string"}, schema, type=(bytes, bytearray))

    def date_schema(self, schema: Any) -> JsonSchemaValue:
        """A date."""
        return pythonic("leaf", {"type": "string", "format": "date"}, type=date)

    def time_schema(self, schema: Any) -> JsonSchemaValue:
        """A time of day. `data`: "naive", "aware", None for both."""
        return pythonic("time", {"type": "string"}, schema.get("tz_constraint"), type=time)

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """A moment. `data`: "naive", "aware", None for both."""
        return pythonic("datetime", {"type": "string"}, schema.get("tz_constraint"), type=datetime)

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:
        """A span of time."""
        return pythonic("timedelta", {"type": "string"}, type=timedelta)

    def literal_schema(self, schema: Any) -> JsonSchemaValue:
        """One of a few values."""
        expected = list(schema["expected"])
        if any(isinstance(v, Enum | bytes) for v in expected):
            self._rewrite(schema, looked_up([(_plain(v), v) for v in expected]))
        return pythonic("choice", {"enum": [_plain(v) for v in expected]}, [(_plain(v), v) for v in expected])

    def enum_schema(self, schema: Any) -> JsonSchemaValue:
        """A member of an Enum; by its name where its value is no JSON."""
        cls = schema["cls"]
        description = None if cls.__doc__ == "An enumeration." else cls.__doc__
        title = {"title": cls.__name__, **({"description": description} if description else {})}
        if issubclass(cls, Flag):
            return pythonic("leaf", {"type": "integer", **title}, type=cls)
        if not schema["members"]:
            raise no_json(f"{cls.__name__}, an Enum without members", self.place, NoValue)
        pairs = [(_plain(member), member) for member in schema["members"]]
        if not all(isinstance(member.value, str | int | float | None) for member in schema["members"]):
            by_name = [(member.name, member) for member in schema["members"]]
            pairs = by_name if self._rewrite(schema, looked_up(by_name)) else pairs
        kinds = {json_type(value) for value, _ in pairs}
        kind = {"type": kinds.pop()} if len(kinds) == 1 else {}
        return pythonic("choice", {"enum": [value for value, _ in pairs], **kind, **title}, pairs, type=cls)

    def is_subclass_schema(self, schema: Any) -> JsonSchemaValue:
        """Refused: JSON holds no classes."""
        raise no_json(f"Cannot generate a JsonSchema for a subclass of {schema['cls']}", self.place, NoValue)

    # Arrays

    def list_schema(self, schema: Any) -> JsonSchemaValue:
        """A list."""
        return self._array(schema, list)

    def _array(self, schema: Any, cls: Any, **more: JSON) -> Schema:
        depth, hooked = len(self.place), len(self.hooked)
        try:
            items = self._inside(schema.get("items_schema", ANY_CORE), "items")
        except NoValue:
            if schema.get("min_length"):
                raise
            del self.place[depth:], self.hooked[hooked:]
            items, more = {"type": "null"}, {**more, "maxItems": 0}
        result = {"type": "array", "items": items, **more}
        self.update_with_validations(result, schema, self.ValidationsMapping.array)
        return pythonic("array", result, type=cls)

    def deque_schema(self, schema: Any) -> JsonSchemaValue:
        """A deque."""
        return self._array(schema, None)

    def set_schema(self, schema: Any) -> JsonSchemaValue:
        """A set."""
        return self._array(schema, set, uniqueItems=True)

    def frozenset_schema(self, schema: Any) -> JsonSchemaValue:
        """A frozen set."""
        return self._array(schema, frozenset, uniqueItems=True)

    def generator_schema(self, schema: Any) -> JsonSchemaValue:
        """Anything that iterates."""
        return self._array(schema, None)

    def tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """A tuple, with one variadic item at most."""
        variadic = schema.get("variadic_item_index")
        items = [self._inside(item, "prefixItems", i) for i, item in enumerate(schema["items_schema"])]
        if variadic is not None and len(items) == 1:
            result: Schema = {"type": "array", "items": items[0]}
            self.update_with_validations(result, schema, self.ValidationsMapping.array)
            return pythonic("array", result, type=tuple)
        result = {"type": "array", "prefixItems": items}
        return pythonic("tuple", result, variadic, type=tuple)

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        """A named tuple, as an object."""
        fields = self._fields((f["name"], f) for f in schema["fields"])
        return self._record(fields, {"title": schema["cls"].__name__}, cls=schema["cls"])

    def call_schema(self, schema: Any) -> JsonSchemaValue:
        """A call, as the object of its arguments; named tuples are calls in older versions of Pydantic."""
        result = self.generate_inner(schema["arguments_schema"])
        if isinstance(schema["function"], type) and (python := python_of(result)):
            python.data.by_item, python.type = False, schema["function"]
        return result

    def arguments_schema(self, schema: Any) -> JsonSchemaValue:
        """The arguments of a function, as an object."""
        return self._record(
            self._fields((a["name"], a) for a in schema["arguments_schema"]), {}, by_item=True
        )

    # Mappings and objects

    def _common_dict_schema(self, schema: Any, values_of: Any = ANY_CORE) -> JsonSchemaValue:
        keys = self._inside(schema.get("keys_schema", ANY_CORE), "propertyNames")
        values = self._inside(schema.get("values_schema", values_of), "additionalProperties")
        result: Schema = {"type": "object", "additionalProperties": values}
        self.update_with_validations(result, schema, self.ValidationsMapping.object)
        data = Map(keys, values)
        self.maps.append((schema, data, self._changer(schema)))
        return pythonic("map", result, data, type=Mapping)

    dict_schema = frozendict_schema = ordered_dict_schema = _common_dict_schema

    def counter_schema(self, schema: Any) -> JsonSchemaValue:
        """A Counter."""
        return self._common_dict_schema(schema, {"type": "int"})

    def model_fields_schema(self, schema: Any) -> JsonSchemaValue:
        """The members of a model."""
        return self._record(self._fields(schema["fields"].items()), {}, extras=schema.get("extras_schema"))

    def dataclass_args_schema(self, schema: Any) -> JsonSchemaValue:
        """The members of a dataclass that its constructor takes."""
        taken = ((f["name"], f) for f in schema["fields"] if f.get("init", True))
        return self._record(self._fields(taken), {})

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
            result[PYTHON].data.extras = pythonic("any", {})
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
            result = pythonic("root", {**keywords}, inner, type=cls)
        else:
            result = inner
            result[PYTHON].type = cls
            if cls.model_config.get("extra") == "allow" and result[PYTHON].data.extras is None:
                result[PYTHON].data.extras = pythonic("any", {})
        before = dict(result)
        self._update_class_schema(result, cls, cls.model_config)
        self._mend(result, before)
        return result

    def dataclass_schema(self, schema: Any) -> JsonSchemaValue:
        """A dataclass."""
        result = super().dataclass_schema(schema)
        if python := python_of(result):
            python.type = schema["cls"]
            if result.get("additionalProperties") is True:
                python.data.extras = pythonic("any", {})
        return result

    def _fields(self, fields: Iterable[tuple[str, Any]]) -> list[tuple[str, Any, Any, bool]]:
        return [(name, self._key(f, name), f, f["schema"]["type"] != "default") for name, f in fields]

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
            inner = self._member(field, key, required)
            if inner is None:
                continue
            default = ABSENT if required else default_of(field["schema"])
            members.append(Member(key, name, required, default, path, self._reads(field["schema"], default)))
            self.members[id(members[-1])] = inner
            properties[key] = {"title": Derived(self.get_title_from_name(key)), **inner}
        result |= {"type": "object", "properties": properties}
        if must := [member.key for member in members if member.required]:
            result["required"] = must
        extra = None if extras is None else self.generate_inner(extras)
        return pythonic("object", result, Record(members, by_item, extra), type=cls)

    def _member(self, field: Any, key: str, required: bool) -> Schema | None:
        """Return the schema of a member, None for one that is hidden or that can only be its default."""
        known = field.get("type") in self._schema_type_to_method
        depth, hooked = len(self.place), len(self.hooked)
        try:
            return self._inside(field if known else field["schema"], "properties", key)
        except PydanticOmit:  # SkipJsonSchema hides the member
            del self.place[depth:], self.hooked[hooked:]
        except NoValue as error:
            if required:
                raise
            del self.place[depth:], self.hooked[hooked:]
            self._left_out(key, f"it can only be its default: {error.message}")
        return None

    def _reads(self, core: Core, default: Any) -> Callable[[Any], bool] | None:
        if (
            default is ABSENT
            or default is None
            or core.get("validate_default", self._config.validate_default)
        ):
            return None
        return lambda default: reads_back(core["schema"], self.core, default)

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
        inner = self._tried(schema["schema"], NoValue)
        if inner is None:
            return {"type": "null"}
        return pythonic("nullable", {"anyOf": [inner, {"type": "null"}]}, inner)

    def union_schema(self, schema: Any) -> JsonSchemaValue:
        """A union without a discriminator; `settle` says whether Pydantic could tell its members apart."""
        members = [(str(i), core) for i, core in enumerate(choices_of(schema))]
        schemas = self._choices(members)
        if len(schemas) == 1:
            only = next(iter(schemas.values()))
            return only if len(members) == 1 else loosened(only)
        data = Choices([""] * len(schemas), list(schemas.values()), list(schemas))
        self.unions.append((schema, data, self._changer(schema)))
        return pythonic("union", {"anyOf": list(schemas.values())}, data)

    def tagged_union_schema(self, schema: Any) -> JsonSchemaValue:
        """A union with a discriminator."""
        discriminator = schema["discriminator"]
        choices = schema["choices"] if callable(discriminator) else _one_tag_each(schema["choices"])
        found = self._choices(choices.items())
        pick = (lambda value: discriminator(value)) if callable(discriminator) else None
        if any(isinstance(tag, Enum) for tag in choices):
            self._rewrite(schema, plain_tags)
        return pythonic(
            "union",
            {"anyOf": list(found.values())},
            Choices(
                [str(_plain(t)) for t in found],
                list(found.values()),
                pick=pick and (lambda v: str(_plain(pick(v)))),
            ),
        )

    def _choices(self, choices: Iterable[tuple[Any, Core]]) -> dict[Any, Schema]:
        """Return the members of a union that JSON can say; Pydantic leaves out the others as well."""
        found: dict[Any, Schema] = {}
        refused: Exception = PydanticOmit()  # SkipJsonSchema hides all
        for i, (name, core) in enumerate(choices):
            depth, hooked = len(self.place), len(self.hooked)
            try:
                found[name] = self._inside(core, "anyOf", i)
            except PydanticOmit:
                pass
            except PydanticInvalidForJsonSchema as error:
                refused = error
                why = f"a member that JSON can't say: {plain(error.message)}"
                self.notes.append(Note(self.at(error), "anyOf", "dropped", why))
            del self.place[depth:], self.hooked[hooked:]
        if not found:
            raise refused
        return found

    # Wrappers

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:
        """What goes into the function; Pydantic's encoded types say themselves what that is."""
        function = schema["function"]["function"]
        if function is as_it_stands:  # which only spells a string as the text does
            return self.generate_inner(schema["schema"])
        if isinstance(getattr(function, "__self__", None), Coded):  # which changes nothing
            return self.generate_inner(schema["schema"])
        encoding = encoder(schema)
        if isinstance(encoding, EncodedStr):
            return pythonic("encoded", {"type": "string"}, encoding.encode_str, type=str)
        if isinstance(encoding, EncodedBytes):
            return pythonic(
                "encoded", {"type": "string"}, lambda value: encoding.encode(value).decode(), type=bytes
            )
        return loosened(super().function_after_schema(schema))

    def function_wrap_schema(self, schema: Any) -> JsonSchemaValue:
        """What goes into the function."""
        return loosened(super().function_wrap_schema(schema))

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        """What goes into the function."""
        return loosened(super().function_plain_schema(schema))

    def lax_or_strict_schema(self, schema: Any) -> JsonSchemaValue:
        """The strict one, which is the more precise, unless the lax one reads values that it does not."""
        lax = self._tried(schema["lax_schema"])
        if lax is None:
            return self.generate_inner(schema["strict_schema"])
        before = self._changes()
        strict = self._tried(schema["strict_schema"])
        if strict is None or kinds_said(lax) - kinds_said(strict):
            return lax
        if self._changes() > before:  # JSON with marks is for the strict one
            self._rewrite(schema, itemgetter("strict_schema"))
        return strict

    def json_schema(self, schema: Any) -> JsonSchemaValue:
        """JSON text inside JSON; its value is said plainly on the wire."""
        inner = self.generate_inner(schema.get("schema") or {"type": "any"})
        return pythonic("json", {}, inner)


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
