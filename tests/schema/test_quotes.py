"""Records that come with quotes: every type still round-trips, and each quote is checked against the text."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from extractor import Extractor, Invalid, Outcome, Verbatim, compile_schema
from extractor.messages import Cited
from extractor.schema.forms.quotes import QUOTES, Quoted, quote_example
from extractor.testing import ChatServer, reply
from tests.schema.corpus import CASES, Case
from tests.schema.same import same

TEXT = 'Invoice 88-17 of 5 March 2026\nTwo Latte, each 2.50\nPaid in full: 5.00 EUR. "Thanks"\n'


class Line(BaseModel):
    what: str
    count: int | None = None
    parts: list[Line] = []


class Bill(BaseModel):
    number: Verbatim[str]
    issued: date
    total: Decimal
    paid: bool
    mood: Literal["good", "bad"] | None = None
    tags: list[str] = []
    lines: list[Line] = []
    by_name: dict[str, Line] = {}


BILL = Bill(
    number="88-17",
    issued=date(2026, 3, 5),
    total=Decimal("5.00"),
    paid=True,
    lines=[Line(what="Latte", count=2)],
)
QUOTED = {
    QUOTES: {"number": "Invoice 88-17", "issued": "5 March 2026", "total": "", "paid": "Paid in full"}
    | {"mood": "", "tags": ""},
    **json.loads(BILL.model_dump_json()),
    "lines": [{QUOTES: {"what": "Two Latte", "count": "Two"}, "what": "Latte", "count": 2, "parts": []}],
    "by_name": {},
}


@pytest.mark.sampled(60)
@pytest.mark.filterwarnings("ignore:Item .a. on TypedDict")
@pytest.mark.parametrize("target", ["openai", "gemini"])
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_every_type_can_be_quoted_for_and_comes_back(case: Case, target: str) -> None:
    compiled = compile_schema(Quoted(case.record_type), target)
    for value in case.values:
        encoded = compiled.encode(value)
        assert Draft202012Validator(compiled.schema).is_valid(json.loads(encoded))
        decoded = compiled.decode(encoded, {"text": "any"})
        assert isinstance(decoded, Cited)
        assert same(decoded.record, value)
        assert decoded.quotes == {}


def decode(said: Any, source: Any = TEXT, record_type: Any = Bill) -> Cited[Any]:
    compiled = compile_schema(Quoted(record_type), "permissive")
    return compiled.decode(json.dumps(said), {"text": source})


def test_each_object_quotes_the_text_for_its_own_values() -> None:
    said = decode(QUOTED)
    assert said.record == BILL
    assert said.quotes == {
        "/number": ("Invoice 88-17",),
        "/issued": ("5 March 2026",),
        "/paid": ("Paid in full",),
        "/lines/0/what": ("Two Latte",),
        "/lines/0/count": ("Two",),
    }


def test_a_quote_that_is_not_in_the_text_is_a_problem_at_its_own_place() -> None:
    said = {**QUOTED, QUOTES: QUOTED[QUOTES] | {"issued": "6 March 2026", "tags": "gone"}, "total": "x"}
    with pytest.raises(Invalid) as caught:
        decode(said)
    assert [(p.pointer, p.type) for p in caught.value.problems] == [
        ("/total", "decimal_parsing"),
        (f"/{QUOTES}/issued", "verbatim"),
        (f"/{QUOTES}/tags", "verbatim"),
    ]


def test_quotes_are_spelt_as_the_text_has_them() -> None:
    said = {**QUOTED, QUOTES: QUOTED[QUOTES] | {"total": "Latte, each 2.50 Paid in full"}}
    assert decode(said).quotes["/total"] == ("Latte, each 2.50\nPaid in full",)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("latte, each 2.50.", ("Latte, each 2.50",)),
        ("“Paid in full”", ("Paid in full",)),
        ("Paid in full…", ("Paid in full",)),
        ("... paid in full", ("Paid in full",)),
        ("'Thanks'", ("Thanks",)),
        ("Latte … Paid in full", ("Latte", "Paid in full")),
        ("Latte [...] full ...", ("Latte", "full")),
    ],
)
def test_quotes_may_differ_as_people_quote_and_have_gaps_in_order(quote: str, found: tuple[str, ...]) -> None:
    said = {**QUOTED, QUOTES: QUOTED[QUOTES] | {"total": quote}}
    assert decode(said).quotes["/total"] == found


@pytest.mark.parametrize(
    "quote", ["Paid … Latte", "Latte, each 2.51", "Paid not in full", "- 2.50", "Latte ... gone"]
)
def test_quotes_in_another_order_or_with_other_words_are_problems(quote: str) -> None:
    with pytest.raises(Invalid, match=r"does not stand in the text"):
        decode({**QUOTED, QUOTES: QUOTED[QUOTES] | {"total": quote}})


def test_without_a_text_to_hold_them_against_there_are_no_quotes() -> None:
    image = [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": "data:,"}}]
    assert decode(QUOTED, image).quotes == {}


def test_json_schema_documents_come_with_quotes_too() -> None:
    document = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    said = decode({QUOTES: {"a": "Two"}, "a": "2"}, TEXT, document)
    assert said == Cited({"a": "2"}, {"/a": ("Two",)})


def test_examples_quote_the_lines_that_their_values_stand_in() -> None:
    compiled = compile_schema(Quoted(Bill), "openai")
    quoted = json.loads(quote_example(compiled.encode(BILL), TEXT))
    assert quoted[QUOTES]["number"] == "Invoice 88-17 of 5 March 2026"
    assert quoted[QUOTES]["total"] == 'Paid in full: 5.00 EUR. "Thanks"'
    assert quoted["lines"][0][QUOTES]["what"] == "Two Latte, each 2.50"
    assert quoted[QUOTES]["mood"] == ""
    assert '"total":5.00' in quote_example(compile_schema(Quoted(Bill), "local").encode(BILL), TEXT)


def test_a_wrong_quote_alone_is_asked_for_again() -> None:
    wrong = {**QUOTED, QUOTES: QUOTED[QUOTES] | {"paid": "Paid by card"}}
    wrong["by_name"] = []
    replies = [reply(json.dumps(wrong)), reply(json.dumps({f"{QUOTES}_paid": "Paid in full"}))]
    with ChatServer(replies) as server, Extractor("openai:m", base_url=server.base_url, api_key="k") as ex:
        result = ex.run(Bill, TEXT, evidence="quote", examples=[(TEXT, BILL)])
    assert (result.outcome, result.record) == (Outcome.REPAIRED, BILL)
    assert result.quotes["/paid"] == ("Paid in full",)
    assert result.evidence["/paid"][0].text == "Paid in full"
    assert "Paid by card" in str(result.attempts[1].request.messages[-1].content)
    assert list(server.requests[1].json["response_format"]["json_schema"]["schema"]["properties"]) == [
        f"{QUOTES}_paid"
    ]
