"""Requests, replies and streams of the Gemini API, in the shapes that its documentation shows."""

from __future__ import annotations

from typing import Any

import pytest

from extractor.dialects import PROVIDERS, Accumulator, gemini
from extractor.errors import ConfigError
from extractor.messages import FunctionCall, Message, Mode, Request, StrictSchema, ToolCall, Usage

ROW = PROVIDERS["gemini"]
RECIPE = StrictSchema(
    "Recipe",
    {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    "What to cook.",
)
HELLO = (Message("system", "Extract."), Message("user", "Pancakes."))


def encoded(*messages: Message, **request: Any) -> dict[str, Any]:
    return gemini.encode(Request("gemini-x", messages, **request), ROW)


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-x", False, "/models/gemini-x:generateContent"),
        ("gemini-x", True, "/models/gemini-x:streamGenerateContent?alt=sse"),
        ("tunedModels/mine", False, "/tunedModels/mine:generateContent"),
        ("a?key=b#c", False, "/models/a%3Fkey%3Db%23c:generateContent"),
    ],
)
def test_the_model_stands_in_the_path(model: str, stream: bool, path: str) -> None:
    assert gemini.path(Request(model, HELLO), stream=stream) == path


def test_a_schema_is_the_response_schema() -> None:
    assert encoded(*HELLO, response_schema=RECIPE) == {
        "generationConfig": {
            "responseMimeType": "application/json", "responseJsonSchema": RECIPE.schema
        },
        "systemInstruction": {"parts": [{"text": "Extract."}], "role": "user"},
        "contents": [{"parts": [{"text": "Pancakes."}], "role": "user"}],
    }  # fmt: skip


def test_in_json_mode_only_the_type_is_asked_for() -> None:
    body = encoded(*HELLO, response_schema=RECIPE, mode=Mode.JSON_OBJECT)
    assert body["generationConfig"] == {"responseMimeType": "application/json"}


def test_in_tool_mode_the_one_call_that_must_come_has_the_schema() -> None:
    body = encoded(*HELLO, response_schema=RECIPE, mode=Mode.TOOL)
    function = {"name": "Recipe", "description": "What to cook.", "parametersJsonSchema": RECIPE.schema}
    assert body["tools"] == [{"functionDeclarations": [function]}]
    assert body["toolConfig"] == {
        "functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["Recipe"]}
    }
    assert "generationConfig" not in body


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ("Recipe", {"mode": "ANY", "allowedFunctionNames": ["Recipe"]}),
    ],
)
def test_the_choice_among_tools(choice: str, told: Any) -> None:
    body = encoded(*HELLO, tools=(RECIPE,), tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": told}


def test_parameters_have_their_names_there() -> None:
    params = {
        "max_tokens": 5,
        "temperature": 0,
        "top_p": 0.5,
        "n": 2,
        "stop": ["a", "b"],
        "seed": 1,
        "logprobs": True,
        "top_logprobs": 3,
        "reasoning_effort": "low",
    }
    assert encoded(*HELLO, params=params)["generationConfig"] == {
        "maxOutputTokens": 5,
        "temperature": 0,
        "topP": 0.5,
        "candidateCount": 2,
        "stopSequences": ["a", "b"],
        "seed": 1,
        "responseLogprobs": True,
        "logprobs": 3,
        "thinkingConfig": {"thinkingLevel": "LOW"},
    }


def call(name: str, number: int, signature: str | None = None) -> ToolCall:
    extra = {"google": {"thought_signature": signature}} if signature else None
    return ToolCall(name, FunctionCall("add", f'{{"a": {number}}}'), extra_content=extra)


def test_calls_go_back_signed_and_results_of_one_turn_stand_together() -> None:
    body = encoded(
        Message("user", "Add."),
        Message("assistant", None, tool_calls=(call("c1", 1, "SIG"), call("c2", 2))),
        Message("tool", '{"sum": 3}', tool_call_id="c1"),
        Message("tool", "four", tool_call_id="c2"),
    )
    assert body["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {"functionCall": {"id": "c1", "name": "add", "args": {"a": 1}}, "thoughtSignature": "SIG"},
                {"functionCall": {"id": "c2", "name": "add", "args": {"a": 2}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "add", "response": {"sum": 3}}},
                {"functionResponse": {"id": "c2", "name": "add", "response": {"output": "four"}}},
            ],
        },
    ]


def test_a_call_that_the_api_did_not_make_says_so_in_place_of_a_signature() -> None:
    body = encoded(Message("user", "Add."), Message("assistant", None, tool_calls=(call("c1", 1),)))
    assert body["contents"][1]["parts"][0]["thoughtSignature"] == gemini.UNSIGNED


