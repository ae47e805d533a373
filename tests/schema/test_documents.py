"""JSON Schema documents of every draft: what is loaded judges as the document itself would."""

from __future__ import annotations

import copy
import json
import pickle
import re
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from extractor.errors import Problem, SchemaError
from extractor.schema.patterns.ecmascript import matcher
from extractor.schema.types.documents.library import load, problems

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_6 = "http://json-schema.org/draft-06/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
DRAFT_2019 = "https://json-schema.org/draft/2019-09/schema"
DRAFT_2020 = "https://json-schema.org/draft/2020-12/schema"
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
DRAFTS = (DRAFT_4, DRAFT_6, DRAFT_7, DRAFT_2019, DRAFT_2020)


def takes(schema: dict[str, Any], value: Any) -> bool:
    """Whether the loaded schema, judged by jsonschema alone, takes the value."""
    return Draft202012Validator(schema).is_valid(value)


def references(schema: Any) -> list[str]:
    if isinstance(schema, dict):
        own = [schema["$ref"]] if isinstance(schema.get("$ref"), str) else []
        return own + [each for key, value in schema.items() if key != "x" for each in references(value)]
    return [each for value in schema for each in references(value)] if isinstance(schema, list) else []


# --- one draft in the words of another


@pytest.mark.parametrize(
    ("draft", "old", "new"),
    [
        (DRAFT_4, {"minimum": 3, "exclusiveMinimum": True}, {"exclusiveMinimum": 3}),
        (DRAFT_4, {"maximum": 3, "exclusiveMaximum": False}, {"maximum": 3}),
        (DRAFT_4, {"id": "http://x/y", "type": "integer"}, {"type": "integer"}),
        (DRAFT_4, {"const": 1, "if": {}, "contains": {}}, {}),
        (DRAFT_6, {"exclusiveMinimum": 3, "const": 4, "if": {}}, {"exclusiveMinimum": 3, "const": 4}),
        (
            DRAFT_7,
            {"items": [{"const": 1}], "additionalItems": False},
            {"prefixItems": [{"const": 1}], "items": False},
        ),
        (DRAFT_7, {"items": {"const": 1}, "additionalItems": False}, {"items": {"const": 1}}),
        (DRAFT_7, {"additionalItems": False}, {}),
        (
            DRAFT_7,
            {"dependencies": {"a": {"required": ["b"]}, "c": ["d"], "e": True}},
            {"dependentRequired": {"c": ["d"]}, "dependentSchemas": {"a": {"required": ["b"]}, "e": True}},
        ),
        (DRAFT_2019, {"dependencies": {"a": ["b"]}, "minContains": 2}, {"minContains": 2}),
        (DRAFT_2019, {"items": [True, {"type": "null"}]}, {"prefixItems": [True, {"type": "null"}]}),
        (DRAFT_2020, {"prefixItems": [{}], "items": False}, {"prefixItems": [{}], "items": False}),
        (DRAFT_2020, {"title": "T", "$comment": "c", "x-mine": [1]}, {"title": "T", "x-mine": [1]}),
    ],
)
def test_an_older_draft_is_put_in_the_words_of_2020(
    draft: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    assert load({"$schema": draft, **old}) == new


@pytest.mark.parametrize(
    ("document", "draft"),
    [
        ({"minimum": 3, "exclusiveMinimum": True}, DRAFT_4),
        ({"items": [{"type": "null"}], "additionalItems": False}, DRAFT_7),
        ({"properties": {"a": {"dependencies": {"a": ["b"]}}}}, DRAFT_7),
        ({"$defs": {"a": {"type": "null"}}, "items": [{"$ref": "#/$defs/a"}]}, DRAFT_2019),
        ({"prefixItems": [{"type": "null"}], "items": False}, DRAFT_2020),
        ({"exclusiveMinimum": 3}, DRAFT_2020),
    ],
)
def test_a_document_without_a_draft_is_read_as_the_one_whose_words_it_uses(
    document: dict[str, Any], draft: str
) -> None:
    assert load(document) == load({"$schema": draft, **document})


@pytest.mark.parametrize(
    "uri", ["https://json-schema.org/draft-07/schema", "http://json-schema.org/draft-07/schema"]
)
def test_a_draft_is_known_however_its_uri_is_written(uri: str) -> None:
    assert load({"$schema": uri, "items": [{}]}) == {"prefixItems": [{}]}


def test_an_unknown_dialect_is_guessed() -> None:
    assert load({"$schema": "http://example.com/mine", "items": [{}]}) == {"prefixItems": [{}]}


def test_a_draft_before_4_is_refused() -> None:
    with pytest.raises(SchemaError, match="draft 4") as error:
        load({"$schema": "http://json-schema.org/draft-03/schema#", "required": True})
    assert error.value.pointer == "/$schema"


def test_siblings_of_a_reference_count_from_2019_on_only() -> None:
    document = {"definitions": {"a": {"type": "integer"}}, "$ref": "#/definitions/a", "minimum": 3}
    assert takes(load({"$schema": DRAFT_7, **document}), 1)
    assert not takes(load({"$schema": DRAFT_2019, **document}), 1)


def test_openapi_3_0_knows_nullable() -> None:
    schemas = {
        "Pet": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "nullable": True},
                "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True},
                "friend": {"$ref": "#/components/schemas/Pet"},
            },
        }
    }
    api = {"openapi": "3.0.3", "info": {}, "paths": {}, "components": {"schemas": schemas}}
    for schema, documents in (
        ({"$ref": "#/components/schemas/Pet", "components": {"schemas": schemas}}, {}),
        ({"$ref": "api.json#/components/schemas/Pet"}, {"api.json": api}),
    ):
        assert takes(load(schema, documents), {"name": None, "friend": {"age": 1}})
        assert not takes(load(schema, documents), {"friend": {"age": 0}})
        assert problems(schema, documents)({"name": None, "friend": {"age": 0}})[0].pointer == "/friend/age"
        assert not problems(schema, documents)({"name": None})


