"""`--parts` and `--max-fields`: records asked for in several requests, from the shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import ChatServer, refusal, reply
from tests.parts.wide import answer, from_known, schema_of

TYPES = """
from pydantic import BaseModel

class Sale(BaseModel):
    seller: str
    buyer: str
    pens: int
    euros: int
"""
RECORD = {"seller": "Ann", "buyer": "Bob", "pens": 3, "euros": 6}
HALVES = [["pens", "euros"], ["seller", "buyer"]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sales.py").write_text(TYPES)
    (tmp_path / "one.txt").write_text("Ann sells Bob 3 pens for 6 euros.")
    (tmp_path / "rows.csv").write_text("body\nAnn sells Bob 3 pens for 6 euros.\n")
    (tmp_path / "gold.jsonl").write_text(json.dumps({"text": "Ann sells.", "record": RECORD}) + "\n")
    return tmp_path


def at(server: ChatServer) -> tuple[str, ...]:
    return ("-t", "sales.py:Sale", "-m", "openai:m", "--base-url", server.base_url)


@pytest.mark.parametrize("option", [("--parts", "2"), ("--max-fields", "2")])
@pytest.mark.parametrize(
    "command",
    [
        ("extract", "one.txt"),
        ("run", "rows.csv", "--text", "body", "-o", "out.jsonl", "--journal", "answers.sqlite"),
        ("eval", "gold.jsonl", "--journal", "answers.sqlite"),
    ],
    ids=lambda command: command[0],
)
def test_each_command_that_extracts_asks_in_parts(
    cli: Cli, folder: Path, command: tuple[str, ...], option: tuple[str, str]
) -> None:
    with ChatServer(from_known(RECORD)) as server:
        end = cli(*command, *at(server), *option)
        assert end.status == 0, end.err
        assert sorted(list(schema_of(request)["properties"]) for request in server.requests) == HALVES


def test_a_line_says_what_each_request_asked_for_and_which_failed(cli: Cli, folder: Path) -> None:
    def play(request: object) -> object:
        schema = schema_of(request)
        return refusal("no") if "pens" in schema["properties"] else reply(answer(schema, RECORD))

    with ChatServer(play) as server:
        end = cli("extract", "one.txt", *at(server), "--parts", "2")
    first, second = json.loads(end.out)["parts"]
    assert end.status == 1
    assert first == {"fields": ["/seller", "/buyer"], "outcome": "ok", "requests": 1}
    assert (second["fields"], second["outcome"], bool(second["error"])) == (
        ["/pens", "/euros"],
        "refused",
        True,
    )


def test_the_plan_is_shown_before_anything_is_sent(cli: Cli, folder: Path) -> None:
    with ChatServer(from_known(RECORD)) as server:
        shown = cli("extract", "one.txt", *at(server), "--parts", "2", "--show-request")
        told = cli("run", "rows.csv", "--text", "body", *at(server), "--parts", "2", "--dry-run")
    assert shown.out.startswith("# part 1 asks for /seller, /buyer\n# part 2 asks for /pens, /euros\n")
    assert "would be sent in 2 requests" in shown.err
    assert "2 requests (2 for each text)" in told.out + told.err
    assert not server.requests


def test_parts_that_mean_nothing_are_refused(cli: Cli, folder: Path) -> None:
    with ChatServer(from_known(RECORD)) as server:
        end = cli("extract", "one.txt", *at(server), "--parts", "always")
    assert end.status == 2
    assert 'parts must be "auto", "never" or a number of requests' in end.err
    assert not server.requests
