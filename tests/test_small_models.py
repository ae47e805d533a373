"""What depends on the local model: how its numbers and its lines are written, in requests and examples."""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel

from extractor import Extractor


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
    with Extractor("local:qwen2.5-coder-0.5b") as ex:
        body = ex.preview(Bill, "No. 8: milk 1.10", examples=[SHOT]).json
    system, _, answer, _ = (message["content"] for message in body["messages"])
    assert '"price": number' in system
    assert answer == LINES
    assert r'"\n  " ("\"number\""' in body["grammar"]


def test_the_tiny_model_writes_decimals_as_texts_in_one_line() -> None:
    with Extractor("local:smollm2") as ex:
        body = ex.preview(Bill, "No. 8: milk 1.10", examples=[SHOT]).json
    system, _, answer, _ = (message["content"] for message in body["messages"])
    assert '"price": string' in system
    assert answer == '{"number":"7","items":[{"what":"tea","price":"2.50"}]}'
    assert r"\n  " not in body["grammar"]
