"""Values that have to stand in the text: checked with every server, marked only for grammars."""

from __future__ import annotations

import json
import pickle
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter

from extractor import Extractor, Free, Invalid, Outcome, SchemaError, Verbatim, compile_schema
from extractor.schema.compiler.targets import TARGETS, grounding
from extractor.schema.grounding.verbatim import VERBATIM
from extractor.schema.nodes import Note
from extractor.testing import ChatServer, reply

TEXT = "Invoice 88\u201117 from Omar\nHaddad, “Latte” 2 x 2.50, total 1.234,50 EUR, paid 1,5"


def decoded(record_type: Any, value: Any, text: Any = TEXT) -> Any:
    return compile_schema(record_type, "permissive").decode(json.dumps(value), {"text": text})


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        (str, "Omar", "Omar"),
        (str, "Omar Haddad", "Omar\nHaddad"),
        (str, '"Latte"', "“Latte”"),
        (str, "88-17", "88\u201117"),
        (str, "omar haddad", "Omar\nHaddad"),
        (str, "INVOICE", "Invoice"),
        (str, "Haddad.", "Haddad"),
        (str, "'Latte'", "Latte"),
        (str, "…Omar Haddad…", "Omar\nHaddad"),
        (str, "", ""),
        (int, 2, 2),
        (float, 2.5, 2.5),
        (float, 1.5, 1.5),
        (Decimal, "1234.50", Decimal("1234.50")),
        (Decimal, "1234.5", Decimal("1234.5")),
        (str | None, None, None),
        (str | None, "EUR", "EUR"),
        (int | str, "EUR", "EUR"),
        (list[str], ["total", "EUR"], ["total", "EUR"]),
        (tuple[str, int], ["paid", 2], ("paid", 2)),
        (dict[str, str], {"currency": "EUR"}, {"currency": "EUR"}),
    ],
)
def test_a_value_that_stands_in_the_text_is_spelt_as_it_is_there(kind: Any, value: Any, found: Any) -> None:
    record_type: Any = Verbatim[kind]
    assert decoded(record_type, value) == found
    assert decoded(record_type, value, [{"type": "text", "text": TEXT}]) == found


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (str, "Omer"),
        (str, "mar"),
        (str, "Haddad Omar"),
        (int, 3),
        (float, 5.75),
        (Decimal, "1234.51"),
        (list[str], ["EUR", "USD"]),
        (str | None, "USD"),
    ],
)
def test_one_that_does_not_is_a_problem(kind: Any, value: Any) -> None:
    record_type: Any = Verbatim[kind]
    with pytest.raises(Invalid) as caught:
        decoded(record_type, value)
    assert [(p.type, p.reason) for p in caught.value.problems] == [("verbatim", "does not stand in the text")]


def test_entities_of_html_are_what_they_stand_for_and_a_record_has_none_of_them() -> None:
    text = "of AT&amp;T&nbsp;Inc., caf&eacute; &#39;X&#x27;, 1&nbsp;234,50&euro;"
    record_type: Any = Verbatim[str]
    found = [decoded(record_type, value, text) for value in ("AT&T Inc.", "at&t", "CAFÉ", "Café 'X'")]
    assert found == ["AT&T\xa0Inc.", "AT&T", "café", "café 'X"]
    assert decoded(record_type, "AT&amp;T", text) == "AT&amp;T"
    assert decoded(record_type, "AT&amp;T", "of AT&T") == "AT&T"
    number: Any = Verbatim[Decimal]
    assert decoded(number, "1234.50", text) == Decimal("1234.50")


@pytest.mark.parametrize(
    "text", [None, [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}]]
)
def test_where_there_is_more_or_less_than_a_text_nothing_is_checked(text: Any) -> None:
    record_type: Any = Verbatim[str]
    assert decoded(record_type, "anything", text) == "anything"
    assert TypeAdapter(record_type).validate_python("anything") == "anything"


class Line(BaseModel):
    what: Verbatim[str] = Field(description="What was sold")
    price: Verbatim[Annotated[Decimal, Field(ge=0)]]


class Bill(BaseModel):
    number: Verbatim[Annotated[str, Field(max_length=20)]]
    note: Free[str] | None = None
    lines: list[Line] = []


