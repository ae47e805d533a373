"""What two parts of an `allOf` say of one keyword holds together."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field

from extractor.errors import SchemaError
from extractor.schema import compile_schema


def both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    document = {
        "type": "object",
        "properties": {"x": {"allOf": [one, other]}},
        "required": ["x"],
        "$defs": {"large": {"minimum": 3}},
    }
    found: dict[str, Any] = compile_schema(document).schema["properties"]["x"]
    return found


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        ({"const": 1}, {"const": 1}, {"type": "integer", "const": 1}),
        ({"enum": [1, 2]}, {"enum": [2, 3]}, {"type": "integer", "const": 2}),
        ({"type": "integer", "multipleOf": 4}, {"multipleOf": 6}, {"type": "integer", "multipleOf": 12}),
        ({"type": "string", "minLength": 2}, {"minLength": 3}, {"type": "string", "minLength": 3}),
        ({"type": "string", "maxLength": 2}, {"maxLength": 3}, {"type": "string", "maxLength": 2}),
        ({"type": "integer"}, {"$ref": "#/$defs/large"}, {"type": "integer", "minimum": 3}),
    ],
    ids=lambda given: next(reversed(given)),
)
def test_what_is_said_twice_of_a_value_holds_together(
    one: dict[str, Any], other: dict[str, Any], together: dict[str, Any]
) -> None:
    assert both(one, other) == together
    assert both(other, one) == together


@pytest.mark.parametrize(("one", "other"), [(1, 2), (2, 1)])
def test_two_constants_fit_no_value(one: int, other: int) -> None:
    with pytest.raises(SchemaError, match="no value fits"):
        both({"const": one}, {"const": other})


def test_places_that_two_parts_name_are_merged_and_the_longer_list_counts() -> None:
    pair = {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}
    found = both({**pair, "minItems": 2, "maxItems": 2}, {"prefixItems": [{"maxLength": 3}]})
    first, second = found["properties"].values()
    assert (first, second) == ({"type": "string", "maxLength": 3}, {"type": "integer"})


def test_three_examples_of_a_field_are_shown_at_most() -> None:
    class Parcel(BaseModel):
        size: str = Field(examples=["S", "M", "L", "XL"])

    (size,) = compile_schema(Parcel).schema["properties"].values()
    assert size["description"] == 'For example: "S", "M", "L".'
