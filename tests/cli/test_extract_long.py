"""`extractor extract --long`: texts past the window, the ledger in the line, and the page of it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, refusal
from tests.documents.pages import book, model, text_of

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
TYPES = """
from pydantic import BaseModel

class Delivery(BaseModel):
    number: str
    town: str
    crates: int

class Ledger(BaseModel):
    depot: str
    keeper: str
    total_crates: int
    deliveries: list[Delivery]
"""
TEXT, PLANTED = book(6)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "ledger.py").write_text(TYPES)
    (tmp_path / "book.txt").write_text(TEXT, "utf-8", newline="")
    return tmp_path


def refuses_one(request: ReceivedRequest) -> Scripted:
    return refusal() if "D-0006" in text_of(request) else model(request)


ASKED = ("extract", "--type", "ledger.py:Ledger", "-m", "m", "--long", "--chunk", 3000, "book.txt")


@pytest.mark.slow
def test_doubtful_values_of_a_long_text_go_to_a_second_model(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = PLANTED[3][1].number

    def unsure(request: ReceivedRequest) -> Scripted:
        return logprobs(model(request), {number: math.log(0.1)})

    with ChatServer(unsure) as server, ChatServer(model) as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "key")
        end = cli(*(*ASKED, "--base-url", server.base_url), *("--escalate", "openai:large", "--below", "0.3"))
        again = [text_of(request) for request in other.requests]
    assert end.status == 0, end.err
    (line,) = end.lines
    assert "not sure enough, asked of large: /deliveries/3/number: both" in str(line["notes"])
    assert again
    assert all(number in text for text in again)


@pytest.mark.slow
def test_a_long_text_is_one_line_with_its_evidence_and_its_chunks(cli: Cli, folder: Path) -> None:
    with ChatServer(model) as server:
        end = cli(*ASKED, "--base-url", server.base_url)
        asked = len(server.requests)
        again = cli(*ASKED, "--base-url", server.base_url)
        assert len(server.requests) == asked
    assert end.status == 0
    (line,) = end.lines
    assert again.lines[0]["record"] == line["record"]
    assert [d["number"] for d in line["record"]["deliveries"]] == [one.number for _, one in PLANTED]
    assert {(chunk["outcome"], chunk["requests"], chunk["pass"]) for chunk in line["chunks"]} == {
        ("ok", 1, 1)
    }
    first = next(span for span in line["evidence"] if span["pointer"] == "/deliveries/0/number")
    assert TEXT[first["start"] : first["end"]] == "D-0000"
    assert line["conflicts"] == []


@pytest.mark.slow
def test_the_line_and_the_page_tell_how_sure_each_value_of_the_whole_is(cli: Cli, folder: Path) -> None:
    with ChatServer(model) as server:
        end = cli(*ASKED, "--confidence", "--base-url", server.base_url, "-o", "out.jsonl")
    assert end.status == 0
    line = json.loads((folder / "out.jsonl").read_text())
    assert line["confidence"].keys() == {span["pointer"] for span in line["evidence"]}
    assert all(0 <= sure <= 1 for sure in line["confidence"].values())
    assert cli("view", "out.jsonl", "-o", "page.html").status == 0
    assert '"confidence":{"/depot":1.0' in (folder / "page.html").read_text()


@pytest.mark.slow
def test_a_missing_chunk_is_named_beside_the_record_and_gives_status_1(cli: Cli, folder: Path) -> None:
    with ChatServer(refuses_one) as server:
        end = cli(*ASKED, "--base-url", server.base_url, "-o", "out.jsonl")
    assert end.status == 1
    line = json.loads((folder / "out.jsonl").read_text())
    assert line["outcome"] == "refused"
    assert "gave no record (characters" in line["error"]["message"]
    assert line["record"]["depot"] == "Harbour North"
    assert {chunk["again"] for chunk in line["chunks"] if "error" in chunk} == {True, False}
    assert cli("view", "out.jsonl", "-o", "page.html").status == 0
    assert "refused: the model refused to answer" in (folder / "page.html").read_text()


def test_what_says_how_to_cut_needs_long(cli: Cli, folder: Path) -> None:
    end = cli("extract", "--type", "ledger.py:Ledger", "-m", "m", "--chunk", 100, "book.txt")
    assert end.status == 2
    assert "--chunk needs --long" in end.err
