"""The most that a request can take is read from its body as it is sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extractor import ConfigError, Message, Mode, Usage
from extractor.dialects import DIALECTS, PROVIDERS, Bodies, most_usage
from extractor.dialects.bounds import MOST_OF_IMAGE
from extractor.messages import FunctionCall as Call
from extractor.messages import Request, StrictSchema, ToolCall

SPOKEN = ("openai", "openai-responses", "anthropic", "gemini", "mistral", "ollama")
SCHEMA = StrictSchema(
    "person", {"type": "object", "properties": {"image": {"type": "file"}}, "required": ["image"]}
)
TURNS = (
    Message("system", "Read the text."),
    Message("user", "Ada is 36."),
    Message("assistant", None, tool_calls=(ToolCall("1", Call("person", '{"type": "file", "image": 1}')),)),
    Message("tool", '{"type": "image"}', tool_call_id="1"),
    Message("user", [{"type": "text", "text": "Bob is 7."}, {"type": "text", "text": "Bye."}]),
)


def body(**members: Any) -> bytes:
    messages = [{"role": "user", "content": "Ada is 36."}]
    return json.dumps({"model": "m", "messages": messages, "max_tokens": 100, **members}).encode()


@pytest.mark.parametrize("name", SPOKEN)
@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOL, Mode.PROMPT])
def test_a_conversation_in_words_has_a_bound_in_every_api(name: str, mode: Mode) -> None:
    provider = PROVIDERS[name]
    request = Request("m", TURNS, {"max_tokens": 100}, SCHEMA, mode)
    written = Bodies(DIALECTS[provider.dialect], provider).write(request)
    most = most_usage(written, "m")
    assert most.completion_tokens == 100
    assert len(written) <= most.prompt_tokens <= len(written) + 1_000
    assert most.cache_write_tokens == (most.prompt_tokens if name == "anthropic" else 0)


@pytest.mark.parametrize("name", SPOKEN)
def test_the_body_as_it_is_sent_says_how_long_the_answer_may_be(name: str) -> None:
    provider = PROVIDERS[name]
    longer = {"gemini": {"generationConfig": {"maxOutputTokens": 50_000}}}.get(name, {"max_tokens": 50_000})
    request = Request("m", TURNS[:2], {"max_tokens": 100, "extra_body": longer})
    written = Bodies(DIALECTS[provider.dialect], provider).write(request)
    assert most_usage(written, "m").completion_tokens == 50_000


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=3), st.integers(1, 9), st.integers(1, 9))
def test_of_several_limits_and_counts_of_answers_the_largest_hold(
    limits: list[int], n: int, best_of: int
) -> None:
    spelt = dict(zip(("max_tokens", "max_completion_tokens", "max_output_tokens"), limits, strict=False))
    most = most_usage(json.dumps({"n": n, "best_of": best_of, **spelt}).encode(), "m")
    assert most.completion_tokens == max(limits) * max(n, best_of)


def test_an_answer_without_a_limit_is_as_long_as_the_model_gives() -> None:
    assert most_usage(body(max_tokens=None), "m", longest=9).completion_tokens == 9
    with pytest.raises(ConfigError, match="max_tokens="):
        most_usage(body(max_tokens=None), "m")


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 90_000}},
        {"type": "input_image", "image_url": "https://x/y.png"},
        {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
        {"inlineData": {"mimeType": "image/png", "data": "A" * 90_000}},
        {"file_data": {"mime_type": "image/png", "file_uri": "gs://x/y"}},
    ],
    ids=range(6),
)
def test_a_picture_is_as_many_tokens_as_any_model_makes_of_one(part: Any) -> None:
    words = most_usage(body(), "m").prompt_tokens
    messages = [{"role": "user", "content": [part, part, {"type": "text", "text": "?"}]}]
    assert 0 < most_usage(body(messages=messages), "m").prompt_tokens - 2 * MOST_OF_IMAGE - words < 400


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "f"}},
        {"type": "input_file", "file_url": "https://x/y.pdf"},
        {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
        {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
        {"fileData": {"fileUri": "gs://x/y.pdf"}},
        {"inline_data": {"mime_type": "video/mp4", "data": ""}},
        {"type": "what is to come"},
    ],
    ids=range(8),
)
def test_what_is_no_text_and_no_picture_has_no_bound(part: Any) -> None:
    for messages in (
        [{"role": "user", "content": [part]}],
        [{"role": "user", "parts": [{"text": "?"}, part]}],
    ):
        for name in ("messages", "input", "contents"):
            with pytest.raises(ConfigError, match="not text"):
                most_usage(body(**{name: messages}), "m")


@pytest.mark.parametrize(
    "members",
    [
        {"model": "dearer"},
        {"models": ["dearer"]},
        {"plugins": [{"id": "web"}]},
        {"web_search_options": {}},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"google_search": {}}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]},
        {"previous_response_id": "r"},
        {"cachedContent": "c"},
        {"service_tier": "priority"},
        {"modalities": ["text", "audio"]},
        {"generationConfig": {"responseModalities": ["IMAGE"]}},
        {"system": [{"type": "text", "text": "?", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"max_tokens": -1},
        {"max_tokens": True},
        {"max_tokens": "100"},
        {"max_tokens": 1e9},
        {"max_output_tokens": -1},
        {"generation_config": {"max_output_tokens": "9"}},
        {"n": 0},
        {"n": "2"},
    ],
    ids=str,
)
def test_what_may_cost_more_than_tokens_of_text_has_no_bound(members: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        most_usage(body(**members), "m")


def test_predicted_tokens_may_be_paid_for_as_the_answers_own() -> None:
    predicted = body(prediction={"type": "content", "content": "x" * 500})
    assert most_usage(predicted, "m").completion_tokens == 100 + len(predicted)


@pytest.mark.slow
@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v))
)
@example([{"cache_control": None}])
def test_any_body_has_a_bound_or_is_told_to_have_none(value: Any) -> None:
    written = json.dumps({"messages": value, "tools": value, "max_tokens": 5}).encode()
    try:
        most = most_usage(written, "m")
    except ConfigError:
        return
    marked = b'"cache_control"' in written  # anywhere, since what is not a mark may be taken for one
    assert most == Usage(most.prompt_tokens, 5, cache_write_tokens=most.prompt_tokens if marked else 0)
    assert most.prompt_tokens >= len(written)