def test_a_whole_openapi_document_is_told_apart_from_a_schema() -> None:
    with pytest.raises(SchemaError, match="components/schemas/NAME"):
        load({"openapi": "3.1.0", "info": {}, "components": {"schemas": {}}})


# --- references


@pytest.mark.parametrize(
    ("draft", "document"),
    [
        (DRAFT_7, {"definitions": {"a b/c~d%": {"const": 1}}, "$ref": "#/definitions/a%20b~1c~0d%25"}),
        (DRAFT_7, {"definitions": {"ä": {"const": 1}}, "$ref": "#/definitions/%C3%A4"}),
        (DRAFT_2020, {"properties": {"x": {"const": 1}}, "allOf": [{"$ref": "#/properties/x"}]}),
        (DRAFT_2020, {"x-shared": [{"const": 1}], "$ref": "#/x-shared/0"}),
        (DRAFT_2020, {"$defs": {"a": {"$anchor": "here", "const": 1}}, "$ref": "#here"}),
        (DRAFT_2020, {"$defs": {"a": {"$dynamicAnchor": "here", "const": 1}}, "$dynamicRef": "#here"}),
        (DRAFT_7, {"definitions": {"a": {"$id": "#here", "const": 1}}, "$ref": "#here"}),
        (DRAFT_4, {"definitions": {"a": {"id": "#here", "enum": [1]}}, "$ref": "#here"}),
        (
            DRAFT_2020,
            {"$id": "http://x/y/root", "$defs": {"a": {"$id": "../a", "const": 1}}, "$ref": "http://x/a"},
        ),
        (
            DRAFT_2020,
            {"$id": "http://x/y/root", "$defs": {"a": {"$id": "sub/a", "const": 1}}, "$ref": "sub/a"},
        ),
        (
            DRAFT_7,
            {
                "$id": "http://x/root.json",
                "definitions": {
                    "a": {
                        "$id": "other.json",
                        "definitions": {"b": {"const": 1}},
                        "allOf": [{"$ref": "#/definitions/b"}],
                    }
                },
                "allOf": [{"$ref": "other.json"}],
            },
        ),
        (
            DRAFT_2020,
            {"$ref": "#/$defs/a/$defs/b", "$defs": {"a": {"$id": "urn:x:a", "$defs": {"b": {"const": 1}}}}},
        ),
    ],
)
def test_a_reference_leads_to_where_its_draft_says(draft: str, document: dict[str, Any]) -> None:
    schema = load({"$schema": draft, **document})
    assert all(re.fullmatch(r"#/\$defs/[A-Za-z0-9_]+", each) for each in references(schema))
    assert takes(schema, 1)
    assert not takes(schema, 2)


