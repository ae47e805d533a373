"""`extractor view`: lines of records in, one page out."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor import Reading
from extractor.testing import ChatServer, reply
from tests.readers.drawing import bill


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(cli: Cli, folder: Path, lines: list[Any], *arguments: str) -> list[Any]:
    """Return what the page's script reads."""
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), "utf-8")
    ended = cli("view", "in.jsonl", "-o", "page.html", *arguments)
    assert ended.status == 0, ended.err
    html = (folder / "page.html").read_text("utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert found is not None
    return json.loads(found[1])


def test_lines_of_extract_are_shown_beside_the_files_that_they_name(cli: Cli, folder: Path) -> None:
    (folder / "one.txt").write_text("Ada was here.")
    line = {
        "source": "one.txt",
        "outcome": "repaired",
        "record": {"name": "Ada"},
        "usage": {"total_tokens": 9},
    }
    (entry,) = shown(cli, folder, [line])
    assert (entry["title"], entry["outcome"], entry["text"]) == ("one.txt", "repaired", "Ada was here.")
    assert entry["spans"] == {"/name": [[0, 3, "exact", 1.0]]}
    assert entry["facts"] == {"total tokens": "9"}


def test_rows_of_run_are_known_by_their_error_column(cli: Cli, folder: Path) -> None:
    error = {"kind": "refused", "message": "the model refused", "attempts": 1, "http_status": None}
    lines = [
        {"body": "Ada.", "person": {"name": "Ada"}, "person_error": None},
        {"body": "Bob.", "person": None, "person_error": error},
    ]
    good, bad = shown(cli, folder, lines, "--text", "body")
    assert (good["outcome"], good["spans"]) == ("ok", {"/name": [[0, 3, "exact", 1.0]]})
    assert (bad["outcome"], bad["tree"], bad["problems"]) == ("refused", None, ["the model refused"])


def test_evidence_that_is_given_is_shown_as_it_is(cli: Cli, folder: Path) -> None:
    span = {"pointer": "/name", "start": 4, "end": 7, "how": "quote", "score": 0.5}
    line = {"text": "Ada Bob", "record": {"name": "Ada"}, "evidence": [span]}
    assert shown(cli, folder, [line])[0]["spans"] == {"/name": [[4, 7, "quote", 0.5]]}


def test_a_record_type_tells_what_is_a_date(cli: Cli, folder: Path) -> None:
    (folder / "visits.py").write_text(
        "from datetime import date\nfrom pydantic import BaseModel\nclass Visit(BaseModel):\n    day: date\n"
    )
    line = {"text": "on 3 May 2026", "record": {"day": "2026-05-03"}}
    (entry,) = shown(cli, folder, [line], "--type", "visits.py:Visit")
    assert [span[:3] for span in entry["spans"]["/day"]] == [[3, 13, "date"]]


def test_what_looks_like_a_report_and_is_none_is_told_so(cli: Cli, folder: Path) -> None:
    (folder / "report.json").write_text('{\n "model": "m"\n}\n')
    ended = cli("view", "report.json")
    assert (ended.status, "report.json is not a report of `extractor eval -o`" in ended.err) == (2, True)


def test_the_page_is_for_its_owner_alone(cli: Cli, folder: Path) -> None:
    shown(cli, folder, [{"text": "x", "record": {}}])
    assert stat.S_IMODE((folder / "page.html").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]\n", "line 1: a line must be an object"),
        ("{\n", "line 1: this is not JSON"),
        ('{"a": 1}\n', "no field 'body'"),
    ],
)
def test_what_is_no_result_is_told_with_its_line(cli: Cli, folder: Path, content: str, said: str) -> None:
    (folder / "in.jsonl").write_text(content)
    ended = cli("view", "in.jsonl", "--text", "body")
    assert ended.status == 2
    assert said in ended.err
    assert not (folder / "records.html").exists()


