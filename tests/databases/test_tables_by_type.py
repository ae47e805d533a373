"""A union of types into a database: a table for each type, written in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import BaseModel

from extractor import Columns, ConfigError, DatabaseSink, Extractor, tables
from extractor.tables import Holding
from extractor.tables.databases.batches import SortedRows
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from tests.clients import client_in
from tests.databases.places import Place
from tests.tables.towns import asked, lines


class Invoice(BaseModel):
    number: str


class Letter(BaseModel):
    sender: str


INBOX = {
    "a.txt": "invoice 1",
    "b.txt": "letter of Ada",
    "c.txt": "bad",
    "d.txt": "invoice 2",
    "e.txt": "letter of Bo",
}
ERROR = {  # the type of the column of errors
    "postgresql": "jsonb",
    "sqlite": "TEXT",
    "duckdb": "STRUCT(kind VARCHAR, message VARCHAR, attempts BIGINT, http_status BIGINT)",
}


def sort(request: ReceivedRequest) -> Scripted:
    text = asked(request)
    if "bad" in text:
        return status(400, "I do not read that.")
    *_, last = text.split()
    return reply({"value": {"sender": last} if "letter" in text else {"number": last}})


@pytest.fixture
def ex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Extractor]:
    (tmp_path / "inbox").mkdir()
    for name, text in INBOX.items():
        (tmp_path / "inbox" / name).write_text(text)
    with ChatServer(sort) as server, client_in(tmp_path, monkeypatch, server) as client:
        yield client


def call(ex: Extractor, sink: DatabaseSink, **options: Any) -> tables.TableRun:
    return tables.run(
        "inbox",
        Invoice | Letter,
        into=sink,
        quarantine="bad.jsonl",
        columns=Columns(flatten=True),
        model=ex,
        **options,
    )


@pytest.mark.slow
def test_each_type_has_its_table_and_what_has_none_the_quarantine(ex: Extractor, place: Place) -> None:
    result = call(ex, DatabaseSink(place.url, "{type}_read"))
    assert result.sum == "5 rows = 4 ok + 1 failed"
    assert result.places == (
        Holding("the table invoice_read", None, 2),
        Holding("the table letter_read", None, 2),
        Holding("bad.jsonl", 1, 1),
    )
    assert place.rows("SELECT path, number FROM invoice_read ORDER BY path") == [
        ("inbox/a.txt", "1"),
        ("inbox/d.txt", "2"),
    ]
    assert place.rows("SELECT sender FROM letter_read ORDER BY path") == [("Ada",), ("Bo",)]
    assert [line["input"]["path"] for line in lines("bad.jsonl")] == ["inbox/c.txt"]


@pytest.mark.slow
def test_a_run_into_tables_by_type_is_resumed_without_a_row_twice(ex: Extractor, place: Place) -> None:
    sink = DatabaseSink(place.url, "{type}", batch_rows=2)
    call(ex, sink, limit=3)
    with pytest.raises(ConfigError, match="3 rows of this run are already in invoice, letter"):
        call(ex, sink)
    result = call(ex, sink, resume=True)
    assert result.sum == "5 rows = 3 done before + 2 ok"
    assert (place.count("invoice"), place.count("letter")) == (2, 2)


@pytest.mark.slow
def test_a_table_that_was_removed_in_between_is_told(ex: Extractor, place: Place) -> None:
    sink = DatabaseSink(place.url, "{type}")
    call(ex, sink, limit=3)
    place.do("DROP TABLE letter")
    with pytest.raises(ConfigError, match=r"invoice has 3 rows .* letter 0: one of them was"):
        call(ex, sink, resume=True)
    assert place.count("invoice") == 1


@pytest.mark.slow
def test_a_row_whose_record_is_of_another_type_now_leaves_the_table_that_it_was_in(
    ex: Extractor, place: Place
) -> None:
    sink = DatabaseSink(place.url, "{type}", mode="upsert", key="path")
    call(ex, sink)
    Path("inbox/a.txt").write_text("letter of Cy")
    call(ex, sink)
    assert place.rows("SELECT path FROM invoice") == [("inbox/d.txt",)]
    assert place.rows("SELECT sender FROM letter ORDER BY path") == [("Cy",), ("Ada",), ("Bo",)]


@pytest.mark.slow
def test_a_row_that_the_database_rejects_leaves_the_others_of_all_tables_in(
    ex: Extractor, place: Place
) -> None:
    place.do(
        "CREATE TABLE letter (path TEXT, sender TEXT CHECK (sender <> 'Ada'), "
        f"letter_error {ERROR[place.kind]}, letter_schema TEXT)"
    )
    result = call(ex, DatabaseSink(place.url, "{type}"))
    assert (place.count("invoice"), place.count("letter")) == (2, 1)
    assert [each.added for each in result.places] == [2, 1, 2]
    assert {line["input"]["path"] for line in lines("bad.jsonl")} == {"inbox/b.txt", "inbox/c.txt"}


def test_types_without_a_quarantine_are_refused_and_databases_by_type(ex: Extractor) -> None:
    with pytest.raises(ConfigError, match="rows without a record have no type"):
        tables.run("inbox", Invoice | Letter, into=DatabaseSink("sqlite:///a.db", "{type}"), model=ex)
    with pytest.raises(ConfigError, match="not for the database's"):
        call(ex, DatabaseSink("sqlite:///{type}.db", "{type}"))


def test_the_name_of_a_single_type_takes_its_place_in_a_table_too(ex: Extractor) -> None:
    result = tables.run("inbox/d.txt", Invoice, into=DatabaseSink("sqlite:///a.db", "{type}s"), model=ex)
    assert result.places[0].place == "the table invoices"


def test_of_each_key_the_last_row_is_left_whichever_table_it_is_in() -> None:
    first = pa.RecordBatch.from_pydict({"id": [1, 2, 1]})
    second = pa.RecordBatch.from_pydict({"id": [2, 3]})
    rows = SortedRows([0, 0, 1, 0, 1], [first, second]).latest(["id"])
    assert [each.column("id").to_pylist() for each in rows.batches] == [[1], [2, 3]]
    assert rows.tables == [1, 0, 1]
