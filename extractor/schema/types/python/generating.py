"""Pydantic's JSON Schema generator, held to what pydantic-core will read: places, hooks, and rewrites."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import date
from typing import Any

from pydantic.errors import PydanticInvalidForJsonSchema, PydanticUserError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, to_jsonable_python

from ....errors import SchemaError
from ....pointers import pointer
from ...nodes import (
    ABSENT,
    PYTHON,
    Choices,
    Map,
    Note,
    Python,
    Record,
    Schema,
    python_of,
    references_in,
    resolve,
)
from .hooks import illegal, plain, records, remove_titles
from .rewrites import (
    Rewrite,
    from_latin_1,
    from_pairs,
    is_bytes_pattern,
    key_reader,
    marked,
    parts_of,
    says_itself,
)
from .smart_mode import Judges, labels, told_apart

Core = Any  # a pydantic-core schema
Change = Callable[[Rewrite], bool]
ANY_CORE: Core = {"type": "any"}


FACTORIES = (list, dict, set, tuple, str, int, float, bool)  # those whose products are known


class NoValue(PydanticInvalidForJsonSchema):
    """No value is of this type."""


def no_json(message: str, place: Iterable[Any], kind: Any = PydanticInvalidForJsonSchema) -> Exception:
    """Return the error for a type that JSON can't say. place: where it was met."""
    error: Exception = kind(message)
    error.place = list(place)  # type: ignore[attr-defined]
    return error


def default_of(core: Core) -> Any:
    """Return the default of a member, ABSENT where it has none or makes a new one each time."""
    made = core.get("default_factory")
    return made() if made in FACTORIES else core.get("default", ABSENT)


IRRELEVANT = frozenset({"metadata", "ref", "serialization", "strict"})


def _bare(core: Core) -> Core:
    """Return a node without what does not tell how it is read."""
    return {key: value for key, value in core.items() if key not in IRRELEVANT}


def pythonic(kind: str, schema: Schema, data: Any = None, type: Any = None) -> Schema:  # noqa: A002
    """Return `schema` with what it is in Python."""
    schema[PYTHON] = Python(kind, data, type)
    return schema


def _open(schema: Schema) -> None:
    """Take any value of an Enum's JSON type where a hook has taken away that they are few."""
    python = python_of(schema)
    if (
        python
        and python.kind == "choice"
        and "type" in schema
        and schema.keys().isdisjoint({"enum", "const"})
    ):
        pythonic("leaf", schema, type=python.type)


def loosened(schema: Schema) -> Schema:
    """Return a scalar's schema without its class: a function may have made something else of it."""
    python = python_of(schema)
    return schema if python is None or python.kind != "leaf" else pythonic("leaf", {**schema}, python.data)


NO_HOOKS: Mapping[str, Any] = {}
HOOKS = frozenset(
    {
        *("pydantic_js_updates", "pydantic_js_extra", "pydantic_js_functions"),
        *("pydantic_js_annotation_functions", "pydantic_js_prefer_positional_arguments"),
    }
)


