"""JSON as it is written again: with the digits that it had, and over several lines."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from extractor.reading import in_lines, whole_value, written

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


def test_objects_stand_over_several_lines_and_lists_without_one_in_a_line() -> None:
    said = '{"a":[1.10,2e5,[]],"b":[{"c":"x, {\\"y\\": 1}"},{}],"d":{},"e":-0.00}'
    assert (
        in_lines(whole_value(said))
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


@given(VALUES)
def test_what_is_laid_out_is_the_same_value(value: Any) -> None:
    assert whole_value(in_lines(value)) == value
    assert written(whole_value(in_lines(value))) == written(whole_value(written(value)))
