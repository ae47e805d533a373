"""JSON in prose: what is complete is found, what is cut off is not, in linear time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.reading import found_json, without_thoughts
from tests.steps import steps

OBJECT = '{"a": [1, {"b": "}]"}]}'


def texts(text: str) -> list[str] | None:
    """Return the text of each piece that is found; None where some of it is broken."""
    found = found_json(text)
    return None if found.broken else [piece.text for piece in found.pieces]


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
        ('All in [0, 1) then. {"a": 1}', ['{"a": 1}']),
        ('{"a": 1}}', ['{"a": 1}']),
        ('{"a": 1} {"a": {"b": 2}', None),
        ('{"a": "it never ends', None),
        ('```json\n{"a": [1, 2\n```', None),
        ("[" * 100_000, None),
        ('{"a":' * 100_000, None),
        ("{" * 200_000, None),  # in quadratic time these would take minutes
        ('{"a":1,} ' * 5_000, ['{"a":1}'] * 5_000),
        ("[x]" * 10_000, []),
        ("[x" * 10_000, []),
        ("[[" * 1_000 + "}}" * 10_000, None),
        ("{'a' {'b'" * 50_000, None),
    ],
    ids=range(20),
)
def test_complete_objects_and_arrays_are_found_and_a_cut_off_one_spoils_all(
    text: str, found: list[str] | None
) -> None:
    assert texts(text) == found


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"Invoice 7","n":1,234.50,"sub":{"name":"ACME"}}',
        '{"name": None, "sub": {"name": "ACME"}}',
        '{"n": 01, "sub": {"name": "ACME"}}',
        '{"name": "a 5" screen", "sub": {"name": "ACME"}}',
        '{"name": "a "b" c", "sub": {"name": "ACME"}}',
        '{"name": "a" } x", "sub": {"name": "ACME"}}',
        '{"name": "a" } x", "sub": {"name": "ACME"}',
        '{name: "Invoice", sub: {"name": "ACME"}',
        '{"n": NaN, "sub": {"name": "ACME"}}',
        '{// as asked\n"sub": {"name": "ACME"}',
        '[{"name": None}, {"name": "ACME"}]',
        '{"name": None} {"name": "ACME"}',
        '{"sub": {"name": "ACME"}, "name": </think> }',
        '{name": "a}b", "n": null "sub": {"name": "ACME"}',
        '{"name": "a", "name": "b", "sub": {"name": "ACME"}}}',
    ],
)
def test_a_piece_of_broken_json_is_never_found(text: str) -> None:
    assert not texts(text)


@pytest.mark.parametrize(
    "text",
    ['{name: \'Invoice\', sub: {"name": "ACME"}}', "{'name': 'Invoice', 'sub': {\"name\": \"ACME\"}}"],
)
def test_nothing_is_found_inside_of_what_is_no_json(text: str) -> None:
    assert texts(text) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": "one\ntwo\tthree"}', {"a": "one\ntwo\tthree"}),
        ('{"a": [1, 2, ], }', {"a": [1, 2]}),
        ('{"a": "it\\\'s"}', {"a": "it's"}),
        ('{"a": "a\\\\", "b": "\\\\\'",}', {"a": "a\\", "b": "\\'"}),
        ('{"a": ",}", "b": ", ]",}', {"a": ",}", "b": ", ]"}),
    ],
)
def test_slips_with_one_reading_are_read_and_told(text: str, value: Any) -> None:
    (piece,) = found_json(f"Here: {text}").pieces
    assert (piece.value, json.loads(piece.text)) == (value, value)
    assert piece.slips
    assert found_json(f"Here: {text}", slips=False).broken


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}\n<think>Is it {"a": 2}?</think>', ['{"a": 1}']),
        ('<think>Is it {"a": 2}? I can not tell', []),
        ('<think>{"a": 2}</think>{"a": 1}', ['{"a": 1}']),
        ('{"a": 2}? Or {"a" </think>{"a": 1}', ['{"a": 1}']),
        ('Here: {"a": "<think>x</think>"}', ['{"a": "<think>x</think>"}']),
        ("[THINK]{}[/THINK][1]", ["[1]"]),
        ('<|channel|>analysis<|message|>{"a": 2}<|channel|>final<|message|>{"a": 1}', ['{"a": 1}']),
        ('◁think▷{"a": 2}◁/think▷{"a": 1}', ['{"a": 1}']),
        ('<thought>{"a": 2}</thought>{"a": 1}', ['{"a": 1}']),
        ('< inner_monologue >{"a": 2}</ inner_monologue >{"a": 1}', ['{"a": 1}']),
        ('<|START_THINKING|>{"a": 2}<|END_THINKING|>{"a": 1}', ['{"a": 1}']),
        ('<|START_THINKING|>{"a": 2}', []),
        ('<|begin_of_thought|>{"a": 2}<|end_of_thought|>{"a": 1}', ['{"a": 1}']),
        ('<unused94>thought\n{"a": 2}<unused95>{"a": 1}', ['{"a": 1}']),
        ('<|channel>thought\n{"a": 2}<channel|>{"a": 1}', ['{"a": 1}']),
        (
            '<|channel|>analysis<|message|>{"a": 2}<|end|><|start|>assistant'
            '<|channel|>commentary to=functions.A <|constrain|>json<|message|>{"a": 1}<|call|>',
            ['{"a": 1}'],
        ),
    ],
)
def test_nothing_is_found_in_thoughts(text: str, found: list[str]) -> None:
    assert texts(text) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('<think>Is it {"a": 2}? No.</think>\n{"a": 1}', '\n{"a": 1}'),
        ('it opened before the reply {</think>{"a": 1}', '{"a": 1}'),
        ("[THINK]hm[/THINK]yes", "yes"),
        ("<thinking>a</thinking>b</think>c", "c"),
        ("no thoughts", "no thoughts"),
        ("<think>it never ends", ""),
        ("an answer<think>and why</think> ", "an answer "),
        ("", ""),
    ],
)
def test_thoughts_beside_an_answer_are_left_out(text: str, said: str) -> None:
    assert without_thoughts(text) == said


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)
prose = st.text(st.characters(exclude_characters='{}[]"`', exclude_categories=["Cs"]), max_size=20)


@pytest.mark.slow
@given(prose, st.lists(values, min_size=1, max_size=3) | st.dictionaries(prose, values), prose)
def test_an_object_planted_in_prose_is_found_as_it_is(before: str, value: object, after: str) -> None:
    text = json.dumps(value)
    assert texts(before + text + after) == [text]


@pytest.mark.slow
@given(st.lists(values, min_size=1) | st.dictionaries(prose, values, min_size=1), st.data())
def test_no_beginning_of_an_object_is_taken_for_a_whole_one(value: object, data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = data.draw(st.integers(1, len(text) - 1))
    assert not texts(text[:cut])


@given(st.text(alphabet='{}[]":,\\a1 \n`'))
def test_whatever_the_text_only_whole_json_is_found(text: str) -> None:
    for piece in found_json(text).pieces:
        assert isinstance(json.loads(piece.text), dict | list)


@pytest.mark.parametrize("opening", ["{", "[", '{"', '{"a":', "[[{", '"', "\\", "`", "</think>", '{"a": 1} '])
def test_the_work_grows_with_the_text_alone(opening: str) -> None:
    def work(text: str) -> int:
        return steps(lambda: found_json(without_thoughts(text)))

    small, large = work(opening * 300), work(opening * 3_000)
    assert large <= 11 * small
