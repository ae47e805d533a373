"""From the tokens of a reply to the values of its JSON."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.confidence import leaf_spans, odds_of_strings, told_by_tokens

Path = tuple[str | int, ...]
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


ODD = st.fixed_dictionaries(
    {"token": st.just('{"a":1}') | JSONS, "logprob": JSONS},
    optional={"bytes": JSONS, "top_logprobs": JSONS | st.lists(st.fixed_dictionaries({"logprob": JSONS}))},
)


def token(said: str | bytes, probability: float = 1.0, *others: tuple[str, float]) -> dict[str, Any]:
    data = said if isinstance(said, bytes) else said.encode()
    return {
        "token": data.decode(errors="replace"),
        "bytes": list(data),
        "logprob": math.log(probability),
        "top_logprobs": [{"token": o, "bytes": list(o.encode()), "logprob": math.log(p)} for o, p in others],
    }


def told(text: str, *tokens: dict[str, Any]) -> dict[Path, float]:
    return probabilities(text, {"content": list(tokens)})


def probabilities(text: str, logprobs: Any) -> dict[Path, float]:
    return {path: each.probability for path, each in told_by_tokens(text, logprobs).items()}


def together(*of_tokens: float) -> Any:
    """What a value's tokens come to, by their own probabilities."""
    return pytest.approx(math.prod(of_tokens) ** (1 / math.sqrt(len(of_tokens))))


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    if isinstance(value, dict):
        return {k: v for key, item in value.items() for k, v in leaves(item, (*path, key)).items()}
    if isinstance(value, list):
        return {k: v for i, item in enumerate(value) for k, v in leaves(item, (*path, i)).items()}
    return {path: value}


def test_a_value_is_as_probable_as_its_tokens_normalised_by_their_number() -> None:
    found = told(
        '{"a":"xy","b":42}',
        token('{"a":', 0.1), token('"', 0.9), token("x", 0.4), token('y"', 0.6),
        token(',"b":', 0.2), token("42", 0.7), token("}"),
    )  # fmt: skip
    assert found == {("a",): together(0.9, 0.4, 0.6), ("b",): together(0.7)}


def test_the_plain_mean_is_that_of_the_log_probabilities_as_they_came() -> None:
    told = told_by_tokens(
        '["x"]', {"content": [token("["), token('"', 0.1, (' "', 0.9)), token('x"', 0.4), token("]")]}
    )
    assert told[(0,)].mean_logprob == pytest.approx((math.log(0.1) + math.log(0.4)) / 2)


def test_a_token_over_the_border_of_a_value_counts_for_it() -> None:
    found = told('{"a":"x","b":4}', token('{"a":"x', 0.5), token('",', 0.8), token('"b":4}', 0.3))
    assert found == {("a",): together(0.5, 0.8), ("b",): together(0.3)}


def test_a_character_may_be_split_between_tokens() -> None:
    first, second = "ü".encode()[:1], "ü".encode()[1:]
    found = told('["ü"]', token('["'), token(first, 0.5), token(second, 0.5), token('"]'))
    assert found == {(0,): together(1, 0.5, 0.5, 1)}


def test_what_the_model_wanted_but_for_white_space_counts_with_the_token() -> None:
    found = told('{"a":"x"}', token('{"a":'), token('"', 0.1, (' "', 0.6), ("null", 0.2)), token('x"}', 0.5))
    assert found == {("a",): together(0.7, 0.5)}


def test_an_alternative_that_ends_the_value_alike_counts_and_one_that_goes_on_does_not() -> None:
    text = '{"a":"x","b":4}'
    tokens = [token('{"a":"x'), token('",', 0.3, ('"}', 0.5), ("y", 0.2)), token('"b":')]
    assert told(text, *tokens, token("4", 0.5, ("42", 0.3), ("4}", 0.2)), token("}"))[
        ("b",)
    ] == pytest.approx(0.7)
    assert told(text, *tokens, token("4}"))[("a",)] == together(1, 0.8)


