"""What depends on the local model: how its numbers and its lines are written, in requests and examples."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import Extractor
from extractor.dialogue import SMALL_TASK, TASK
from extractor.schema import compile_schema, is_nested


class Item(BaseModel):
    what: str
    price: Decimal


class Bill(BaseModel):
    number: str
    items: list[Item]


SHOT = ("No. 7: tea 2.50", Bill(number="7", items=[Item(what="tea", price=Decimal("2.50"))]))
LINES = """{
  "number": "7",
  "items": [
    {
      "what": "tea",
      "price": 2.50
    }
  ]
}"""


def test_a_small_model_writes_bare_decimals_over_several_lines_and_sees_them_so_in_examples() -> None:
    with Extractor("local:qwen2.5-coder-1.5b") as ex:
        body = ex.preview(Bill, "No. 8: milk 1.10", examples=[SHOT]).json
    system, _, answer, _ = (message["content"] for message in body["messages"])
    assert '"price": number' in system
    assert answer == LINES
    assert r'"\n  " ("\"number\""' in body["grammar"]


def test_a_small_model_writes_what_has_no_objects_in_it_in_one_line() -> None:
    tea = ("No. 7: tea 2.50", Item(what="tea", price=Decimal("2.50")))
    with Extractor("local:qwen2.5-coder-0.5b") as ex:
        shot, plain = (ex.preview(Item, "milk 1.10", examples=shots).json for shots in ([tea], []))
    assert shot["messages"][2]["content"] == '{"what": "tea", "price": 2.50}'
    assert SMALL_TASK in plain["messages"][0]["content"]
    assert r"\n  " not in plain["grammar"]


@pytest.mark.parametrize(
    ("record_type", "nested"),
    [(Item, False), (Bill, True), (list[Item], True), (list[str], False), (dict[str, str], False)],
)
def test_a_type_is_nested_if_an_object_stands_in_another(record_type: Any, nested: bool) -> None:
    assert is_nested(compile_schema(record_type, "local").schema) is nested


def test_the_half_billion_model_is_shown_flat_records_and_is_held_to_nested_ones_by_the_grammar_alone() -> (
    None
):
    with Extractor("local:qwen2.5-coder-0.5b") as ex:
        nested, flat = (ex.preview(each, "No. 8: milk 1.10").json for each in (Bill, Item))
    assert nested["messages"][0]["content"] == TASK
    assert r'"\n  " ("\"number\""' in nested["grammar"]
    assert '"price": number' in flat["messages"][0]["content"]


def test_without_a_grammar_the_half_billion_model_is_shown_nested_records_too() -> None:
    with Extractor("local:qwen2.5-coder-0.5b", mode="json_object") as ex:
        body = ex.preview(Bill, "No. 8: milk 1.10").json
    assert '"price"' in body["messages"][0]["content"]


def test_the_tiny_model_writes_decimals_as_texts_in_one_line() -> None:
    with Extractor("local:smollm2") as ex:
        body = ex.preview(Bill, "No. 8: milk 1.10", examples=[SHOT]).json
    system, _, answer, _ = (message["content"] for message in body["messages"])
    assert '"price": string' in system
    assert answer == '{"number":"7","items":[{"what":"tea","price":"2.50"}]}'
    assert r"\n  " not in body["grammar"]
