"""The way there and back: every value survives, and every text ends in a record or in named problems."""

import datetime as dt
import enum
import json
import math
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AliasPath,
    Base64Bytes,
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    StringConstraints,
    computed_field,
    create_model,
    field_serializer,
    model_validator,
)
from typing_extensions import TypedDict

from extractor.errors import Invalid, InvalidJSON, Problem
from extractor.schema import TARGETS, CompiledSchema, compile_schema


class Colour(enum.Enum):
    RED = "red"
    GREEN = 2


class Part(BaseModel):
    name: str
    size: tuple[int, int] = (1, 1)


class Cat(BaseModel):
    name: str


class Dog(BaseModel):
    name: str


class Thing(BaseModel):
    parts: dict[str, Part]
    price: Annotated[Decimal, Field(ge=0)]
    colour: Literal[Colour.RED] | None = None
    owner: str = Field("me", alias="belongs to")


class Member(TypedDict):
    id: int
    nick: NotRequired[str]
    age: NotRequired[int | None]


def problems(record_type: Any, text: str | bytes, target: str = "openai") -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as error:
        compile_schema(record_type, target).decode(text)
    return [(problem.pointer, problem.type) for problem in error.value.problems]


@pytest.mark.parametrize(
    "value", [{"id": 1}, {"id": 1, "nick": "x"}, {"id": 1, "age": None}, {"id": 1, "nick": "", "age": 3}]
)
def test_absence_null_and_values_stay_apart(value: dict[str, Any]) -> None:
    compiled = compile_schema(Member)
    assert compiled.decode(compiled.encode(value)) == value  # type: ignore[arg-type]


def test_a_member_that_was_left_out_has_its_default_and_counts_as_not_set() -> None:
    text = '{"parts":[],"price":"1.50","colour":null,"belongs to":null}'
    thing = compile_schema(Thing).decode(text)
    assert thing.owner == "me"
    assert "owner" not in thing.model_fields_set


def test_problems_are_at_pointers_of_the_users_own_shape() -> None:
    text = (
        '{"parts":[{"key":"a/b","value":{"name":5,"size":{"item_1":1,"item_2":"x"}}}],'
        '"price":"-1","colour":"red","belongs to":"you"}'
    )
    assert problems(Thing, text) == [
        ("/parts/a~1b/name", "string_type"),
        ("/parts/a~1b/size/1", "int_parsing"),
        ("/price", "greater_than_equal"),
    ]


def test_all_faults_of_the_encoded_shape_are_told_at_once() -> None:
    class Two(BaseModel):
        a: dict[str, int]
        b: tuple[int, str]

    text = '{"a":[{"key":"x","value":1},{"key":"x","value":2}],"b":{"item_1":1}}'
    assert problems(Two, text) == [("/a/x", "duplicate_key"), ("/b", "missing")]


def test_a_missing_member_is_named() -> None:
    assert problems(Part, '{"size":null}') == [("/name", "missing")]


@pytest.mark.parametrize(
    "text", ["", "[", "{'a':1}", "nul", b"\xff", '"\ud800"', "[" * 100_000, "1" * 5_000, "{} {}", '{"a":NaN}']
)
@pytest.mark.parametrize("record_type", [Part, Thing, Any])
def test_what_is_no_json_is_said_to_be_none(record_type: Any, text: str | bytes) -> None:
    with pytest.raises(InvalidJSON) as error:
        compile_schema(record_type).decode(text)
    assert error.value.problems[0].type == "json_invalid"


class Chain(BaseModel):
    next: "Chain | None" = None
    names: dict[str, int] = {}


@pytest.mark.parametrize("depth", [40, 95, 198])
@pytest.mark.parametrize("target", ["openai", "anthropic"])
def test_deep_values_survive_or_are_said_to_be_too_deep(depth: int, target: str) -> None:
    chain = Chain()
    for _ in range(depth):
        chain = Chain(next=chain)
    compiled = compile_schema(Chain, target)
    try:
        assert compiled.decode(compiled.encode(chain)) == chain
    except Invalid as error:
        assert depth > 40, error  # noqa: PT017  both ends are right for the deepest


