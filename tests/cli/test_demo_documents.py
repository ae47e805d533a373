"""`extractor demo --kind receipt`: photos in, records and a page with boxes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor.demo import examples_folder, load_documents
from extractor.testing import ChatServer, reply


@pytest.mark.slow
def test_a_receipt_is_read_and_shown_with_its_boxes(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    record = {"shop": "Corner Cafe", "date": "12.03.2026", "total": 10.0}
    with ChatServer([reply(record)]) as server:
        end = cli("demo", "--kind", "receipt", "--limit", "1", "-m", "m", "--base-url", server.base_url)
    assert end.status == 0, end.err
    assert "records.html" in end.err
    (line,) = map(json.loads, Path("records.jsonl").read_text().splitlines())
    assert {box["pointer"] for box in line["boxes"]} == {"/shop", "/date", "/total"}
    assert '"pages":[[1,' in Path("records.html").read_text()


def test_there_is_no_example_of_another_name() -> None:
    assert load_documents(examples_folder(), "letter") is None
