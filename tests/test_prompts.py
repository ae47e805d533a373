"""The prompt is the user's: a template in place of our words, examples in the format of gold."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import AsyncExtractor, Chunks, ConfigError, Extractor, Run
from extractor.dialogue import PLACEHOLDERS, PromptTemplate
from extractor.testing import ChatServer, reply, shaped
from extractor.types import DEFAULT_PROMPT

DOCS = Path(__file__).parent.parent / "docs"
MINE = "You read mails.\n\nRules:\n{instructions}\n\n{schema}\n\n{text_note}"


class Person(BaseModel):
    name: str
    age: int | None = None


def client(**options: Any) -> Extractor:
    return Extractor("openai:m", api_key="k", **options)


def first_message(ex: Extractor, **options: Any) -> str:
    said: str = ex.preview(Person, "Ada, 36", **options).json["messages"][0]["content"]
    return said


def test_the_default_prompt_stands_in_the_documentation() -> None:
    (shown,) = re.findall(r"```text\n(.*?)\n```", (DOCS / "prompts.md").read_text("utf-8"), re.DOTALL)
    assert shown == DEFAULT_PROMPT


def test_every_placeholder_stands_in_the_documentation() -> None:
    page = (DOCS / "prompts.md").read_text("utf-8")
    assert set(re.findall(r"^\| `\{(\w+)\}`", page, re.MULTILINE)) == set(PLACEHOLDERS)


def test_the_default_prompt_given_as_ones_own_sends_the_same() -> None:
    given = first_message(client(), prompt=DEFAULT_PROMPT, instructions="Be exact.")
    assert given == first_message(client(), instructions="Be exact.")


def test_a_prompt_takes_the_place_of_our_words() -> None:
    said = first_message(client(prompt=MINE), instructions="No titles.")
    assert said == "You read mails.\n\nRules:\nNo titles."  # OpenAI shows the schema itself


def test_a_heading_goes_with_what_stands_under_it() -> None:
    assert first_message(client(prompt=MINE)) == "You read mails."


def test_a_call_may_have_a_prompt_of_its_own() -> None:
    assert first_message(client(prompt=MINE), prompt="Names!\n\n{schema}") == "Names!"
    assert first_message(client(prompt=MINE), prompt="plain") == first_message(client())


def test_the_schema_stands_where_the_prompt_wants_it() -> None:
    ex = client(prompt="Shape first: {schema}\n\nThen read.", mode="prompt")
    assert re.match(r"Shape first: JSON Schema of the answer:\n\{.*\}\n\nThen read\.", first_message(ex))


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (
            "Read {instructoins} {schema}",
            r"placeholder {instructoins}; did you mean {instructions}\?",
        ),
        ("Read {text} {schema}", "the text is sent in a message of its own"),
        ("Read {instructions}", "prompt= lacks the placeholder {schema}"),
        ("Read {schema", "is not a valid template"),
        ("Read {schema!r}", "unknown placeholder"),
        ("Read {}", "unknown placeholder"),
        ("Read {foo}", r"unknown placeholder {foo}\. There are"),
        ("Read the mail.", "or a template with {schema} in it"),
    ],
)
def test_a_prompt_that_cannot_work_is_refused_before_anything_is_sent(prompt: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        client(prompt=prompt)
    with pytest.raises(ConfigError, match=reason):
        client().preview(Person, "Ada", prompt=prompt)


def test_what_is_given_has_to_have_a_place() -> None:
    ex = client(prompt="Read. {schema}")
    for name, said in (("instructions", "Be exact."), ("reference_date", "2026-03-31"), ("locale", "de")):
        options: dict[str, Any] = {name: said}
        with pytest.raises(ConfigError, match=f"prompt= lacks the placeholder {{{name}}}"):
            ex.preview(Person, "Ada", **options)


def test_braces_are_written_twice() -> None:
    assert first_message(client(prompt='Write {{"a": 1}}.\n\n{schema}')) == 'Write {"a": 1}.'


@given(st.text())
def test_values_with_braces_stay_as_they_are(said: str) -> None:
    template = PromptTemplate.of("Read.\n\n{instructions}\n\n{schema}")
    assert template.filled({"instructions": said, "schema": ""}) in (f"Read.\n\n{said.strip()}", "Read.")


def test_a_repair_of_a_few_values_has_the_prompt_too() -> None:
    replies = [reply('{"name": "Ada", "age": "old"}'), reply('{"age": 36}')]
    with (
        ChatServer(replies) as server,
        Extractor("openai:m", base_url=server.base_url, prompt=MINE) as ex,
    ):
        assert ex.extract(Person, "Ada, 36").age == 36
        again = server.requests[1].json["messages"]
    assert again[0] == {"role": "system", "content": "You read mails."}
    assert again[1] == {"role": "user", "content": "Ada, 36"}


def test_streams_items_documents_and_async_calls_have_the_prompt() -> None:
    async def acall(url: str) -> None:
        async with AsyncExtractor("openai:m", base_url=url, prompt=MINE) as ex:
            await ex.extract(Person, "Ada")

    with ChatServer(shaped()) as server:
        with Extractor("openai:m", base_url=server.base_url) as ex:
            list(ex.stream(Person, "Ada", prompt=MINE))
            list(ex.items(Person, "Ada", prompt=MINE))
            ex.document(Person, "Ada", prompt=MINE, run=Run(journal=False))
        asyncio.run(acall(server.base_url))
        said = {request.json["messages"][0]["content"] for request in server.requests}
    assert said == {"You read mails."}


def test_a_document_in_parts_needs_a_place_for_that() -> None:
    with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        text = "Ada is 36. " * 40
        with pytest.raises(ConfigError, match=r"prompt= lacks the placeholder {text_note}"):
            ex.document(
                Person, text, chunks=Chunks(size=200), prompt="Read. {schema}", run=Run(journal=False)
            )
        assert server.requests == ()
        ex.document(
            Person,
            text,
            chunks=Chunks(size=200),
            prompt="Read. {schema}\n\n{text_note}",
            run=Run(journal=False),
        )
        assert any("is part 1 of" in request.json["messages"][0]["content"] for request in server.requests)


def test_texts_that_share_a_request_need_a_place_for_that() -> None:
    with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        options: dict[str, Any] = {"run": Run(rows_per_request=2, journal=False)}
        with pytest.raises(ConfigError, match=r"prompt= lacks the placeholder {text_note}"):
            list(ex.rows(["Ada", "Bob"], Person, prompt="Read. {schema}", **options))
        assert server.requests == ()
        list(ex.rows(["Ada", "Bob"], Person, prompt=MINE, **options))
        said = server.requests[0].json["messages"][0]["content"]
    assert said.startswith("You read mails.\n\nThe user's message holds several texts")


GOLD = {
    "text": "Bob is 7",
    "record": {"name": "Bob", "age": 7},
    "evidence": [{"pointer": "/name", "start": 0, "end": 3}],
}


def test_an_example_may_be_a_line_of_gold() -> None:
    plain = client().preview(Person, "Ada", examples=[("Bob is 7", {"name": "Bob", "age": 7})])
    assert client().preview(Person, "Ada", examples=[GOLD]).body == plain.body


def test_an_older_line_of_gold_is_read_too() -> None:
    older = {"text": "Bob is 7", "gold": {"name": "Bob", "age": 7}, "evidence": []}
    assert client().preview(Person, "Ada", examples=[older]).body == (
        client().preview(Person, "Ada", examples=[GOLD]).body
    )


def test_the_evidence_of_an_example_is_what_it_quotes() -> None:
    line = {"text": "Bob.\nBob is 7", "record": {"name": "Bob"}}
    second = [{"pointer": "/name", "start": 5, "end": 8}]
    shown = client().preview(Person, "Ada", examples=[{**line, "evidence": second}], evidence="quote")
    assert "Bob is 7" in shown.json["messages"][2]["content"]


def test_examples_may_be_chosen_for_each_text() -> None:
    def alike(text: str) -> list[Any]:
        return [("Bob is 7", Person(name="Bob", age=7))] if "Ada" in text else []

    ex = client(prompt="small")
    with_one = ex.preview(Person, "Ada", examples=alike).json["messages"]
    assert [message["role"] for message in with_one] == ["system", "user", "assistant", "user"]
    assert len(ex.preview(Person, "Eve", examples=alike).json["messages"]) == 2


@pytest.mark.parametrize(
    ("examples", "reason"),
    [
        ([("Bob is 7",)], "example 1 must be a pair of a text and its record"),
        ([{"text": "Bob is 7"}], "example 1 must be a pair, or"),
        ([("Bob is 7", {"age": 7})], "is not a valid record"),
        ({"text": "Bob", "record": {}}, "examples must be a list of pairs"),
        ("gold.jsonl", r"give its lines: \[json.loads\(line\) for line in open\('gold.jsonl'\)\]"),
        (Path("gold.jsonl"), r"give its lines: \[json.loads"),
        (lambda text: 1 / 0, "examples= raised ZeroDivisionError"),
        ([{**GOLD, "evidence": [{"pointer": "/name", "start": 0, "end": 99}]}], "is not a span of the text"),
    ],
)
def test_examples_that_are_none_are_told_before_anything_is_sent(examples: Any, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        client().preview(Person, "Ada", examples=examples)


@pytest.mark.parametrize("examples", ["gold.jsonl", Path("gold.jsonl"), {"text": "Bob", "record": {}}, 7])
@pytest.mark.parametrize("verb", ["run", "stream", "items", "document", "preview"])
def test_a_value_that_holds_no_examples_is_told_by_each_verb(verb: str, examples: Any) -> None:
    with pytest.raises(ConfigError, match="examples must be a list of pairs of a text and its record"):
        getattr(client(), verb)(Person, "Ada", examples=examples)
