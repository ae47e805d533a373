"""Judging takes a bounded number of steps, and says so where it gives up."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.schema.patterns.ecmascript import matcher
from extractor.schema.types.documents.formats import conforms
from extractor.schema.types.documents.library import problems
from extractor.schema.types.documents.proof import proof_of

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2) | st.sampled_from([0.0, 1.0, 0.5, "", "a", 2**61 - 1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


def unions() -> dict[str, Any]:
    """A tree whose nodes fit two of three choices but for their last member."""
    node = {"type": "object", "properties": {"next": {"$ref": "#"}, "end": {"const": True}}}
    return {
        "anyOf": [
            {**node, "required": ["never"]},
            {**node, "required": ["next"]},
            {**node, "required": ["end"]},
        ]
    }


def nested(last: Any, depth: int) -> Any:
    record = last
    for _ in range(depth):
        record = {"next": record}
    return record


def test_a_valid_record_of_a_type_that_refers_to_itself_is_judged_once_a_value() -> None:
    judge = problems(unions())
    assert judge(nested({"end": True}, 40)) == ()


@pytest.mark.slow
def test_an_invalid_record_of_a_type_that_refers_to_itself_is_told_of_at_its_place() -> None:
    member = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    (problem,) = problems({"anyOf": [member, {"type": "integer"}]})({"a": {"a": "x"}})
    assert (problem.pointer, problem.type) == ("/a/a", "anyOf")
    assert problems(unions())(nested({"end": False}, 40)) != ()


def test_a_record_nested_too_deeply_is_a_problem_of_the_record() -> None:
    (problem,) = problems(unions())(nested({"end": True}, 400))
    assert problem.type == "recursion_loop"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"^(a*)*\1$(?=x)", "a" * 51),
        (r"^(?:(?=(a))a|(?=a)a)*b", "a" * 60),
        (r"[a-z]{0,20000}b", "a" * 20_000),
        (r"(?=[^b]*b!)a", "a" * 100_000),
    ],
)
def test_a_pattern_that_takes_too_many_steps_is_a_problem_of_the_record(pattern: str, text: str) -> None:
    assert matcher(pattern)(text) is None
    (problem,) = problems({"pattern": pattern})(text)
    assert problem.type == "pattern"
    assert problem.reason.startswith("it takes too many steps to say whether ")


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"^[\s\S]{0,65535}$", "a" * 65_535, True),
        (r"^[\s\S]{0,65535}$", "a" * 65_536, False),
        (r"^(?=.*b)(?!.*c)[ab]+$", "a" * 100_000 + "b", True),
        (r"^(?<one>a)(?<two>b)\k<two>\k<one>(?=c)c$", "abbac", True),
        (r"^(?:x|[\0])(?!a)$", "\0", True),
        (r"(?=a)", "\ud800", False),
    ],
)
def test_patterns_with_look_around_and_long_runs_are_matched(pattern: str, text: str, found: bool) -> None:
    assert matcher(pattern)(text) is found


def test_slow_patterns_use_up_the_steps_of_a_record() -> None:
    (problem,) = problems({"items": {"not": {"pattern": r"^(?=.)(a|a)*\1$"}}})(["a" * 15 + "!"] * 1000)
    assert problem.type == "steps"
    assert problem.reason == "its check takes too many steps"


@given(st.lists(PLAIN, max_size=6))
def test_items_are_unique_where_no_two_are_equal_as_json(items: list[Any]) -> None:
    written = [json.dumps(_plain(item), sort_keys=True) for item in items]
    assert (problems({"uniqueItems": True})(items) == ()) is (len(set(written)) == len(items))


@pytest.mark.slow
@given(PLAIN, st.lists(PLAIN, min_size=1, max_size=4))
def test_a_value_is_of_an_enum_where_it_equals_a_member_as_json(value: Any, members: list[Any]) -> None:
    written = [json.dumps(_plain(each), sort_keys=True) for each in members]
    expected = json.dumps(_plain(value), sort_keys=True) in written
    assert (problems({"enum": members})(value) == ()) is expected
    assert (problems({"const": members[0]})(value) == ()) is (
        json.dumps(_plain(value), sort_keys=True) == written[0]
    )


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return int(value) if isinstance(value, float) and value.is_integer() else value


@pytest.mark.parametrize(
    ("keywords", "named"),
    [
        ({"allOf": [{"properties": {"a": True}}]}, "a"),
        ({"anyOf": [{"properties": {"a": True}, "required": ["z"]}, {"properties": {"b": True}}]}, "b"),
        ({"oneOf": [{"properties": {"a": True}, "required": ["a"]}, {"required": ["z"]}]}, "a"),
        ({"$ref": "#/$defs/one"}, "a"),
        ({"patternProperties": {r"^\p{Ll}$": True}}, "ab"),
        ({"properties": {"b": True}, "additionalProperties": {"type": "integer"}}, "ab"),
        ({"dependentSchemas": {"a": {"properties": {"b": True}}, "z": {"properties": {"a": True}}}}, "b"),
        ({"if": {"properties": {"a": {"const": 1}}}, "then": {"properties": {"b": True}}}, "ab"),
        ({"if": {"properties": {"a": {"const": 2}}}, "else": {"properties": {"b": True}}}, "b"),
        ({"allOf": [{"unevaluatedProperties": True}]}, "ab"),
        ({"not": {"properties": {"a": {"type": "string"}}, "required": ["a"]}}, ""),
    ],
)
def test_unevaluated_are_the_members_that_no_keyword_speaks_of(keywords: dict[str, Any], named: str) -> None:
    one = {"properties": {"a": True}}
    judge = problems({"type": "object", **keywords, "unevaluatedProperties": False, "$defs": {"one": one}})
    extra = ", ".join(repr(name) for name in "ab" if name not in named)
    expected = [f"Unevaluated properties are not allowed ({extra})"] if extra else []
    assert [problem.reason for problem in judge({"a": 1, "b": 1})] == expected


@pytest.mark.parametrize(("name", "text"), [("regex", "(" * 3000), ("uri-template", "{a" * 50_000)])
def test_a_text_too_long_for_the_check_of_its_format_is_a_problem(name: str, text: str) -> None:
    assert not conforms(text, name)
    (problem,) = problems({"format": name})(text)
    assert problem.type == "format"
    assert "characters are checked" in problem.reason


def test_no_check_of_a_format_raises_what_its_library_raises() -> None:
    (problem,) = problems({"format": "regex"})("(" * 1500)
    assert problem.reason == "the value is not a 'regex'"


def test_a_type_whose_proof_would_double_at_each_level_has_none() -> None:
    member = {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}]}},
    }
    assert proof_of({"$ref": "#/$defs/a", "$defs": {"a": member, "b": member}}, conforms) is None
    one = {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}}
    prove = proof_of({"$ref": "#/$defs/a", "$defs": {"a": one}}, conforms)
    assert prove is not None
    assert prove(b'{"next":{"next":null}}')


def test_a_long_value_is_in_no_message() -> None:
    record = {"a": ["x" * 1000] * 1000}
    for schema in ({"type": "string"}, {"enum": [1]}, {"maxProperties": 0}, {"anyOf": [{"type": "null"}]}):
        (problem,) = problems(schema)(record)
        assert problem.reason.startswith("the value ")
