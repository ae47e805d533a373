"""The trial can convict: compilers that weaken, lose or invent are found out."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from tests.schema.corpus import CASES, Case
from tests.schema.same import same
from tests.schema.trial import faults


@dataclass
class Naive:
    """A compiler that sends Pydantic's own schema and its own JSON, each changed as told."""

    case: Case
    schema: Any
    wire: Callable[[str], str] = str
    name: str = "T"

    def encode(self, record: Any) -> str:
        return self.wire(TypeAdapter(self.case.record_type).dump_json(record, round_trip=True).decode())

    def decode(self, text: str) -> Any:
        return TypeAdapter(self.case.record_type).validate_json(text)


def tried(case_name: str, target: str = "permissive", **changes: Any) -> str:
    case = CASES[case_name]
    schema = changes.pop("schema", TypeAdapter(case.record_type).json_schema())
    return "\n".join(faults(case, target, lambda *_: Naive(case, schema, **changes)))


def test_a_compiler_that_does_nothing_is_enough_for_a_plain_model_on_a_permissive_target() -> None:
    assert tried("plain model") == ""


@pytest.mark.parametrize(
    ("case_name", "changes", "wanted"),
    [
        ("plain model", {"target": "openai"}, "rule: : an open object"),
        ("plain model", {"wire": lambda wire: wire.replace('"Ada"', '"Bob"')}, "came back as"),
        ("plain model", {"wire": lambda wire: wire[:-1]}, "JSONDecodeError"),
        ("plain model", {"wire": lambda wire: wire.replace("36", "NaN")}, "NaN is no JSON"),
        ("plain model", {"schema": {"type": "object", "required": ["x"]}}, "'x' is a required property"),
        ("plain model", {"name": "a b"}, "name 'a b'"),
        ("uuid", {"schema": {"type": "string", "format": "ipv4"}}, "is not a 'ipv4'"),
        ("secret text", {}, "came back as"),
        ("float", {}, "ValidationError"),
        ("same-shape union", {}, "came back as"),
    ],
)
def test_a_faulty_compiler_is_found_out(case_name: str, changes: dict[str, Any], wanted: str) -> None:
    assert wanted in tried(case_name, **changes)


def test_a_compiler_that_raises_is_found_out() -> None:
    assert faults(CASES["int"], "openai", lambda *_: json.loads("{"))[0].startswith(
        "compile: JSONDecodeError"
    )


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (1, True),
        (1, 1.0),
        (0.0, -0.0),
        (Decimal("1.0"), Decimal("1.00")),
        ([1], (1,)),
        ({1}, frozenset({1})),
        ({1}, {True}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": None}, {}),
        ("1", 1),
    ],
)
def test_what_python_calls_equal_is_not_the_same(a: Any, b: Any) -> None:
    assert not same(a, b)
    assert same(a, a)
    assert same(b, b)
