"""An estimate beside a table of a database: what the table has is left out, as the run would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor import ConfigError, DatabaseSink, Extractor, tables
from extractor.testing import ChatServer
from tests.clients import client_in
from tests.databases.places import Place
from tests.tables.towns import Visit, visit, write

TOWNS = ["Basel", "bad", "Bonn", "Bern", "", "Genf", "Köln"]


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(visit) as server:
        yield server


@pytest.fixture
def ex(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Extractor]:
    with client_in(tmp_path, monkeypatch, server) as ex:
        yield ex


@pytest.mark.slow
def test_rows_that_the_table_has_are_done_before_and_the_estimate_says_as_many_requests_as_the_run_sends(
    ex: Extractor, server: ChatServer, place: Place
) -> None:
    write("in.jsonl", TOWNS)
    sink = DatabaseSink(place.url, "visits")
    run: dict[str, Any] = {"text": "body", "into": sink, "quarantine": "q.jsonl", "model": ex}
    fresh = tables.estimate("in.jsonl", Visit, **run)
    assert fresh.sum == "7 rows = 6 to ask + 1 without text"
    assert place.kind == "postgresql" or not place.file.exists()
    tables.run("in.jsonl", Visit, **run, limit=3)
    asked = len(server.requests)
    told = tables.estimate("in.jsonl", Visit, **run, resume=True)
    assert told.sum == "7 rows = 3 done before (1 of them in the quarantine) + 3 to ask + 1 without text"
    assert "not left out" not in str(told)
    assert len(server.requests) == asked
    result = tables.run("in.jsonl", Visit, **run, resume=True)
    assert result.earlier == told.earlier
    assert len(server.requests) == asked + told.requests
    again = tables.estimate("in.jsonl", Visit, **run, resume=True)
    assert again.sum == "7 rows = 7 done before (2 of them in the quarantine)"


@pytest.mark.slow
def test_an_estimate_raises_what_the_run_would(ex: Extractor, place: Place) -> None:
    write("in.jsonl", TOWNS)
    run: dict[str, Any] = {"text": "body", "into": DatabaseSink(place.url, "visits"), "model": ex}
    tables.run("in.jsonl", Visit, **run)
    with pytest.raises(ConfigError, match=re.escape("7 rows of this run are already in visits")):
        tables.estimate("in.jsonl", Visit, **run)
    write("in.jsonl", ["Ulm", *TOWNS])
    with pytest.raises(ConfigError, match="the input does not begin with the 7 rows"):
        tables.estimate("in.jsonl", Visit, **run, resume=True)


@pytest.mark.slow
def test_rows_that_are_added_or_replaced_anew_come_from_the_journal(ex: Extractor, place: Place) -> None:
    write("in.jsonl", ["Basel", "Bern", ""])
    run: dict[str, Any] = {"text": "body", "model": ex}
    tables.run("in.jsonl", Visit, **run, into=DatabaseSink(place.url, "visits"))
    appended = tables.estimate("in.jsonl", Visit, **run, into=DatabaseSink(place.url, "visits"), append=True)
    assert appended.sum == "3 rows = 2 from the journal + 1 without text"
    keyed = DatabaseSink(place.url, "keyed", mode="upsert", key="id")
    tables.run("in.jsonl", Visit, **run, into=keyed)
    assert tables.estimate("in.jsonl", Visit, **run, into=keyed).earlier == 0