class Generating(GenerateJsonSchema):
    """Pydantic's generator, which knows where it is, whose hooks it calls, and what is to be rewritten."""

    def __init__(self, core: Core) -> None:
        super().__init__(by_alias=None)
        self.core = core
        self.known = frozenset(map(id, parts_of(core)))
        self.hooked: list[Core] = []  # the nodes around whose hooks are called
        self.place: list[tuple[Any, ...]] = []  # where in the schema the present node is
        self.notes: list[Note] = []
        self.unions: list[tuple[Core, Choices, Change]] = []
        self.maps: list[tuple[Core, Map, Change]] = []
        self.rewrites: dict[int, Rewrite] = {}
        self.invalid: dict[str, PydanticInvalidForJsonSchema] = {}
        self.members: dict[int, Schema] = {}

    def described(self) -> tuple[Schema, dict[str, Schema]]:
        """Return the schema of the whole, and its definitions. Raises SchemaError."""
        try:
            schema = self.generate_inner(self.core)
            definitions = {
                str(ref): self.definitions[name]
                for ref, name in self.json_to_defs_refs.items()
                if name in self.definitions
            }
            for ref in references_in([schema, list(definitions.values())]):
                if ref in self.invalid and ref not in definitions:
                    raise self.invalid[ref]
        except (PydanticInvalidForJsonSchema, PydanticUserError) as error:
            raise SchemaError(
                f"no JSON describes this type: {plain(error.message)}", self.member_at(error)
            ) from error
        except PydanticOmit as error:
            raise SchemaError("the type is hidden from JSON Schema", self.member_at()) from error
        except RecursionError:
            raise
        except Exception as error:  # what a hook of the user's own raises
            what = plain(f"{type(error).__name__}: {error}")
            raise SchemaError(f"Pydantic can't describe this type: {what}", self.member_at()) from error
        return schema, definitions

    def at(self, error: Any = None) -> str:
        """Return the pointer to the present node, or to the one where an error was met first."""
        return pointer([step for steps in getattr(error, "place", self.place) for step in steps])

    def member_at(self, error: Any = None) -> str:
        """Return the pointer to that node's member in a record."""
        place = getattr(error, "place", self.place)
        return pointer([steps[1] for steps in place if steps[0] == "properties"])

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        """Raise the error, with its place."""
        raise no_json(f"Cannot generate a JsonSchema for {error_info}", self.place)

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of one part, without Pydantic's detour where no hook is to be called."""
        hooks = schema.get("metadata", NO_HOOKS).keys() & HOOKS
        if "ref" not in schema and not hooks:
            return self._schema_type_to_method[schema["type"]](schema)
        if schema["type"] == "function-plain" and is_bytes_pattern(schema):
            self._rewrite(schema, from_latin_1)
        if not hooks:
            return super().generate_inner(schema)
        self.hooked.append(schema)
        result = super().generate_inner(schema)
        name: Any = self.json_to_defs_refs.get(result.get("$ref", ""))
        for node in (result, self.definitions.get(name, {})):
            _open(node)
            if any(illegal(node)):
                own = self._schema_type_to_method[schema["type"]](schema)
                self._mend(node, own)
        self.hooked.pop()
        return result

    def _mend(self, schema: Schema, own: Schema) -> None:
        """Take back what a hook has said against JSON Schema. own: the schema without the hook."""
        for keyword in sorted(illegal(schema)):
            said = plain(repr(schema.pop(keyword)))
            if keyword in own:
                schema[keyword] = own[keyword]
            self.notes.append(Note(self.at(), keyword, "dropped", f"{said:.100} is no legal value of it"))

    def _rewrite(self, schema: Core, rewrite: Rewrite) -> bool:
        """Change what pydantic-core reads here; return whether its schema has such a part."""
        return self._changer(schema)(rewrite)

    def _changer(self, schema: Core) -> Change:
        """Return what changes a node once it is known how: by then its hooks are left behind."""
        origins = [id(origin) for origin in self._origins(schema)]

        def change(rewrite: Rewrite) -> bool:
            self.rewrites |= dict.fromkeys(origins, rewrite)
            return bool(origins)

        return change

    def _origins(self, schema: Core) -> list[Core]:
        """Return the parts of pydantic-core's schema that a node stands for: hooks hand over copies."""
        if id(schema) in self.known or not self.hooked:
            return [schema] if id(schema) in self.known else []
        wanted = _bare(schema)
        return [
            core for core in parts_of(self.hooked[-1]) if _bare(core) == wanted and id(core) in self.known
        ]

    # Names, titles and defaults are the compiler's affair

    def get_defs_ref(self, core_mode_ref: Any) -> Any:
        """Return a name that is unique in this run; the compiler gives definitions their names."""
        return core_mode_ref[0]

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False: a title that repeats the name says nothing."""
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the inner schema, with the default for hooks to see: members have it for the compiler."""
        result = self.generate_inner(schema["schema"])
        with suppress(Exception):  # a default without JSON
            default = schema["default"]
            result = {**result, "default": default if default is None else to_jsonable_python(default)}
        return result

    def definitions_schema(self, schema: Any) -> JsonSchemaValue:
        """The definitions first; those that JSON can't say are refused where they are referred to."""
        for definition in schema["definitions"]:
            depth, hooked = len(self.place), len(self.hooked)
            try:
                self.generate_inner(definition)
            except PydanticInvalidForJsonSchema as error:
                self.invalid[definition["ref"]] = error
            del self.place[depth:], self.hooked[hooked:]
        return self.generate_inner(schema["schema"])

    def definition_ref_schema(self, schema: Any) -> JsonSchemaValue:
        """A reference, unless it is to what JSON can't say."""
        if schema["schema_ref"] in self.invalid:
            error = self.invalid[schema["schema_ref"]]
            raise no_json(error.message, self.place, type(error))
        return super().definition_ref_schema(schema)

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Leave Pydantic's warnings to the notes."""

    def _left_out(self, key: str, why: str) -> None:
        self.place.append(("properties", key))
        self.notes.append(Note(self.at(), "properties", "dropped", why))
        self.place.pop()

    def _inside(self, core: Core, *steps: Any) -> Schema:
        """Return the schema of a part, which is so many steps further down."""
        self.place.append(steps)
        result = self.generate_inner(core)
        self.place.pop()
        return result

    def _changes(self) -> int:
        return len(self.unions) + len(self.maps) + len(self.rewrites)

    def _tried(self, core: Core, refusal: Any = PydanticInvalidForJsonSchema) -> Schema | None:
        """Return the schema of a node, None if it is refused so: JSON can't say it."""
        depth, hooked = len(self.place), len(self.hooked)
        try:
            return self.generate_inner(core)
        except refusal:
            del self.place[depth:], self.hooked[hooked:]
            return None

    # After the walk

    def settle(self, schema: Schema, definitions: Mapping[str, Schema]) -> dict[int, Rewrite]:
        """Return how pydantic-core's schema has to change, by the id of its parts."""
        for node, record in list(records([schema, *definitions.values()])):
            self._without_hidden(node, record)
        for core, choices, changes in self.unions:
            choices.labels = labels(choices.schemas, definitions)
            is_told = core.get("mode") != "left_to_right" and told_apart(choices.schemas, definitions)
            if not is_told:
                choices.pick = Judges(core, choices, self.core).pick
            if is_told or not changes(marked):
                choices.marks = []
        for core, mapping, changes in self.maps:
            if not _is_text_key(mapping.keys, definitions):
                mapping.marked = changes(from_pairs)
            elif not says_itself(core.get("keys_schema", {"type": "any"})):
                mapping.reads = key_reader(core["keys_schema"], self.core)
        return self.rewrites

    def _without_hidden(self, schema: Schema, record: Record) -> None:
        """Leave out the members that a hook has removed, but for those that no record can do without."""
        properties = schema.setdefault("properties", {})
        remove_titles(properties)
        for member in [member for member in record.members if member.key not in properties]:
            if member.required:
                properties[member.key] = self.members[id(member)]
            else:
                record.members.remove(member)
                self.notes.append(Note("", "properties", "dropped", f"{member.key!r} is hidden by a hook"))


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