def test_what_stands_beside_references_is_loaded_too() -> None:
    document = {
        "$schema": DRAFT_2020,
        "$defs": {"a": {"$dynamicAnchor": "a", "type": "object"}, "b/c": {"const": 1}},
        "$ref": "#/$defs/a",
        "$dynamicRef": "#a",
        "allOf": [{"required": ["x"]}],
        "additionalProperties": {"$ref": "#/$defs/b~1c"},
    }
    assert load(document) == {
        "$ref": "#/$defs/a",
        "allOf": [{"required": ["x"]}, {"$ref": "#/$defs/a"}],
        "additionalProperties": {"$ref": "#/$defs/b_c"},
        "$defs": {"a": {"type": "object"}, "b_c": {"const": 1}},
    }


def test_definitions_are_named_after_what_leads_to_them_and_never_twice() -> None:
    document = {
        "$defs": {"a b": {"const": 1}, "a-b": {"const": 2}, "unused": {}},
        "prefixItems": [{"$ref": "#/$defs/a%20b"}, {"$ref": "#/$defs/a-b"}, {"$ref": "#/$defs/a%20b"}],
    }
    schema = load(document)
    assert [each["$ref"] for each in schema["prefixItems"]] == ["#/$defs/a_b", "#/$defs/a_b_2", "#/$defs/a_b"]
    assert schema["$defs"] == {"a_b": {"const": 1}, "a_b_2": {"const": 2}}


def test_a_schema_that_holds_itself_gets_a_name() -> None:
    schema = load({"title": "Tree node", "properties": {"children": {"items": {"$ref": "#"}}}})
    node = {"title": "Tree node", "properties": {"children": {"items": {"$ref": "#/$defs/Tree_node"}}}}
    assert schema == {"$ref": "#/$defs/Tree_node", "$defs": {"Tree_node": node}}


def test_a_dynamic_reference_leads_to_whoever_asked_first() -> None:
    """The example of 2020-12 core, appendix C."""
    tree = {
        "$id": "http://x/tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"data": True, "children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }
    strict = {
        "$schema": DRAFT_2020,
        "$id": "http://x/strict-tree",
        "$dynamicAnchor": "node",
        "$ref": "tree",
        "unevaluatedProperties": False,
    }
    misspelt = {"children": [{"daat": 1}]}
    assert takes(load(tree), misspelt)
    assert not takes(load(strict, {"http://x/tree": tree}), misspelt)


def test_a_recursive_reference_does_too_in_2019() -> None:
    tree = {
        "$id": "http://x/tree",
        "$recursiveAnchor": True,
        "properties": {"children": {"items": {"$recursiveRef": "#"}}},
    }
    strict = {
        "$schema": DRAFT_2019,
        "$id": "http://x/strict-tree",
        "$recursiveAnchor": True,
        "$ref": "tree",
        "unevaluatedProperties": False,
    }
    assert takes(load({"$schema": DRAFT_2019, **tree}), {"children": [{"daat": 1}]})
    assert not takes(load(strict, {"http://x/tree": tree}), {"children": [{"daat": 1}]})


@pytest.mark.parametrize("draft", [DRAFT_2019, DRAFT_2020, DRAFT_7, DRAFT_6, DRAFT_4])
def test_a_metaschema_is_at_hand(draft: str) -> None:
    schema = load({"$ref": draft})
    assert takes(schema, {"properties": {"a": {"type": "string"}}})
    assert not takes(schema, {"properties": {"a": {"type": "strin"}}})


