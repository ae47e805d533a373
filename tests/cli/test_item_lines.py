"""`extractor extract --long --items`: each item of a long list is a line, written as it is settled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from tests.documents.pages import text_of
from tests.documents.statements import read, statement

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
TYPES = """
from pydantic import BaseModel

class Entry(BaseModel):
    number: str
    town: str
    amount: str
    account: str
"""
MADE = statement(100, seed=5)
ASKED = ("extract", "--type", "bank.py:Entry", "-m", "m", "--long", "--chunk", 1500)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "bank.py").write_text(TYPES)
    (tmp_path / "statement.txt").write_text(MADE.text, "utf-8", newline="")
    return tmp_path


def reads(request: ReceivedRequest) -> Scripted:
    return reply(json.dumps({"value": read(text_of(request))["entries"]}))


def loses_one(request: ReceivedRequest) -> Scripted:
    return status(400) if MADE.record.entries[50].number in text_of(request) else reads(request)


@pytest.mark.slow
def test_each_item_is_a_line_in_order_with_its_place(cli: Cli, folder: Path) -> None:
    with ChatServer(reads) as server:
        ended = cli(*ASKED, "--items", "statement.txt", "-o", "items.jsonl", "--base-url", server.base_url)
    assert ended.status == 0, ended.err
    lines = [json.loads(line) for line in (folder / "items.jsonl").read_text("utf-8").splitlines()]
    assert [line["item"] for line in lines] == [entry.model_dump() for entry in MADE.record.entries]
    assert [line["number"] for line in lines] == list(range(100))
    spans = [MADE.text[span["start"] : span["end"]] for span in lines[42]["spans"]]
    assert lines[42]["item"]["number"] in spans


@pytest.mark.slow
def test_what_is_missing_is_the_last_line(cli: Cli, folder: Path) -> None:
    with ChatServer(loses_one) as server:
        ended = cli(*ASKED, "--items", "statement.txt", "none.txt", "--base-url", server.base_url)
    assert ended.status == 1
    assert "2 of 2 inputs are not complete" in ended.err
    *items, last, unread = ended.lines
    assert 50 <= len(items) < 100
    assert "chunks gave no record" in last["error"]["message"]
    assert (unread["source"], "error" in unread) == ("none.txt", True)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--items",), "--items needs --long"),
        (("--long", "--items", "--format", "json"), "--items writes lines"),
    ],
)
def test_what_has_no_meaning_with_items_is_refused(
    cli: Cli, folder: Path, options: tuple[str, ...], why: str
) -> None:
    ended = cli("extract", "--type", "bank.py:Entry", "-m", "m", *options, "statement.txt")
    assert ended.status == 2
    assert why in " ".join(ended.err.split())