@pytest.mark.parametrize("target", TARGETS)
def test_a_schema_says_it_in_words_and_never_by_the_mark(target: str) -> None:
    compiled = compile_schema(Bill, target)
    assert VERBATIM not in json.dumps(compiled.schema)
    assert "As it stands in the text." in json.dumps(compiled.schema)
    assert Note("/properties/number", VERBATIM, "told", "As it stands in the text.") in compiled.report


def test_a_schema_for_a_grammar_has_the_mark_instead() -> None:
    schema = compile_schema(Bill, grounding("local", "marked")).schema
    line = schema["$defs"]["Line"]["properties"]
    assert schema["properties"]["number"] == {"type": "string", "maxLength": 20, VERBATIM: True}
    assert (line["what"][VERBATIM], line["price"][VERBATIM]) == (True, "number")
    assert VERBATIM not in json.dumps(schema["properties"]["note"])


def test_json_schema_documents_say_it_by_a_keyword() -> None:
    document = {
        "type": "object",
        "properties": {
            "who": {"type": "string", VERBATIM: True},
            "sum": {"type": ["number", "null"], VERBATIM: True},
            "kind": {"$ref": "#/$defs/kind", VERBATIM: True},
        },
        "required": ["who"],
        "$defs": {"kind": {"type": "string", "maxLength": 9}},
    }
    compiled = compile_schema(document, "permissive")
    right = {"who": "Omar Haddad", "sum": 1234.5, "kind": "EUR"}
    assert compiled.decode(compiled.encode(right), {"text": TEXT}) == right
    assert compiled.decode(compiled.encode({"who": "Ann"})) == {"who": "Ann"}
    with pytest.raises(Invalid) as caught:
        compiled.decode(json.dumps({"who": "Ann", "sum": 7, "kind": "USD"}), {"text": TEXT})
    assert {(p.pointer, p.type) for p in caught.value.problems} == {
        ("/who", "verbatim"),
        ("/sum", "verbatim"),
        ("/kind", "verbatim"),
    }
    marked = compile_schema(document, grounding("local", "marked")).schema["properties"]
    assert marked["who"][VERBATIM] is True
    assert marked["kind"]["anyOf"][0] == {"type": "string", "maxLength": 9, VERBATIM: True}


def test_pydantics_own_schema_has_the_keyword() -> None:
    schema = Bill.model_json_schema()
    assert schema["properties"]["number"][VERBATIM] is True
    assert schema["properties"]["note"]["anyOf"][0][VERBATIM] is False


@pytest.mark.parametrize("kind", [Line, list[Line], date, bytes])
def test_models_and_values_that_are_written_otherwise_are_refused(kind: Any) -> None:
    record_type: Any = Verbatim[kind]
    with pytest.raises(SchemaError, match="Verbatim and Free go on strings, numbers and lists of them"):
        compile_schema(record_type)


def test_marked_types_pickle() -> None:
    assert pickle.loads(pickle.dumps(compile_schema(Bill))) == compile_schema(Bill)


def test_an_invented_value_alone_is_asked_for_again() -> None:
    first = {"number": "88-18", "note": "free words", "lines": [{"what": "Latte", "price": "2.50"}]}
    replies = [reply(json.dumps(first)), reply('{"number": "88-17"}')]
    with ChatServer(replies) as server, Extractor("openai:m", base_url=server.base_url, api_key="k") as ex:
        result = ex.run(Bill, TEXT)
    assert result.outcome is Outcome.REPAIRED
    assert result.record == Bill(
        number="88\u201117", note="free words", lines=[Line(what="Latte", price=Decimal("2.50"))]
    )
    assert [(p.pointer, p.type) for p in result.attempts[0].problems] == [("/number", "verbatim")]


def test_in_a_conversation_values_stand_in_what_the_user_said() -> None:
    messages = [{"role": "user", "content": "It is 17."}, {"role": "assistant", "content": "18?"}]
    replies = [reply('{"number": "18"}'), reply('{"number": "17"}')]
    with ChatServer(replies) as server, Extractor("openai:m", base_url=server.base_url, api_key="k") as ex:
        assert ex.parse([*messages, {"role": "user", "content": "no"}], Number).parsed == Number(number="17")


class Number(BaseModel):
    number: Verbatim[str]
