"""Messages as templates take them: joined until they fit, with nothing lost."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.dialogue import joined
from extractor.dialogue.turns import turns_after
from extractor.messages import Failure, FailureKind, FunctionCall, Message, Request, ToolCall, Turns

CALL = (ToolCall("1", FunctionCall("f", "{}")),)
texts = st.text("abc", min_size=1, max_size=3)
contents = texts | texts.map(lambda words: [{"type": "text", "text": words}])
messages = st.lists(
    st.builds(Message, st.sampled_from(["system", "user", "assistant", "developer"]), contents)
    | st.just(Message("assistant", None, tool_calls=CALL))
    | st.just(Message("tool", "7", tool_call_id="1")),
    max_size=8,
)


def words(message: Message) -> str:
    said = message.content or ""
    return said if isinstance(said, str) else "".join(part["text"] for part in said)


@given(messages, st.sampled_from(Turns))
def test_nothing_is_lost_and_only_neighbours_are_joined(given: list[Message], turns: Turns) -> None:
    after = joined(given, turns)
    assert "".join(map(words, after)).replace("\n", "") == "".join(map(words, given))
    assert joined(after, turns) == after
    if turns is not Turns.ANY:
        assert all(
            a.role != b.role or a.tool_calls or b.tool_calls or a.role == "tool" for a, b in pairwise(after)
        )
        systems = [place for place, m in enumerate(after) if m.role in ("system", "developer")]
        assert systems == ([0] if turns is Turns.ALTERNATE and systems else [])


def failure(message: str, status: int = 400) -> Failure:
    return Failure(FailureKind.STATUS, message, status=status)


ASKED: dict[str, tuple[Any, ...]] = {
    "twice": (Message("system", "s"), Message("user", "a"), Message("user", "b")),
    "once": (Message("system", "s"), Message("user", "a")),
    "bare": (Message("user", "a"),),
}


@pytest.mark.parametrize(
    ("said", "status", "asked", "turns"),
    [
        (
            "After the optional system message, conversation roles must alternate",
            400,
            "twice",
            Turns.ALTERNATE,
        ),
        (
            "Conversation roles must alternate user/assistant/user/assistant/...",
            500,
            "twice",
            Turns.ALTERNATE,
        ),
        ("Conversation roles must alternate user/assistant/user/assistant/...", 400, "once", Turns.NO_SYSTEM),
        ("Conversation roles must alternate user/assistant/user/assistant/...", 400, "bare", None),
        ("System role not supported", 400, "once", Turns.NO_SYSTEM),
        ("Only user and assistant roles are supported!", 400, "twice", Turns.NO_SYSTEM),
        ("Developer instruction is not enabled for models/gemma-3-27b-it", 400, "once", Turns.NO_SYSTEM),
        (
            "invalid params, chat content has invalid message role: system (2013)",
            400,
            "once",
            Turns.NO_SYSTEM,
        ),
        ("System role not supported", 400, "bare", None),
        ("overloaded", 503, "twice", None),
    ],
)
def test_what_a_template_wants_is_learned_from_its_error(
    said: str, status: int, asked: str, turns: Turns | None
) -> None:
    assert turns_after(failure(said, status), Request("m", ASKED[asked])) is turns


def test_where_nothing_is_left_to_join_the_error_stands() -> None:
    request = Request("m", ASKED["twice"], turns=Turns.NO_SYSTEM)
    assert turns_after(failure("System role not supported"), request) is None
