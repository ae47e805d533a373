"""A record type that changed: outputs of two versions are never mixed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from ended import Cli
from visits import TYPES, Run, read, visit, write

from extractor.testing import ChatServer

ROWS = [{"id": str(i), "body": town} for i, town in enumerate(["Basel", "Bonn", "Köln"])]
KINDS = ["csv", "jsonl", "parquet"]
GOING_ON = ["--append", "--resume"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    write(tmp_path / "in.csv", ROWS)
    return tmp_path


@pytest.fixture
def run(cli: Cli, folder: Path) -> Iterator[Run]:
    with ChatServer(visit) as server:
        yield Run(cli, server)


def define(folder: Path, source: str) -> None:
    """Have visits.py be this file, for the next command."""
    (folder / "visits.py").write_text(source)
    sys.modules.pop("visits_py", None)


@pytest.mark.parametrize("kind", KINDS)
def test_each_row_says_which_version_of_the_type_it_was_made_for(kind: str, run: Run, folder: Path) -> None:
    define(folder, TYPES)
    run("in.csv", "-x", "body", "-o", f"out.{kind}")
    stamps = {row["visit_schema"] for row in read(folder / f"out.{kind}")}
    assert len(stamps) == 1
    assert len(stamps.pop()) == 16


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", GOING_ON)
def test_a_type_that_changed_is_refused_with_what_changed_and_what_to_do(
    kind: str, how: str, run: Run, folder: Path
) -> None:
    define(folder, TYPES)
    run("in.csv", "-x", "body", "-o", f"out.{kind}", "--limit", "2")
    define(folder, TYPES.replace("day: date", "day: date | None = None\n    price: float | None = None"))
    before, asked = (folder / f"out.{kind}").read_bytes(), len(run.server.requests)
    end = run("in.csv", "-x", "body", "-o", f"out.{kind}", how)
    assert end.status == 2
    assert f"out.{kind} was written for another version of Visit" in end.err
    assert "/price is new" in end.err
    assert "/day may be left out now" in end.err
    assert f"-o out.v2.{kind}" in end.err
    assert (folder / f"out.{kind}").read_bytes() == before
    assert len(run.server.requests) == asked


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", GOING_ON)
def test_a_type_that_is_worded_otherwise_is_the_same(kind: str, how: str, run: Run, folder: Path) -> None:
    define(folder, TYPES)
    run("in.csv", "-x", "body", "-o", f"out.{kind}", "--limit", "1")
    define(
        folder,
        TYPES.replace("town: str", 'town: str = Field(description="Where.")\n').replace(
            "BaseModel\n", "BaseModel, Field\n", 1
        ),
    )
    assert run("in.csv", "-x", "body", "-o", f"out.{kind}", how).status == 0


@pytest.mark.slow
def test_files_of_two_versions_that_were_put_together_are_found_out(run: Run, folder: Path) -> None:
    define(folder, TYPES)
    run("in.csv", "-x", "body", "-o", "one.jsonl")
    define(folder, TYPES.replace("town", "place"))
    with ChatServer() as server:
        Run(run.cli, server)("in.csv", "-x", "body", "-o", "two.jsonl")
    (folder / "both.jsonl").write_bytes(
        (folder / "two.jsonl").read_bytes() + (folder / "one.jsonl").read_bytes()
    )
    end = run("in.csv", "-x", "body", "-o", "both.jsonl", "--append")
    assert end.status == 2
    assert "another version" in end.err
    assert "/town is gone" in end.err


def test_an_output_that_says_no_version_is_not_added_to(run: Run, folder: Path) -> None:
    define(folder, TYPES)
    write(folder / "out.jsonl", [{"id": "0", "body": "Basel", "visit": {}, "visit_error": None}])
    end = run("in.csv", "-x", "body", "-o", "out.jsonl", "--append")
    assert end.status == 2
    assert "does not record its version" in end.err


def test_without_the_old_version_at_hand_the_refusal_is_the_same(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    define(folder, TYPES)
    run("in.csv", "-x", "body", "-o", "out.parquet")
    monkeypatch.setenv("EXTRACTOR_CACHE", str(folder / "another"))
    define(folder, TYPES.replace("town", "place"))
    end = run("in.csv", "-x", "body", "-o", "out.parquet", "--append")
    assert end.status == 2
    assert "is not known" in end.err
    assert pq.read_table(folder / "out.parquet").num_rows == 3
