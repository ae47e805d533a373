"""Tools: what a function's signature and docstring become, and what comes back to call it with."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import pickle
from collections.abc import Callable
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, Field, RootModel
from pydantic.json_schema import SkipJsonSchema
from typing_extensions import Doc, TypedDict, Unpack

from extractor.errors import ConfigError, Invalid, SchemaError
from extractor.schema import TARGETS
from extractor.schema.functions import tool_name, tool_schema

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Place(BaseModel):
    """Where on Earth."""

    city: str
    country: str = "FR"


class Unit(Enum):
    CELSIUS = "c"
    FAHRENHEIT = "f"


class Session:
    """What no JSON describes."""


class RunContext:
    """What an agent framework hands in."""


class Options(TypedDict, total=False):
    verbose: bool
    limit: Annotated[int, Field(le=100, description="How many at most.")]


def forecast(
    place: Place, day: date, *, days: Annotated[int, Field(ge=1, le=14)] = 3, unit: Unit = Unit.CELSIUS
) -> str:
    """Say what the weather will be.

    Only for the next two weeks.

    Args:
        place: Where, on
            this planet.
        day: The first day.
        days (int): How many days.

    Returns:
        A text, never a number.
    """
    return f"{place.city} {day} {days} {unit.value}"


async def search(query: str, tags: list[str] | None = None, page: int = Field(default=1, ge=1)) -> list[str]:
    """Search the archive.

    Parameters
    ----------
    query : str
        What to look for.
    tags, page : list of str
        How to narrow it down.
    """
    return [query, *(tags or ()), str(page)]


def area(width: float, height: float) -> float:
    """Measure it.

    :param width: in metres
    :param float height: in metres too
    :returns: square metres
    """
    return width * height


def properties(tool: Any, target: str = "openai") -> dict[str, Any]:
    return tool_schema(tool, target).schema["properties"]


def test_the_docstring_gives_the_descriptions_whatever_its_style() -> None:
    assert (
        tool_schema(forecast).description == "Say what the weather will be.\n\nOnly for the next two weeks."
    )
    assert tool_schema(search).description == "Search the archive."
    assert tool_schema(area).description == "Measure it."
    said = {f: {n: p.get("description") for n, p in properties(f).items()} for f in (forecast, search, area)}
    assert said == {
        forecast: {
            "place": "Where, on this planet.",
            "day": said[forecast]["day"],
            "days": "How many days.",
            "unit": None,
        },
        search: {
            "query": "What to look for.",
            "tags": "How to narrow it down.",
            "page": "How to narrow it down.",
        },
        area: {"width": "in metres", "height": "in metres too"},
    }
    assert "The first day." in said[forecast]["day"]


def test_the_annotation_wins_over_the_docstring() -> None:
    def tell(
        a: Annotated[int, Field(description="by Field")],
        b: Annotated[int, Doc("by Doc")],
        c: Annotated[int, "by text"],
        d: int,
    ) -> None:
        """Tell.

        Args:
            a: from the docstring
            d: from the docstring
        """

    said = [each["description"] for each in properties(tell).values()]
    assert said == ["by Field", "by Doc", "by text", "from the docstring"]


def test_the_record_is_what_to_call_the_function_with() -> None:
    schema = tool_schema(forecast)
    told = schema.encode({"place": Place(city="Rome"), "day": date(2026, 3, 5), "unit": Unit.FAHRENHEIT})
    arguments = schema.decode(told)
    assert arguments == {"place": Place(city="Rome"), "day": date(2026, 3, 5), "unit": Unit.FAHRENHEIT}
    assert forecast(**arguments) == "Rome 2026-03-05 3 f"


def test_a_coroutine_function_is_a_function_like_any_other() -> None:
    arguments = tool_schema(search).decode('{"query": "x", "tags": null, "page": null}')
    assert arguments == {"query": "x", "tags": None, "page": 1}
    assert inspect.iscoroutinefunction(search)


@pytest.mark.parametrize(
    ("told", "pointer"),
    [
        ('{"place": {"city": "Rome", "country": "IT"}, "day": "tomorrow", "days": 3, "unit": "c"}', "/day"),
        (
            '{"place": {"city": "Rome", "country": "IT"}, "day": "2026-03-05", "days": 15, "unit": "c"}',
            "/days",
        ),
        (
            '{"place": {"city": "Rome", "country": "IT"}, "day": "2026-03-05", "days": 3, "unit": "k"}',
            "/unit",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_told_by_parameter(told: str, pointer: str) -> None:
    with pytest.raises(Invalid) as error:
        tool_schema(forecast).decode(told)
    assert [problem.pointer for problem in error.value.problems] == [pointer]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("function", [forecast, search, area])
def test_every_target_takes_every_function(function: Callable[..., Any], target: str) -> None:
    Draft202012Validator.check_schema(tool_schema(function, target).schema)


@pytest.mark.slow
@UNTIMED
@given(
    st.fixed_dictionaries(
        {"query": st.text()},
        optional={"tags": st.none() | st.lists(st.text()), "page": st.integers(1, 2**53)},
    )
)
def test_arguments_come_back_as_they_were_said(arguments: dict[str, Any]) -> None:
    schema = tool_schema(search)
    text = schema.encode(arguments)
    assert Draft202012Validator(schema.schema).is_valid(json.loads(text))
    assert schema.decode(text) == {"tags": None, "page": 1, **arguments}


def test_the_caller_passes_self_contexts_and_what_is_marked() -> None:
    class Shop:
        def buy(self, item: str) -> None: ...

    def ask(context: RunContext, question: str, db: Annotated[Session, SkipJsonSchema()]) -> None: ...

    assert list(properties(Shop.buy)) == list(properties(Shop().buy)) == ["item"]
    assert list(properties(ask)) == ["question"]


def test_a_model_that_happens_to_be_called_context_is_a_parameter() -> None:
    class Context(BaseModel):
        passage: str

    def answer(context): ...  # type: ignore[no-untyped-def]

    answer.__annotations__["context"] = Context
    assert list(properties(answer)) == ["context"]


def test_open_keywords_become_members_that_have_no_name() -> None:
    def send(url: str, **headers: str) -> None: ...

    schema = tool_schema(send)
    record = {"url": "/", "accept": "*", "x y": ""}
    assert schema.decode(schema.encode(record)) == record


def test_unpacked_keywords_are_parameters_of_their_own() -> None:
    def find(name: str, **options: Unpack[Options]) -> None: ...

    assert list(properties(find)) == ["name", "verbose", "limit"]
    assert "How many at most." in json.dumps(properties(find)["limit"])
    said = {"name": "x", "verbose": True, "limit": None}
    assert tool_schema(find).decode(json.dumps(said)) == {"name": "x", "verbose": True}


def test_partial_methods_instances_and_wrapped_functions_are_tools_too() -> None:
    class Adder:
        """Add numbers."""

        def __call__(self, a: int, b: int = 0) -> int:
            return a + b

        __hash__ = None  # type: ignore[assignment]

    @functools.wraps(area)
    def wrapped(*args: Any, **kwargs: Any) -> float:
        return area(*args, **kwargs)

    assert list(properties(functools.partial(forecast, Place(city="Rome")))) == ["day", "days", "unit"]
    assert list(properties(wrapped)) == ["width", "height"]
    assert tool_schema(Adder()).name == "Adder"
    assert tool_schema(Adder()).description == "Add numbers."
    assert Adder()(**tool_schema(Adder()).decode('{"a": 2, "b": null}')) == 2
    assert list(properties(Adder())) == ["a", "b"]


def test_a_record_type_or_a_json_schema_is_a_tool_whose_record_it_is() -> None:
    @dataclasses.dataclass
    class Point:
        x: int

    document = {"title": "point", "type": "object", "properties": {"x": {"type": "integer"}}}
    assert tool_schema(Place).decode('{"city": "Rome", "country": null}') == Place(city="Rome")
    assert tool_schema(Point).decode('{"x": 1}') == Point(1)
    assert tool_schema(RootModel[list[int]]).decode('{"value": [1]}').root == [1]
    assert tool_schema(document, "permissive").decode('{"x": 1}') == {"x": 1}
    assert [tool_name(each) for each in (Place, Point, document)] == ["Place", "Point", "point"]


def test_the_name_is_the_functions_own_made_legal() -> None:
    def größe(x: int) -> None: ...

    assert tool_name(forecast) == tool_schema(forecast).name == "forecast"
    assert tool_name(functools.partial(forecast, day=None)) == "forecast"
    assert tool_name(lambda: None) == "function"
    assert tool_name(größe) == tool_schema(größe).name
    assert tool_name(größe).isascii()
    with pytest.raises(ConfigError):
        tool_name(forecast, "nobody")


def test_a_second_look_gives_the_same_schema_and_pickling_an_equal_one() -> None:
    schema = tool_schema(forecast)
    assert tool_schema(forecast) is schema
    assert pickle.loads(pickle.dumps(schema)).fingerprint == schema.fingerprint


def no_type(x): ...  # type: ignore[no-untyped-def]
def by_place(x: int, /) -> None: ...
def many(*numbers: int) -> None: ...
def no_json(x: Session) -> None: ...
def no_such_type(x: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (no_type, r"no_type\(x\): `x` has no type; annotate it"),
        (by_place, "`x` cannot be passed by keyword"),
        (many, "`numbers` cannot be passed by keyword"),
        (no_json, "`x` is of a type that no JSON describes.*SkipJsonSchema"),
        (no_such_type, r"no_such_type\(\) has no readable signature: name 'Nowhere' is not defined"),
        (max, r"max\(\) has no readable signature"),
        (len, "`obj` has no type"),
    ],
)
def test_a_signature_that_cannot_be_told_says_what_to_change(function: Any, reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        tool_schema(function)


def test_a_docstring_that_no_style_explains_is_the_description() -> None:
    def odd(x: Literal[1]) -> None:
        """Args:

        :param
        """

    assert list(properties(odd)) == ["x"]
