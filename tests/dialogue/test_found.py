"""JSON in prose: what is complete is found, what is cut off is not, in linear time."""

from __future__ import annotations

import json
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.dialogue.found import found_json, without_thoughts

OBJECT = '{"a": [1, {"b": "}]"}]}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (OBJECT, [OBJECT]),
        (f"Here you are:\n```json\n{OBJECT}\n```\nAnything else?", [OBJECT]),
        (f"```\n{OBJECT}\n```", [OBJECT]),
        (f"I thought {{of}} it. First {OBJECT}, then [2].", [OBJECT, "[2]"]),
        ("no JSON at all", []),
        ("", []),
        ("{'single': 1} and {\"a\": 1}", ['{"a": 1}']),
        ('{"a": 1} {"a": {"b": 2}', None),
        ('{"a": "it never ends', None),
        ('```json\n{"a": [1, 2\n```', None),
        ("[" * 100_000, None),
        ('{"a":' * 100_000, None),
        ("{" * 200_000, None),  # in quadratic time these would take minutes
        ('{"a":1,} ' * 100_000, []),
        ("[x]" * 100_000, []),
    ],
    ids=range(15),
)
def test_complete_objects_and_arrays_are_found_and_a_cut_off_one_spoils_all(
    text: str, found: list[str] | None
) -> None:
    assert found_json(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<think>Is it {"a": 2}? No.</think>\n{"a": 1}', '\n{"a": 1}'),
        ('it opened before the reply {</think>{"a": 1}', '{"a": 1}'),
        ("[THINK]hm[/THINK]yes", "yes"),
        ("<thinking>a</thinking>b</think>c", "c"),
        ("no thoughts", "no thoughts"),
        ("<think>it never ends", "<think>it never ends"),
        ("", ""),
    ],
)
def test_thoughts_before_an_answer_are_left_out(text: str, said: str) -> None:
    assert without_thoughts(text) == said


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
prose = st.text(st.characters(exclude_characters='{}[]"`', exclude_categories=["Cs"]), max_size=20)


@given(prose, st.lists(values, min_size=1, max_size=3) | st.dictionaries(prose, values), prose)
def test_an_object_planted_in_prose_is_found_as_it_is(before: str, value: object, after: str) -> None:
    text = json.dumps(value)
    assert found_json(before + text + after) == [text]


@given(st.lists(values, min_size=1) | st.dictionaries(prose, values, min_size=1), st.data())
def test_no_beginning_of_an_object_is_taken_for_a_whole_one(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(1, len(text) - 1))
    assert not found_json(text[:cut])


@given(st.text(alphabet='{}[]":,\\a1 \n`'))
def test_whatever_the_text_only_whole_json_is_found(text: str) -> None:
    for found in found_json(text) or []:
        assert isinstance(json.loads(found), dict | list)


@pytest.mark.parametrize("opening", ["{", "[", '{"', '{"a":', "[[{", '"', "\\", "`", "</think>", '{"a": 1} '])
def test_the_work_grows_with_the_text_alone(opening: str) -> None:
    def steps(text: str) -> int:
        count = 0

        def step(frame: FrameType, event: str, arg: object) -> Any:
            nonlocal count
            count += 1
            return step

        sys.settrace(step)
        try:
            found_json(without_thoughts(text))
        finally:
            sys.settrace(None)
        return count

    small, large = steps(opening * 300), steps(opening * 3_000)
    assert large <= 11 * small