def test_references_lead_into_the_documents_handed_in_and_from_there_on() -> None:
    root = {"$id": "http://x/a/root.json", "$ref": "item.json#/$defs/line"}
    item = {"$defs": {"line": {"properties": {"price": {"$ref": "http://y/money.json"}}}}}
    money = {"$schema": DRAFT_4, "minimum": 0, "exclusiveMinimum": True}
    documents = {"item.json": item, "http://y/money.json#": money}
    assert takes(load(root, documents), {"price": 1})
    assert not takes(load(root, documents), {"price": 0})
    assert problems(root, documents)({"price": 0})[0].pointer == "/price"


def test_a_schema_is_found_by_the_name_it_gives_itself_in_another_document() -> None:
    bundle = {"$defs": {"money": {"$id": "http://y/money", "const": 1}}}
    broken = {"$defs": {"money": {"type": "mony"}}}
    documents = {"broken": broken, "bundle": bundle}
    assert not takes(load({"$ref": "http://y/money"}, documents), 2)


@pytest.mark.slow
def test_documents_that_are_no_documents_are_told_or_overlooked() -> None:
    bomb: Any = "money"
    for _ in range(100_000):
        bomb = [bomb]
    with pytest.raises(SchemaError, match="not fetched"):
        load({"$ref": "http://y/money"}, {"bomb": bomb, "number": {"money": {1, 2}}})
    with pytest.raises(SchemaError, match="is not a URI"):
        load({"$id": "http://x"}, {"http://[": {}})


def test_what_is_wrong_in_a_document_that_nothing_leads_to_does_not_matter() -> None:
    assert load({"type": "null"}, {"http://x": {"type": "nul"}}) == {"type": "null"}


@pytest.mark.parametrize(
    ("document", "pointer", "reason"),
    [
        ({"properties": {"a": {"$ref": "b.json"}}}, "/properties/a/$ref", r"documents=\{'b.json': ...\}"),
        ({"$id": "http://x/y", "$ref": "b#/c"}, "/$ref", r"not fetched.*'http://x/b'"),
        ({"$ref": "file:///etc/passwd"}, "/$ref", "not fetched"),
        ({"$ref": "#/$defs/a"}, "/$ref", "leads nowhere"),
        ({"$ref": "#a"}, "/$ref", "leads nowhere"),
        ({"$ref": "#/allOf/x", "allOf": [{}]}, "/$ref", "leads nowhere"),
        ({"$ref": "http://[x"}, "/$ref", "no URI"),
        ({"$schema": DRAFT_4, "properties": {"a": {"$ref": {}}}}, "/properties/a/$ref", "no URI"),
        ({"$id": "http://x/y", "items": {"$id": "http://["}}, "/items/$id", "no URI"),
        ({"$ref": "#/title", "title": "x"}, "#/title", "a schema is an object, true or false"),
        ({"$ref": "#"}, "", "without end"),
        ({"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "items": {"$ref": "#/$defs/a"}}, "", "a -> a"),
    ],
)
def test_a_reference_that_cannot_be_followed_is_told_with_its_place(
    document: dict[str, Any], pointer: str, reason: str
) -> None:
    with pytest.raises(SchemaError, match=reason) as error:
        load(document)
    assert error.value.pointer == pointer
    with pytest.raises(SchemaError, match=reason):
        problems(document)


# --- what is no schema


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type"),
        ({"$defs": {"unused": {"required": "a"}}}, "/$defs/unused/required"),
        ({"properties": {"a/b": 5}}, "/properties/a~1b"),
        ({"allOf": []}, "/allOf"),
        ({"allOf": [{"minLength": -1}]}, "/allOf/0/minLength"),
        ({"properties": []}, "/properties"),
        ({"items": {"pattern": "("}}, "/items"),
        ({"patternProperties": {"(": {}}}, ""),
        ({"$schema": DRAFT_7, "items": [{"minimum": "3"}]}, "/items/0/minimum"),
        ({"$schema": DRAFT_4, "properties": {"a": True}}, "/properties/a"),
        ({"$schema": DRAFT_2020, "items": [{}]}, "/items"),
        ({"default": float("nan")}, "/default"),
        ({"enum": [{1, 2}]}, "/enum/0"),
        ({"properties": {3: {}}}, "/properties"),
        ({"$id": 5}, "/$id"),
        ({"$ref": 5}, "/$ref"),
    ],
)
def test_a_malformed_schema_is_told_with_its_place(document: dict[str, Any], pointer: str) -> None:
    with pytest.raises(SchemaError) as error:
        load(document)
    assert error.value.pointer == pointer
    assert error.value.reason
    assert str(pickle.loads(pickle.dumps(error.value))) == str(error.value)


