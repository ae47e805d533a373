"""Documents in a column of a table: as bytes, or by their paths with Files."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import DatabaseSource, Extractor, Files, tables
from extractor.tables.values import held, released
from extractor.testing import ChatServer
from tests.readers.drawing import Paper
from tests.tables.towns import Visit, asked, lines


def pdf(town: str) -> bytes:
    paper = Paper()
    paper.write(town, 72, 700)
    return paper.pdf()


def towns() -> dict[Any, Any]:
    return {row["id"]: row["visit"] and row["visit"]["town"] for row in lines("out.jsonl")}


def parquet(**columns: list[Any]) -> str:
    pq.write_table(pa.table(columns), "in.parquet")
    return "in.parquet"


@pytest.mark.slow
def test_a_column_of_bytes_holds_documents_and_each_fault_is_its_row_s(
    ex: Extractor, server: ChatServer
) -> None:
    cells = [pdf("Worms"), b"Basel", pdf("Ulm")[:90], b"", None]
    result = tables.run(
        parquet(id=[1, 2, 3, 4, 5], file=cells),
        Visit,
        text="file",
        into="out.jsonl",
        quarantine="bad.jsonl",
        model=ex,
    )
    assert result.sum == "5 rows = 2 ok + 1 failed + 2 empty"
    assert towns() == {1: "Worms", 2: "Basel"}
    assert {row["input"]["id"]: row["error"]["kind"] for row in lines("bad.jsonl")}[3] == "input"


@pytest.mark.slow
def test_a_quarantined_document_is_asked_about_again_as_a_document(ex: Extractor, server: ChatServer) -> None:
    options = {"text": "file", "quarantine": "bad.jsonl", "model": ex}
    tables.run(parquet(id=[1], file=[pdf("bad Worms")]), Visit, into="out.jsonl", **options)
    tables.run("bad.jsonl", Visit, into="again.jsonl", **options | {"quarantine": "worse.jsonl"})
    assert {asked(request) for request in server.requests} == {"bad Worms"}
    assert len(server.requests) == 2
    assert lines("worse.jsonl")[0]["input"] == lines("bad.jsonl")[0]["input"]


@pytest.mark.slow
def test_files_opens_the_paths_of_a_column(ex: Extractor) -> None:
    Path("worms.pdf").write_bytes(pdf("Worms"))
    source = parquet(id=[1, 2, 3], path=["worms.pdf", "none.pdf", None])
    result = tables.run(source, Visit, text=Files("path"), into="out.jsonl", quarantine="bad.jsonl", model=ex)
    assert result.sum == "3 rows = 1 ok + 1 failed + 1 empty"
    assert towns() == {1: "Worms"}


@pytest.mark.slow
def test_a_path_in_a_column_is_a_text_without_files(ex: Extractor, server: ChatServer) -> None:
    Path("worms.pdf").write_bytes(pdf("Worms"))
    tables.run(parquet(id=[1], path=["worms.pdf"]), Visit, text="path", into="out.jsonl", model=ex)
    assert [asked(request) for request in server.requests] == ["worms.pdf"]


@pytest.mark.slow
def test_a_database_s_column_of_bytes_holds_documents(ex: Extractor) -> None:
    with sqlite3.connect("in.db") as base:
        base.execute("create table files (id integer, file blob)")
        base.execute("insert into files values (1, ?)", [pdf("Worms")])
    base.close()
    source = DatabaseSource("sqlite:///in.db", "files")
    tables.run(source, Visit, text="file", into="out.jsonl", model=ex)
    assert towns() == {1: "Worms"}


@pytest.mark.slow
def test_bytes_are_no_part_of_a_text(ex: Extractor, server: ChatServer) -> None:
    source = parquet(id=[1], file=[b"Basel"])
    for text in ("Town: {file}", ["id", "file"]):
        Path("out.jsonl").unlink(missing_ok=True)
        result = tables.run(source, Visit, text=text, into="out.jsonl", model=ex)
        assert result.sum == "1 row = 1 failed"
    assert len(server.requests) == 0


fields = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3) | st.just("$base64"), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4) | st.just("$base64"), fields, max_size=3))
def test_what_a_quarantine_holds_comes_back_as_it_was(row: dict[str, Any]) -> None:
    assert released(json.loads(json.dumps(held(row)))) == row


def test_bytes_that_a_person_broke_stay_as_they_are() -> None:
    assert released({"file": {"$base64": "no base64!"}}) == {"file": "no base64!"}
