"""JSON pointers: what is written is read back, and a field is a pointer without its indices."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evidence.leaves import value_at
from extractor.pointers import any_index, escaped, pointer, step, steps_of

keys = st.text("ab/~01 *", max_size=4) | st.text(max_size=3)


@pytest.mark.parametrize(
    ("steps", "written"),
    [
        ((), ""),
        (("",), "/"),
        (("a/b",), "/a~1b"),
        (("m~n",), "/m~0n"),
        (("~1",), "/~01"),
        (("items", 0, "x"), "/items/0/x"),
        (("", "", ""), "///"),
    ],
)
def test_a_pointer_is_written_as_rfc_6901_has_it(steps: tuple[Any, ...], written: str) -> None:
    assert pointer(steps) == written
    assert steps_of(written) == tuple(map(str, steps))


def test_what_stands_before_the_first_slash_is_no_step() -> None:
    assert steps_of("#/$defs/a~1b") == ("$defs", "a/b")
    assert steps_of("#") == ()


@given(st.lists(keys | st.integers(0, 10**6), max_size=5))
def test_steps_are_read_back_as_they_were_written(steps: list[str | int]) -> None:
    written = pointer(steps)
    assert steps_of(written) == tuple(map(str, steps))
    assert written == "".join(map(step, steps))
    assert written.count("/") == len(steps)


@given(keys)
def test_no_name_can_be_taken_for_two_steps(name: str) -> None:
    assert "/" not in escaped(name)
    assert value_at({"a": {"b": 2}, name: 1}, step(name)) == 1


@given(st.lists(keys | st.integers(0, 99), max_size=5))
def test_a_field_has_a_star_for_each_index_and_is_itself_its_field(steps: list[str | int]) -> None:
    field = any_index(pointer(steps))
    assert any_index(field) == field
    assert len(steps_of(field)) == len(steps)
    assert all(
        told == "*" for told, each in zip(steps_of(field), steps, strict=True) if isinstance(each, int)
    )
