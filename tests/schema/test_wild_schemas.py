"""Schemas that people wrote, and any others: each compiles, or says where and why it does not.

Here every document is compiled for one target, each target in turn, and the largest are left out;
`python -m tests.benchmarks.wild` compiles every document for every target.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from extractor.errors import ExtractionError, Invalid, SchemaError
from extractor.schema import TARGETS, CompiledSchema, compile_schema
from extractor.schema.types.documents.library import load, problems
from tests.schema.test_documents import UNTIMED, VALUES, documents
from tests.schema.wild import Wild, everything
from tests.selecting import Sample

LARGE = 60_000  # characters
LEAST = 0.95


def told(error: SchemaError) -> str:
    assert error.reason
    assert not error.pointer or set("/#") & set(error.pointer)
    return "leads out" if "not fetched" in error.reason else "refused"


def outcome(wild: Wild, target: str) -> str:
    """How the document fares: "compiles", "refused", or "leads out" to a document that no package has."""
    try:
        compiled = compile_schema(wild.document, target, documents=wild.documents)
    except SchemaError as error:
        return told(error)
    assert jsonschema_rs.meta.is_valid(compiled.schema)
    return "compiles"


def in_turn() -> Iterator[tuple[Wild, str]]:
    small = [wild for wild in everything() if len(json.dumps([wild.document, wild.documents])) < LARGE]
    for n, wild in enumerate(small):
        yield wild, list(TARGETS)[n % len(TARGETS)]


@pytest.mark.slow
def test_most_schemas_in_the_wild_compile_and_the_others_say_why_not(
    capsys: pytest.CaptureFixture[str], sample: Sample
) -> None:
    documents = list(in_turn())
    assert len(documents) > 400
    outcomes = [outcome(wild, target) for wild, target in sample(documents, 100)]
    count = {kind: outcomes.count(kind) for kind in ("compiles", "refused", "leads out")}
    share = count["compiles"] / (count["compiles"] + count["refused"])
    with capsys.disabled():
        sys.stdout.write(f"\n{len(outcomes)} schemas in the wild: {count}, {share:.1%} compile\n")
    assert share >= LEAST


@pytest.mark.slow
@UNTIMED
@given(documents(), st.sampled_from(sorted(TARGETS)), st.lists(VALUES, max_size=8))
def test_what_any_schema_takes_comes_back_unless_the_report_says_it_was_bounded(
    document: Any, target: str, values: list[Any]
) -> None:
    try:
        judge, compiled = problems(document), compile_schema(document, target)
    except SchemaError:
        return
    for value in values:
        if not judge(value) and (text := said(compiled, value)):
            assert json.dumps(compiled.decode(text), sort_keys=True) == json.dumps(value, sort_keys=True)


def said(compiled: CompiledSchema[Any], value: Any) -> str | None:
    """The value's strict JSON; None where the compiler narrowed the schema, and told so."""
    try:
        text = compiled.encode(value)
        assert (
            Draft202012Validator(compiled.schema).is_valid(json.loads(text))
            or not compiled.target.sends_schema
        )
    except (Invalid, AssertionError):
        if any(note.action == "bounded" for note in compiled.report):
            return None
        raise
    return text


# --- closed documents, as careful people write them: nothing may be lost

PLAIN = st.sampled_from(
    [
        *({"type": "integer"}, {"type": "integer", "minimum": 0, "maximum": 3}, {"type": "number"}),
        *({"type": "string"}, {"type": "string", "pattern": "^[ab]*$"}, {"type": "string", "maxLength": 2}),
        *(
            {"type": ["integer", "null"]},
            {"enum": ["a", 1, None]},
            {"const": {"a": [1]}},
            {"type": "boolean"},
        ),
        *(
            {"type": "string", "enum": ["a", "b"]},
            {"$ref": "#/$defs/a"},
            {"$ref": "#/$defs/b"},
            {"type": "null"},
        ),
    ]
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    members = draw(
        st.dictionaries(st.sampled_from(["a", "b", "value", "entries", "é ~/"]), inner, max_size=3)
    )
    required = draw(st.lists(st.sampled_from(sorted(members)), unique=True)) if members else []
    others = draw(st.just(False) | inner)
    return {"type": "object", "properties": members, "required": required, "additionalProperties": others}


def closed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner}, optional={"maxItems": st.just(2)}
    )
    tuples = st.lists(inner, min_size=1, max_size=2).map(
        lambda each: {"type": "array", "prefixItems": each, "items": False, "minItems": len(each)}
    )
    unions = st.builds(
        lambda keyword, each: {keyword: each},
        st.sampled_from(["anyOf", "oneOf"]),
        st.lists(inner, min_size=1, max_size=3),
    )
    return arrays | tuples | unions | objects(inner)


@st.composite
def values_of(draw: st.DrawFn, schema: Any, definitions: dict[str, Any], room: int = 12) -> Any:
    """A value that probably fits: the judge has the last word."""

    def again(inner: Any) -> Any:
        return draw(values_of(inner, definitions, room - 1))

    match schema:
        case _ if room == 0:
            return None
        case {"$ref": reference}:
            return again(definitions[reference.rpartition("/")[2]])
        case {"anyOf": members} | {"oneOf": members}:
            return again(draw(st.sampled_from(members)))
        case {"type": "object", "properties": members, "required": required, "additionalProperties": others}:
            present = [name for name in members if name in required or draw(st.booleans())]
            extra = (
                draw(st.lists(st.sampled_from(["c", "value", "key"]), max_size=2, unique=True))
                if others
                else []
            )
            return {name: again(members.get(name, others)) for name in (*present, *extra)}
        case {"prefixItems": items}:
            return [again(item) for item in items]
        case {"type": "array", "items": item}:
            return [again(item) for _ in range(draw(st.integers(0, 2)))]
        case {"const": value}:
            return value
        case {"enum": values}:
            return draw(st.sampled_from(values))
        case _:
            return draw(VALUES)


@st.composite
def closed_cases(draw: st.DrawFn) -> tuple[dict[str, Any], Any]:
    schemas = st.recursive(PLAIN, closed, max_leaves=6)
    definitions = {"a": draw(objects(schemas)), "b": draw(closed(schemas))}
    document = {**draw(schemas), "$defs": definitions}
    return document, draw(values_of(document, definitions))


@pytest.mark.slow
@UNTIMED
@given(closed_cases(), st.sampled_from(sorted(TARGETS)))
def test_what_a_closed_schema_takes_comes_back_whatever_the_target(
    case: tuple[Any, Any], target: str
) -> None:
    document, value = case
    try:
        judge = problems(document)
    except SchemaError:
        assume(False)
    assume(not judge(value))
    compiled = compile_schema(document, target)
    text = said(compiled, value)
    assert text
    assert json.dumps(compiled.decode(text), sort_keys=True) == json.dumps(value, sort_keys=True)


# --- what comes back


@pytest.mark.slow
@UNTIMED
@given(documents(), st.sampled_from(sorted(TARGETS)), VALUES)
def test_whatever_a_model_says_is_a_record_or_an_error_with_a_name(
    document: Any, target: str, said: Any
) -> None:
    try:
        judge, compiled = problems(document), compile_schema(document, target)
    except SchemaError:
        return
    with suppress(ExtractionError):
        assert judge(compiled.decode(json.dumps(said))) == ()


@pytest.mark.slow
@UNTIMED
@given(documents())
def test_a_loaded_document_compiles_like_the_document(document: Any) -> None:
    try:
        direct = compile_schema(document, "permissive").schema
    except SchemaError:
        return
    assert compile_schema(load(document), "permissive").schema == direct
