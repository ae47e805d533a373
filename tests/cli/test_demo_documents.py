"""`extractor demo --kind receipt`: photos in, records and a page with boxes out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor import Source, align
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
    assert load_documents(examples_folder(), "parcel") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bill", "form", "letter", "mail"])
def test_each_value_of_gold_stands_in_its_document(name: str) -> None:
    kind = load_documents(examples_folder(), name)
    assert kind is not None
    for example in kind.examples:
        assert isinstance(example.text, Source)
        record = kind.record_type.model_validate(example.gold)
        for pointer, spans in align(record, example.text.text).items():
            assert spans, (example.file, pointer)
            if example.text.pages:
                assert example.text.boxes(spans[0].start, spans[0].end)


@pytest.mark.slow
def test_a_bill_is_read_and_shown_with_its_boxes(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (gold, *_) = map(json.loads, (examples_folder() / "gold/bill.jsonl").read_text("utf-8").splitlines())
    with ChatServer([reply(gold["record"])]) as server:
        end = cli("demo", "--kind", "bill", "--limit", "1", "-m", "m", "--base-url", server.base_url)
    assert end.status == 0, end.err
    (line,) = map(json.loads, Path("records.jsonl").read_text().splitlines())
    assert {"/number", "/items/1/price"} <= {box["pointer"] for box in line["boxes"]}
