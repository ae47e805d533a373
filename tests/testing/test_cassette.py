"""Real traffic recorded without its keys, and replayed without a network."""

from __future__ import annotations

import asyncio
import json
import os
import random
import string
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from tenacity import wait_none

from extractor import AsyncExtractor, ConfigError, Extractor, ServiceError, extract
from extractor.testing import ChatServer, body, cassette, drop, reply, split, status, stream
from tests.selecting import examples

HELLO = [{"role": "user", "content": "hello"}]
KEYS = st.text(string.ascii_letters + string.digits + "-_.+/=", min_size=12, max_size=40).map("sk-".__add__)
# Nobody listens there: whatever is sent fails at once.
GONE = "http://127.0.0.1:9/v1"


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer() as running:
        yield running


def test_what_was_recorded_is_replayed_with_the_server_gone(server: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "people.jsonl"

    def work(base_url: str, key: str) -> list[Any]:
        with Extractor("m", base_url=base_url, api_key=key) as ex:
            chunks = list(ex.chat_stream(HELLO))
            record = ex.extract(Person, "Ada is 36.")
            return [record, ex.chat(HELLO), [chunk.content for chunk in chunks], chunks[-1].completion]

    with cassette(file) as tape:
        recorded = work(server.base_url, "sk-the-real-key")
    assert len(tape.exchanges) == len(server.requests) == 3
    server.close()
    with cassette(file):
        replayed = work(GONE, "another")
    assert replayed[0] == recorded[0]
    assert replayed[1].content == recorded[1].content
    assert replayed[2] == recorded[2]
    assert replayed[3].usage == recorded[3].usage
    assert "sk-the-real-key" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_async_and_sync_code_share_a_cassette(server: ChatServer, tmp_path: Path) -> None:
    async def ask(base_url: str) -> list[Any]:
        async with AsyncExtractor("m", base_url=base_url, api_key="any") as ex:
            chunks = [chunk.content async for chunk in ex.chat_stream(HELLO)]
            records = await asyncio.gather(*(ex.extract(Person, f"Person {n}") for n in range(5)))
            return [*records, chunks]

    with cassette(tmp_path / "a.jsonl"):
        recorded = asyncio.run(ask(server.base_url))
    with cassette(tmp_path / "a.jsonl", record=False), Extractor("m", base_url=GONE) as ex:
        assert [ex.extract(Person, f"Person {n}") for n in reversed(range(5))] == recorded[4::-1]
        assert [chunk.content for chunk in ex.chat_stream(HELLO)] == recorded[5]

    async def again() -> list[Any]:
        async with cassette(tmp_path / "a.jsonl"):
            return await ask(GONE)

    assert asyncio.run(again()) == recorded


def test_the_same_request_gets_its_replies_in_order_and_no_more_of_them(
    server: ChatServer, tmp_path: Path
) -> None:
    server.play([reply("one"), reply("two")])
    with cassette(tmp_path / "a.jsonl"), Extractor("m", base_url=server.base_url, api_key="any") as ex:
        assert [ex.chat(HELLO).content, ex.chat(HELLO).content] == ["one", "two"]
    with cassette(tmp_path / "a.jsonl"), Extractor("m", base_url=GONE, api_key="any") as ex:
        assert [ex.chat(HELLO).content, ex.chat(HELLO).content] == ["one", "two"]
        with pytest.raises(ConfigError, match="has this request 2 times"):
            ex.chat(HELLO)


def test_a_changed_request_fails_and_says_what_differs(server: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    long = "The invoice of the third of March, number 4711, " * 5
    with cassette(file), Extractor("m", base_url=server.base_url, api_key="any") as ex:
        ex.chat([{"role": "user", "content": "something else altogether"}], temperature=1)
        ex.chat([{"role": "user", "content": long + "is due."}], seed=1)
    with cassette(file), Extractor("m", base_url=GONE, api_key="any") as ex:
        with pytest.raises(ConfigError) as raised:
            ex.run(Person, "x")
        assert "does not know this request, POST /v1/chat/completions" in str(raised.value)
        with pytest.raises(ConfigError) as raised:
            ex.chat([{"role": "user", "content": long + "was paid."}], seed=1, top_p=0.5)
        with pytest.raises(ConfigError, match="temperature"):
            list(ex.chat_stream([{"role": "user", "content": "something else altogether"}], temperature=0))
    told = str(raised.value).splitlines()
    assert "/top_p: not recorded, now 0.5" in told[1] + told[2]
    assert "/messages/0/content: recorded …'March, number 4711, is due.', now" in str(raised.value)
    assert "record=True" in told[-1]


@pytest.mark.slow
@settings(max_examples=examples(25))
@given(KEYS, KEYS, st.integers(0, 30))
def test_no_key_is_in_the_file_whoever_quotes_it(key: str, private: str, at: int) -> None:
    from tempfile import TemporaryDirectory

    quoting = status(401, f"Incorrect API key provided: {key}, {private}", headers={"x-request-id": key})
    answers = [split(quoting, at=at or 1), split(reply(f"{key} and {private}"), at=at or 1)]
    with TemporaryDirectory() as folder, ChatServer(answers) as server:
        file = Path(folder, "a.jsonl")
        extra = {"X-Private": f"Token {private}", "Cookie": f"session={private}"}
        with (
            cassette(file),
            Extractor("m", base_url=server.base_url, api_key=key, extra_headers=extra, max_retries=0) as ex,
        ):
            with pytest.raises(ServiceError):
                ex.chat([{"role": "user", "content": f"My key is {key}"}])
            ex.chat(HELLO)
        text = file.read_text()
        assert key not in text
        assert private not in text
        with cassette(file), Extractor("m", base_url=GONE, api_key=key, max_retries=0) as ex:
            with pytest.raises(ServiceError, match=r"\*\*\*"):
                ex.chat([{"role": "user", "content": f"My key is {key}"}])
            assert ex.chat(HELLO).content == "*** and ***"


def test_a_key_in_the_query_is_not_kept(server: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    with cassette(file), Extractor("gemini:m", base_url=server.url, api_key="sk-secret-key") as ex:
        list(ex.chat_stream(HELLO))
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["path"] == "/v1beta/models/m:streamGenerateContent?alt=sse"
    assert "sk-secret-key" not in line


def test_failures_and_retries_are_replayed_too(server: ChatServer, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    server.play([drop(after=0), status(503), drop(reply("hello"), after=150), body("<html>"), reply("hi")])

    def work(base_url: str) -> list[tuple[Any, ...]]:
        with Extractor("m", base_url=base_url, api_key="any", retry_wait=wait_none()) as ex:
            result = ex.run(str, "hello")
        return [(a.outcome, a.status, a.failure and a.failure.kind) for a in result.attempts]

    with cassette(file):
        recorded = work(server.base_url)
    with cassette(file):
        assert work(GONE) == recorded
    assert len(recorded) >= 4


def test_bytes_that_are_no_text_come_back_as_they_were(server: ChatServer, tmp_path: Path) -> None:
    server.play(split(reply("Zoë 😀"), at=1))
    with cassette(tmp_path / "a.jsonl"), Extractor("m", base_url=server.base_url, api_key="any") as ex:
        recorded = [chunk.content for chunk in ex.chat_stream(HELLO)]
    with cassette(tmp_path / "a.jsonl"), Extractor("m", base_url=GONE, api_key="any") as ex:
        assert [chunk.content for chunk in ex.chat_stream(HELLO)] == recorded


def test_a_stream_that_is_left_early_is_replayed_as_far_as_it_was_read(
    server: ChatServer, tmp_path: Path
) -> None:
    server.play(stream(reply("one two three"), piece=4))

    def begin(base_url: str) -> list[str]:
        with (
            Extractor("m", base_url=base_url, api_key="any") as ex,
            ex.chat_stream(HELLO) as chunks,
        ):
            return [chunk.content for _, chunk in zip(range(2), chunks, strict=False)]

    with cassette(tmp_path / "a.jsonl"):
        recorded = begin(server.base_url)
    with cassette(tmp_path / "a.jsonl"):
        assert begin(GONE) == recorded


def test_an_exception_writes_nothing_and_leaves_nothing_in_place(server: ChatServer, tmp_path: Path) -> None:
    def fail() -> None:
        with cassette(tmp_path / "a.jsonl"), Extractor("m", base_url=server.base_url, api_key="any") as ex:
            ex.chat(HELLO)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not list(tmp_path.iterdir())
    with Extractor("m", base_url=server.base_url, api_key="any") as ex:
        ex.chat(HELLO)
    assert len(server.requests) == 2


def test_a_file_that_is_missing_or_broken_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the cassette .*gone\.jsonl"):
        cassette(tmp_path / "gone.jsonl", record=False).__enter__()
    (tmp_path / "bad.jsonl").write_text('{"path": "/v1", "body": {}}\n{"path": 1,\n')
    with pytest.raises(ConfigError, match="line 2 of the cassette"):
        cassette(tmp_path / "bad.jsonl").__enter__()
    with pytest.raises(ConfigError, match="cannot write the cassette"), cassette(tmp_path / "no" / "a.jsonl"):
        pass


@pytest.mark.model
def test_the_embedded_model_is_recorded_and_then_not_needed(tmp_path: Path) -> None:
    file = tmp_path / "local.jsonl"
    with cassette(file):
        recorded = extract(Person, "Ada is 36.", model="local:smollm2", max_tokens=60)
    code = (
        "import sys; from extractor import extract; from extractor.testing import cassette\n"
        "from tests.testing.test_cassette import Person\n"
        "with cassette(sys.argv[1]):\n"
        "    print(extract(Person, 'Ada is 36.', model='local:smollm2', max_tokens=60).model_dump_json())"
    )
    nothing = {**os.environ, "EXTRACTOR_CACHE": str(tmp_path / "empty"), "EXTRACTOR_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code, file], env=nothing, capture_output=True, text=True, check=True
    )
    assert Person.model_validate_json(done.stdout) == recorded


@pytest.mark.slow
def test_a_bit_of_a_cassette_is_flipped_and_no_reply_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "flipped.jsonl"
    with ChatServer(reply({"name": "Ada", "age": 36})) as server, cassette(path):
        with Extractor("any", base_url=server.base_url) as ex:
            recorded = ex.run(Person, "Ada is 36.").record
        url = server.base_url
    whole = path.read_bytes()
    rng = random.Random(1)
    for _ in range(300):
        at = rng.randrange(len(whole))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :])
        try:
            with cassette(path), Extractor("any", base_url=url) as ex:
                assert ex.run(Person, "Ada is 36.").record == recorded
        except ConfigError:
            continue


def test_a_cassette_that_was_changed_by_hand_is_told_of_unless_its_sum_is_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "changed.jsonl"
    with ChatServer(reply({"name": "Ada", "age": 36})) as server, cassette(path):
        with Extractor("any", base_url=server.base_url) as ex:
            ex.run(Person, "Ada is 36.")
        url = server.base_url
    line = json.loads(path.read_text())
    line["pieces"] = [piece.replace("Ada", "Eva") for piece in line["pieces"]]
    path.write_text(json.dumps(line) + "\n")
    with pytest.raises(ConfigError, match="remove its `sum`"), cassette(path):
        pass
    del line["sum"]
    path.write_text(json.dumps(line) + "\n")
    with cassette(path), Extractor("any", base_url=url) as ex:
        assert ex.run(Person, "Ada is 36.").record.name == "Eva"
