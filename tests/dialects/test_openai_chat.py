"""The request body, and streams put together again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extractor.dialects import COMPATIBLE, PROVIDERS, Accumulator, openai_chat
from extractor.given import message_of
from extractor.messages import FunctionCall, Message, Request, StrictSchema, ToolCall, Usage

SCHEMA = StrictSchema("Person", {"type": "object", "properties": {}, "required": []}, "A person.")
HELLO = (Message("user", "hello"),)


def test_a_request_is_spelt_as_the_api_has_it() -> None:
    request = Request("gpt", HELLO, {"temperature": 0, "extra_body": {"min_p": 0.1}}, SCHEMA)
    assert openai_chat.encode(request, COMPATIBLE) == {
        "model": "gpt",
        "response_format": {
            "type": "json_schema",
            "json_schema": {
                "name": "Person", "strict": True, "schema": SCHEMA.schema, "description": "A person."
            },
        },
        "temperature": 0,
        "messages": [{"role": "user", "content": "hello"}],
        "min_p": 0.1,
    }  # fmt: skip


def test_what_does_not_change_between_rows_comes_before_the_messages() -> None:
    assert list(openai_chat.encode(Request("gpt", HELLO, {"seed": 1}, SCHEMA), COMPATIBLE))[-1] == "messages"


def test_tools_and_the_choice_among_them() -> None:
    body = openai_chat.encode(Request("gpt", HELLO, tools=(SCHEMA,), tool_choice="Person"), COMPATIBLE)
    assert body["tools"][0] == {
        "type": "function",
        "function": {
            "name": "Person",
            "strict": True,
            "parameters": SCHEMA.schema,
            "description": "A person.",
        },
    }
    assert body["tool_choice"] == {"type": "function", "function": {"name": "Person"}}


def test_max_tokens_has_the_name_that_the_provider_takes() -> None:
    request = Request("gpt", HELLO, {"max_tokens": 5})
    assert openai_chat.encode(request, PROVIDERS["openai"])["max_completion_tokens"] == 5
    assert openai_chat.encode(request, COMPATIBLE)["max_tokens"] == 5


def test_parameters_have_the_names_that_the_provider_takes() -> None:
    body = openai_chat.encode(Request("m", HELLO, {"seed": 1, "top_p": 1}), PROVIDERS["mistral"])
    assert body["random_seed"] == 1
    assert body.keys() == {"model", "random_seed", "top_p", "messages"}


def test_what_stays_the_same_from_row_to_row_has_one_key_where_the_provider_caches_by_keys() -> None:
    def key(*texts: str, **params: object) -> object:
        *lasting, last = texts
        messages = (*(Message("system", text) for text in lasting), Message("user", last))
        return openai_chat.encode(Request("m", messages, params), PROVIDERS["mistral"]).get(
            "prompt_cache_key"
        )

    assert key("Extract.", "one") == key("Extract.", "two") != key("Extract!", "one")
    assert key("one") is None
    assert key("Extract.", "one", prompt_cache_key="mine") == "mine"


def test_a_provider_without_schemas_is_asked_for_a_json_object() -> None:
    mode = PROVIDERS["deepseek"].modes[0]
    body = openai_chat.encode(Request("m", HELLO, response_schema=SCHEMA, mode=mode), PROVIDERS["deepseek"])
    assert body["response_format"] == {"type": "json_object"}


def test_a_stream_asks_for_its_usage_where_the_provider_takes_that() -> None:
    assert openai_chat.encode(Request("m", HELLO), COMPATIBLE, stream=True)["stream_options"] == {
        "include_usage": True
    }
    assert "stream_options" not in openai_chat.encode(Request("m", HELLO), PROVIDERS["mistral"], stream=True)


def test_a_tool_call_and_its_answer_go_back_as_they_came() -> None:
    call = ToolCall("call-1", FunctionCall("add", '{"a": 1}', {"a": 1}))
    assert openai_chat.encode_message(Message("assistant", None, tool_calls=(call,))) == {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call-1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
        ],
    }
    assert openai_chat.encode_message(Message("tool", "1", tool_call_id="call-1")) == {
        "role": "tool", "content": "1", "tool_call_id": "call-1",
    }  # fmt: skip


def test_what_came_with_a_call_goes_back_with_it() -> None:
    extra = {"google": {"thought_signature": "SIG"}}
    told = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
        "extra_content": extra,
    }
    reply = openai_chat.decode({"choices": [{"message": {"tool_calls": [told]}, "finish_reason": "stop"}]})
    assert reply is not None
    assert reply.finish_reason == "tool_calls"
    assert openai_chat.encode_message(reply.message)["tool_calls"] == [told]
    assert message_of({"role": "assistant", "tool_calls": [told]}).tool_calls == reply.tool_calls


def test_calls_that_a_server_counts_alike_stay_apart() -> None:
    accumulator = Accumulator()
    for name in ("a", "b"):
        call = {"index": 0, "id": f"call-{name}", "function": {"name": name, "arguments": "{}"}}
        accumulator.add(openai_chat.decode_chunk(chunk({"tool_calls": [call]})))  # type: ignore[arg-type]
    assert [call.function.name for call in accumulator.completion().tool_calls] == ["a", "b"]


def test_a_parsed_record_is_never_sent() -> None:
    assert openai_chat.encode_message(Message("assistant", "{}", parsed=object())) == {
        "role": "assistant", "content": "{}",
    }  # fmt: skip


def chunk(delta: dict[str, object], finish_reason: str | None = None, **members: object) -> dict[str, object]:
    return {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
        **members,
    }


@given(st.text(), st.text(), st.lists(st.integers(1, 5), max_size=8))
def test_chunks_add_up_to_the_completion_that_was_cut_into_them(
    text: str, arguments: str, sizes: list[int]
) -> None:
    def pieces(whole: str) -> list[str]:
        cuts = [0]
        for size in sizes:
            cuts.append(min(len(whole), cuts[-1] + size))
        return [whole[a:b] for a, b in zip(cuts, [*cuts[1:], len(whole)], strict=True)]

    accumulator = Accumulator()
    deltas: list[dict[str, object]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": piece} for piece in pieces(text)]
    deltas += [{"tool_calls": [{"index": 0, "id": "call-1", "function": {"name": "add", "arguments": ""}}]}]
    deltas += [
        {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]} for piece in pieces(arguments)
    ]
    for delta in deltas:
        accumulator.add(openai_chat.decode_chunk(chunk(delta)))  # type: ignore[arg-type]
    assert not accumulator.finished
    accumulator.add(openai_chat.decode_chunk(chunk({}, "tool_calls")))  # type: ignore[arg-type]
    accumulator.add(openai_chat.decode_chunk({"choices": [], "usage": {"prompt_tokens": 3}}))  # type: ignore[arg-type]
    assert accumulator.finished
    whole = accumulator.completion("req-1", 0.5)
    assert (whole.content, whole.finish_reason, whole.usage) == (text, "tool_calls", Usage(3))
    assert whole.tool_calls == (ToolCall("call-1", FunctionCall("add", arguments)),)
    assert (whole.id, whole.model, whole.request_id, whole.latency) == ("c", "m", "req-1", 0.5)
