"""Gold of documents: a line names a file, and its text is what a run would read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Reading, Run
from extractor.evaluation import evaluate, promise
from extractor.testing import ChatServer, reply
from tests.readers.drawing import Paper


class Person(BaseModel):
    name: str


def written(folder: Path, path: str, content: bytes, **more: Any) -> Path:
    (folder / path).write_bytes(content)
    line = {"path": path, "record": {"name": "Ada Lovelace"}, **more}
    (folder / "gold.jsonl").write_text(json.dumps(line) + "\n")
    return folder / "gold.jsonl"


@pytest.mark.slow
def test_a_pdf_is_evaluated_with_the_places_of_its_text(tmp_path: Path) -> None:
    paper = Paper()
    paper.write("Ada Lovelace", 60, 700)
    gold = written(tmp_path, "a.pdf", paper.pdf(), evidence=[{"pointer": "/name", "start": 0, "end": 12}])
    with ChatServer([reply({"name": "Ada Lovelace"})]) as server:
        with Extractor("m", base_url=server.base_url) as ex:
            report = evaluate(ex, Person, gold, run=Run(journal=False))
        assert "Ada Lovelace" in server.requests[0].json["messages"][-1]["content"]
    figures = report.overall()
    assert (figures["value F1"].value, figures["span F1, exact"].value) == (1.0, 1.0)


AS_MARKDOWN = Reading(text_form="markdown")
TABLE = b"<!doctype html><table><tr><th>name<th>n</tr><tr><td>Ada Lovelace<td>3</tr></table>"


def test_documents_are_read_in_the_form_in_which_a_run_reads_them_and_the_report_says_so(
    tmp_path: Path,
) -> None:
    gold, right = written(tmp_path, "a.html", TABLE), {"name": "Ada Lovelace"}
    with ChatServer(lambda request: reply(right)) as server, Extractor("m", base_url=server.base_url) as ex:
        report = evaluate(ex, Person, gold, reading=AS_MARKDOWN, run=Run(journal=False))
        promise(ex, Person, gold, right=0.9, reading=AS_MARKDOWN, run=Run(journal=False))
        told = [request.json["messages"][-1]["content"] for request in server.requests]
        with pytest.raises(ConfigError, match="page_images= can't be used with labelled texts"):
            evaluate(ex, Person, gold, reading=Reading(page_images=True))
    assert all("| Ada Lovelace |" in each for each in told)
    assert report.options["reading"] == {"text_form": "markdown"}
    assert report.records[0].detail is not None
    assert "| Ada Lovelace |" in report.records[0].detail.text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"%PDF-1.7 broken", r"gold\.jsonl, line 1: a\.pdf: the PDF cannot be opened"),
        (b"\xff\xfe\x93", "neither text in UTF-8 nor a known"),
    ],
)
def test_a_file_that_is_not_read_is_told_with_its_line(content: bytes, says: str, tmp_path: Path) -> None:
    gold = written(tmp_path, "a.pdf", content)
    with Extractor("m", base_url="http://127.0.0.1:9") as ex, pytest.raises(ConfigError, match=says):
        evaluate(ex, Person, gold, run=Run(journal=False))