def test_files_are_shown_that_lie_below_the_results_or_a_named_folder(cli: Cli, folder: Path) -> None:
    (folder / "mine" / "deep").mkdir(parents=True)
    (folder / "mine" / "deep" / "a.txt").write_text("a")
    (folder / "private.txt").write_text("secret")
    (folder / "mine" / "link.txt").symlink_to(folder / "private.txt")
    names = [
        "deep/a.txt",
        "mine/deep/a.txt",
        "../private.txt",
        "link.txt",
        "private.txt",
        "a\0b",
        "none.txt",
        "deep",
    ]
    lines = [{"source": name, "record": {}} for name in [*names, str(folder / "private.txt")]]
    (folder / "mine" / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    ended = cli("view", "mine/in.jsonl", "-o", "page.html")
    page = (folder / "page.html").read_text()
    assert ended.status == 0
    assert page.count('"text":"a"') + page.count('"text": "a"') == 2
    assert "secret" not in page
    assert "Not shown: 4 texts whose files are not below mine." in ended.err
    trusted = cli("view", "mine/in.jsonl", "-o", "page.html", "--texts", ".").err
    assert "not below" not in trusted
    assert "The text of 3 records was not found" in trusted
    assert "secret" in (folder / "page.html").read_text()


def test_a_text_that_has_changed_since_it_was_read_is_not_shown_and_nothing_is_marked(
    cli: Cli, folder: Path
) -> None:
    (folder / "one.txt").write_text("Ada was here.")
    line = {
        "source": "one.txt",
        "outcome": "ok",
        "record": {"name": "Ada"},
        "evidence": [{"pointer": "/name", "start": 0, "end": 3}],
        "sha256": hashlib.sha256(b"Ada was here.").hexdigest(),
    }
    (entry,) = shown(cli, folder, [line])
    assert (entry["text"], entry["spans"]) == ("Ada was here.", {"/name": [[0, 3, "exact", 1.0]]})
    (folder / "one.txt").write_text("Bob was here.")
    (entry,) = shown(cli, folder, [line])
    assert (entry["text"], entry["spans"]) == ("", {})
    assert "the text has changed" in entry["problems"][0]
    (other,) = shown(cli, folder, [{**line, "text": "Ada was here?"}])
    assert (other["text"], other["spans"]) == ("", {})


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.jsonl", "out.json", "out.xlsx"])
def test_the_files_of_a_run_are_shown_at_once(cli: Cli, folder: Path, name: str) -> None:
    (folder / "mails.csv").write_text("id,body\n1,Ada is in Basel.\n")
    (folder / "person.py").write_text(
        "from pydantic import BaseModel\nclass Person(BaseModel):\n    name: str\n    town: str\n"
    )
    with ChatServer(reply({"name": "Ada", "town": "Basel"})) as server:
        at = ("-m", "m", "--base-url", server.base_url, "--journal", "j.sqlite")
        assert cli("run", "mails.csv", "-t", "person.py:Person", "-x", "body", "-o", name, *at).status == 0
    ended = cli("view", name, "-o", "page.html")
    assert (ended.status, "texts are from the column body" in ended.err) == (0, True)
    page = (folder / "page.html").read_text()
    assert '"/name":[[0,3,"exact",1.0]]' in page.replace(" ", "")


def test_files_that_a_run_has_read_are_found_by_their_path(cli: Cli, folder: Path) -> None:
    (folder / "mail").mkdir()
    (folder / "mail" / "a.txt").write_text("Ada is in Basel.")
    (folder / "mail" / "b.txt").write_text("Ada ist in Köln.", "utf-16")
    (folder / "mail" / "c.txt.gz").write_bytes(gzip.compress(b"Ada ist in Ulm."))
    (folder / "person.py").write_text("from pydantic import BaseModel\nclass P(BaseModel):\n    name: str\n")
    with ChatServer(reply({"name": "Ada"})) as server:
        at = ("-m", "m", "--base-url", server.base_url, "--journal", "j.sqlite")
        assert cli("run", "mail", "-t", "person.py:P", "-o", "out.parquet", *at).status == 0
    assert cli("view", "out.parquet", "-o", "page.html").status == 0
    page = (folder / "page.html").read_text()
    assert all(text in page for text in ("Ada is in Basel.", "Ada ist in Köln.", "Ada ist in Ulm."))


@pytest.mark.slow
def test_a_document_is_shown_as_it_was_read_for_its_record(cli: Cli, folder: Path) -> None:
    (folder / "bill.pdf").write_bytes(bill().pdf())
    (folder / "bill.py").write_text(
        "from pydantic import BaseModel\nclass Bill(BaseModel):\n    total: float\n"
    )
    with ChatServer([reply({"total": 150.0})]) as server:
        ended = cli(
            *("extract", "--type", "bill.py:Bill", "--text-form", "markdown", "bill.pdf", "-o", "in.jsonl"),
            *("--model", "m", "--base-url", server.base_url),
        )
    assert ended.status == 0, ended.err
    line = json.loads((folder / "in.jsonl").read_text())
    assert line["reading"] == {"text_form": "markdown"}
    (entry,) = shown(cli, folder, [line])
    assert "| Item | Count | Price |" in entry["text"]
    assert len(entry["boxes"]["/total"]) == 1
    row = {name: value for name, value in line.items() if name != "reading"}
    (changed,) = shown(cli, folder, [row])
    assert "has changed" in changed["problems"][0]
    (chosen,) = shown(cli, folder, [row], "--text-form", "markdown")
    assert chosen["text"] == entry["text"]


@pytest.mark.parametrize("told", ["markdown", {"text_form": "nonsense"}, {"ocr": 7}, None])
def test_a_line_that_says_nonsense_of_its_reading_is_read_as_usual(told: Any) -> None:
    assert Reading.told_by({"reading": told}) == Reading()
