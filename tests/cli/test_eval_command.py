"""`extractor eval`, whole: labelled texts in, figures and a report out; two reports, and what changed."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status

TYPES = """
from datetime import date
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
    day: date | None
"""
CASES = [
    {
        "id": "basel",
        "text": "We were in Basel on 3 May 2026.",
        "gold": {"town": "Basel", "day": "2026-05-03"},
        "evidence": [{"path": "/town", "start": 11, "end": 16}, {"path": "/day", "start": 20, "end": 30}],
    },
    {"id": "bern", "text": "Bern was quiet.", "gold": {"town": "Bern", "day": None}},
    {"id": "ulm", "text": "Ulm was loud.", "gold": {"town": "Ulm", "day": None}},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "visits.py").write_text(TYPES)
    write(tmp_path / "visits.jsonl", CASES)
    return tmp_path


def write(path: Path, lines: list[Any]) -> None:
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def by_town(**found: Any) -> Any:
    """Answer with what is said for the town that the text names; refuse where nothing is."""

    def answer(request: ReceivedRequest) -> Scripted:
        text = json.loads(request.body)["messages"][-1]["content"]
        known = (record for town, record in found.items() if town in text)
        record = next(known, None)
        return reply(record) if record else status(400, "I do not read that.")

    return answer


def run(cli: Cli, answer: Any, *more: str) -> Any:
    with ChatServer(answer) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        return cli("eval", "visits.jsonl", "--type", "visits.py:Visit", *where, *more)


GOOD = {
    "Basel": {"town": "Basel", "day": "2026-05-03"},
    "Bern": {"town": "Bern", "day": None},
    "Ulm": {"town": "Ulm", "day": None},
}
POOR = {"Basel": {"town": "Basel", "day": None}, "Bern": {"town": "Bern", "day": "2026-01-01"}}


def figures(out: str) -> dict[str, str]:
    """Return the figures of the first table by name."""
    rows = (re.split(r" *│ *", line.strip("│ ")) for line in out.splitlines() if line.startswith("│"))
    return {row[0]: row[1] for row in rows}


def test_all_right_is_100_percent_of_everything(cli: Cli, folder: Path) -> None:
    ended = run(cli, by_town(**GOOD))
    assert ended.status == 0
    told = figures(ended.out)
    names = ("valid on the first try", "value F1", "perfect records, strict", "span F1, exact", "grounded F1")
    assert {name: told[name] for name in names} == dict.fromkeys(names, "100.0%")
    assert told["requests a record"] == "1.0"


def test_a_text_without_a_record_has_missed_everything(cli: Cli, folder: Path) -> None:
    ended = run(cli, by_town(**POOR), "--by-field")
    told = figures(ended.out)
    assert ended.status == 0
    assert "3 texts, 2 ok, 1 transport" in ended.out
    assert told["valid in the end"] == "66.7%"
    assert told["value F1"] == "57.1%"  # 2 x 2 right / (4 gold + 3 predicted)
    assert told["nulls left empty"] == "0.0%"
    assert told["perfect records"] == "0.0%"
    assert told["grounded F1"] == "66.7%"  # of two gold values with spans, the one that was found
    assert re.search(r"/town +│ +3 +│ +2 +│ +2 ", ended.out)


def test_two_reports_are_compared_text_by_text(cli: Cli, folder: Path) -> None:
    run(cli, by_town(**POOR), "-o", "poor.json")
    run(cli, by_town(**GOOD), "-o", "good.json")
    assert stat.S_IMODE((folder / "good.json").stat().st_mode) == 0o600
    ended = cli("eval", "--compare", "poor.json", "good.json")
    assert ended.status == 0
    assert re.search(r"value F1 +│ +57.1% +│ +100.0% +│ +\+42.9%", ended.out)
    assert re.search(r"ulm +│ transport → ok +│ +0 +│ +1 +│ /town", ended.out)
    assert re.search(r"basel +│ ok +│ +1 +│ +2 +│ /day", ended.out)


def test_the_same_report_twice_has_no_text_that_changed(cli: Cli, folder: Path) -> None:
    run(cli, by_town(**GOOD), "-o", "good.json")
    assert "came out otherwise" not in cli("eval", "--compare", "good.json", "good.json").out


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "there is no case in it"),
        ([{"text": "a"}], 'line 1: a case is {"text"'),
        ([{"text": "a", "gold": {"town": 1}}], "line 1: the gold record does not fit the type"),
        ([CASES[0], CASES[0]], "two ids are 'basel'"),
        ([{**CASES[1], "evidence": [{"path": "/town", "start": 0, "end": 99}]}], "is no span of the text"),
        ([{**CASES[1], "evidence": {"town": [0, 4]}}], "is no span of the text"),
    ],
)
def test_what_is_no_case_is_told_before_anything_is_asked(
    cli: Cli, folder: Path, lines: list[Any], said: str
) -> None:
    write(folder / "visits.jsonl", lines)
    with ChatServer(by_town(**GOOD)) as server:
        ended = cli("eval", "visits.jsonl", "-t", "visits.py:Visit", "--base-url", server.base_url, "-m", "m")
        assert not server.requests
    assert ended.status == 2
    assert said in ended.err


def test_a_json_schema_does_as_a_record_type(cli: Cli, folder: Path) -> None:
    schema = {
        "type": "object",
        "properties": {"town": {"type": "string"}, "day": {"type": ["string", "null"]}},
        "required": ["town", "day"],
    }
    (folder / "visit.json").write_text(json.dumps(schema))
    with ChatServer(by_town(**GOOD)) as server:
        where = ("--base-url", server.base_url, "--model", "m")
        ended = cli("eval", "visits.jsonl", "--schema", "visit.json", *where)
    assert figures(ended.out)["perfect records"] == "100.0%"


@pytest.mark.parametrize(
    "arguments", [(), ("visits.jsonl", "--compare", "a.json", "b.json")], ids=["neither", "both"]
)
def test_labelled_texts_or_two_reports_are_named(cli: Cli, folder: Path, arguments: tuple[str, ...]) -> None:
    ended = cli("eval", *arguments)
    assert ended.status == 2
    assert "name the labelled texts, or two reports" in " ".join(ended.err.replace("│", " ").split())


def test_a_file_that_is_no_report_is_refused(cli: Cli, folder: Path) -> None:
    ended = cli("eval", "--compare", "visits.jsonl", "visits.py")
    assert (ended.status, "visits.jsonl is no report of `extractor eval -o`" in ended.err) == (2, True)


def test_values_in_other_words_count_as_right_where_they_are_read(cli: Cli, folder: Path) -> None:
    said = {**GOOD, "Bern": {"town": "Bern", "day": "N/A"}, "Ulm": {"town": "Ulm", "day": "N/A"}}
    assert figures(run(cli, by_town(**said)).out)["valid in the end"] == "33.3%"
    assert figures(run(cli, by_town(**said), "--read-values").out)["valid in the end"] == "100.0%"
