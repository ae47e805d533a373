"""Reading a stream: the same chunks however the bytes come, and the same completion by the short cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.dialects import ADDED_TEXT, DIALECTS
from extractor.messages import Completion, CompletionChunk
from extractor.streams import StreamReader
from extractor.transport.http import Head
from tests.dialects.test_every_dialect import ASKED, RECEIVED, SERVERS, said
from tests.selecting import examples

HEAD = Head(200, {"content-type": "text/event-stream"})
every_dialect = pytest.mark.parametrize("name", DIALECTS)


def stream_of(name: str, reply: Any, end: str) -> bytes:
    events = SERVERS[name].events(reply, ASKED[name], RECEIVED)
    said_lines = (e if isinstance(e, str) else json.dumps(e, ensure_ascii=False) for e in events)
    return "".join(f"data: {line}{end}{end}" for line in said_lines).encode()


def read(name: str, pieces: Iterable[bytes], short: bool) -> tuple[list[Any], Any]:
    reading = StreamReader(DIALECTS[name], lambda: 0.0, lambda: 0.0)
    short_cut = ADDED_TEXT.get(name) if short else None
    given_out = [chunk for piece in (HEAD, *pieces) for chunk in reading.feed_short(piece, short_cut)]
    return given_out, reading.end()


def text_of(chunks: Iterable[CompletionChunk | str]) -> str:
    return "".join(chunk if isinstance(chunk, str) else chunk.content for chunk in chunks)


@pytest.mark.slow
@every_dialect
@settings(deadline=None, max_examples=examples(40))
@given(data=st.data())
def test_any_split_of_the_bytes_gives_the_same_chunks_and_the_short_cut_the_same_text(
    name: str, data: st.DataObject
) -> None:
    stream = stream_of(name, data.draw(said(name)), data.draw(st.sampled_from(["\n", "\r\n", "\r"])))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=9)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    chunks, whole = read(name, [stream], short=False)
    assert isinstance(whole, Completion)
    assert read(name, pieces, short=False) == (chunks, whole)
    assert read(name, (stream[i : i + 1] for i in range(len(stream))), short=False) == (chunks, whole)
    shorter, same = read(name, pieces, short=True)
    assert (text_of(shorter), same) == (text_of(chunks), whole)


@every_dialect
@given(value=st.recursive(st.none() | st.text(max_size=3) | st.integers(),
                          lambda i: st.lists(i, max_size=2) | st.dictionaries(
                              st.sampled_from(["type", "choices", "delta", "content", "text", "index"]), i),
                          max_leaves=9))  # fmt: skip
def test_the_short_cut_takes_nothing_but_events_that_only_add_text(name: str, value: Any) -> None:
    text = ADDED_TEXT.get(name, lambda body: None)(value)
    chunk = DIALECTS[name].decode_chunk(value)
    assert text is None or (chunk is not None and chunk.content == text)


def received(name: str, *events: Any) -> tuple[list[Any], Completion]:
    lines = [f"data: {json.dumps(event)}\n\n".encode() for event in events]
    chunks, whole = read(name, lines, short=True)
    assert isinstance(whole, Completion)
    return chunks, whole


def added(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta}]}


STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
OUTPUT = [
    {"type": "message", "content": [{"type": "output_text", "text": "Hi \U0001f600"}]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": {"a": 1}},
]
COMPLETED = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": OUTPUT}}


def test_a_responses_stream_may_say_all_in_its_last_event() -> None:
    chunks, whole = received("openai_responses", COMPLETED)
    assert (text_of(chunks), whole.content) == ("Hi \U0001f600", "Hi \U0001f600")
    assert [call.function.arguments for call in whole.tool_calls] == ['{"a":1}']


def test_what_came_in_pieces_is_not_said_again_by_the_last_event() -> None:
    piece = {"type": "response.output_text.delta", "delta": "Hi \U0001f600"}
    chunks, whole = received("openai_responses", piece, COMPLETED)
    assert (text_of(chunks), whole.content, whole.tool_calls) == ("Hi \U0001f600", "Hi \U0001f600", ())
    told = {"choices": [{"index": 0, "delta": {}, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    assert received("openai_chat", added(content="Hi"), told)[1].content == "Hi"
    assert received("openai_chat", told)[1].content == "Hi"


@pytest.mark.parametrize("first", ["", "a", "so "])
def test_a_character_may_come_in_two_events(first: str) -> None:
    pieces = [first + "\ud83d", "\ude00b", "c\ud83d", "\ude00"]
    chunks, whole = received("openai_chat", *(added(content=piece) for piece in pieces), STOP)
    assert text_of(chunks) == whole.content == f"{first}\U0001f600bc\U0001f600"
    calls = [
        added(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": piece}}])
        for piece in pieces
    ]
    (call,) = received("openai_chat", *calls, STOP)[1].tool_calls
    assert call.function.arguments == f"{first}\U0001f600bc\U0001f600"


def test_half_a_character_that_nothing_follows_stays_in_what_came() -> None:
    assert received("openai_chat", added(content="a\ud83d"), STOP)[1].content == "a\ud83d"


def test_thoughts_in_words_are_kept_apart() -> None:
    events = [added(reasoning_content="hm, "), added(reasoning="yes"), added(content="Hi"), STOP]
    message = received("openai_chat", *events)[1].message
    assert (message.content, message.reasoning_content) == ("Hi", "hm, yes")


def chat_chunk(completion: str, text: str, reason: str | None = None) -> dict[str, Any]:
    return {"id": completion, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize(
    ("chunks", "said"),
    [
        ([("a", "1"), ("a", "2"), ("b", "3"), ("a", "", "stop")], "a chunk of another completion"),
        ([("a", "1"), ("a", "", "stop"), ("a", "2")], "text after the end of its reply"),
        ([("a", "1"), ("b", "2"), ("c", "3"), ("d", "", "stop"), ("d", " ")], "123 "),
        ([("", "1"), ("a", "2"), ("a", "3"), ("b", "", "stop")], "123"),
    ],
)
def test_chunks_of_two_completions_or_after_the_end_are_no_reply(
    chunks: list[tuple[Any, ...]], said: str, short: bool
) -> None:
    lines = [f"data: {json.dumps(chat_chunk(*chunk))}\n\n".encode() for chunk in chunks]
    _, whole = read("openai_chat", lines, short)
    assert said in (whole.content if isinstance(whole, Completion) else whole.message)