@pytest.mark.parametrize(
    "tokens",
    [
        [],
        [token('{"a":2}')],
        [token('{"a":1}'), token(' {"a":1}')],
        [{"token": '{"a":1}'}],
        [{"token": 3, "logprob": "low"}],
        [{**token('{"a":1}'), "logprob": math.nan}],
    ],
    ids=["none", "of another text", "of the text twice", "without numbers", "nonsense", "NaN"],
)
def test_tokens_that_are_not_those_of_the_text_tell_nothing(tokens: list[dict[str, Any]]) -> None:
    assert told('{"a":1}', *tokens) == {}


@pytest.mark.parametrize(
    "logprobs", [None, 1.0, [], {"content": None}, {"tokens": ["x"], "token_logprobs": 1}]
)
def test_logprobs_of_another_form_tell_nothing(logprobs: Any) -> None:
    assert probabilities('{"a":1}', logprobs) == {}


def test_the_older_form_of_parallel_lists_is_read_too() -> None:
    legacy = {"tokens": ['{"a":', "1", "}"], "token_logprobs": [0.0, math.log(0.25), 0.0]}
    assert probabilities('{"a":1}', legacy) == {("a",): pytest.approx(0.25)}


def test_json_inside_of_prose_and_after_thoughts_is_found_in_the_tokens() -> None:
    found = told("[1]", token("<think>one?</think>Here: "), token("["), token("1", 0.5), token("]."))
    assert found == {(0,): pytest.approx(0.5)}


def test_a_token_that_the_server_calls_impossible_leaves_a_number_above_zero() -> None:
    impossible = {"token": "1", "logprob": -math.inf, "top_logprobs": None}
    assert 0 < told("[1]", token("["), impossible, token("]"))[(0,)] < 1e-9


@pytest.mark.slow
@given(JSONS | st.fixed_dictionaries({"content": JSONS | st.lists(ODD)}))
def test_whatever_a_server_calls_log_probabilities_is_survived(logprobs: Any) -> None:
    assert all(0 < each.probability <= 1 for each in told_by_tokens('{"a":1}', logprobs).values())


@given(JSONS, st.sampled_from([None, 2]), st.booleans())
def test_the_leaves_of_any_json_are_found_where_they_stand(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    read = {path: json.loads(text[start:end]) for path, (start, end) in leaf_spans(text).items()}
    assert read == leaves(value)


@pytest.mark.slow
@given(JSONS, st.data())
def test_however_the_bytes_are_cut_each_leaf_has_a_probability(value: Any, data: st.DataObject) -> None:
    said = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    cuts = sorted(data.draw(st.sets(st.integers(0, len(said)))) | {0, len(said)})
    sure = st.floats(0.01, 1.0)
    tokens = [token(said[a:b], data.draw(sure)) for a, b in pairwise(cuts)]
    found = told(said.decode("utf-8", "surrogatepass"), *tokens)
    assert found.keys() == leaves(value).keys()
    assert all(0 < probability <= 1 for probability in found.values())


@pytest.mark.parametrize(
    ("tokens", "odds"),
    [
        (
            [token(' "', 0.6, (" null", 0.3)), token("Ann"), token('"}')],
            {("a",): 0.6 ** (1 / math.sqrt(3)) / 0.3},
        ),
        ([token(' "', 0.6, (" null", 0.1), ("null", 0.1), ("null}", 0.1)), token('Ann"}')], "the same"),
        ([token(' "Ann', 0.6, (" nullable", 0.3)), token('"}')], {}),  # that is no null
        ([token(' "Ann', 0.6), token('"}')], {}),  # nobody knows
    ],
)
def test_the_odds_of_a_string_are_those_against_null_in_its_place(tokens: Any, odds: Any) -> None:
    found = odds_of_strings('{"a": "Ann"}', {"content": [token('{"a'), token('":'), *tokens]})
    if odds == "the same":
        odds = {("a",): 0.6 ** (1 / math.sqrt(2)) / 0.3}
    assert found == {path: pytest.approx(math.log(each)) for path, each in odds.items()}


def test_a_number_and_a_null_have_no_odds_against_null() -> None:
    said = [
        token('{"a":'),
        token(" 5", 0.5, (" null", 0.5)),
        token(', "b":'),
        token(" null", 0.9),
        token("}"),
    ]
    assert odds_of_strings('{"a": 5, "b": null}', {"content": said}) == {}
