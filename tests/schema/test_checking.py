"""Plain JSON against a type: what Pydantic and `jsonschema` say, and nothing else."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, field_validator

from extractor import Verbatim
from extractor.errors import SchemaError
from extractor.schema.outline.members import kinds, members
from extractor.schema.types.documents.formats import conforms
from extractor.schema.types.documents.library import load, problems
from extractor.schema.types.documents.proof import proof_of
from tests.record_types import checker_of, described
from tests.selecting import examples


class Visit(BaseModel):
    town: str
    day: date
    sums: list[Decimal] = []


def wrong(record_type: Any, data: Any, text: str | None = None) -> list[tuple[str, str]]:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return [(problem.pointer, problem.type) for problem in checker_of(record_type)(raw, text)]


@pytest.mark.parametrize(
    ("data", "found"),
    [
        ({"town": "Bern", "day": "2026-05-03"}, []),
        (
            {"town": "Bern", "day": "never", "sums": [1, "x"]},
            [("/day", "date_from_datetime_parsing"), ("/sums/1", "decimal_parsing")],
        ),
        ({"day": "2026-05-03"}, [("/town", "missing")]),
        ([], [("", "model_type")]),
        (b'{"town": ', [("", "json_invalid")]),
        (b"\xff", [("", "json_invalid")]),
    ],
)
def test_a_type_is_checked_as_pydantic_does(data: Any, found: list[tuple[str, str]]) -> None:
    assert wrong(Visit, data) == found


def test_what_a_validator_raises_by_mistake_is_a_problem_of_that_row() -> None:
    class Odd(BaseModel):
        town: str

        @field_validator("town")
        @classmethod
        def known(cls, town: str) -> str:
            return {"Bern": "Bern"}[town]

    assert wrong(Odd, {"town": "Bern"}) == []
    assert wrong(Odd, {"town": "Köln"}) == [("", "validator_error")]


def test_values_that_have_to_stand_in_the_text_are_looked_for_where_there_is_one() -> None:
    class Person(BaseModel):
        name: Verbatim[str]

    document = {"type": "object", "properties": {"name": {"type": "string", "x-verbatim": True}}}
    for record_type in (Person, document):
        assert wrong(record_type, {"name": "Ada"}) == []
        assert wrong(record_type, {"name": "Ada"}, "Ada wrote it.") == []
        assert [pointer for pointer, _ in wrong(record_type, {"name": "Ada"}, "Grace did.")] == ["/name"]


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text("aä-1", max_size=4)
SCALARS |= st.sampled_from([2**53 + 1, 10**400, 1.0, "2026-05-03", "a@b.c", "never"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
BOUNDS = st.integers(-5, 5) | st.floats(-5, 5) | st.just(2**53 + 1)
LENGTHS = st.integers(0, 3)
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
    | st.lists(st.sampled_from(["null", "integer", "string", "object"]), min_size=1, max_size=2, unique=True),
    "minimum": BOUNDS,
    "maximum": BOUNDS,
    "exclusiveMinimum": BOUNDS,
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": LENGTHS,
    "maxLength": LENGTHS,
    "pattern": st.sampled_from(["^a", "1$", "ä"]),
    "format": st.sampled_from(["date", "email", "unknown"]),
    "enum": st.lists(SCALARS, min_size=1, max_size=3),
    "const": SCALARS,
    "minItems": LENGTHS,
    "uniqueItems": st.booleans(),
    "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
    "minProperties": LENGTHS,
    "title": st.text(max_size=3),
    "default": SCALARS,
}


def documents(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    more = {
        "items": inner,
        "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        "additionalProperties": inner,
        "anyOf": st.lists(inner, min_size=1, max_size=2),
        "oneOf": st.lists(inner, min_size=1, max_size=2),
        "not": inner,
    }
    return st.fixed_dictionaries({}, optional={**KEYWORDS, **more})


PLAIN = st.fixed_dictionaries(
    {"type": KEYWORDS["type"]}, optional={n: KEYWORDS[n] for n in ("minimum", "maxLength", "format", "title")}
)
FLAT = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abc"), PLAIN, max_size=3)},
    optional={"additionalProperties": st.booleans() | PLAIN},
)
DOCUMENTS = st.recursive(
    st.booleans() | PLAIN | FLAT | st.fixed_dictionaries({}, optional=KEYWORDS), documents, max_leaves=4
).map(lambda schema: schema if isinstance(schema, dict) else {"allOf": [schema]})


@pytest.mark.slow
@settings(max_examples=examples(400))
@given(DOCUMENTS, st.lists(VALUES, min_size=1, max_size=5))
@example({"type": "integer", "maximum": 2**53}, [2**53 + 1])
@example({"enum": ["a", None], "type": "string"}, [None, "a"])
@example({"type": "object", "properties": {"a": {"type": "boolean"}}}, [{"a": 1}])
def test_a_proof_never_contradicts_the_judge(document: dict[str, Any], values: list[Any]) -> None:
    prove, judge = proof_of(load(document), conforms), problems(document)
    for value in values:
        if prove is not None and prove(json.dumps(value).encode()):
            assert judge(value) == ()


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(VALUES, max_size=5))
def test_flat_records_are_proven_and_not_only_believed(values: list[Any]) -> None:
    document = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "format": "date"},
            "b": {"type": ["number", "null"], "minimum": 0},
        },
        "required": ["a"],
        "additionalProperties": False,
    }
    prove, judge = proof_of(load(document), conforms), problems(document)
    assert prove is not None
    for value in [*values, {"a": "2026-05-03"}, {"a": "2026-05-03", "b": 1.5}, {"a": "x"}, {"b": None}]:
        assert prove(json.dumps(value).encode()) == (judge(value) == ())


def test_a_recursive_document_is_proven_too() -> None:
    document = {
        "$ref": "#/$defs/Node",
        "$defs": {
            "Node": {
                "type": "object",
                "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}},
            }
        },
    }
    prove = proof_of(load(document), conforms)
    assert prove is not None
    assert prove(b'{"next": {"next": null}}')
    assert not prove(b'{"next": {"next": 1}}')


@pytest.mark.parametrize(
    "definition", [True, False, {"title": "anything"}, {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "string"}]}]
)
def test_a_definition_may_be_anything(definition: Any) -> None:
    document = {"$ref": "#/$defs/A", "$defs": {"A": definition}}
    try:
        loaded = load(document)
    except SchemaError:
        return
    prove, judge = proof_of(loaded, conforms), problems(document)
    assert prove is None or prove(b'"x"') == (judge("x") == ())


def test_the_outline_of_a_type_is_known() -> None:
    class Order(BaseModel):
        day: date | None
        lines: list[int]
        inner: Visit

    document = described(Order)
    assert {name: kinds(each, document) for name, each in members(document, document).items()} == {
        "day": {"string", "null"},
        "lines": {"array"},
        "inner": {"object"},
    }
    assert kinds({"allOf": [{"type": ["string", "null"]}, {"enum": ["a", 1]}]}, {}) == {"string"}
    assert kinds({}, {}) >= {"string", "object"}