def test_a_result_needs_the_name_of_its_tool() -> None:
    with pytest.raises(ConfigError, match="give it as `name`"):
        encoded(Message("tool", "4", tool_call_id="c1"))
    (turn,) = encoded(Message("tool", "4", tool_call_id="c1", name="add"))["contents"]
    assert turn["parts"][0]["functionResponse"]["name"] == "add"


def test_images_documents_and_sound() -> None:
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png?x=1"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBE", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "files/abc"}},
        {"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}},
        {"videoMetadata": {"fps": 1}},
    ]
    assert encoded(Message("user", parts))["contents"][0]["parts"] == [
        {"text": "What is it?"},
        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
        {"fileData": {"fileUri": "https://example.org/a.png?x=1", "mimeType": "image/png"}},
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}},
        {"fileData": {"fileUri": "files/abc"}},
        {"inlineData": {"mimeType": "audio/wav", "data": "UklG"}},
        {"videoMetadata": {"fps": 1}},
    ]


def body(*parts: dict[str, Any], reason: str | None = "STOP", **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    return {
        "candidates": [candidate | ({"finishReason": reason} if reason else {})],
        "modelVersion": "gemini-x-1",
        "responseId": "r1",
        **members,
    }


def test_a_reply_is_its_texts_and_calls_without_the_thoughts() -> None:
    usage = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 5,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 155,
    }
    parts = [
        {"text": "Let me think.", "thought": True},
        {"text": "One "},
        {"text": "two"},
        {"functionCall": {"id": "c1", "name": "add", "args": {"a": 1}}, "thoughtSignature": "SIG"},
    ]
    reply = gemini.decode(body(*parts, usageMetadata=usage))
    assert reply is not None
    signed = ToolCall(
        "c1", FunctionCall("add", '{"a":1}'), extra_content={"google": {"thought_signature": "SIG"}}
    )
    assert reply.message == Message("assistant", "One two", tool_calls=(signed,))
    assert (reply.id, reply.model, reply.finish_reason) == ("r1", "gemini-x-1", "tool_calls")
    assert reply.usage == Usage(105, 50, cached_tokens=60, reasoning_tokens=30)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "MALFORMED_FUNCTION_CALL"),
        ("OTHER", "OTHER"),
        ("FINISH_REASON_UNSPECIFIED", None),
        (None, None),
    ],
)
def test_why_a_reply_ended(reason: str | None, finish: str | None) -> None:
    reply = gemini.decode(body(reason=reason))
    assert reply is not None
    assert (reply.finish_reason, reply.content) == (finish, None)


def test_a_prompt_that_is_blocked_is_filtered_streamed_or_not() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 8}}
    reply = gemini.decode(blocked)
    chunk = gemini.decode_chunk(blocked)
    assert reply is not None
    assert chunk is not None
    assert (reply.finish_reason, reply.usage) == ("content_filter", Usage(8))
    assert chunk.choices[0].finish_reason == "content_filter"


def test_calls_without_ids_are_given_some_and_calls_of_several_events_stay_apart() -> None:
    accumulator = Accumulator()
    events = [
        body({"functionCall": {"name": "add", "args": {"a": 1}}}, reason=None),
        body({"functionCall": {"name": "add", "args": {"a": 2}}}, reason=None),
        body({"text": ""}),
    ]
    for event in events:
        accumulator.add(gemini.decode_chunk(event))  # type: ignore[arg-type]
    whole = accumulator.completion()
    assert [call.function.arguments for call in whole.tool_calls] == ['{"a":1}', '{"a":2}']
    assert len({call.id for call in whole.tool_calls}) == 2
    assert all(call.id for call in whole.tool_calls)
    assert whole.finish_reason == "tool_calls"


def test_log_probabilities_have_the_form_of_chat_completions() -> None:
    result = {
        "chosenCandidates": [{"token": "Hi", "logProbability": -0.1}],
        "topCandidates": [{"candidates": [{"token": "Hi", "logProbability": -0.1}]}],
    }
    reply = body({"text": "Hi"})
    reply["candidates"][0]["logprobsResult"] = result
    decoded = gemini.decode(reply)
    assert decoded is not None
    token = {"token": "Hi", "logprob": -0.1}
    assert decoded.choices[0].logprobs == {"content": [{**token, "top_logprobs": [token]}]}


def test_an_error_is_read_alone_and_in_a_list() -> None:
    error = {"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}
    assert gemini.explain(error) == gemini.explain([error]) == ("API key not valid.", "INVALID_ARGUMENT")
    assert gemini.decode(error) is gemini.decode_chunk(error) is None
