"""Names for what has none of its own: all different, in order, for thousands of equal ones too."""

from hypothesis import given
from hypothesis import strategies as st

from extractor.schema.names import distinct, fresh


def test_equal_names_are_numbered_in_order() -> None:
    assert distinct(["a", "a b", "a", "a_2", "a-b", "a"]) == ["a", "a_b", "a_2", "a_2_2", "a_b_2", "a_3"]


def test_thousands_of_equal_names_take_no_longer_each_than_a_few() -> None:
    assert distinct(["task"] * 20_000)[-1] == "task_20000"


@given(st.lists(st.sampled_from(["a", "a_2", "a_3", "b", "a_2_2"])))
def test_each_name_is_the_first_that_is_free(names: list[str]) -> None:
    made = distinct(names)
    assert [fresh(name, made[:i]) for i, name in enumerate(names)] == made
