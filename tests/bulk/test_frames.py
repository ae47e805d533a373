"""Frames in and out: the caller's own columns are as they were, and what is new stands beside them."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel, Field, SecretStr, field_serializer

from extractor import AsyncExtractor, Columns, ConfigError, Extractor, Run
from extractor.errors import RunStopped
from extractor.schema.outline import fingerprint
from extractor.testing import ChatServer, ReceivedRequest, Scripted, logprobs, reply, status
from tests.record_types import meaning_of


class Visit(BaseModel):
    town: str
    day: date | None = None
    guests: int = 0
    kind: Literal["work", "leisure"] = "work"
    cost: Decimal = Field(default=Decimal(0), max_digits=8, decimal_places=2)
    tags: list[str] = []


class Login(BaseModel):
    user: str
    password: SecretStr
    pins: list[SecretStr] | None = None


class Shown(Login):
    @field_serializer("password", when_used="json")
    def shown(self, password: SecretStr) -> str:
        return password.get_secret_value()


def test_that_secrets_come_out_as_asterisks_is_said_beforehand() -> None:
    answer = reply({"user": "ada", "password": "hush", "pins": None})
    with ChatServer(answer) as server, Extractor("m", base_url=server.base_url) as ex:
        with pytest.warns(UserWarning, match=r"password, pins will be written as \*{10}"):
            frame = ex.frame(pd.DataFrame({"body": ["x"]}), Login, text="body", run=Run(journal=False))
        assert frame["login"][0]["password"] == "**********"
        with pytest.warns(UserWarning, match="^pins will be written"):
            frame = ex.frame(pd.DataFrame({"body": ["x"]}), Shown, text="body", run=Run(journal=False))
        assert frame["shown"][0]["password"] == "hush"


BODIES = ["Basel", None, "Köln", "", "refuse me", "Basel"]
TOWNS = ["Basel", None, "Köln", None, None, "Basel"]


def asked(request: ReceivedRequest) -> str:
    text: str = json.loads(request.body)["messages"][-1]["content"]
    return text


def visit(request: ReceivedRequest) -> Scripted:
    text = asked(request)
    if "refuse" in text:
        return status(400, "I do not read that.")
    return reply(
        {"town": text, "day": "2026-05-03", "guests": 2, "kind": "leisure", "cost": "9.5", "tags": ["a"]}
    )


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(visit) as server:
        yield server


@pytest.fixture
def ex(server: ChatServer) -> Iterator[Extractor]:
    with Extractor("m", base_url=server.base_url, max_retries=0) as extractor:
        yield extractor


@dataclass
class Foreign:
    """A frame of a library that is not known, but speaks Arrow."""

    table: pa.Table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


DATA = {"id": [3, 1, 2, 3, 5, 6], "body": BODIES}


def from_pandas(frame: pd.DataFrame) -> pa.Table:
    return pa.table(
        {name: list(frame[name].astype(object).where(frame[name].notna(), None)) for name in frame}
    )


KINDS: dict[str, tuple[Callable[[], Any], type, Callable[[Any], pa.Table]]] = {
    "pandas": (lambda: pd.DataFrame(DATA), pd.DataFrame, from_pandas),
    "polars": (lambda: pl.DataFrame(DATA), pl.DataFrame, lambda df: df.to_arrow()),
    "polars, lazy": (lambda: pl.LazyFrame(DATA), pl.LazyFrame, lambda df: df.collect().to_arrow()),
    "pyarrow": (lambda: pa.table(DATA), pa.Table, lambda table: table),
    "batch": (lambda: pa.RecordBatch.from_pydict(DATA), pa.RecordBatch, lambda b: pa.Table.from_batches([b])),
    "reader": (lambda: pa.table(DATA).to_reader(), pa.Table, lambda table: table),
    "foreign": (lambda: Foreign(pa.table(DATA)), pa.Table, lambda table: table),
    "duckdb": (
        lambda: duckdb.from_arrow(pa.table(DATA)),
        duckdb.DuckDBPyRelation,
        lambda r: r.to_arrow_table(),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_kind_of_frame_comes_out_with_records_and_errors_beside_its_columns(
    kind: str, ex: Extractor, server: ChatServer
) -> None:
    make, expected, as_arrow = KINDS[kind]
    found = ex.frame(make(), Visit, text="body", run=Run(journal=False))
    assert isinstance(found, expected)
    table = as_arrow(found)
    assert table.column_names == ["id", "body", "visit", "visit_error"]
    assert table["id"].to_pylist() == DATA["id"]
    assert table["body"].to_pylist() == BODIES
    records = table["visit"].to_pylist()
    assert [record and record["town"] for record in records] == TOWNS
    assert records[0] == {
        "town": "Basel",
        "day": date(2026, 5, 3),
        "guests": 2,
        "kind": "leisure",
        "cost": Decimal("9.50"),
        "tags": ["a"],
    }
    errors = table["visit_error"].to_pylist()
    assert [error and error["kind"] for error in errors] == [None] * 4 + ["status", None]
    assert (errors[4]["http_status"], errors[4]["attempts"]) == (400, 1)
    assert "I do not read that" in errors[4]["message"]
    assert len(server.requests) <= 4, "empty texts ask nothing"


@pytest.mark.parametrize("kind", KINDS)
def test_flat_columns_have_the_types_of_the_members(kind: str, ex: Extractor) -> None:
    make, _, as_arrow = KINDS[kind]
    table = as_arrow(
        ex.frame(make(), Visit, text="body", columns=Columns(flatten=True), run=Run(journal=False))
    )
    members = list(Visit.model_fields)
    assert table.column_names == ["id", "body", *members, "visit_error"]
    assert table["town"].to_pylist() == TOWNS
    assert table["guests"].to_pylist() == [2, None, 2, None, None, 2]


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_without_rows_gets_its_columns_all_the_same(kind: str, ex: Extractor) -> None:
    if kind in ("pyarrow", "duckdb", "foreign", "reader", "batch"):
        empty = pa.table({"body": pa.array([], pa.string())})
        frame: Any = {"pyarrow": empty, "duckdb": duckdb.from_arrow(empty), "foreign": Foreign(empty)}.get(
            kind,
            empty.to_reader()
            if kind == "reader"
            else pa.RecordBatch.from_arrays([pa.array([], pa.string())], ["body"]),
        )
    else:
        frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "polars, lazy": pl.LazyFrame}[kind](
            {"body": pd.Series([], dtype=object) if kind == "pandas" else pl.Series([], dtype=pl.String)}
        )
    found = ex.frame(
        frame, Visit, text="body", columns=Columns(flatten=True, usage=True), run=Run(journal=False)
    )
    table = KINDS[kind][2](found)
    assert table.num_rows == 0
    assert table.column_names[-2:] == ["visit_error", "visit_usage"]


def test_columns_of_several_levels_get_names_of_all_levels(ex: Extractor) -> None:
    frame = pd.DataFrame({("mail", "body"): ["Basel"]})
    found = ex.frame(frame, Visit, text=("mail", "body"), run=Run(journal=False))
    assert list(found.columns) == [("mail", "body"), ("visit", ""), ("visit_error", "")]


def test_pandas_index_types_and_order_stay_as_they_are(ex: Extractor) -> None:
    index = pd.MultiIndex.from_tuples([("x", 2), ("x", 2), ("a", 1)], names=["one", "two"])
    frame = pd.DataFrame(
        {
            "body": pd.array(["Basel", None, "Köln"], dtype="string"),
            "size": pd.array([1, None, 3], dtype="Int64"),
            "when": pd.to_datetime(["2026-01-01", None, "2026-01-03"]),
            "sort": pd.Categorical(["a", "b", "a"]),
        },
        index=index,
    )
    before = frame.copy(deep=True)
    found = ex.frame(frame, Visit, text="body", columns=Columns(flatten=True), run=Run(journal=False))
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(found[list(before)], before)
    assert found.index.equals(index)


def test_pandas_gets_its_own_types() -> None:
    with ChatServer(visit) as server, Extractor("m", base_url=server.base_url) as ex:
        frame = pd.DataFrame({"body": ["Basel", None]}, index=[7, 7])
        found = ex.frame(frame, Visit, text="body", columns=Columns(flatten=True), run=Run(journal=False))
    assert found.index.tolist() == [7, 7]
    assert str(found["guests"].dtype) == "Int64"
    assert found["guests"].tolist() == [2, pd.NA]
    assert found["town"].dtype == pd.DataFrame({"a": pa.array(["x"]).to_pandas()})["a"].dtype
    assert found["day"].tolist() == [date(2026, 5, 3), None]
    assert found["tags"].tolist() == [["a"], None]


def test_a_pandas_frame_with_records_goes_through_parquet(ex: Extractor, tmp_path: Any) -> None:
    found = ex.frame(
        pd.DataFrame({"body": ["Basel", None]}),
        Visit,
        text="body",
        columns=Columns(usage=True),
        run=Run(journal=False),
    )
    found.to_parquet(tmp_path / "a.parquet")
    assert pd.read_parquet(tmp_path / "a.parquet")["visit"][0]["town"] == "Basel"


def test_duckdb_relations_stay_in_their_connection_and_keep_their_types(ex: Extractor) -> None:
    connection = duckdb.connect()
    connection.sql("CREATE TABLE mail AS SELECT 'Basel' AS body, uuid() AS id, 5::HUGEINT AS size")
    before = connection.table("mail")
    found = ex.frame(before, Visit, text="body", run=Run(journal=False))
    assert [str(t) for t in found.types[:3]] == [str(t) for t in before.types]
    assert found.project("id, size").fetchall() == before.project("id, size").fetchall()
    assert connection.sql("SELECT count(*) FROM found JOIN mail USING (id)").fetchall() == [(1,)]
    assert found.project("visit.town").fetchall() == [("Basel",)]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("{subject}: {body}", "Hello: Basel"),
        (["subject", "body"], "Hello\n\nBasel"),
        (lambda row: row["body"].upper() + str(row["n"]), "BASEL1"),
    ],
)
def test_the_text_comes_of_one_column_of_several_of_a_template_or_of_a_function(
    text: Any, first: str, ex: Extractor, server: ChatServer
) -> None:
    frame = pl.DataFrame({"subject": ["Hello"], "body": ["Basel"], "n": [1]})
    found = ex.frame(frame, Visit, text=text, run=Run(journal=False))
    assert found["visit"].struct.field("town").to_list() == [first]
    assert asked(server.requests[0]) == first


def test_usage_and_evidence_come_on_request(ex: Extractor) -> None:
    frame = pa.table({"body": ["Basel", None]})
    found = ex.frame(
        frame,
        Visit,
        text="body",
        columns=Columns(usage=True, evidence=True, name="v"),
        run=Run(journal=False),
    )
    assert found.column_names == ["body", "v", "v_error", "v_usage", "v_evidence"]
    used, nothing = found["v_usage"].to_pylist()
    assert nothing is None
    assert used["prompt_tokens"] > 0
    assert (used["cost"], used["from_cache"]) == (None, False)
    spans, none = found["v_evidence"].to_pylist()
    assert none is None
    assert {"pointer": "/town", "start": 0, "end": 5, "text": "Basel", "how": "exact", "score": 1.0} in spans


@pytest.mark.parametrize(
    ("frame", "options", "why"),
    [
        (pl.DataFrame({"body": ["a"], "visit": [1]}), {}, "two columns 'visit'"),
        (pl.DataFrame({"body": ["a"], "visit_error": [1]}), {}, "name= another name"),
        (
            pl.DataFrame({"body": ["a"], "town": [1]}),
            {"columns": Columns(flatten=True)},
            "two columns 'town'",
        ),
        (duckdb.sql("SELECT 'a' AS body, 1 AS Visit"), {}, "two columns 'visit'"),
        (pl.DataFrame({"Body": ["a"]}), {}, "did you mean 'Body'"),
        (pl.DataFrame({"body": [1, 2]}), {}, "holds int, not text"),
        (pd.DataFrame([["a", "b"]], columns=["body", "body"]), {}, "more than one column"),
        (["a"], {}, "rows\\(...\\)"),
        ({"body": ["a"]}, {}, "not dict"),
        (pa.array(["a"]), {}, "no stream of rows|not"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_could_not_come_out_well_is_said_before_anything_is_asked(
    frame: Any, options: Any, why: str, ex: Extractor, server: ChatServer
) -> None:
    with pytest.raises(ConfigError, match=why):
        ex.frame(frame, Visit, text="body", run=Run(journal=False), **options)
    assert not server.requests


def test_a_name_given_stands_before_the_flat_columns(ex: Extractor) -> None:
    found = ex.frame(
        pl.DataFrame({"body": ["Basel"], "town": [1]}),
        Visit,
        text="body",
        columns=Columns(flatten=True, name="v"),
        run=Run(journal=False),
    )
    assert found.columns[:3] == ["body", "town", "v_town"]


def test_a_value_that_no_column_holds_is_its_rows_error_alone() -> None:
    with (
        ChatServer([reply({"n": 1}), reply({"n": 2**70})]) as server,
        Extractor("m", base_url=server.base_url) as ex,
    ):
        schema = {
            "title": "Count",
            "type": "object",
            "properties": {"n": {"type": "integer"}},
            "required": ["n"],
        }
        found = ex.frame(pa.table({"t": ["a", "b"]}), schema, text="t", run=Run(concurrency=1, journal=False))
    assert found["count"].to_pylist() == [{"n": 1}, None]
    assert found["count_error"].to_pylist()[1]["kind"] == "serialization"


def test_an_async_client_enriches_frames_too(server: ChatServer) -> None:
    async def enriched() -> Any:
        async with AsyncExtractor("m", base_url=server.base_url) as ex:
            return await ex.aframe(
                pl.DataFrame({"body": ["Basel"]}), Visit, text="body", run=Run(journal=False)
            )

    assert asyncio.run(enriched())["visit"].struct.field("town").to_list() == ["Basel"]


def test_a_frame_is_enriched_while_an_event_loop_is_running(ex: Extractor) -> None:
    async def in_a_notebook() -> Any:
        return ex.frame(pl.DataFrame({"body": ["Basel"]}), Visit, text="body", run=Run(journal=False))

    assert asyncio.run(in_a_notebook())["visit"].struct.field("town").to_list() == ["Basel"]


def test_the_frame_as_far_as_it_is_comes_with_the_error_that_stops_a_run() -> None:
    def then_no_credit(request: ReceivedRequest) -> Scripted:
        return visit(request) if asked(request) == "Basel" else status(401, "no such key")

    with ChatServer(then_no_credit) as server, Extractor("m", base_url=server.base_url) as ex:
        frame = pl.DataFrame({"body": ["Basel", "Köln", "Bonn"]})
        with pytest.raises(RunStopped) as stopped:
            ex.frame(frame, Visit, text="body", run=Run(concurrency=1, journal=False))
    partial = stopped.value.partial
    assert partial["visit"].struct.field("town").to_list() == ["Basel", None, None]
    assert partial["visit_error"].struct.field("kind").to_list()[-1] == "not_run"


def test_how_sure_each_value_is_stands_in_a_column_where_it_is_asked_for(server: ChatServer) -> None:
    told = logprobs(reply({"town": "Basel", "guests": 2}), {"2": math.log(0.5)})
    server.play(lambda request: visit(request) if "refuse" in asked(request) else told)
    with Extractor("m", base_url=server.base_url, max_retries=0) as ex:
        frame = pa.table({"body": ["Basel, 2 guests", None, "refuse me"]})
        table = ex.frame(frame, Visit, text="body", confidence=True, run=Run(journal=False, progress=False))
        plain = ex.frame(frame, Visit, text="body", run=Run(journal=False, progress=False))
    first, *others = table["visit_confidence"].to_pylist()
    assert {cell["pointer"]: round(cell["confidence"], 6) for cell in first}["/guests"] == 0.5
    assert others == [None, None]
    assert "visit_confidence" not in plain.column_names


def test_each_row_says_which_version_of_its_type_it_was_made_for(ex: Extractor) -> None:
    frame = pl.DataFrame({"body": BODIES})
    found = ex.frame(frame, Visit, text="body", columns=Columns(version=True), run=Run(journal=False))
    assert found.columns == ["body", "visit", "visit_error", "visit_schema"]
    assert found["visit_schema"].to_list() == [fingerprint(meaning_of(Visit))] * len(BODIES)