def test_a_wrong_tag_names_the_right_ones() -> None:
    with pytest.raises(Invalid) as error:
        compile_schema(list[Cat | Dog]).decode('{"value":[{"Cow":{"name":"x"}}]}')
    assert error.value.problems == (
        Problem("/0", "must be one of Cat, Dog", {"Cow": {"name": "x"}}, "union_tag_invalid"),
    )


def test_serializers_computed_fields_and_exclusions_are_not_asked() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(extra="allow")
        secret: str = Field(exclude=True, serialization_alias="S")

        @field_serializer("secret")
        def hidden(self, value: str) -> str:
            return "***"

        @computed_field
        def length(self) -> int:
            return len(self.secret)

    compiled = compile_schema(Odd)
    odd = Odd.model_validate({"secret": "abc", "more": [1, None]})
    assert '"secret":"abc"' in compiled.encode(odd)
    assert "length" not in compiled.encode(odd)
    assert compiled.decode(compiled.encode(odd)) == odd


def test_alias_paths_are_said_flat_and_found_deep() -> None:
    class Deep(BaseModel):
        first: str = Field(validation_alias=AliasPath("names", 0))
        second: str = Field(validation_alias=AliasPath("names", 1))

    compiled = compile_schema(Deep)
    assert compiled.decode('{"first":"a","second":"b"}') == Deep.model_validate({"names": ["a", "b"]})
    assert problems(Deep, '{"first":"a","second":5}') == [("/names/1", "string_type")]


def test_validators_get_the_callers_context() -> None:
    class Asks(BaseModel):
        name: str

        @model_validator(mode="after")
        def known(self, info: Any) -> "Asks":
            if self.name not in info.context:
                raise ValueError("not among the known")
            return self

    compiled = compile_schema(Asks)
    assert compiled.decode('{"name":"a"}', context={"a"}).name == "a"
    with pytest.raises(Invalid, match="not among the known"):
        compiled.decode('{"name":"b"}', context={"a"})


def test_validators_that_run_before_see_the_users_own_shape() -> None:
    seen: list[Any] = []

    class Home(BaseModel):
        pet: Cat | Dog
        day: str | dt.date

        @model_validator(mode="before")
        @classmethod
        def look(cls, data: Any) -> Any:
            seen.append(data)
            return data

        @model_validator(mode="wrap")
        @classmethod
        def around(cls, data: Any, handler: Any) -> Any:
            return handler({**data})

    compiled = compile_schema(Home)
    home = Home.model_construct(pet=Dog(name="Rex"), day=dt.date(2026, 1, 2))
    assert compiled.decode(compiled.encode(home)) == home
    assert seen == [{"pet": {"name": "Rex"}, "day": "2026-01-02"}]


def test_what_a_validator_changes_before_is_read_as_pydantic_reads_it() -> None:
    class Home(BaseModel):
        pet: Cat | Dog

        @model_validator(mode="before")
        @classmethod
        def renamed(cls, data: Any) -> Any:
            return {"pet": {"name": data["pet"]["name"].upper()}}

    assert compile_schema(Home).decode('{"pet":{"Dog":{"name":"Rex"}}}').pet == Cat(name="REX")


def test_a_validator_that_crashes_is_a_problem_too() -> None:
    class Crash(BaseModel):
        name: str

        @model_validator(mode="after")
        def crashed(self) -> "Crash":
            raise KeyError(self.name)

    assert problems(Crash, '{"name":"b"}') == [("", "validator_error")]


def test_a_value_that_fills_a_bound_of_the_compilers_own_was_cut_off() -> None:
    bounds = compile_schema(Part, "local").target
    assert bounds.max_string is not None
    text = '{"name":"' + "x" * bounds.max_string + '","size":null}'
    assert problems(Part, text, "local") == [("/name", "bound_reached")]


