"""`--prompt`, `--reference-date` and `--locale`: the same words in every command that asks a model."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import ChatServer, reply, shaped

TYPES = """
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
"""
PROMPT = "You read letters.\n\n{schema}\n\nFrom {reference_date}, as in {locale}."
GERMAN = "de (1.234,5 is 1234.5, and 03/04 is 3 April)"
SAID = f"You read letters.\n\nFrom Friday, 2026-03-27, as in {GERMAN}."
TOLD = ("--prompt", "prompt.txt", "--reference-date", "2026-03-27", "--locale", "de")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visits.py").write_text(TYPES)
    (tmp_path / "prompt.txt").write_text(PROMPT)
    (tmp_path / "one.txt").write_text("Basel")
    (tmp_path / "rows.csv").write_text("body\nBasel\n")
    (tmp_path / "gold.jsonl").write_text(json.dumps({"text": "Basel", "record": {"town": "Basel"}}) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("extract", "one.txt"),
        ("run", "rows.csv", "--text", "body", "-o", "out.jsonl"),
        ("eval", "gold.jsonl"),
    ],
)
def test_every_command_asks_with_the_prompt_of_a_file(
    cli: Cli, folder: Path, command: tuple[str, ...]
) -> None:
    with ChatServer([reply('{"town": "Basel"}')], repeat_last=True) as server:
        journal = () if command[0] == "extract" else ("--journal", "answers.sqlite")
        told = ("-t", "visits.py:Visit", "-m", "openai:m", "--base-url", server.base_url, *TOLD, *journal)
        end = cli(*command, *told)
        assert end.status == 0, end.err
        assert server.requests[0].json["messages"][0]["content"] == SAID


def test_the_request_is_shown_with_the_prompt(cli: Cli, folder: Path) -> None:
    where = ("-m", "openai:m", "--base-url", "http://127.0.0.1:9/v1")
    end = cli("extract", "-t", "visits.py:Visit", "one.txt", "--show-request", *where, *TOLD)
    assert json.loads(end.out.partition("\n\n")[2])["messages"][0]["content"] == SAID


def test_today_is_a_reference_date(cli: Cli, folder: Path) -> None:
    with ChatServer(shaped()) as server:
        where = ("-t", "visits.py:Visit", "-m", "m", "--base-url", server.base_url)
        cli("extract", "one.txt", *where, "--reference-date", "today")
        said = server.requests[0].json["messages"][0]["content"]
    assert date.today().isoformat() in said


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (("--prompt", "none.txt"), "none.txt"),
        (("--prompt", "visits.py"), "or a template with {schema} in it"),
        (("--reference-date", "tomorrow"), "reference_date must be a date"),
        (("--locale", "german"), "is not a language"),
    ],
)
def test_what_cannot_be_meant_ends_the_command(
    cli: Cli, folder: Path, told: tuple[str, str], reason: str
) -> None:
    where = ("-t", "visits.py:Visit", "-m", "m", "--base-url", "http://127.0.0.1:9/v1")
    end = cli("extract", "one.txt", *where, *told)
    assert end.status == 2
    assert reason in " ".join(end.err.split())


def test_a_run_takes_the_day_and_the_locale_of_each_row_from_columns(cli: Cli, folder: Path) -> None:
    (folder / "mails.csv").write_text("body,received,language\nBasel,2026-03-27,de\nBern,2026-04-03,fr\n")
    with ChatServer([reply('{"town": "Basel"}')], repeat_last=True) as server:
        where = ("-t", "visits.py:Visit", "-m", "openai:m", "--base-url", server.base_url)
        columns = ("--reference-date", "received", "--locale", "language", "--journal", "answers.sqlite")
        end = cli("run", "mails.csv", "--text", "body", "-o", "out.jsonl", *where, *columns)
        assert end.status == 0, end.err
        said = sorted(request.json["messages"][0]["content"] for request in server.requests)
    assert "Friday, 2026-03-27" in said[0]
    assert "locale de" in said[0]
    assert "Friday, 2026-04-03" in said[1]
    assert "locale fr" in said[1]
