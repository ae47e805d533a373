"""`extractor tune`: gold in, a file out that other commands take; no file where nothing is proved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply

TYPES = "from pydantic import BaseModel\n\nclass Visit(BaseModel):\n    town: str\n    code: str\n"
TOWNS = ["Basel", "Bern", "Ulm", "Linz"]


def gold_of(i: int) -> dict[str, str]:
    return {"town": TOWNS[i % 4], "code": TOWNS[i % 4][:2].upper()}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "visits.py").write_text(TYPES)
    lines = [json.dumps({"text": f"{i}: a visit to {TOWNS[i % 4]}", "record": gold_of(i)}) for i in range(40)]
    (tmp_path / "visits.jsonl").write_text("\n".join(lines) + "\n")
    (tmp_path / "mail.txt").write_text("81: a visit to Bern")
    return tmp_path


def model(request: ReceivedRequest, learns: bool) -> Scripted:
    messages = json.loads(request.body)["messages"]
    if "Proposal" in messages[-1]["content"]:
        return reply({"instructions": "Be careful."})
    if "You describe the fields" in messages[0]["content"]:
        return reply({"fields": []})
    i = int(re.findall(r"(\d+): a visit", messages[-1]["content"])[-1])
    return reply(gold_of(i) if learns and len(messages) > 2 else {**gold_of(i), "code": "?"})


@pytest.mark.slow
def test_the_file_serves_the_other_commands(cli: Cli, folder: Path) -> None:
    with ChatServer(lambda request: model(request, learns=True)) as server:
        where = ("--type", "visits.py:Visit", "--base-url", server.base_url, "-m", "m")
        (folder / "scoring.json").write_text('{"/town": {"fuzzy": 0.9}}')
        more = ("--journal", "j.db", "--locale", "de-CH", "--scoring", "scoring.json")
        how = (
            "--temperature",
            "0.2",
            "--max-tokens",
            "77",
            "-p",
            'reasoning_effort="low"',
            "-i",
            "Visits only.",
        )
        ended = cli("tune", "visits.jsonl", *where, *more, *how)
        assert ended.status == 0, ended.err
        assert all(
            b"de-CH" in request.body and b"Visits only." in request.body for request in server.requests
        )
        sent = [
            (r.json["temperature"], r.json["max_tokens"], r.json["reasoning_effort"]) for r in server.requests
        ]
        assert set(sent) == {(0.2, 77, "low")}
        told = cli("extract", "mail.txt", *where, "--tuned", "extractor.tuned.json")
        other = cli("extract", "mail.txt", *where[:4], "-m", "n", "--tuned", "extractor.tuned.json")
    assert "the gain on the test texts is beyond chance" in ended.err
    assert "difference, paired" in ended.out
    assert told.lines[0]["record"] == {"town": "Bern", "code": "BE"}
    assert (other.status, "made for the model m, not n" in other.err) == (2, True)


@pytest.mark.slow
def test_without_a_gain_there_is_no_file(cli: Cli, folder: Path) -> None:
    with ChatServer(lambda request: model(request, learns=False)) as server:
        where = ("--type", "visits.py:Visit", "--base-url", server.base_url, "-m", "m")
        ended = cli("tune", "visits.jsonl", *where, "--journal", "j.db", "--max-requests", "100")
    assert ended.status == 1
    assert "no candidate was better on the validation texts. No file was written." in ended.err
    assert not (folder / "extractor.tuned.json").exists()


@pytest.mark.slow
def test_votes_and_another_proposer_are_tried_where_they_are_asked_for(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        ChatServer(lambda request: model(request, learns=False)) as server,
        ChatServer(lambda request: model(request, learns=False)) as other,
    ):
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        where = ("--type", "visits.py:Visit", "--base-url", server.base_url, "-m", "m", "--journal", "j.db")
        ended = cli("tune", "visits.jsonl", *where, "--try-samples", "3", "--proposer", "openai:large")
        assert len(other.requests) == 3
    assert "3 answers, which vote" in ended.out
    assert "Not tried: descriptions of fields, since the model proposed none." in ended.err