def test_a_record_that_does_not_fit_its_own_type_is_not_encoded() -> None:
    with pytest.raises(Invalid) as error:
        compile_schema(Thing).encode(Thing.model_construct(parts={"a": 5}, price=Decimal(1)))
    assert error.value.problems[0].pointer == "/parts/a"


@pytest.mark.parametrize(
    "text", ["0.1234567890123456789012345678901", "1.10", "1E+5", "12345678901234567890"]
)
@pytest.mark.parametrize("target", ["openai", "json_object", "local"])
def test_decimals_never_pass_through_a_float(text: str, target: str) -> None:
    compiled = compile_schema(Decimal, target)
    assert str(compiled.decode(compiled.encode(Decimal(text)))) == text
    assert str(compiled.decode(f'{{"value":{text}}}')) == text
    assert str(compiled.decode(f'{{"value":"{text}"}}')) == text


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_a_bare_decimal_keeps_its_digits(value: Decimal) -> None:
    compiled = compile_schema(list[Decimal | None], "local")
    back = compiled.decode(compiled.encode([value, None]))
    assert back == [value, None]
    if value:  # JSON's integers have one zero
        assert str(back[0]) == str(value)


def test_a_decimal_is_a_bare_number_for_a_small_model_and_text_for_all_others() -> None:
    price = Annotated[Decimal, Field(max_digits=8, decimal_places=2)]
    encoded = {name: compile_schema(price, name).encode(Decimal("12.50")) for name in TARGETS}
    assert {name for name, said in encoded.items() if said == '{"value":12.50}'} == {"local"}
    assert {said for name, said in encoded.items() if name != "local"} <= {'{"value":"12.50"}', '"12.50"'}


def test_a_decimal_that_may_be_infinite_is_text_everywhere() -> None:
    compiled = compile_schema(Annotated[Decimal, Field(allow_inf_nan=True)], "local")
    assert compiled.encode(Decimal("-Infinity")) == '{"value":"-Infinity"}'


@pytest.mark.parametrize("record_type", [Decimal | int, Decimal | float, Decimal | str, Decimal | None])
def test_a_bare_decimal_is_told_from_the_other_members_of_a_union(record_type: Any) -> None:
    compiled = compile_schema(record_type, "local")
    for value in (Decimal("1.50"), 2, 2.5, "1.50", None):
        if isinstance(value, record_type):
            back = compiled.decode(compiled.encode(value))
            assert (type(back), str(back)) == (type(value), str(value))


@pytest.mark.parametrize("value", [math.inf, -math.inf, 1e300, -0.0, 5e-324])
def test_every_float_survives(value: float) -> None:
    compiled = compile_schema(list[float])
    back = compiled.decode(compiled.encode([value]))
    assert math.copysign(1, back[0]) == math.copysign(1, value)
    assert back == [value]


def test_nan_survives_and_is_no_word_in_the_schema() -> None:
    compiled = compile_schema(list[float])
    assert math.isnan(compiled.decode(compiled.encode([math.nan]))[0])
    assert compiled.schema["properties"]["value"]["items"] == {"type": "number"}


def test_infinities_have_names_where_the_type_says_that_it_takes_them() -> None:
    compiled = compile_schema(Annotated[float, Field(allow_inf_nan=True)])
    assert compiled.encode(-math.inf) == '{"value":"-Infinity"}'
    assert compiled.decode('{"value":"-Infinity"}') == -math.inf


