"""How a question is laid out: plain, and for small models."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor
from extractor.dialogue import shown_schema, worked_question
from extractor.dialogue.wording import TASK, WORKED
from extractor.messages import Message, Mode
from extractor.schema import compile_schema, grounding
from extractor.testing import ChatServer, reply


class Call(BaseModel):
    """The record type of the worked example."""

    caller: str | None
    email: str | None
    size: Literal["small", "medium", "large"] | None
    colours: list[str]
    phone: str | None
    paid: bool | None


class Note(BaseModel):
    who: str | None


SHAPE = 'Shape of the answer:\n{\n  "who": string | null\n}'


def asked(**options: Any) -> list[dict[str, Any]]:
    examples = options.pop("examples", ())
    text = options.pop("text", "Ada called.")
    with (
        ChatServer([reply('{"who": "Ada"}')]) as server,
        Extractor("llamacpp:m", base_url=server.base_url, **options) as ex,
    ):
        ex.run(Note, text, examples=examples)
    messages: list[dict[str, Any]] = server.requests[0].json["messages"]
    return messages


def test_the_worked_example_is_what_the_library_itself_would_say_and_take() -> None:
    question, answer = (str(message.content) for message in WORKED)
    shape, _, text = question.partition("\n\nText:\n")
    compiled = compile_schema(Call, grounding("local", "all"))
    assert shape == shown_schema(compiled.schema, Mode.JSON_SCHEMA)
    record = compiled.decode(answer, {"text": text})
    assert json.loads(answer) == record.model_dump()
    assert all(value in text for value in [record.caller, record.phone, *record.colours])


def test_a_small_model_sees_an_example_first_and_the_shape_beside_the_text() -> None:
    system, *worked, question = asked(prompt="small", instructions="Names only.")
    assert system["content"] == f"{TASK}\n\nNames only."
    assert [message["content"] for message in worked] == [message.content for message in WORKED]
    assert question == {"role": "user", "content": f"{SHAPE}\n\nText:\nAda called."}


def test_otherwise_the_shape_is_among_the_instructions_and_the_text_alone() -> None:
    assert asked() == [
        {"role": "system", "content": f"{TASK}\n\n{SHAPE}"},
        {"role": "user", "content": "Ada called."},
    ]


def test_the_callers_own_examples_take_the_place_of_the_worked_one() -> None:
    shots = [("Bob wrote.", {"who": "Bob"})]
    assert asked(prompt="small", examples=shots) == asked(examples=shots)


def test_the_shape_stands_before_content_parts() -> None:
    parts = [{"type": "text", "text": "Ada called."}]
    shown = worked_question(Message("system", TASK), SHAPE, parts)[-1].content
    assert shown == [{"type": "text", "text": f"{SHAPE}\n\nText:\n"}, *parts]


def test_a_layout_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match="prompt is one of plain, small, not 'tiny'"):
        Extractor("openai:m", api_key="k", prompt="tiny")
