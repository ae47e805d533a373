"""`--escalate review`: what is left to a person is marked in what the commands write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor import view
from extractor.report import EscalatedValue
from extractor.testing import ChatServer
from tests.escalating.test_escalating import small, text_of

TYPES = "from pydantic import BaseModel\n\nclass Visit(BaseModel):\n    town: str\n    guests: int\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visits.py").write_text(TYPES)
    for i in range(2):
        (tmp_path / f"{i}.txt").write_text(text_of(i))
    return tmp_path


def written(cli: Cli, command: str, folder: Path) -> list[dict[str, Any]]:
    with ChatServer(small) as server:
        where = ("--type", "visits.py:Visit", "--base-url", server.base_url, "-m", "m", "-o", "out.jsonl")
        more = () if command == "extract" else ("--journal", "j.db")
        ended = cli(command, "0.txt", "1.txt", *where, *more, "--escalate", "review", "--below", "0.6")
    assert ended.status == 0, ended.err
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def test_a_line_of_extract_says_which_values_are_left_to_review(cli: Cli, folder: Path) -> None:
    doubtful, sure = written(cli, "extract", folder)
    assert doubtful["escalation"] == {"to": "review", "choices": {"/town": "review"}, "first_values": {}}
    assert doubtful["notes"][-1] == "not sure enough, left to review: /town"
    assert "escalation" not in sure


def test_a_row_of_run_has_the_confidence_by_which_review_orders(cli: Cli, folder: Path) -> None:
    rows = {str(row["path"]): row["visit_confidence"] for row in written(cli, "run", folder)}
    assert [each["pointer"] for each in rows["0.txt"] if each["confidence"] < 0.6] == ["/town"]
    assert [each["pointer"] for each in rows["1.txt"] if each["confidence"] < 0.6] == []


def test_a_row_of_run_says_what_was_left_to_review_in_json_and_in_csv(cli: Cli, folder: Path) -> None:
    rows = written(cli, "run", folder)
    left = {"pointer": "/town", "choice": "review", "to": "review", "first": None}
    assert [row["visit_escalation"] for row in rows] == [[left], None]
    cell = {"visit": '{"town": "Ulm", "guests": 1}', "visit_error": None, "text": text_of(0)}
    (entry,) = view([{**cell, "visit_escalation": json.dumps([left])}]).entries
    assert entry.escalated == {"/town": EscalatedValue("review", "review")}
