"""A record type as a value."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pytest
from pydantic import BaseModel, Field, SecretStr

from extractor import ConfigError, SchemaError
from extractor.schema import (
    Chunked,
    CompiledSchema,
    Quoted,
    RecordType,
    WithExtras,
    compile_schema,
    with_extras,
)
from extractor.schema.nodes import PYTHON, Python, TypeSource, below, mapped

ITEM = {"title": "Item", "type": "object", "properties": {"name": {"type": "string"}}}


class Bill(BaseModel):
    due: date = Field(alias="dueOn")
    key: SecretStr = SecretStr("x")


@pytest.mark.parametrize("given", [Bill, list[Bill], int | None, ITEM], ids=repr)
@pytest.mark.parametrize("form", [lambda t: t, Quoted, Chunked, lambda t: Quoted(Chunked(t))])
def test_what_is_given_twice_is_the_same_value(given: Any, form: Any) -> None:
    one, other = RecordType.of(form(given)), RecordType.of(form(given))
    assert one == other == RecordType.of(one)
    assert hash(one) == hash(other)
    assert one.compiled() is other.compiled() is compile_schema(form(given)) is compile_schema(one)


def test_a_document_counts_as_its_text() -> None:
    renamed = {**ITEM, "properties": {"title": {"type": "string"}}}
    assert RecordType.of(ITEM) == RecordType.of(copy.deepcopy(ITEM))
    assert RecordType.of(ITEM) != RecordType.of(renamed)
    assert RecordType.of(ITEM) != RecordType.of(WithExtras(ITEM))


def test_types_that_compare_equal_but_differ_in_order_are_two() -> None:
    one, other = int | str, str | int
    assert one == other
    assert RecordType.of(one) != RecordType.of(other)


def test_a_document_without_a_text_is_like_no_other_and_is_compiled_anew() -> None:
    document = MappingProxyType({**ITEM})
    assert RecordType.of(document) != RecordType.of(document)
    assert compile_schema(document).schema == compile_schema(ITEM).schema
    assert compile_schema(document) is not compile_schema(document)


def test_the_forms_are_told_innermost_first() -> None:
    value = RecordType.of(Quoted(Chunked(Bill)))
    assert (value.written, value.is_document, value.forms) == (Bill, False, ("chunked", "quoted"))
    assert value == RecordType.of(Bill).chunked().quoted()
    assert value != RecordType.of(Bill).quoted().chunked()
    assert compile_schema(value).schema == compile_schema(Quoted(Chunked(Bill))).schema


@pytest.mark.parametrize("value", [Bill, Quoted(Bill), WithExtras(ITEM), Chunked(WithExtras(ITEM))], ids=repr)
def test_it_survives_pickle_with_all_it_has_been_asked(value: Any) -> None:
    record_type = RecordType.of(value)
    assert callable(record_type.dump)
    again = pickle.loads(pickle.dumps(record_type))
    assert again == record_type
    assert again.compiled() is record_type.compiled()


def test_a_compiled_document_finds_its_own_documents_again_after_pickle() -> None:
    document = {"$ref": "urn:money"}
    with pytest.raises(SchemaError, match="urn:money"):
        compile_schema(document)
    documents = {"urn:money": {"type": "object", "properties": {"euros": {"type": "integer"}}}}
    compiled: CompiledSchema[Any] = compile_schema(document, documents=documents)
    assert pickle.loads(pickle.dumps(compiled)).schema == compiled.schema
    with pytest.raises(SchemaError, match="urn:money"):
        compile_schema(RecordType.of(document))


def test_both_kinds_answer_the_same_questions() -> None:
    bill, item = RecordType.of(Bill), RecordType.of(ITEM)
    assert (bill.name, item.name) == ("Bill", "Item")
    assert (bill.hidden, item.hidden) == (["key"], [])
    assert bill.dump(bill.read({"dueOn": "2026-05-03"})) == {"dueOn": "2026-05-03", "key": "**********"}
    assert item.dump(item.read({"name": "a"})) == {"name": "a"}
    assert [problem.pointer for problem in bill.checker()(b'{"dueOn": 1.5}')] == ["/dueOn"]
    assert [problem.pointer for problem in item.checker()(b'{"name": 1}')] == ["/name"]
    assert bill.records().type == pa.struct([("dueOn", pa.date32()), ("key", pa.string())])
    assert item.records().type == pa.struct([("name", pa.string())])
    assert bill.described()["properties"].keys() == {"dueOn", "key"}
    assert item.described()["properties"].keys() == {"name"}
    assert len({bill.fingerprint, item.fingerprint, RecordType.of(list[Bill]).fingerprint}) == 3


def test_extras_are_part_of_its_arrow_type() -> None:
    kept = RecordType.of(with_extras(ITEM, "keep"))
    assert kept.records().type == pa.struct([("name", pa.string()), ("extra", pa.string())])


def test_only_documents_keep_extras_in_any_form() -> None:
    assert RecordType.of(with_extras(Quoted(ITEM), "keep")).keeps_extras
    with pytest.raises(ConfigError, match="allow"):
        with_extras(Chunked(Bill), "keep")


def test_a_value_is_no_record_type() -> None:
    with pytest.raises(SchemaError, match="the class Bill itself"):
        RecordType.of(Bill(dueOn=date(2026, 5, 3))).compiled()


def leaf(**more: Any) -> dict[str, Any]:
    return {"type": "string", PYTHON: Python("leaf", type=str), **more}


def test_a_mapped_type_has_each_node_as_the_visitor_makes_it() -> None:
    shared, reference = leaf(), {"$ref": "#/$defs/Node"}
    optional = {PYTHON: Python("nullable", shared)}
    root = {"type": "array", "items": optional, "prefixItems": [shared, reference], PYTHON: Python("tuple")}
    seen: list[Mapping[str, Any]] = []

    def visit(node: dict[str, Any]) -> dict[str, Any]:
        seen.append(node)
        return {**node, "visited": True}

    made = mapped(TypeSource("T", root, {"#/$defs/Node": leaf(minLength=1)}), visit)
    assert [node.get("type") for node in seen] == ["string", "string", None, "string", "array"]
    assert made.schema["items"][PYTHON].data["visited"]
    assert made.schema["prefixItems"] == [{**shared, "visited": True}, reference]
    assert made.definitions["#/$defs/Node"]["visited"]
    assert len(below(made.schema)) == 3


@pytest.mark.parametrize("given", [{}, object, MappingProxyType({})], ids=repr)
def test_a_type_that_says_nothing_of_its_values_is_refused(given: Any) -> None:
    with pytest.raises(SchemaError, match=r"takes any value: name the members that a record has"):
        RecordType.of(given).compiled()
