"""A keyword or an order of arguments that was guessed wrong is told as that, before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, is_typeddict

import pandas as pd
import pytest
from pydantic import BaseModel

from extractor import Extractor, ExtractorError, options
from extractor.errors import ConfigError
from extractor.options import check_parameters
from extractor.testing import ChatServer

HELLO = [{"role": "user", "content": "Hi"}]


class Person(BaseModel):
    name: str


def look_up(name: str) -> str:
    """Look a person up."""
    return name


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running
        assert running.requests == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda ex: ex.extract(Person, "Ada", model="other"),
        lambda ex: ex.rows(["Ada"], Person, model="other"),
        lambda ex: ex.document(Person, "Ada", model="other"),
        lambda ex: ex.chat(HELLO, model="other"),
        lambda ex: ex.parse(HELLO, Person, model="other"),
        lambda ex: ex.run_tools(HELLO, Person, tools=[look_up], model="other"),
    ],
)
def test_another_model_for_one_call_is_told_as_that(
    server: ChatServer, call: Callable[[Extractor], Any]
) -> None:
    ex = Extractor("m", base_url=server.base_url)
    with ex, pytest.raises(ConfigError, match=re.escape("for one call: ex.with_options(model=...)")):
        call(ex)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda ex: ex.extract("Ada", Person),
            "Were the arguments swapped? The order is extract(Model, text)",
        ),
        (lambda ex: ex.run("Ada", Person), "The order is extract(Model, text)"),
        (lambda ex: list(ex.items("Ada", Person)), "The order is extract(Model, text)"),
        (lambda ex: ex.document("Ada " * 50, Person), "The order is extract(Model, text)"),
        (lambda ex: ex.preview("Ada", Person), "The order is extract(Model, text)"),
        (
            lambda ex: ex.update("Ada", Person.model_construct(name="Ada")),
            "the order is update(record, text)",
        ),
        (lambda ex: ex.parse(Person, HELLO), "The order is parse(messages, Model)"),
        (lambda ex: list(ex.rows(Person, ["Ada"])), "the arguments are swapped: call rows(texts, Person)"),
        (
            lambda ex: ex.frame(Person, pd.DataFrame({"body": ["Ada"]}), text="body"),
            "the arguments are swapped: call frame(df, Person, text=...)",
        ),
    ],
)
def test_swapped_arguments_are_told_as_that(
    server: ChatServer, call: Callable[[Extractor], Any], says: str
) -> None:
    ex = Extractor("m", base_url=server.base_url)
    with ex, pytest.raises(ExtractorError, match=re.escape(says)):
        call(ex)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("max_retry", "did you mean 'max_retries'? That is an option of Extractor(..., max_retries=...)"),
        (
            "jornal",
            "did you mean 'journal'? That is an option of `rows` and `frame` as run=",
        ),
        (
            "overlp",
            "did you mean 'overlap'? That is an option of `document`, for one long text",
        ),
        (
            "temprature",
            "did you mean 'temperature'? Put parameters that only your server knows into extra_body",
        ),
        ("exmples", "did you mean 'examples'?"),
        (
            "xyz",
            "'xyz' is not a parameter of the chat-completions API. Put parameters that only your server",
        ),
        ("response_model", "the record type is the first argument: extract(Model, text)"),
        ("system_prompt", "instructions= has instructions for the model"),
        ("max_workers", "run=Run(concurrency=...) bounds the requests in flight"),
        ("api_base", "base_url= is the option of Extractor(...)"),
        ("chunk_size", "chunks=Chunks(size=...) is for `document`"),
    ],
)
def test_a_name_that_was_guessed_is_told_with_the_right_one(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        check_parameters({name: 1})


def test_no_name_of_another_library_hides_one_of_ours() -> None:
    tables = [each for each in vars(options).values() if is_typeddict(each)]
    assert len(tables) > 10
    assert not {name for table in tables for name in table.__annotations__} & options.INSTEAD.keys()


def test_a_record_type_is_no_model() -> None:
    with pytest.raises(
        ConfigError, match=r"the name of a model must be a string.*ex\.extract\(Model, text\)"
    ):
        Extractor(Person)  # type: ignore[arg-type]
