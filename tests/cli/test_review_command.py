"""`extractor review` up to where it serves; the page itself is driven in tests/review."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor.review.log import alone
from tests.review.serving import texts, written


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    written(tmp_path, texts(40))
    return tmp_path


def test_it_is_told_how_many_records_have_to_be_looked_at(cli: Cli, folder: Path) -> None:
    ended = cli("review", "in.jsonl", "-t", "person.py:Person", "--dry-run", "--precision", "0.9")
    assert ended.status == 0
    said = " ".join(ended.err.split())
    assert "Of 40 records the 33 least sure have to be looked at" in said  # 2·33 + 7·1.2 − 1.645·√2.1 ≥ 72
    assert "as a guess, since some values have no confidence" in said
    assert "within 5.0% either way: 37 drawn at random" in said
    assert not (folder / "in.gold.jsonl").exists()


def test_told_confidence_is_what_it_goes_by(cli: Cli, folder: Path) -> None:
    sure = {"/name": 1.0, "/age": 1.0}
    written(folder, [{**line, "confidence": sure} for line in texts(40)])
    ended = cli("review", "in.jsonl", "-t", "person.py:Person", "--dry-run")
    assert "the 0 least sure have to be looked at" in " ".join(ended.err.split())


def test_a_second_one_is_told_that_somebody_else_reviews(cli: Cli, folder: Path) -> None:
    with alone("in.jsonl.review.jsonl"):
        ended = cli("review", "in.jsonl", "-t", "person.py:Person")
    assert (ended.status, "another session is reviewing" in ended.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("in.jsonl",), "name the record type"),
        (("none.jsonl", "-t", "person.py:Person"), "no file none.jsonl"),
        (("in.jsonl", "-t", "person.py:Person", "--gold", "in.jsonl"), "would overwrite RESULTS"),
        (("empty.jsonl", "-t", "person.py:Person"), "has no record with its text"),
    ],
)
def test_what_cannot_be_reviewed_is_refused(
    cli: Cli, folder: Path, arguments: tuple[str, ...], said: str
) -> None:
    (folder / "empty.jsonl").write_text(json.dumps({"text": "x", "record": None}) + "\n")
    ended = cli("review", *arguments)
    assert (ended.status, said in " ".join(ended.err.replace("│", " ").split())) == (2, True)
