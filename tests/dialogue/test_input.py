"""A prompt that the server has cut is told from one that it has read."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.dialogue import INPUT_CUT, Ask, Policy, judge_record, start
from extractor.dialogue.input import fewest_tokens, likely_tokens
from extractor.errors import InvalidJSON, Problem, Truncated
from extractor.messages import Choice, Completion, Message, Outcome, Request, StrictSchema, Usage
from extractor.results import Extraction

AGE = StrictSchema("age", {"type": "integer"})
LONG = "Ada Lovelace is 36 years old. " * 6_000
REQUEST = Request("m", (Message("system", "task"), Message("user", LONG)), {}, AGE, source=LONG)


def age(text: str) -> int:
    if not text.isdigit():
        raise InvalidJSON("no JSON", [Problem("", "not a number", text, "json_invalid")])
    return int(text)


def asked(request: Request = REQUEST, **policy: int) -> Ask[int]:
    return start(request, lambda reply, part: judge_record(reply, part, age), Policy(**policy), 0.0)


def said(prompt: int, cached: int = 0, text: str = "36", finish_reason: str = "stop") -> Completion:
    usage = Usage(prompt, 2, cached)
    return Completion(choices=(Choice(Message("assistant", text), finish_reason),), usage=usage)


def end(step: Ask[int], *replies: Completion) -> Extraction[int]:
    for reply in replies:
        after = step.receive(reply, 0.0, 0.0)
        if isinstance(after, Extraction):
            return after
        step = after
    raise AssertionError(f"would go on: {step}")


@pytest.mark.parametrize("text", ["36", "three", ""])
def test_a_text_that_cannot_have_been_read_whole_ends_as_truncated_and_is_not_asked_again(text: str) -> None:
    result = end(asked(), said(4_090, text=text))
    assert (result.outcome, result.record, len(result.attempts)) == (Outcome.TRUNCATED, None, 1)
    assert isinstance(result.error, Truncated)
    assert (
        "the input was cut off: the server counted 4,090 tokens for a prompt with a text of 180,000 "
        "characters, which has at least 36,000" in str(result.error)
    )
    assert [problem.type for problem in result.attempts[0].problems] == [INPUT_CUT]
    assert result.raw == text


def test_a_text_that_a_server_has_probably_not_read_whole_is_a_note() -> None:
    text = "internationalisation notwithstanding " * 1_000
    request = replace(REQUEST, source=text)
    result = end(asked(request), said(3_000))
    assert (result.outcome, result.record) == (Outcome.OK, 36)
    assert "3,000 tokens" in str(result.attempts[0].note)
    assert "the model may not have read all of it" in str(result.attempts[0].note)


@pytest.mark.parametrize(
    "usage",
    [Usage(45_000), Usage(0, 2), Usage(1_000, 2, 44_000), Usage(45_000, 2, 45_000), None],
    ids=["enough", "not told", "cached apart", "all cached", "no usage"],
)
def test_enough_tokens_and_none_counted_are_no_sign_of_anything(usage: Usage | None) -> None:
    result = end(asked(), replace(said(1), usage=usage))
    assert (result.outcome, result.attempts[0].note) == (Outcome.OK, None)


def test_a_server_that_leaves_out_what_it_had_cached_is_believed_once_it_has_counted_the_text() -> None:
    result = end(asked(), said(45_000, text="three"), said(300))
    assert (result.outcome, result.record) == (Outcome.REPAIRED, 36)
    assert end(asked(), said(30)).outcome is Outcome.OK


def test_rules_of_signs_that_are_repeated_are_few_tokens() -> None:
    text = ("| item " + "-" * 70 + " |\n" + "=" * 80 + "\n") * 500
    assert likely_tokens(text) < 3_500
    assert end(asked(replace(REQUEST, source=text)), said(3_500)).attempts[0].note is None


def test_a_refusal_stays_a_refusal_and_plain_chat_is_taken_as_it_is() -> None:
    refused = said(4_090, finish_reason="content_filter")
    assert end(asked(), refused).outcome is Outcome.FILTERED
    plain = replace(REQUEST, response_schema=None)
    assert end(asked(plain), said(4_090)).outcome is Outcome.OK


def test_of_content_parts_the_text_alone_is_counted_and_images_only_add_tokens() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 900_000}}
    parts = Message("user", [{"type": "text", "text": "Ada is 36."}, picture])
    request = replace(REQUEST, messages=(parts,), source=None)
    assert end(asked(request), said(1_100)).attempts[0].note is None
    both = replace(request, messages=(Message("user", [{"type": "text", "text": LONG}, picture]),))
    assert end(asked(both), said(4_090)).outcome is Outcome.TRUNCATED


def test_a_part_of_the_usage_of_several_rows_says_nothing_of_one() -> None:
    assert end(replace(asked(), counted=False), said(4_090)).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("text", "fewest"),
    [
        ("", 0),
        ("Ada Lovelace", 2),
        ("1 2 3\n4\t5", 5),
        ("=" * 5_000 + "\n| --- | --- |", 0),
        ("a" * 5_000, 1),
        ("translatesAutoresizingMaskIntoConstraints", 1),
        ("給主人留下些什麼吧" * 100, 43),  # 2,700 bytes
        ("ACGT" * 64, 4),
    ],
)
def test_the_fewest_tokens_are_a_word_each_and_pieces_of_what_no_token_is_as_long_as(
    text: str, fewest: int
) -> None:
    assert fewest_tokens(text) == fewest


@given(st.text(max_size=300))
def test_no_text_has_fewer_tokens_than_half_its_characters_could_be_words(text: str) -> None:
    assert 0 <= fewest_tokens(text) <= (len(text) + 1) // 2
    assert fewest_tokens(text + " " + text) == 2 * fewest_tokens(text)
    assert likely_tokens(text) <= len(text)
