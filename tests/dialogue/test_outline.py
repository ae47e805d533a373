"""A schema's outline."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from extractor.dialogue.outline import outline


class Line(BaseModel):
    what: str = Field(description="What was\n  sold")
    price: float | None = None


class Order(BaseModel):
    lines: list[Line]
    gift: Line | None = None
    status: Literal["open", "paid"]
    extra: dict[str, int] = {}
    pair: tuple[int, str] = (1, "")
    above: Order | None = None


def test_an_outline_tells_members_types_and_descriptions() -> None:
    assert (
        outline(Order.model_json_schema())
        == """\
Order {
  "lines": [Line {
    "what": string  // What was sold
    "price": number | null
  }, ...]
  "gift": Line | null
  "status": "open" | "paid"
  "extra": {
    any name: integer
  }
  "pair": [integer, string]
  "above": Order | null
}"""
    )


def test_whatever_stands_in_a_schema_an_outline_comes_of_it() -> None:
    assert outline({}) == "any"
    assert outline({"type": ["string", "null"]}) == "string | null"
    assert outline({"const": {"a": 1}}) == '{"a": 1}'
    assert outline({"$ref": "#/$defs/Nowhere"}) == "Nowhere"
    assert outline({"type": "string", "format": "date"}) == "date"
