"""A body that is put into a form is the body that would be written without one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.dialects import DIALECTS, PROVIDERS, Bodies
from extractor.dialects.bodies import written
from extractor.messages import Message, Mode, Request, StrictSchema

SCHEMA = StrictSchema("Person", {"type": "object", "properties": {"name": {"type": "string"}}}, "A person.")
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=40)
PROMPT = (Message("system", "Extract."), Message("user", "Ada"), Message("assistant", '{"name":"Ada"}'))
BLANK = "(here stands the text of the last message)"


def asked(text: Any, *before: Message, **more: Any) -> Request:
    return Request("m", (*(before or PROMPT), Message("user", text)), response_schema=SCHEMA, **more)


def plain(name: str, request: Request) -> bytes:
    return written(DIALECTS[PROVIDERS[name].dialect].encode(request, PROVIDERS[name]))


@pytest.mark.parametrize("name", ["openai", "openai-responses", "anthropic", "gemini", "mistral", "deepseek"])
@given(
    st.lists(ANY_TEXT | st.sampled_from(["", " ", BLANK, f'"{BLANK}"']), min_size=3, max_size=6),
    st.sampled_from(["Extract.", BLANK, "\ud800"]),
    st.sampled_from(Mode),
)
def test_any_text_is_written_as_it_would_be_without_a_form(
    name: str, texts: list[str], told: str, mode: Mode
) -> None:
    bodies = Bodies(DIALECTS[PROVIDERS[name].dialect], PROVIDERS[name])
    for text in texts:
        request = asked(text, Message("system", told), mode=mode)
        assert bodies.write(request) == plain(name, request)


VARIANTS = [
    asked("x", params={"temperature": 1}),
    asked("x", params={"temperature": 1.0}),
    asked("x", params={"logprobs": True}),
    asked("x", params={"logprobs": 1}),
    asked("x", params={"seed": 1, "temperature": 0}),
    asked("x", params={"temperature": 0, "seed": 1}),
    asked("x", mode=Mode.PROMPT),
    asked("x", Message("system", "Other.")),
    replace(asked("x"), model="other"),
    replace(asked("x"), response_schema=None),
    replace(asked("x"), response_schema=replace(SCHEMA, name="Other")),
    replace(asked("x"), response_schema=replace(SCHEMA, schema={"type": "object"})),
    replace(asked("x"), tools=(SCHEMA,), tool_choice="required"),
    replace(asked("x"), grammar="start: /x/"),
    replace(asked("x"), messages=(Message("user", "x", name="me"),)),
    asked("x", Message("developer", "Extract.")),
    asked([{"type": "text", "text": "x"}]),
]


def test_requests_that_differ_in_more_than_the_text_have_bodies_of_their_own() -> None:
    bodies = Bodies(DIALECTS["openai_chat"], PROVIDERS["openai"])
    for request in VARIANTS * 3:
        assert bodies.write(request) == plain("openai", request)
        assert bodies.write(request, stream=True) != bodies.write(request)


def test_the_dialect_is_asked_for_a_body_once_and_for_its_form_once() -> None:
    class Counting:
        made = 0

        def encode(self, *args: Any, **options: Any) -> Any:
            self.made += 1
            return DIALECTS["openai_chat"].encode(*args, **options)

    counting: Any = Counting()
    bodies = Bodies(counting, PROVIDERS["openai"])
    texts = [json.loads(bodies.write(asked(f"text {i}")))["messages"][-1]["content"] for i in range(100)]
    assert texts == [f"text {i}" for i in range(100)]
    assert counting.made == 2


def test_however_many_kinds_of_requests_there_are_few_forms_are_kept() -> None:
    bodies = Bodies(DIALECTS["openai_chat"], PROVIDERS["openai"])
    for i in range(1000):
        bodies.write(asked("x", Message("system", f"Instructions {i}.")))
    assert len(bodies._forms) <= 64