@settings(deadline=None)
@given(st.timedeltas() | st.datetimes() | st.dates() | st.times() | st.uuids() | st.binary() | st.decimals())
def test_a_scalar_survives_in_a_union_with_text(value: Any) -> None:
    if isinstance(value, Decimal) and not value.is_finite():
        return
    kind = next(k for k in (dt.datetime, dt.date, Decimal, bytes, type(value)) if isinstance(value, k))
    compiled = compile_schema(str | kind)  # type: ignore[operator]
    assert compiled.decode(compiled.encode(value)) == value
    assert compiled.decode(compiled.encode(str(value))) == str(value)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=3) | st.sampled_from(["key", "value", "entries", "items"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(deadline=None)
@given(JSON_VALUES, st.sampled_from(["openai", "gemini", "anthropic", "permissive"]))
def test_any_json_survives(value: Any, target: str) -> None:
    compiled = compile_schema(Any, target)
    assert compiled.decode(compiled.encode(value)) == value


def faults(compiled: CompiledSchema[Any], text: str) -> Sequence[Problem]:
    """Return the problems of a text that is no record; a record has none."""
    try:
        compiled.decode(text)
    except Invalid as error:
        return error.problems or [Problem("no pointer", "an error without problems")]
    return ()


@settings(deadline=None)
@given(JSON_VALUES, st.sampled_from([Thing, Part, Member, dict[int, Path], list[Thing | Part]]))
def test_any_json_decodes_to_a_record_or_to_problems(value: Any, record_type: Any) -> None:
    compiled = compile_schema(record_type)
    text = compile_schema(Any, "permissive").encode(value)
    for said in (
        text,
        f'{{"value":{text}}}',
        f'{{"parts":{text},"price":{text},"colour":null,"belongs to":null}}',
    ):
        assert all(problem.pointer[:1] in ("", "/") for problem in faults(compiled, said))


Lower = Annotated[str, StringConstraints(to_lower=True)]


@pytest.mark.parametrize("target", ["openai", "ollama"])
@pytest.mark.parametrize(
    ("record_type", "first", "second"),
    [
        (dict[dt.datetime, int], "2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00"),
        (dict[Decimal, int], "1.0", "1.00"),
        (dict[UUID, int], "12345678123456781234567812345678", "12345678-1234-5678-1234-567812345678"),
        (dict[Lower, int], "a", "A"),
    ],
)
def test_two_keys_that_mean_the_same_are_a_problem_and_no_lost_entry(
    record_type: Any, target: str, first: str, second: str
) -> None:
    compiled = compile_schema(record_type, target)

    def said(*keys: str) -> str:
        entries = [{"key": key, "value": 1} for key in keys]
        wrapped = "value" in compiled.schema.get("properties", {})  # else the target takes maps
        return json.dumps({"value": entries} if wrapped else dict.fromkeys(keys, 1))

    assert len(compiled.decode(said(first))) == 1
    with pytest.raises(Invalid) as raised:
        compiled.decode(said(first, second))
    [problem] = raised.value.problems
    assert (problem.pointer, problem.type) == (f"/{second}", "duplicate_key")
    assert repr(first) in problem.reason


def test_two_keys_that_are_no_text_and_mean_the_same_are_a_problem() -> None:
    compiled = compile_schema(dict[tuple[Decimal, int], int], "ollama")
    entries = [{"key": ["1.0", 1], "value": 1}, {"key": ["1.00", 1], "value": 2}]
    with pytest.raises(Invalid, match="Two keys mean the same"):
        compiled.decode(json.dumps({"value": entries}))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        *((ByteSize, said) for said in ("2020-01-01", "1,234", "12%", "1.2.3.4")),
        *((Base64Bytes, said) for said in ("½", "1,234")),
    ],
)
def test_a_size_and_base64_are_read_to_their_end_or_not_at_all(kind: Any, said: str) -> None:
    compiled = compile_schema(create_model("Kept", value=(kind, ...)), "openai")
    with pytest.raises(Invalid) as caught:
        compiled.decode(json.dumps({"value": said}))
    assert [problem.pointer for problem in caught.value.problems] == ["/value"]


def test_a_size_with_its_unit_and_base64_in_lines_are_read() -> None:
    kept = create_model("Kept", size=(ByteSize, ...), data=(Base64Bytes, ...))
    record = compile_schema(kept, "openai").decode('{"size": "1.5 GB", "data": "YWJj\\nZGVm"}')
    assert (record.size, record.data) == (1_500_000_000, b"abcdef")