def test_a_malformed_document_handed_in_is_named_too() -> None:
    with pytest.raises(SchemaError) as error:
        load({"$ref": "b.json#/$defs/x"}, {"b.json": {"$defs": {"x": {"type": 5}}}})
    assert error.value.pointer == "b.json#/$defs/x/type"


def test_depth_gives_an_error_and_no_crash() -> None:
    bomb: dict[str, Any] = {}
    for _ in range(100_000):
        bomb = {"not": bomb}
    endless: dict[str, Any] = {}
    endless["properties"] = {"a": endless}
    for document in (bomb, endless):
        with pytest.raises(SchemaError, match="levels deep"):
            load(document)


def test_a_schema_may_be_as_deep_as_a_person_can_write() -> None:
    document: dict[str, Any] = {"type": "integer"}
    value: Any = "x"
    for _ in range(100):
        document, value = {"properties": {"a": document}}, {"a": value}
    assert load(document) == document
    assert not takes({"$ref": "#/$defs/a", "$defs": {"a": load(document)}}, value)


def test_additional_items_beside_a_boolean_are_overlooked() -> None:
    document = {"$schema": DRAFT_6, "items": True, "additionalItems": False}
    assert load(document) == {"items": True}
    assert problems(document)([1]) == ()


@pytest.mark.slow
def test_a_very_deep_value_is_a_problem_and_no_crash() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    found = problems({"items": {"$ref": "#"}})(value)
    assert [problem.type for problem in found] == ["recursion_loop"]


def test_the_document_is_left_as_it_was() -> None:
    document = {"$schema": DRAFT_7, "items": [{"$schema": DRAFT_7}], "dependencies": {"a": {}, "b": ["c"]}}
    before = copy.deepcopy(document)
    load(document)
    problems(document)
    assert document == before


# --- the judge


def test_problems_name_the_place_the_kind_and_the_value() -> None:
    document = {
        "properties": {"a/b": {"items": {"type": "integer"}}, "when": {"format": "date-time"}},
        "required": ["c"],
    }
    found = problems(document)({"a/b": [1, "x"], "when": "yesterday"})
    assert sorted(found, key=lambda problem: problem.pointer) == [
        Problem("", "'c' is a required property", {"a/b": [1, "x"], "when": "yesterday"}, "required"),
        Problem("/a~1b/1", "'x' is not of type 'integer'", "x", "type"),
        Problem("/when", "'yesterday' is not a 'date-time'", "yesterday", "format"),
    ]
    assert problems(document)({"c": 1, "when": "2026-03-05T10:00:00Z"}) == ()


def test_a_problem_inside_a_union_is_told_where_it_is() -> None:
    document = {"anyOf": [{"properties": {"a": {"properties": {"b": {"type": "integer"}}}}}]}
    assert problems(document)({"a": {"b": "x"}})[0].pointer == "/a/b"


