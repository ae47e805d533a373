"""`extractor extract invoice.pdf`: documents beside texts, each with its boxes or the reason why not."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from ended import Cli

from extractor import read
from extractor.testing import ChatServer, reply
from tests.readers.drawing import Paper, bill, invoice, iou

TYPES = "from pydantic import BaseModel\nclass Invoice(BaseModel):\n    number: str\n    total: float\n"


def data_of(page: str) -> Any:
    """Return what is embedded in a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert found
    return json.loads(found[1])


@pytest.mark.slow
def test_documents_are_read_beside_texts(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paper = invoice()
    Path("types_of.py").write_text(TYPES)
    Path("a.pdf").write_bytes(paper.pdf())
    Path("b.pdf").write_bytes(b"%PDF-1.7 broken")
    Path("c.txt").write_text("Invoice INV-2031 of 1250.75")
    record = {"number": "INV-2031", "total": 1250.75}
    with ChatServer([reply(record)], repeat_last=True) as server:
        of = ("--base-url", server.base_url, "-m", "m", "-t", "types_of.py:Invoice")
        end = cli("extract", *of, "a.pdf", "b.pdf", "c.txt", "-o", "out.jsonl")
        assert end.status == 1
        shown = cli("view", "out.jsonl", "-o", "page.html")
        assert shown.status == 0, shown.err
    first, broken, text = map(json.loads, Path("out.jsonl").read_text().splitlines())
    assert (first["record"], text["record"], "boxes" in text) == (record, record, False)
    assert (broken["outcome"], broken["error"]["kind"]) == ("input", "damaged")
    (number,) = (box for box in first["boxes"] if box["pointer"] == "/number")
    assert iou(tuple(number["box"]), paper.planted["INV-2031"][1]) > 0.7
    page = Path("page.html").read_text()
    (entry,) = (entry for entry in data_of(page) if entry["title"] == "a.pdf")
    assert [picture[:3] for picture in entry["pages"]] == [[1, 595, 842]]
    assert base64.b64decode(entry["pages"][0][3])[8:12] == b"WEBP"
    assert entry["boxes"].keys() == {"/number", "/total"}


@pytest.mark.slow
@pytest.mark.parametrize("shape", [{}, {"rotation": 90, "crop": (20, 30, 580, 820)}, {"rotation": 270}])
def test_annotate_draws_a_box_around_each_value(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    paper = invoice(**shape)
    Path("types_of.py").write_text(TYPES)
    Path("a.pdf").write_bytes(paper.pdf())
    with ChatServer([reply({"number": "INV-2031", "total": 98765})]) as server:
        of = ("--base-url", server.base_url, "-m", "m", "-t", "types_of.py:Invoice")
        end = cli("annotate", *of, "a.pdf", "-o", "b.pdf")
    assert (end.status, end.err) == (0, "")
    document = pypdfium2.PdfDocument("b.pdf")
    before = pypdfium2.PdfDocument("a.pdf")[0].render().to_numpy()
    changed = (document[0].render().to_numpy() != before).any(axis=2).nonzero()
    ys, xs = changed
    drawn = (float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))
    assert iou(drawn, paper.planted["INV-2031"][1]) > 0.7
    refused = cli("annotate", *of, "types_of.py", "-o", "b.pdf")
    assert (refused.status, "is not a PDF" in refused.err) == (2, True)


@pytest.mark.slow
def test_split_writes_each_document_of_a_file(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paper = Paper()
    for number in (1, 2):
        paper.write(f"Invoice INV-{number} of ACME", 60, 700)
        if number == 1:
            paper.next_page()
    Path("types_of.py").write_text(TYPES)
    Path("scan.pdf").write_bytes(paper.pdf())
    starts = [
        {"page": number, "first_words": f"Invoice INV-{number}", "kind": "Invoice"} for number in (1, 2)
    ]
    with ChatServer([reply({"documents": starts})], repeat_last=True) as server:
        of = ("--base-url", server.base_url, "-m", "m", "-t", "types_of.py:Invoice", "-o", "parts")
        end = cli("split", "scan.pdf", *of, "--ocr", "never", "--text-form", "layout")
        again = cli("split", "scan.pdf", *of)
    lines = [json.loads(line) for line in end.out.splitlines()]
    assert [(line["file"], line["kind"], line["pages"]) for line in lines] == [
        ("parts/scan-01-invoice.pdf", "Invoice", [1]),
        ("parts/scan-02-invoice.pdf", "Invoice", [2]),
    ]
    assert read(lines[1]["file"]).text == "Invoice INV-2 of ACME"
    assert (again.status, "is there already" in again.err) == (2, True)


@pytest.mark.slow
def test_the_form_of_the_text_is_an_option(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("types_of.py").write_text(TYPES)
    Path("a.pdf").write_bytes(bill().pdf())
    given = ("-t", "types_of.py:Invoice", "--show-request", "--base-url", "http://127.0.0.1:9", "-m", "m")
    shown = [cli("extract", *given, "--text-form", form, "a.pdf") for form in ("plain", "markdown", "odd")]
    assert [each.status for each in shown] == [0, 0, 2], [each.err for each in shown]
    assert ["| ---" in each.out for each in shown[:2]] == [False, True]
