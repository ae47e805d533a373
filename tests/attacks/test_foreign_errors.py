"""Replies that make a library raise: each is an outcome of its call, none is the exception of a library."""

from __future__ import annotations

import pytest
from pydantic import BaseModel
from tenacity.wait import wait_none

from extractor import Extractor
from extractor.testing import ChatServer, body, reply

from .conftest import Bounded


class Person(BaseModel):
    name: str
    age: int


REPLIES = {
    "lists 100,000 deep": body("[" * 100_000),
    "a text that is lists 100,000 deep": reply("[" * 100_000),
    "8 MB that are no JSON": body("x" * 8_000_000),
}


def outcome_of(name: str) -> str:
    options = {"max_retries": 0, "max_repairs": 0, "retry_wait": wait_none()}
    with ChatServer([REPLIES[name]]) as server, Extractor("m", base_url=server.base_url, **options) as ex:
        return str(ex.run(Person, "Ada is 36.").outcome)


@pytest.mark.parametrize("name", REPLIES)
def test_a_reply_that_cannot_be_read_is_an_outcome(name: str, bounded: Bounded) -> None:
    outcome = bounded(outcome_of, name, seconds=10, megabytes=400)
    assert outcome.value in ("transport", "invalid_json", "invalid"), outcome
