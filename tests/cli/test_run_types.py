"""`extractor run -t 'FILE.py:One|Other' -o '{type}.csv'`: a table for each type of a mixed inbox."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli
from visits import asked

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from tests.readers.drawing import bill

TYPES = """
from pydantic import BaseModel

class Invoice(BaseModel):
    number: str

class Letter(BaseModel):
    sender: str
"""


def sort(request: ReceivedRequest) -> Scripted:
    kind, value = asked(request).split()
    return reply({"value": {{"invoice": "number", "letter": "sender"}[kind]: value}})


def test_each_type_of_an_inbox_has_its_table(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kinds_of.py").write_text(TYPES)
    for name, text in {"a.txt": "invoice 1", "b.txt": "letter Ada", "c.txt": "invoice 2"}.items():
        Path(name).write_text(text)
    with ChatServer(sort) as server:
        ended = cli(
            *("run", "a.txt", "b.txt", "c.txt", "-t", "kinds_of.py:Invoice|Letter", "-o", "{type}.jsonl"),
            *("--quarantine", "bad.jsonl", "-m", "m", "--base-url", server.base_url, "--journal", "j.db"),
        )
    assert ended.status == 0, ended.err
    assert "invoice.jsonl: 2 rows; letter.jsonl: 1 row; bad.jsonl: 0 rows." in " ".join(ended.err.split())
    rows = [json.loads(line) for line in Path("invoice.jsonl").read_text().splitlines()]
    assert [row["invoice"] for row in rows] == [{"number": "1"}, {"number": "2"}]


def test_what_is_no_union_is_told_as_that(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("wrong_kinds.py").write_text(TYPES + "\nlimit = 3\n")
    ended = cli("run", "a.txt", "-t", "wrong_kinds.py:Invoice|limit", "-o", "out.jsonl")
    assert ended.status == 2
    assert "is not a union of types" in ended.err


@pytest.mark.slow
def test_documents_of_a_run_are_read_in_the_form_that_is_asked_for(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("invoice_type.py").write_text(TYPES)
    Path("a.pdf").write_bytes(bill().pdf())
    with ChatServer([reply({"number": "7"})]) as server:
        ended = cli(
            *("run", "*.pdf", "-t", "invoice_type.py:Invoice", "-o", "out.jsonl", "--journal", "j.db"),
            *("--text-form", "markdown", "--page-images", "-m", "m", "--base-url", server.base_url),
        )
    assert ended.status == 0, ended.err
    (said, picture) = json.loads(server.requests[0].body)["messages"][-1]["content"]
    assert "| Office chair |  | 99.00 |" in said["text"]
    assert picture["type"] == "image_url"
