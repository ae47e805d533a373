"""JSON as it is written again: with the digits that it had, and over several lines."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from extractor.reading import laid_out, whole_value, written

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


def test_objects_stand_over_several_lines_and_lists_without_one_in_a_line() -> None:
    said = '{"a":[1.10,2e5,[]],"b":[{"c":"x, {\\"y\\": 1}"},{}],"d":{},"e":-0.00}'
    assert (
        laid_out(whole_value(said))
        == """{
  "a": [1.10, 2e5, []],
  "b": [
    {
      "c": "x, {\\"y\\": 1}"
    },
    {}
  ],
  "d": {},
  "e": -0.00
}"""
    )


def test_without_a_depth_all_stands_in_one_line() -> None:
    assert laid_out(whole_value('{"a":[{"b":1.10}],"c":{}}'), None) == '{"a": [{"b": 1.10}], "c": {}}'


@given(VALUES)
def test_what_is_laid_out_is_the_same_value(value: Any) -> None:
    assert whole_value(laid_out(value)) == value
    assert written(whole_value(laid_out(value))) == written(whole_value(written(value)))
