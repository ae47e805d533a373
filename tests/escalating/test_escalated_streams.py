"""A stream whose doubtful values are settled at its end."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, Extractor
from extractor.testing import ChatServer, logprobs, reply


class Visit(BaseModel):
    guests: int
    town: str


TEXT = "3 guests from Bern, not Ulm"
FIRST = logprobs(reply({"guests": 3, "town": "Ulm"}), {"Ulm": math.log(0.3)})
SECOND = logprobs(reply({"town": "Bern"}), {})
RIGHT = Visit(guests=3, town="Bern")


@pytest.mark.parametrize("escalate", ["large", "review"])
def test_the_last_partial_has_what_became_of_doubtful_values(escalate: str) -> None:
    with ChatServer([FIRST]) as one, ChatServer([SECOND]) as two:
        second = Extractor("large", base_url=two.base_url)
        to: Any = second if escalate == "large" else escalate
        with second, Extractor("small", base_url=one.base_url, escalate=to, below=0.6) as ex:
            stream = ex.stream(Visit, TEXT)
            partials = list(stream)
        asked = len(two.requests)
    escalation = stream.result.escalation
    assert escalation is not None
    assert escalation.first == Visit(guests=3, town="Ulm")
    assert len(partials) > 2
    if escalate == "large":
        assert partials[-1].record == stream.record == RIGHT
        assert escalation.choices == {"/town": "second"}
        assert [attempt.model for attempt in stream.result.attempts] == ["small", "large"]
    else:
        assert partials[-1].record == escalation.first
        assert escalation.choices == {"/town": "review"}
        assert asked == 0


def test_a_stream_without_doubt_asks_one_model() -> None:
    with (
        ChatServer([logprobs(reply({"guests": 3, "town": "Bern"}), {})]) as one,
        Extractor("small", base_url=one.base_url, escalate="review", below=0.6) as ex,
    ):
        stream = ex.stream(Visit, TEXT)
        assert stream.record == RIGHT
        assert stream.result.escalation is None


def test_an_async_stream_does_the_same() -> None:
    async def asked(one: ChatServer, two: ChatServer) -> Any:
        second = AsyncExtractor("large", base_url=two.base_url)
        first = AsyncExtractor("small", base_url=one.base_url, escalate=second, below=0.6)
        async with second, first:
            stream = first.stream(Visit, TEXT)
            partials = [each async for each in stream]
            return partials[-1].record, await stream.result()

    with ChatServer([FIRST]) as one, ChatServer([SECOND]) as two:
        last, result = asyncio.run(asked(one, two))
    assert last == result.record == RIGHT
    assert result.escalation.choices == {"/town": "second"}
