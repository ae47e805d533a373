"""Kinds of types that packages ship: models held twice, own constructors, hooks, open enums, odd defaults."""

import enum
import json
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.dataclasses import dataclass
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import core_schema

from extractor.errors import Invalid, SchemaError
from extractor.schema import CompiledSchema, compile_schema
from extractor.schema.nodes import TAG, VALUE
from extractor.schema.types.python.rewrites import is_marked
from tests.schema.same import same


def assert_whole(record_type: Any, *records: Any) -> None:
    """Every record comes back as it was, and without a mark."""
    for target in FEW_TARGETS:
        compiled = compile_schema(record_type, target)
        for record in records:
            back = compiled.decode(compiled.encode(record))
            assert same(back, record), (target, back, record)
            assert not is_marked(back)


def notes(compiled: CompiledSchema[Any], action: str = "dropped") -> dict[str, str]:
    return {note.pointer: note.detail for note in compiled.report if note.action == action}


FEW_TARGETS = ("openai", "anthropic", "gemini", "permissive")


class Pair(enum.Enum):
    LEFT = (1, 2)
    RIGHT = (3, 4)


class Cat(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str | None = None


class Dog(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str | None = None


class Tree(BaseModel):
    model_config = ConfigDict(extra="allow")
    kind: Pair
    permissions: dict[bool, int]
    pets: list[Cat | Dog]
    items: list["Item"]


class Item(BaseModel):
    tree: Tree | None = None


# --- one decision for each model


def test_a_model_that_pydantic_holds_twice_is_read_the_same_in_both_places() -> None:
    leaf = Tree(kind=Pair.RIGHT, permissions={False: 2}, pets=[Dog(name="Rex")], items=[])
    tree = Tree(
        kind=Pair.LEFT, permissions={True: 1}, pets=[Cat(), Dog(name="a", age=3)], items=[Item(tree=leaf)]
    )
    assert_whole(Tree, tree, leaf)
    assert_whole(Item, Item(tree=tree))


class Counted(BaseModel):
    """A model with a constructor of its own, which counts its calls and sees plain JSON."""

    model_config = ConfigDict(extra="allow")
    pet: Cat | Dog
    permissions: dict[bool, int] = {}
    kind: Pair = Pair.LEFT
    below: Optional["Counted"] = None

    def __init__(self, label: str = "", **data: Any) -> None:
        assert TAG not in repr(data) + label
        super().__init__(**data)
        object.__setattr__(self, "__dict__", {**self.__dict__})


@dataclass
class Holder:
    first: Counted
    others: list[Counted] | None = None


def test_a_constructor_of_the_class_sees_plain_json_and_its_record_is_whole() -> None:
    inner = Counted(pet=Dog(name="Rex"), permissions={True: 1}, kind=Pair.RIGHT, more={"a": 1})
    outer = Counted(pet=Cat(), below=inner)
    assert_whole(Counted, inner, outer)
    assert_whole(Holder, Holder(outer, [inner, outer]), Holder(inner))


def test_a_constructor_of_the_class_runs_its_validators_once() -> None:
    class Doubled(BaseModel):
        pet: Cat | Dog
        number: int

        def __init__(self, **data: Any) -> None:
            super().__init__(**data)

        @model_validator(mode="after")
        def double(self) -> "Doubled":
            self.number *= 2
            return self

    compiled = compile_schema(Doubled, "permissive")
    text = json.dumps({"pet": {"Cat": {}}, "number": 4})
    assert compiled.decode(text).number == 8


def test_what_a_constructor_refuses_is_a_problem_at_its_place() -> None:
    text = json.dumps({"first": {"pet": {"Cat": {}}, "permissions": [{"key": True, "value": "x"}]}})
    with pytest.raises(Invalid) as error:
        compile_schema(Holder, "permissive").decode(text)
    assert error.value.problems[0].pointer.startswith("/first/permissions")


def test_validators_see_json_without_marks_and_what_they_leave_alone_keeps_its_meaning() -> None:
    def without_marks(value: Any) -> Any:
        assert TAG not in repr(value)
        return value

    class Careful(BaseModel):
        pets: Annotated[list[Cat | Dog], BeforeValidator(without_marks)]

    assert_whole(Careful, Careful(pets=[Dog(name="Rex"), Cat()]))


@pytest.mark.parametrize(
    "record",
    [
        Cat.model_construct(**{TAG: "1", VALUE: {}}),
        {"a": [({TAG: "1", VALUE: 2},)]},
        [Cat.model_construct(a={TAG: "0"})],
    ],
)
def test_a_mark_in_a_record_is_found_wherever_it_is(record: Any) -> None:
    assert is_marked(record)


# --- members that JSON can't say


class Custom:
    """A class that Pydantic takes as it is."""


def test_a_member_of_a_union_that_json_cannot_say_is_left_out_with_a_note() -> None:
    class Loose(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        x: int | Custom
        y: list[Cat | Dog | Custom] = []

    assert_whole(Loose, Loose(x=1), Loose(x=2, y=[Dog(name="a"), Cat()]))
    said = notes(compile_schema(Loose))
    assert said.keys() == {"/properties/x/anyOf/1", "/properties/y/items/anyOf/2"}
    assert all("Custom" in detail and "0x" not in detail for detail in said.values())


def test_a_refusal_names_the_member_and_no_address_in_memory() -> None:
    def check(value: Any) -> Any:
        return value

    class Bad(BaseModel):
        inner: list[Annotated[Any, core_schema.no_info_plain_validator_function(check)]] = []
        model_config = ConfigDict(arbitrary_types_allowed=True)
        other: Custom

    with pytest.raises(SchemaError) as error:
        compile_schema(Bad)
    assert error.value.pointer == "/other"
    assert "0x" not in str(error.value)


# --- enums


class Nothing(enum.Enum):
    """An Enum without members."""


def test_an_enum_without_members_leaves_the_other_members_of_its_union() -> None:
    class Empty(BaseModel):
        x: Nothing | int | None = None
        y: Nothing | None = None
        z: list[Nothing]
        only: Nothing = 5  # type: ignore[assignment]

    assert_whole(Empty, Empty(z=[]), Empty(x=1, z=[]))
    assert "Nothing" in notes(compile_schema(Empty))["/properties/only"]


class Canonical(enum.StrEnum):
    """Takes other texts than those that it names, and says so."""

    HOME = "home"

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        assert schema["type"] == "string"
        schema["examples"] = schema.pop("enum")
        return schema

    @classmethod
    def _missing_(cls, value: Any) -> "Canonical | None":
        if not isinstance(value, str):
            return None
        made = str.__new__(cls, value)
        made._name_ = made._value_ = value
        return made


def test_an_enum_whose_hook_takes_away_its_values_takes_any_text() -> None:
    class Address(BaseModel):
        kind: Canonical | None = None

    assert_whole(Address, Address(), Address(kind=Canonical.HOME))
    compiled = compile_schema(Address)
    boat = compiled.decode('{"kind":"boat"}')
    assert boat.kind == "boat"
    assert compiled.encode(boat) == '{"kind":"boat"}'


class Unrecognized(str):
    """A text that is none of the known ones; strictly, nothing is."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        made = core_schema.no_info_plain_validator_function(cls)
        return core_schema.lax_or_strict_schema(
            lax_schema=core_schema.chain_schema([core_schema.str_schema(), made]),
            strict_schema=core_schema.none_schema(),
        )


def test_an_open_enum_takes_other_texts_and_no_null() -> None:
    class Open(BaseModel):
        size: Literal["s", "m"] | Unrecognized

    assert_whole(Open, Open(size="s"), Open(size=Unrecognized("huge")))
    assert compile_schema(Open).schema["properties"]["size"] == {
        "anyOf": [{"type": "string", "enum": ["s", "m"]}, {"type": "string"}]
    }
    assert compile_schema(Open).decode('{"size":"huge"}') == Open(size=Unrecognized("huge"))


# --- hooks


class Hooked(BaseModel):
    a: int = 3
    b: str
    secret: str | None = None

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler.resolve_ref_schema(handler(core))
        assert schema["title"] == "Hooked"
        assert schema["required"] == ["b"]
        assert schema["properties"]["a"]["default"] == 3
        assert schema["properties"]["b"]["title"] == "B"
        assert isinstance(schema["properties"]["secret"]["anyOf"], list)
        del schema["properties"]["secret"], schema["properties"]["b"]
        return schema


def test_hooks_see_what_pydantic_shows_them_and_what_they_hide_is_not_asked_for() -> None:
    compiled = compile_schema(Hooked)
    assert compiled.schema["properties"].keys() == {"a", "b"}  # no record can do without `b`
    assert compiled.schema["properties"]["b"] == {"type": "string"}
    assert_whole(Hooked, Hooked(b="x"))
    assert "'secret' is hidden by a hook" in notes(compiled).values()


def test_a_hook_that_fails_is_a_schema_error_with_a_pointer() -> None:
    def fail(schema: dict[str, Any]) -> None:
        raise KeyError("title")

    class Failing(BaseModel):
        inner: list[Annotated[int, Field(json_schema_extra=fail)]] = []

    with pytest.raises(SchemaError, match="KeyError") as error:
        compile_schema(Failing)
    assert error.value.pointer == "/inner"


@pytest.mark.parametrize(
    "extra",
    [
        {"type": "Attribute"},
        {"pattern": 5},
        {"minLength": "5", "enum": 7},
        {"anyOf": 3, "properties": 2, "items": "x", "required": "a"},
        {"description": 5, "format": None, "multipleOf": 0, "$ref": 1},
        {"properties": {"a": {"type": "Attribute"}}},
    ],
    ids=str,
)
def test_keywords_that_json_schema_does_not_allow_are_left_out_with_a_note(extra: dict[str, Any]) -> None:
    class Extra(BaseModel):
        model_config = ConfigDict(json_schema_extra=extra)
        text: Annotated[str, Field(json_schema_extra=extra)] = "q"
        flag: Annotated[bool, Field(json_schema_extra=extra)] = True
        many: Annotated[list[int], Field(json_schema_extra=extra)] = []
        pet: Annotated[Cat | None, Field(json_schema_extra=extra)] = None
        at: Annotated[Cat, Field(json_schema_extra=extra)] = Cat()

    assert_whole(Extra, Extra(), Extra(text="a", flag=False, many=[1], pet=Cat(name="a"), at=Cat(name="b")))
    keywords = {note.keyword for note in compile_schema(Extra).report if note.action == "dropped"}
    assert keywords >= extra.keys()


def test_a_hidden_member_is_left_to_the_caller() -> None:
    class Hidden(BaseModel):
        id: SkipJsonSchema[int] = 7
        name: str

    assert compile_schema(Hidden).schema["required"] == ["name"]
    assert_whole(Hidden, Hidden(name="a"))


# --- defaults that their own types refuse


def test_a_default_that_its_own_type_refuses_comes_back_as_that_default() -> None:
    class Odd(BaseModel):
        a: int = "none"  # type: ignore[assignment]
        b: int | None = "auto"  # type: ignore[assignment]
        c: list["Odd"] | None = "none"  # type: ignore[assignment]
        d: dict[str, int] | None = Field(default_factory=list)
        e: Any = (1, 2)

    assert_whole(Odd, Odd(), Odd(a=1, b=None, c=None, d=None, e=None), Odd(b=2, c=[Odd()], d={"a": 1}))


def test_a_default_that_pydantic_reads_back_is_said_and_is_never_null() -> None:
    class Color(enum.StrEnum):
        RED = "red"

    class Lenient(BaseModel):
        price: float | None = 0
        color: Color | None = "red"  # type: ignore[assignment]

    compiled = compile_schema(Lenient)
    assert compiled.encode(Lenient()) == '{"price":0,"color":"red"}'
    assert compiled.decode(compiled.encode(Lenient())) == Lenient()
