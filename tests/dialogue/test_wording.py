"""The instructions of a question: plain, and for small models."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor
from extractor.dialogue import SMALL_TASK, SMALL_TASK_IN_LINES, TASK
from extractor.dialogue.outline import outline
from extractor.reading import laid_out
from extractor.schema import compile_schema, grounding
from extractor.testing import ChatServer, reply


class Call(BaseModel):
    """The record type of the worked example."""

    name: str | None
    email: str | None
    phone: str | None
    when: str | None


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


def worked(task: str) -> tuple[str, str, str]:
    """Return the text of the worked example, its shape and its record."""
    before, _, answer = task.removeprefix(TASK).partition("\nthe record is\n")
    said, _, shape = before.partition("\nin the shape\n")
    return said.splitlines()[-1], shape, answer


def test_the_worked_example_is_what_the_library_itself_would_say_and_take() -> None:
    text, shape, answer = worked(SMALL_TASK)
    compiled = compile_schema(Call, grounding("local", "all"))
    lines = outline(compiled.schema).splitlines()
    assert shape == "{" + ", ".join(line.strip() for line in lines[1:-1]) + "}"
    record = compiled.decode(answer, {"text": text})
    assert json.loads(answer) == record.model_dump()
    assert all(value in text for value in [record.name, record.phone, record.when])
    assert worked(SMALL_TASK_IN_LINES) == (text, outline(compiled.schema), laid_out(json.loads(answer)))


def test_a_small_model_sees_a_worked_example_among_the_instructions() -> None:
    assert asked(prompt="small", instructions="Names only.") == [
        {"role": "system", "content": f"{SMALL_TASK}\n\nNames only.\n\n{SHAPE}"},
        {"role": "user", "content": "Ada called."},
    ]


def test_others_see_the_task_and_the_shape() -> None:
    assert asked() == [
        {"role": "system", "content": f"{TASK}\n\n{SHAPE}"},
        {"role": "user", "content": "Ada called."},
    ]


def test_the_callers_own_examples_take_the_place_of_the_worked_one() -> None:
    shots = [("Bob wrote.", {"who": "Bob"})]
    assert asked(prompt="small", examples=shots) == asked(examples=shots)


def test_a_prompt_that_is_none_is_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"prompt must be one of plain and small, or a template with \{schema\} in it, not 'tiny'",
    ):
        Extractor("openai:m", api_key="k", prompt="tiny")
