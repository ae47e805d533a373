"""`extractor probe` against servers that do what they say, and servers that do not."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ended import Cli
from pydantic import BaseModel

from extractor import PROVIDERS, Extractor, Mode, Run
from extractor.dialogue.probe import MAX_AGE, QUESTIONS, Findings, ProbeAnswer, answer
from extractor.messages import Failure, FailureKind
from extractor.probing import known, probe
from extractor.testing import ChatServer, ReceivedRequest, calls, reply, shaped, status
from extractor.transport import local

KEY = "sk-test-0123456789abcdef"


class Person(BaseModel):
    name: str


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path))
    return tmp_path


def feature_of(request: ReceivedRequest) -> str:
    asked = request.json
    if "stream" in asked:
        return "streamed usage"
    if asked.get("tools"):
        return "tool"
    if asked.get("logprobs"):
        return "logprobs"
    if isinstance(asked["messages"][-1]["content"], list):
        return "images"
    return str(asked.get("response_format", {}).get("type", "prompt"))


def server_that(
    lacks: tuple[str, ...] = (), ignores: tuple[str, ...] = ()
) -> Callable[[ReceivedRequest], Any]:
    """A server that refuses some features, takes others without a word, and has the rest."""

    def play(request: ReceivedRequest) -> Any:
        feature = feature_of(request)
        if feature in lacks:
            return status(400, f"{feature} is not supported")
        if feature in ignores:
            return reply('{"taste": "sweet", "number": 7}' if feature == "json_schema" else "Hello.")
        if feature == "tool":
            return calls(("colour", {"colour": "teal"}))
        if feature == "images":
            return reply("Red.")
        if feature == "logprobs":
            said = reply("Hello.")
            return replace(said, choices=(replace(said.choices[0], logprobs={"content": [{"token": "H"}]}),))
        return shaped() if feature == "json_schema" else reply({"said": "hello"})

    return play


FEATURES = ["streamed usage", "json_schema", "tool", "json_object", "logprobs", "images"]


def test_a_server_that_has_all_is_found_to_have_all(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(server_that()) as server:
        end = cli("probe", "m", "--base-url", server.base_url, "--json")
        assert len(server.requests) == 6
    found = json.loads(end.out)
    assert found["answers"] == dict.fromkeys(FEATURES, "yes")
    assert found["modes"] == ["json_schema", "tool", "json_object", "prompt"]
    assert (found["model"], found["asked"], found["requests"]) == ("m", True, 6)
    assert found["usage"]["prompt_tokens"] > 0


@pytest.mark.parametrize(
    ("lacks", "ignores", "modes"),
    [
        ((), ("json_schema",), ["tool", "json_object", "prompt"]),
        (("json_schema",), (), ["tool", "json_object", "prompt"]),
        (("json_schema", "tool"), (), ["json_object", "prompt"]),
        (("tool",), ("json_schema",), ["json_object", "prompt"]),
        (("json_schema", "tool", "json_object", "logprobs", "images"), (), ["prompt"]),
        ((), ("json_schema", "tool", "json_object", "logprobs", "images"), ["prompt"]),
    ],
)
def test_what_a_server_lacks_or_ignores_is_found_and_stepped_over_by_later_processes(
    cli: Cli, lacks: tuple[str, ...], ignores: tuple[str, ...], modes: list[str]
) -> None:
    with ChatServer(server_that(lacks, ignores)) as server:
        found = json.loads(cli("probe", "m", "--base-url", server.base_url, "--json").out)
        assert found["modes"] == modes
        assert {f: a for f, a in found["answers"].items() if a != "yes"} == {
            **dict.fromkeys(lacks, "no"),
            **dict.fromkeys(ignores, "ignored"),
        }
        with Extractor("m", base_url=server.base_url) as ex:
            assert list(ex.modes) == modes
        with Extractor("m", base_url=server.base_url, mode="json_schema") as ex:
            assert list(ex.modes) == ["json_schema"]
        with Extractor("m", base_url=server.base_url, provider=PROVIDERS["openai"], api_key="any") as ex:
            assert ex.modes == tuple(Mode)
        with Extractor("other", base_url=server.base_url) as ex:
            assert ex.modes == tuple(Mode)


def test_what_was_found_is_not_asked_again_unless_wanted(cli: Cli) -> None:
    with ChatServer(server_that(ignores=("json_schema",))) as server:
        command = ("probe", "m", "--base-url", server.base_url)
        first, second, third = cli(*command), cli(*command), cli(*command, "--refresh")
        assert len(server.requests) == 12
    assert "accepts the request, but ignores this feature" in first.out
    assert 'mode="auto" tries, in this order: tool, json_object, prompt' in first.out
    assert "6 requests" in first.err
    assert "at an unknown cost" in first.err
    assert second.out == first.out
    assert "--refresh probes again" in second.err
    assert "6 requests" in third.err


def test_what_is_kept_is_the_owners_and_holds_no_key(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        ChatServer(server_that(), api_key=KEY) as server,
        Extractor("m", base_url=server.base_url, api_key=KEY) as ex,
    ):
        probe(ex._models, 1_000.0)
    [path] = (cache / "probes").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY not in path.read_text()


def test_what_was_found_ages(cli: Cli) -> None:
    with ChatServer(server_that()) as server, Extractor("m", base_url=server.base_url) as ex:
        found = probe(ex._models, 1_000.0)
        assert known(ex._models.first, 1_000.0 + MAX_AGE - 1) == found
        assert known(ex._models.first, 1_000.0 + MAX_AGE) is None
        assert known(ex._models.first, 999.0) is None  # a clock that was set back
        ex_later = Extractor("m", base_url=server.base_url)
    assert ex_later.modes == tuple(Mode)  # it is long since 1970


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"answers": {"tool": "perhaps"}}', '{"answers": 7}'])
def test_what_is_kept_and_damaged_is_as_if_it_were_not_there(cache: Path, damage: str) -> None:
    with ChatServer(server_that()) as server, Extractor("m", base_url=server.base_url) as ex:
        probe(ex._models, 1_000.0)
        [path] = (cache / "probes").iterdir()
        path.write_text(damage)
        assert known(ex._models.first, 1_000.0) is None
        Extractor("m", base_url=server.base_url).close()


def test_a_server_that_does_not_even_answer_is_an_error_and_nothing_is_kept(cli: Cli, cache: Path) -> None:
    with ChatServer(status(404, "no such model")) as server:
        end = cli("probe", "m", "--base-url", server.base_url)
        assert len(server.requests) == 1
    assert (end.status, end.out) == (2, "")
    assert "no such model" in end.err
    assert not (cache / "probes").exists()


def test_a_feature_that_the_api_has_no_word_for_is_not_asked_for() -> None:
    with (
        ChatServer(reply("Hello.")) as server,
        Extractor("anthropic:c", base_url=server.base_url, api_key="any") as ex,
    ):
        assert probe(ex._models, 0.0).answers["logprobs"] is ProbeAnswer.NO
        assert len(server.requests) == 5


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_where_nothing_can_be_kept_the_answer_is_given_all_the_same(cache: Path) -> None:
    cache.chmod(0o500)
    with ChatServer(server_that()) as server, Extractor("m", base_url=server.base_url) as ex:
        assert probe(ex._models, 0.0).answers["tool"] is ProbeAnswer.YES


@pytest.mark.parametrize(
    ("event", "means"),
    [
        (Failure(FailureKind.STATUS, "no", 400), ProbeAnswer.NO),
        (Failure(FailureKind.STATUS, "no", 422), ProbeAnswer.NO),
        (Failure(FailureKind.STATUS, "image input is not supported", 500), ProbeAnswer.NO),
        (Failure(FailureKind.STATUS, "wait", 429), ProbeAnswer.UNKNOWN),
        (Failure(FailureKind.STATUS, "wait", 503), ProbeAnswer.UNKNOWN),
        (Failure(FailureKind.TIMEOUT, "slow"), ProbeAnswer.UNKNOWN),
    ],
)
def test_passing_trouble_says_nothing_about_a_feature(event: Failure, means: ProbeAnswer) -> None:
    assert {answer(question, event) for question in QUESTIONS} == {means}


def test_findings_come_back_as_they_were_kept() -> None:
    found = Findings({"tool": ProbeAnswer.YES, "images": ProbeAnswer.UNKNOWN}, 7.5, 3)
    assert Findings.of(json.loads(json.dumps(found.to_json()))) == found


@pytest.mark.usefixtures("smollm2")
def test_the_embedded_model_is_held_to_schemas_and_sees_no_images(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXTRACTOR_CACHE")
    server = local.shared("smollm2")
    monkeypatch.setenv("EXTRACTOR_CACHE", str(cache))
    row = PROVIDERS["local"]  # which keeps the tiny model from white space without end
    options = {"base_url": server.base_url, "api_key": server.api_key, "provider": row, "max_retries": 2}
    with Extractor("llamacpp:smollm2", **options) as ex:  # type: ignore[arg-type]
        answers = probe(ex._models, 0.0).answers
    wanted = (Mode.JSON_SCHEMA, Mode.JSON_OBJECT, "streamed usage")
    assert [answers[feature] for feature in wanted] == [ProbeAnswer.YES] * 3
    assert answers[Mode.TOOL] is ProbeAnswer.IGNORED  # its template knows of none
    assert answers["images"] is ProbeAnswer.NO


def test_answers_in_the_mode_before_a_probe_still_count_and_the_probe_says_so(
    cli: Cli, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.sqlite"
    texts = [f"This is Ada {i}." for i in range(3)]
    lacks = list[str]()
    with ChatServer(lambda request: server_that(lacks=tuple(lacks))(request)) as server:
        with Extractor("m", base_url=server.base_url) as ex:
            list(ex.rows(texts[:2], Person, run=Run(journal=journal)))
        lacks.append("json_schema")
        end = cli("probe", "m", "--base-url", server.base_url)
        assert "Before, it began with json_schema. Answers of that mode" in " ".join(end.err.split())
        asked = len(server.requests)
        with Extractor("m", base_url=server.base_url) as ex:
            told = ex.estimate(texts, Person, run=Run(journal=journal))
            found = list(ex.rows(texts, Person, run=Run(journal=journal)))
        assert (told.in_journal, told.requests) == (2, 1)
        assert [outcome.from_cache for outcome in found] == [True, True, False]
        assert all(b"Ada 2" in request.body for request in server.requests[asked:])
        with Extractor("m", base_url=server.base_url, mode="tool") as ex:  # forced: it is another question
            assert ex.estimate(texts, Person, run=Run(journal=journal)).in_journal == 1
