"""A record that a new text changes: each change has its quote, and all else stays as it was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from tenacity.wait import wait_none

from extractor import AsyncExtractor, ConfigError, Extractor, Invalid, Outcome
from extractor.testing import ChatServer, refusal, reply
from extractor.types import Update
from tests.parts.wide import schema_of
from tests.selecting import examples

TEXT = "Ann moved to Leiden. The ink now costs 3.00, the cup is gone, and a mug was bought for 4.10."


class Party(BaseModel):
    name: str
    town: str | None = Field(default=None, description="where the party lives")


class Line(BaseModel):
    article: str
    price: Decimal


class Order(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    number: str = Field(alias="Order no.")
    kind: Literal["sale", "gift"] = "sale"
    day: date | None = None
    buyer: Party
    seller: Party | None = None
    lines: list[Line] = []
    notes: dict[str, str] = {}

    @model_validator(mode="after")
    def two_parties(self) -> Order:
        if self.seller and self.seller.name == self.buyer.name:
            raise ValueError("buyer and seller are one")
        return self


ORDER = Order(
    number="17",
    day=date(2026, 3, 1),
    buyer=Party(name="Ann", town="Delft"),
    lines=[
        Line(article="pen", price=Decimal("1.50")),
        Line(article="cup", price=Decimal("9.90")),
        Line(article="ink", price=Decimal("2.00")),
    ],
    notes={"paid": "no"},
)
MOVED = {"do": "set", "at": "/buyer/town", "value": "Leiden", "quote": "Ann moved to Leiden"}
DEARER = {"do": "set_in", "at": "/lines/*/price", "index": 2, "value": "3.00", "quote": "now costs 3.00"}
GONE = {"do": "remove", "at": "/lines", "index": 1, "quote": "the cup is gone"}
MUG = {"do": "add", "at": "/lines", "value": {"article": "mug", "price": "4.10"}, "quote": "a mug was bought"}


def updated(*replies: Sequence[Any], text: str = TEXT, record: Any = ORDER, **options: Any) -> Update[Any]:
    script = [reply({"changes": [*changes]}) for changes in replies]
    with (
        ChatServer(script, strict=True) as server,
        Extractor("m", base_url=server.base_url, retry_wait=wait_none()) as ex,
    ):
        return ex.update(record, text, **options)


def test_what_the_text_changes_is_changed_and_nothing_else() -> None:
    result = updated([MOVED, DEARER, GONE, MUG])
    assert result.outcome is Outcome.OK
    assert result.unwrap() == ORDER.model_copy(
        update={
            "buyer": Party(name="Ann", town="Leiden"),
            "lines": [
                Line(article="pen", price=Decimal("1.50")),
                Line(article="ink", price=Decimal("3.00")),
                Line(article="mug", price=Decimal("4.10")),
            ],
        }
    )
    assert ORDER.buyer.town == "Delft"


def test_each_change_tells_its_place_what_was_there_and_the_words_that_say_so() -> None:
    told = [
        (each.do, each.pointer, each.before, each.after)
        for each in updated([MOVED, DEARER, GONE, MUG]).changes
    ]
    assert told == [
        ("set", "/buyer/town", "Delft", "Leiden"),
        ("set", "/lines/1/price", "2.00", "3.00"),
        ("remove", "/lines/1", {"article": "cup", "price": "9.90"}, None),
        ("add", "/lines/2", None, {"article": "mug", "price": "4.10"}),
    ]
    (change, *_) = updated([MOVED]).changes
    assert [TEXT[span.start : span.end] for span in change.spans] == ["Ann moved to Leiden"]


def test_an_index_that_is_written_as_a_float_is_that_index() -> None:
    written = [{**DEARER, "index": 2.0}, {**GONE, "index": 1.0}]
    assert updated(written).record == updated([DEARER, GONE]).record


def test_a_text_that_changes_nothing_gives_the_record_itself() -> None:
    result = updated([])
    assert result.record is ORDER
    assert result.changes == ()


def test_a_value_that_the_record_has_already_is_no_change() -> None:
    result = updated([{**MOVED, "value": "Delft"}])
    assert result.record is ORDER
    assert result.changes == ()


def test_the_model_sees_the_record_and_a_strict_schema_of_changes() -> None:
    with ChatServer([reply({"changes": []})]) as server, Extractor("m", base_url=server.base_url) as ex:
        ex.update(ORDER, TEXT, instructions="Be exact.")
        (request,) = server.requests
    said = request.json["messages"]
    assert '"Order no.": "17"' in said[1]["content"]
    assert said[1]["content"].endswith(f"The new text:\n{TEXT}")
    assert "Be exact." in said[0]["content"]
    schema = str(schema_of(request))
    assert "'/buyer/town'" in schema
    assert "where the party lives" in schema
    assert "'/lines/*/price'" in schema


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({**MOVED, "quote": "Ann moved to Gouda"}, "/changes/0/quote: does not stand in the new text"),
        ({**GONE, "index": 3}, "/changes/0/index: the record has no item of that index"),
        ({**MOVED, "at": "/seller", "value": {"name": "Ann", "town": None}}, "buyer and seller are one"),
        ({"do": "drop", "at": "/notes", "key": "x", "quote": "is gone"}, "no entry of that key"),
    ],
)
def test_changes_that_do_not_fit_are_asked_for_once_more(change: dict[str, Any], problem: str) -> None:
    result = updated([change], [MOVED])
    assert result.outcome is Outcome.REPAIRED
    assert result.unwrap().buyer.town == "Leiden"
    assert len(result.attempts) == 2
    failed = updated([change], [change])
    assert failed.outcome is Outcome.INVALID
    assert failed.record is None
    assert problem in str(failed.error)
    with pytest.raises(Invalid):
        failed.unwrap()


def test_two_changes_of_one_place_do_not_fit() -> None:
    other = {"do": "set_in", "at": "/lines/*/price", "index": 1, "value": "1.00", "quote": "3.00"}
    assert "is changed twice" in str(updated([GONE, other], [GONE, other]).error)


def test_entries_of_mappings_are_put_and_removed_and_optional_objects_come_and_go() -> None:
    text = "It is paid. Bob of Gouda sold it. No day is known."
    result = updated(
        [
            {"do": "put", "at": "/notes", "key": "paid", "value": "yes", "quote": "It is paid"},
            {"do": "put", "at": "/notes", "key": "sold", "value": "yes", "quote": "sold it"},
            {
                "do": "set",
                "at": "/seller",
                "value": {"name": "Bob", "town": "Gouda"},
                "quote": "Bob of Gouda",
            },
            {"do": "set", "at": "/day", "value": None, "quote": "No day is known"},
        ],
        text=text,
    )
    record = result.unwrap()
    assert (record.notes, record.day) == ({"paid": "yes", "sold": "yes"}, None)
    assert record.seller == Party(name="Bob", town="Gouda")
    gone = {"do": "set", "at": "/seller", "value": None, "quote": "sold it"}
    dropped = {"do": "drop", "at": "/notes", "key": "sold", "quote": "It is paid"}
    record = updated([gone, dropped], text=text, record=record).unwrap()
    assert (record.seller, record.notes) == (None, {"paid": "yes"})


def test_records_of_all_kinds_are_updated() -> None:
    @dataclass
    class Town:
        name: str
        people: int

    change = {"do": "set", "at": "/people", "value": 5, "quote": "5 people"}
    assert updated([change], text="5 people", record=Town("Ghent", 4)).unwrap() == Town("Ghent", 5)
    schema = {"type": "object", "properties": {"people": {"type": "integer"}, "name": {"type": "string"}}}
    known = {"people": 4, "name": "Ghent"}
    found = updated([change], text="5 people", record=known, record_type=schema).unwrap()
    assert found == {"people": 5, "name": "Ghent"}
    more = {"do": "add", "at": "", "value": 7, "quote": "7"}
    assert updated([more], text="and 7", record=[1, 2], record_type=list[int]).unwrap() == [1, 2, 7]


def test_the_async_client_updates_too() -> None:
    async def run(url: str) -> Update[Order]:
        async with AsyncExtractor("m", base_url=url) as ex:
            return await ex.update(ORDER, TEXT)

    with ChatServer([reply({"changes": [{**MOVED, "quote": "no"}]}), reply({"changes": [MOVED]})]) as server:
        result = asyncio.run(run(server.base_url))
    assert result.outcome is Outcome.REPAIRED
    assert result.unwrap().buyer.town == "Leiden"


def test_what_is_masked_is_masked_in_the_record_and_in_the_text() -> None:
    def play(request: Any) -> Any:
        said = request.json["messages"][-1]["content"]
        assert "Leiden" not in said
        assert "Delft" not in said
        hidden = said.partition("Ann moved to ")[2].partition(".")[0]
        return reply({"changes": [{**MOVED, "value": hidden, "quote": f"Ann moved to {hidden}"}]})

    with ChatServer(play) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.update(ORDER, TEXT, mask=[{"town": "Leiden|Delft"}])
    assert result.unwrap().buyer.town == "Leiden"


def test_a_refusal_is_told_and_no_record_comes() -> None:
    with ChatServer([refusal("no")]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.update(ORDER, TEXT)
    assert (result.outcome, result.record, result.changes) == (Outcome.REFUSED, None, ())


class Secret(BaseModel):
    key: SecretStr


@pytest.mark.parametrize(
    ("record", "text", "why"),
    [
        ([1], "text", "name the record type of this list"),
        (ORDER, "  ", "a text that is not empty"),
        (Secret(key=SecretStr("x")), "text", "has secrets \\(key\\)"),
    ],
)
def test_what_can_not_be_updated_is_refused_before_anything_is_sent(record: Any, text: str, why: str) -> None:
    ex = Extractor("m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match=why):
        ex.update(record, text)


@pytest.mark.parametrize("name", ["samples", "confidence", "examples", "evidence", "parts", "extras"])
def test_keywords_of_whole_records_are_refused(name: str) -> None:
    ex = Extractor("m", base_url="http://127.0.0.1:9/v1")
    given: Any = {name: 3}
    with pytest.raises(ConfigError, match=f"'{name}' is an option of"):
        ex.update(ORDER, TEXT, **given)


lines = st.lists(
    st.builds(Line, article=st.sampled_from(["pen", "ink"]), price=st.decimals(0, 9, places=2)), max_size=5
)


@pytest.mark.slow
@settings(max_examples=examples(25), deadline=None)
@given(lines, st.data())
def test_items_that_are_not_named_stay_in_their_order(before: list[Line], data: st.DataObject) -> None:
    record = Order(number="1", buyer=Party(name="Ann"), lines=before)
    gone = data.draw(st.sets(st.sampled_from(range(len(before))))) if before else set()
    added = data.draw(lines)
    changes = [{**GONE, "index": index} for index in data.draw(st.permutations(sorted(gone)))]
    changes += [{**MUG, "value": line.model_dump(mode="json")} for line in added]
    result = updated(changes, record=record)
    left = [line for i, line in enumerate(before) if i not in gone]
    assert result.unwrap().lines == left + added
    assert result.unwrap().model_copy(update={"lines": before}) == record
    for change in result.changes:
        if change.do == "add":
            at = int(change.pointer.rpartition("/")[2])
            assert result.unwrap().lines[at].model_dump(mode="json") == change.after
