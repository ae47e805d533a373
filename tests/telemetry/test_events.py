"""What `on_event` is told: each dialogue's beginning, attempts and end, whatever way it was begun."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from people import BAD, GOOD, Person, extractor

from extractor import (
    AsyncExtractor,
    AttemptEnded,
    DialogueEnded,
    DialogueStarted,
    Event,
    Outcome,
    Run,
)
from extractor.testing import ChatServer, Shaped, calls, drop, reply, slow, status


def told(events: list[Event]) -> list[str]:
    """Return events in short: where attempts stand, and how the dialogue ended."""
    short = []
    for event in events:
        match event:
            case DialogueStarted():
                short.append("begin")
            case AttemptEnded():
                short.append(f"{event.number} {event.attempt.outcome}" + ("" if event.wait is None else " …"))
            case DialogueEnded():
                short.append(f"end {event.result.outcome}" if event.result else "abandoned")
    return short


def test_a_dialogue_tells_its_beginning_each_attempt_and_its_end() -> None:
    events: list[Event] = []
    with ChatServer([status(503), reply(BAD), reply(GOOD)]) as server:
        with extractor(server, on_event=events.append) as ex:
            ex.extract(Person, "Ada, 36")
        base_url = server.base_url
    assert told(events) == ["begin", "1 transport …", "2 invalid …", "3 ok", "end repaired"]
    first, *_, last = events
    assert isinstance(first, DialogueStarted)
    assert (first.model, first.provider, first.server, first.record_type) == (
        "m",
        "openai",
        base_url,
        "Person",
    )
    assert isinstance(last, DialogueEnded)
    assert last.result is not None
    assert last.result.record == Person(name="Ada", age=36)
    assert len({event.id for event in events}) == 1
    assert pickle.loads(pickle.dumps(first)) == first


def test_a_failed_dialogue_ends_in_its_outcome() -> None:
    events: list[Event] = []
    with ChatServer(status(400, "no")) as server, extractor(server, on_event=events.append) as ex:
        ex.run(Person, "Ada")
    assert told(events) == ["begin", "1 transport", "end transport"]


def test_a_fallback_model_goes_on_with_the_same_dialogue(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Event] = []
    with ChatServer([status(503), reply(GOOD)]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        with extractor(server, on_event=events.append, max_retries=0, fallback=["openai:other"]) as ex:
            ex.extract(Person, "Ada, 36")
    assert told(events) == ["begin", "1 transport", "2 ok", "end ok"]
    models = [event.attempt.request.model for event in events if isinstance(event, AttemptEnded)]
    assert models == ["m", "other"]


def test_chats_streams_and_items_tell_too() -> None:
    events: list[Event] = []
    answers = [reply("Hello"), reply("Hello"), reply(GOOD)]
    with ChatServer(answers) as server, extractor(server, on_event=events.append) as ex:
        ex.chat([{"role": "user", "content": "Hi"}])
        list(ex.chat_stream([{"role": "user", "content": "Hi"}]))
        list(ex.stream(Person, "Ada, 36"))
    assert told(events) == ["begin", "1 ok", "end ok"] * 3
    types = [event.record_type for event in events if isinstance(event, DialogueStarted)]
    assert types == [None, None, "Person"]


def test_a_stream_that_is_left_early_was_abandoned() -> None:
    events: list[Event] = []
    with (
        ChatServer(reply(GOOD)) as server,
        extractor(server, on_event=events.append) as ex,
        ex.stream(Person, "Ada, 36") as stream,
    ):
        next(iter(stream))
    assert told(events) == ["begin", "abandoned"]


def test_a_round_of_tools_is_a_dialogue() -> None:
    events: list[Event] = []

    def double(number: int) -> int:
        """Return twice the number."""
        return 2 * number

    with (
        ChatServer([calls(("double", {"number": 2})), reply("4")]) as server,
        extractor(server, on_event=events.append) as ex,
    ):
        ex.run_tools([{"role": "user", "content": "Double 2"}], tools=[double])
    assert told(events) == ["begin", "1 ok", "end ok", "begin", "2 ok", "end ok"]


@pytest.mark.parametrize("journal", [False, True])
def test_each_row_of_a_bulk_run_is_a_dialogue_and_what_the_journal_answers_no_attempt(
    journal: bool, tmp_path: Any
) -> None:
    events: list[Event] = []
    kept = tmp_path / "journal.sqlite" if journal else False
    with ChatServer(reply(GOOD)) as server, extractor(server, on_event=events.append) as ex:
        for _ in range(2):
            list(ex.rows(["Ada, 36"], Person, run=Run(journal=kept)))
    again = ["begin", "end ok"] if journal else ["begin", "1 ok", "end ok"]
    assert told(events) == ["begin", "1 ok", "end ok", *again]


def test_async_calls_tell_too() -> None:
    events: list[Event] = []

    async def main(base_url: str) -> None:
        async with AsyncExtractor("openai:m", base_url=base_url, api_key="k", on_event=events.append) as ex:
            await ex.extract(Person, "Ada, 36")
            async for _ in ex.stream(Person, "Ada, 36"):
                pass

    with ChatServer(reply(GOOD)) as server:
        asyncio.run(main(server.base_url))
    assert told(events) == ["begin", "1 ok", "end ok"] * 2


def test_a_cancelled_call_was_abandoned() -> None:
    events: list[Event] = []

    async def main(base_url: str) -> None:
        async with AsyncExtractor("openai:m", base_url=base_url, api_key="k", on_event=events.append) as ex:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ex.extract(Person, "Ada, 36"), 0.2)

    with ChatServer(slow(reply(GOOD), latency=5)) as server:
        asyncio.run(main(server.base_url))
    assert told(events) == ["begin", "abandoned"]


def test_a_listener_that_fails_does_not_hurt_the_call(caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("broken listener")

    with ChatServer(reply(GOOD)) as server, extractor(server, on_event=broken) as ex:
        assert ex.extract(Person, "Ada, 36") == Person(name="Ada", age=36)
    assert "a listener failed on DialogueStarted" in caplog.text


def test_a_dropped_connection_is_an_attempt() -> None:
    events: list[Event] = []
    with ChatServer([drop(), Shaped()]) as server, extractor(server, on_event=events.append) as ex:
        assert ex.run(Person, "x").outcome is Outcome.OK
    assert told(events) == ["begin", "1 transport …", "2 ok", "end ok"]
