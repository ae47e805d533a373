"""Calls of tools in a stream: piece by piece in every dialect, and whole at the end."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from typing import Any

import pytest

from extractor import AsyncExtractor, CompletionChunk, Extractor, Invalid
from extractor.dialects import PROVIDERS
from extractor.testing import ChatServer, calls, split, stream

ASK = [{"role": "user", "content": "Compare Köln and Rome."}]
LOOK = calls(("weather", {"city": "Köln", "days": 2}), ("weather", {"city": "Rome"}), content="I'll look.")


def weather(city: str, days: int = 1) -> str:
    """Tell the weather."""
    return "fine"


def arguments(chunks: list[CompletionChunk]) -> list[str]:
    """The argument texts put together from the pieces, in the order of the calls."""
    pieces: dict[Any, str] = defaultdict(str)
    last: dict[int, Any] = {}
    for delta in (d for chunk in chunks for choice in chunk.choices for d in choice.delta.tool_calls):
        last[delta.index] = delta.id or last.get(delta.index)
        pieces[delta.index, last[delta.index]] += delta.arguments
    return list(pieces.values())


@pytest.mark.parametrize("name", ["openai", "openai-responses", "anthropic", "gemini"])
@pytest.mark.parametrize("at", [1, 7, 1000])
def test_arguments_come_in_pieces_that_make_the_calls(name: str, at: int) -> None:
    with ChatServer(split(stream(LOOK, piece=3), at=at)) as server:
        base = server.base_url if PROVIDERS[name].url_path == "" else server.url
        with Extractor(f"{name}:m", base_url=base, api_key="any") as ex:
            chunks = list(ex.chat_stream(ASK, tools=[weather]))

        async def ask() -> list[CompletionChunk]:
            async with AsyncExtractor(f"{name}:m", base_url=base, api_key="any") as other:
                return [chunk async for chunk in other.chat_stream(ASK, tools=[weather])]

        assert arguments(asyncio.run(ask())) == arguments(chunks)
    whole = chunks[-1].completion
    assert whole is not None
    assert [json.loads(text) for text in arguments(chunks)] == [{"city": "Köln", "days": 2}, {"city": "Rome"}]
    assert [call.function.arguments for call in whole.tool_calls] == arguments(chunks)
    assert [call.function.parsed_arguments for call in whole.tool_calls] == [
        {"city": "Köln", "days": 2},
        {"city": "Rome"},
    ]
    assert len({call.id for call in whole.tool_calls}) == 2
    assert (whole.content, whole.finish_reason) == ("I'll look.", "tool_calls")
    assert whole.usage is not None
    streamed = [d for chunk in chunks for c in chunk.choices for d in c.delta.tool_calls]
    assert len(streamed) > 4 or name == "gemini"  # that API sends each call whole


def test_a_streamed_call_that_does_not_fit_raises_at_the_end() -> None:
    wrong = ChatServer(calls(("weather", {"city": 3})))
    with wrong as server, Extractor("m", base_url=server.base_url, api_key="any") as ex:
        chunks = ex.chat_stream(ASK, tools=[weather])
        with pytest.raises(Invalid, match="/tool_calls/0/function/arguments/city"):
            list(chunks)
