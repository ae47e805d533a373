"""`view`: results, rows, frames and lines as one page, which says what is not known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Columns, ConfigError, Extractor, Run, Source, view
from extractor.report import EscalatedValue, derived
from extractor.testing import ChatServer, reply, status
from extractor.viewing import Names, RecordsPage, entry_of, names_of

TEXT = "Ada from Basel waits."


class Mood(StrEnum):
    ANGRY = "angry"
    CALM = "calm"


class Ticket(BaseModel):
    name: str
    mood: Mood
    paid: bool
    kind: Literal["mail", "call"] = "mail"


ANSWER = {"name": "Ada", "mood": "angry", "paid": False, "kind": "mail"}


@pytest.fixture
def ex() -> Any:
    def answer(request: Any) -> Any:
        return status(400, "no") if b"bad" in request.body else reply(ANSWER)

    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url) as ex:
        yield ex


def data_of(page: RecordsPage) -> list[Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.to_html(), re.DOTALL)
    assert found
    data: list[Any] = json.loads(found[1])
    return data


def test_results_and_outcomes_of_rows_are_entries(ex: Extractor) -> None:
    page = view([ex.run(Ticket, TEXT), *ex.rows([TEXT, "bad", ""], Ticket, run=Run(journal=False))])
    assert repr(page) == "RecordsPage(4 texts: 2 ok, 1 transport, 1 empty)"
    first, _, failed, empty = data_of(page)
    assert first["spans"]["/name"] == [[0, 3, "exact", 1.0]]
    assert failed["problems"] == ["HTTP 400: no"]
    assert (empty["text"], empty["missing"]) == ("", True)


def test_documents_are_listed_by_their_names(ex: Extractor) -> None:
    source = Source(TEXT, name="ada.pdf")
    page = view([ex.run(Ticket, source), ex.run(Ticket, TEXT), *ex.rows([source], Ticket)])
    assert [each["title"] for each in data_of(page)] == ["ada.pdf", "2", "row 1: ada.pdf"]


def test_a_frame_is_shown_as_it_came_out_of_a_run(ex: Extractor) -> None:
    frame = pd.DataFrame({"id": ["a", "b"], "body": [TEXT, "bad"]})
    page = view(ex.frame(frame, Ticket, text="body", run=Run(journal=False)), record_type=Ticket)
    first, second = data_of(page)
    assert (first["title"], first["text"], first["outcome"]) == ("a", TEXT, "ok")
    assert first["derived"] == ["/kind", "/mood", "/paid"]
    assert (second["outcome"], second["problems"]) == ("status", ["HTTP 400: no"])


def test_a_flattened_frame_is_shown_by_its_record_type_and_never_as_empty(ex: Extractor) -> None:
    frame = pd.DataFrame({"id": ["a", "b", "c"], "body": [TEXT, "bad", None]})
    for name in (None, "t"):
        columns, run = Columns(flatten=True, name=name), Run(journal=False)
        flat = ex.frame(frame, Ticket, text="body", columns=columns, run=run)
        first, second, third = data_of(view(flat, record_type=Ticket, text="body"))
        assert (first["outcome"], first["spans"]["/name"]) == ("ok", [[0, 3, "exact", 1.0]])
        assert [each["outcome"] for each in (second, third)] == ["status", "empty"]
        with pytest.raises(ConfigError, match="name the record type"):
            view(flat, text="body")


def test_places_that_have_other_words_now_are_not_marked() -> None:
    place = {"pointer": "/name", "start": 0, "end": 3, "text": "Ada"}
    line = {"text": "Bob is here", "record": {"name": "Ada"}, "evidence": [place]}
    (shown,) = data_of(view([line]))
    assert (shown["text"], shown["spans"]) == ("", {})
    assert "has changed" in shown["problems"][0]


def test_a_line_of_a_quarantine_is_shown_as_its_row() -> None:
    again = "extractor run bad.jsonl --text body --output out.jsonl --quarantine bad.jsonl"
    row, error = {"id": "a", "body": TEXT}, {"kind": "invalid", "message": "no age"}
    (shown,) = data_of(view([{"quarantine": 2, "index": 0, "input": row, "error": error, "again": again}]))
    assert (shown["title"], shown["text"], shown["outcome"]) == ("a", TEXT, "invalid")
    assert shown["problems"] == ["no age"]


def test_a_page_is_saved_and_a_notebook_shows_it_in_a_frame(ex: Extractor, tmp_path: Path) -> None:
    page = view(ex.run(Ticket, TEXT))
    assert page.save(tmp_path / "p.html").read_text("utf-8") == page.to_html()
    assert 'class="extractor-page"' in page._repr_html_()


def test_enums_literals_and_booleans_are_derived_and_others_are_not(ex: Extractor) -> None:
    assert ex.run(Ticket, TEXT).entry("").derived == {"/mood", "/paid", "/kind"}


def test_derived_values_are_found_in_lists_references_unions_and_free_members() -> None:
    class Box(BaseModel):
        items: list[Ticket | None]
        by_name: dict[str, Mood]
        note: str

    box = Box(items=[Ticket.model_validate(ANSWER), None], by_name={"a/b": Mood.CALM}, note="angry")
    found = derived(box.model_dump(mode="json"), Box.model_json_schema(mode="serialization"))
    assert found == {"/items/0/mood", "/items/0/paid", "/items/0/kind", "/by_name/a~1b"}


@pytest.mark.slow
@given(st.recursive(st.none() | st.integers(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_of_plain_json_without_booleans_nothing_is_derived(value: Any) -> None:
    assert derived(value, {}) == frozenset()
    assert derived({"a": value, "b": [True]}, {}) == {"/b/0"}


def test_a_record_whose_text_is_not_here_has_no_evidence_and_says_so() -> None:
    entry = entry_of({"source": "gone.txt", "record": ANSWER}, 1, Names(None, None))
    assert (entry.missing, entry.evidence, entry.text) == (True, {}, "")


def test_the_text_of_rows_is_the_longest_column_where_none_is_named() -> None:
    rows = [{"id": "1234567", "body": TEXT, "ticket": json.dumps(ANSWER), "ticket_error": None}]
    assert names_of(rows, Names(None, None)) == Names("body", None)
    entry = entry_of(rows[0], 1, names_of(rows, Names(None, None)))
    assert (entry.text, entry.record) == (TEXT, ANSWER)


def test_what_is_no_result_is_named() -> None:
    with pytest.raises(ConfigError, match=r"view.. needs results"):
        view([3])


ROWS: list[dict[str, Any]] = [
    {
        "body": "Ada: red, blue.",
        "visit": {"who": "Ada", "colours": ["red", "blue"]},
        "visit_error": None,
        "visit_usage": {"prompt_tokens": 7},
        "visit_confidence": [
            {"pointer": "/who", "confidence": 0.3},
            {"pointer": "/colours/0", "confidence": 0.9},
        ],
        "visit_escalation": [{"pointer": "/who", "choice": "second", "to": "large", "first": '"Bo"'}],
    },
    {
        "body": "Nothing.",
        "visit": None,
        "visit_error": {"kind": "empty", "message": "no text"},
        "visit_usage": None,
        "visit_confidence": None,
        "visit_escalation": None,
    },
]


def as_csv(folder: Path) -> Any:
    rows = [{k: json.dumps(v) if isinstance(v, dict | list) else v for k, v in row.items()} for row in ROWS]
    pd.DataFrame(rows).to_csv(folder / "o.csv", index=False)
    return pd.read_csv(folder / "o.csv", dtype=object)


def as_parquet(folder: Path) -> Any:
    pq.write_table(pa.Table.from_pylist(ROWS), folder / "o.parquet")
    return pd.read_parquet(folder / "o.parquet")


@pytest.mark.parametrize("read", [as_csv, as_parquet, lambda folder: ROWS])
def test_tables_out_of_files_have_all_that_stands_beside_their_records(
    read: Callable[[Path], Any], tmp_path: Path
) -> None:
    one, other = view(read(tmp_path)).entries
    assert one.record == {"who": "Ada", "colours": ["red", "blue"]}
    assert one.confidence == {"/who": 0.3, "/colours/0": 0.9}
    assert one.escalated == {"/who": EscalatedValue("second", "large", "Bo")}
    assert one.facts["prompt tokens"].startswith("7")
    assert (other.outcome, other.problems) == ("empty", ("no text",))