def test_problems_stay_short_and_few() -> None:
    found = problems({"items": {"type": "string"}, "maxItems": 3})([{"x": "y" * 10_000}] * 500)
    assert len(found) <= 50
    assert max(len(problem.reason) for problem in found) <= 400


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        (r"^\d+$", "12", "١٢"),
        (r"^a$", "a", "a\n"),
        (r"^[\w-.]+$", "a-b.c", "ä"),
        (r"^\p{Lu}\p{Ll}+$", "Éa", "éa"),
        (r"^(?!aws:)[\p{L}\s]+$", "é è", "aws:"),
        (r"^[^\p{L}]+(?=!)", "12!", "é!"),
        (r"^(?<y>\d{4})-\k<y>$", "2020-2020", "2020-2021"),
        (r"^[a-z&&[^b]]$", "b]", "x"),
        (r"^[[:alpha:]]$", ":]", "x"),
        (r"^[--/]$", ".", "a"),
        (r"^{a}$", "{a}", "a"),
        (r"^[\W]$", "ä", "_"),
        (r"(?<=\$)[$]$", "$$", "$"),
        (r"^[.-\w]$", "-", "/"),
        (r"^\cJ$", "\n", "J"),
        (r"^[\cA-\cZ](?!x)", "\x05", "a"),
        (r"^\s$", "\ufeff", "\x85"),
        (r"^[^\S](?=x)", "\u3000x", "\x85x"),
        (r"^\S$", "\x85", "\u00a0"),
        (r"^[\W\d]$", "é", "a"),
        (r"^.$", "\t", "\r"),
        (r"\bé", "aé", "é"),
    ],
)
def test_patterns_mean_what_they_mean_in_ecmascript(pattern: str, yes: str, no: str) -> None:
    assert matcher(pattern)(yes)
    assert not matcher(pattern)(no)
    judge = problems(
        {"pattern": pattern, "patternProperties": {pattern: False}, "additionalProperties": False}
    )
    assert judge(yes) == ()
    assert judge(no)[0].type == "pattern"
    assert {problem.type for problem in judge({yes: 1, no: 2})} == {"false", "additionalProperties"}


def test_a_pattern_without_look_around_takes_linear_time() -> None:
    assert not matcher(r"^(a+)+$")("a" * 100_000 + "b")


def test_unevaluated_properties_know_ecmascripts_patterns() -> None:
    judge = problems({"patternProperties": {r"^\p{L}$": True}, "unevaluatedProperties": False})
    assert judge({"é": 1}) == ()
    assert judge({"1": 1})[0].reason == "Unevaluated properties are not allowed ('1')"


# --- any document, any value: jsonschema judges the document and the loaded schema alike

NAMES = st.sampled_from(["a", "b", "c"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 4) | st.just(0.5) | st.sampled_from(["", "a", "bb", "ccc"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
TARGETS_OF_REFERENCES = st.sampled_from(
    ["#", "#/definitions/a", "#/definitions/b~1c%20d", "#/properties/a", "#/x/0", "part", "part#/not"]
)
SMALL = st.integers(0, 3)


def keywords(draft: str, schemas: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    later = DRAFTS.index(draft)
    found: dict[str, st.SearchStrategy[Any]] = {
        "type": st.sampled_from(["object", "array", "string", "integer", "number", "null", "boolean"]),
        "enum": st.lists(VALUES, min_size=1, max_size=3, unique_by=json.dumps),
        "minimum": SMALL,
        "maximum": SMALL,
        "multipleOf": st.sampled_from([1, 2, 0.5]),
        "minLength": SMALL,
        "pattern": st.sampled_from(["^a", "b$", "^[a-c]{2}$"]),
        "maxItems": SMALL,
        "uniqueItems": st.booleans(),
        "items": schemas,
        "additionalItems": schemas,
        "properties": st.dictionaries(NAMES, schemas, max_size=3),
        "patternProperties": st.dictionaries(st.sampled_from(["^a", "c$"]), schemas, max_size=2),
        "additionalProperties": schemas,
        "required": st.lists(NAMES, min_size=1, max_size=2, unique=True),
        "minProperties": SMALL,
        "allOf": st.lists(schemas, min_size=1, max_size=2),
        "anyOf": st.lists(schemas, min_size=1, max_size=2),
        "oneOf": st.lists(schemas, min_size=1, max_size=2),
        "not": schemas,
        "$ref": TARGETS_OF_REFERENCES,
        "dependencies": st.dictionaries(NAMES, schemas | st.lists(NAMES, min_size=1, max_size=1), max_size=2),
        "exclusiveMaximum": st.booleans() if draft == DRAFT_4 else SMALL,
        # of later drafts; an earlier one has to overlook them
        "const": VALUES,
        "contains": schemas,
        "propertyNames": schemas,
        "if": schemas,
        "then": schemas,
        "minContains": SMALL,
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=1), max_size=2),
        "dependentSchemas": st.dictionaries(NAMES, schemas, max_size=2),
        "unevaluatedProperties": schemas,
        "prefixItems": st.lists(schemas, min_size=1, max_size=2),
    }
    if later < DRAFTS.index(DRAFT_2020):
        found["items"] = schemas | st.lists(schemas, min_size=1, max_size=2)
    if draft == DRAFT_4:
        found["exclusiveMaximum"] = st.booleans()
    return found


def legal(draft: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema without what its draft does not allow, or what jsonschema itself stumbles over."""
    if not isinstance(schema.get("items"), list):
        schema.pop("additionalItems", None)
    if "dependencies" in schema:
        schema["dependencies"] = dict(
            sorted(schema["dependencies"].items(), key=lambda each: not isinstance(each[1], list))
        )
    return {"maximum": 2, **schema} if draft == DRAFT_4 else schema


def schemas_of(draft: str) -> st.SearchStrategy[Any]:
    plain = st.just({}) if draft == DRAFT_4 else st.booleans() | st.just({})

    def grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        every = keywords(draft, inner)
        names = st.lists(st.sampled_from(sorted(every)), max_size=4, unique=True)
        found = names.flatmap(lambda names: st.fixed_dictionaries({name: every[name] for name in names}))
        return found.map(lambda schema: legal(draft, schema))

    return st.recursive(plain, grown, max_leaves=8)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    draft = draw(st.sampled_from(DRAFTS))
    inner = schemas_of(draft)
    root = draw(inner.filter(lambda schema: isinstance(schema, dict)))
    identifier = "id" if draft == DRAFT_4 else "$id"
    part = {identifier: "part", "not": draw(inner), "allOf": [draw(inner)]}
    return {
        **root,
        "$schema": draft,
        identifier: "http://example.com/root",
        "definitions": {"a": draw(inner), "b/c d": draw(inner), "part": part},
        "properties": {"a": draw(inner), **root.get("properties", {})},
        "x": [draw(inner)],
    }


@pytest.mark.slow
@UNTIMED
@given(documents(), st.lists(VALUES, min_size=1, max_size=8))
def test_any_document_judges_any_value_as_before(document: dict[str, Any], values: list[Any]) -> None:
    try:
        schema = load(document)
    except SchemaError as error:
        assume(not error.reason.endswith("leads nowhere") and "without end" not in error.reason)
        raise
    original = validator_for(document)(document)
    judge = problems(document)
    for value in values:
        assert takes(schema, value) == original.is_valid(value) == (not judge(value)), value


@pytest.mark.slow
@UNTIMED
@given(documents())
def test_what_is_loaded_is_a_2020_schema_of_plain_references(document: dict[str, Any]) -> None:
    try:
        schema = load(document)
    except SchemaError:
        assume(False)
    Draft202012Validator.check_schema(schema)
    assert {each.removeprefix("#/$defs/") for each in references(schema)} <= schema.get("$defs", {}).keys()
    assert json.dumps(load(document)) == json.dumps(schema)
    assert takes(load(schema), 1) == takes(schema, 1)


@pytest.mark.slow
@UNTIMED
@given(
    VALUES
    | st.dictionaries(
        st.sampled_from(["$ref", "type", "properties", "items", "$id", "$defs", "allOf"]), VALUES
    )
)
def test_whatever_is_no_schema_gives_an_error_with_a_name(document: Any) -> None:
    with suppress(SchemaError):
        assert isinstance(load(document), dict)
