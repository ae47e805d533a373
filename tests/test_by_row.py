"""Instructions, examples, context, reference date and locale may differ by row: a column, or a function."""

from __future__ import annotations

import asyncio
import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from pydantic import BaseModel, ValidationInfo, field_validator

from extractor import AsyncExtractor, Columns, ConfigError, Extractor, FromColumn, Run, tables
from extractor.engines.step import ArrowStep
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply

RECEIVED = ["2026-03-27", "2026-04-03"]
MAILS = [{"body": "Pay by Tuesday.", "received": day, "language": "en-GB"} for day in RECEIVED]


class Bill(BaseModel):
    due: date | None = None

    @field_validator("due")
    @classmethod
    def is_allowed(cls, due: date | None, info: ValidationInfo) -> date | None:
        if due and due in (info.context or {}).get("holidays", ()):
            raise ValueError("is a holiday")
        return due


def said_first(request: ReceivedRequest) -> str:
    said: str = request.json["messages"][0]["content"]
    return said


def by_day(request: ReceivedRequest) -> Scripted:
    return reply({"due": "2026-03-31" if "2026-03-27" in said_first(request) else "2026-04-07"})


def dues(outcomes: Any) -> list[date | None]:
    return [outcome.record and outcome.record.due for outcome in outcomes]


TUESDAYS = [date(2026, 3, 31), date(2026, 4, 7)]


@pytest.mark.parametrize("by_row", [FromColumn("received"), lambda row: date.fromisoformat(row["received"])])
def test_each_row_counts_from_its_own_day(by_row: Any) -> None:
    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        outcomes = list(ex.rows(MAILS, Bill, text="body", reference_date=by_row, run=Run(journal=False)))
    assert dues(outcomes) == TUESDAYS
    spans = [outcome.extraction.evidence["/due"][0].text for outcome in outcomes if outcome.extraction]
    assert spans == ["Tuesday", "Tuesday"]


def test_async_rows_do_so_too() -> None:
    async def main(url: str) -> list[date | None]:
        async with AsyncExtractor("openai:m", base_url=url) as ex:
            rows = ex.rows(
                MAILS, Bill, text="body", reference_date=FromColumn("received"), run=Run(journal=False)
            )
            return dues([outcome async for outcome in rows])

    with ChatServer(by_day) as server:
        assert asyncio.run(main(server.base_url)) == TUESDAYS


@pytest.mark.parametrize("frame", [pd.DataFrame(MAILS), pl.DataFrame(MAILS), pa.Table.from_pylist(MAILS)])
def test_a_frame_takes_a_column_of_its_own(frame: Any) -> None:
    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        options: dict[str, Any] = {"reference_date": FromColumn("received"), "locale": FromColumn("language")}
        out = ex.frame(
            frame, Bill, text="body", columns=Columns(flatten=True), run=Run(journal=False), **options
        )
        assert all("locale en-GB" in said_first(request) for request in server.requests)
    found = out["due"].to_pylist() if isinstance(out, pa.Table) else list(out["due"])
    assert [str(due)[:10] for due in found] == ["2026-03-31", "2026-04-07"]


def test_dates_of_pandas_and_missing_ones_are_understood() -> None:
    frame = pd.DataFrame(MAILS)
    frame["received"] = [pd.Timestamp("2026-03-27"), pd.NaT]
    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        ex.frame(frame, Bill, text="body", reference_date=FromColumn("received"), run=Run(journal=False))
        said = sorted("Friday, 2026-03-27" in said_first(request) for request in server.requests)
    assert said == [False, True]


def test_a_column_that_is_not_there_is_told_before_anything_is_sent() -> None:
    with ChatServer() as server, Extractor("openai:m", base_url=server.base_url) as ex:
        with pytest.raises(ConfigError, match="there is no column 'recieved'; did you mean 'received'"):
            ex.frame(pd.DataFrame(MAILS), Bill, text="body", reference_date=FromColumn("recieved"))
        assert server.requests == ()


def test_instructions_follow_those_of_the_client() -> None:
    with (
        ChatServer(by_day) as server,
        Extractor("openai:m", base_url=server.base_url, instructions="A.") as ex,
    ):
        list(
            ex.rows(
                MAILS, Bill, text="body", instructions=lambda row: row["language"], run=Run(journal=False)
            )
        )
        assert all("A.\n\nen-GB" in said_first(request) for request in server.requests)


def test_a_validator_finds_the_context_of_its_row() -> None:
    def holidays(row: Any) -> dict[str, Any]:
        return {"holidays": [date(2026, 3, 31)] if row["received"] == "2026-03-27" else []}

    with (
        ChatServer([reply({"due": "2026-03-31"})], repeat_last=True) as server,
        Extractor("openai:m", base_url=server.base_url, max_repairs=0) as ex,
    ):
        outcomes = list(ex.rows(MAILS, Bill, text="body", context=holidays, run=Run(journal=False)))
    assert [outcome.error is None for outcome in outcomes] == [False, True]


def test_each_row_may_have_examples_of_its_own() -> None:
    rows = [
        {"body": "a", "shots": [("Pay on 3 May 2026.", {"due": "2026-05-03"})]},
        {"body": "b", "shots": []},
    ]
    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        list(ex.rows(rows, Bill, text="body", examples=FromColumn("shots"), run=Run(journal=False)))
        lengths = sorted(len(request.json["messages"]) for request in server.requests)
    assert lengths == [2, 4]


def test_a_function_of_the_text_chooses_the_examples_of_each_row() -> None:
    asked: list[str] = []

    def chosen(text: str) -> list[Any]:
        asked.append(text)
        return []

    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        list(ex.rows(["a", "b"], Bill, examples=chosen, run=Run(journal=False, rows_per_request=2)))
        assert len(server.requests) == 2
    assert sorted(asked) == ["a", "b"]


def test_a_function_that_fails_costs_its_row_alone() -> None:
    def day(row: Any) -> date:
        return date.fromisoformat(row["received"] if row is MAILS[1] else "never")

    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        first, second = ex.rows(MAILS, Bill, text="body", reference_date=day, run=Run(journal=False))
    assert "reference_date= raised ValueError" in str(first.error)
    assert isinstance(first.error and first.error.__cause__, ValueError)
    assert second.record == Bill(due=date(2026, 4, 7))


def test_the_journal_keeps_the_days_apart(tmp_path: Path) -> None:
    journal = tmp_path / "answers.sqlite"
    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        for _ in range(2):
            found = ex.rows(
                MAILS, Bill, text="body", reference_date=FromColumn("received"), run=Run(journal=journal)
            )
            assert dues(found) == TUESDAYS
        assert len(server.requests) == 2
        told = ex.estimate(
            MAILS, Bill, text="body", reference_date=FromColumn("received"), run=Run(journal=journal)
        )
        assert (told.distinct, told.in_journal) == (2, 2)
        list(ex.rows(MAILS, Bill, text="body", reference_date="2026-03-27", run=Run(journal=journal)))
        assert len(server.requests) == 2
        list(ex.rows(MAILS, Bill, text="body", reference_date="2026-03-28", run=Run(journal=journal)))
        assert len(server.requests) == 3


def test_a_table_of_files_takes_its_columns(tmp_path: Path) -> None:
    pd.DataFrame(MAILS).to_csv(tmp_path / "mails.csv", index=False)
    with ChatServer(by_day) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        run = tables.run(
            tmp_path / "mails.csv",
            Bill,
            text="body",
            into=tmp_path / "bills.csv",
            model=ex,
            columns=Columns(flatten=True),
            run=Run(journal=False),
            reference_date=FromColumn("received"),
        )
        with pytest.raises(ConfigError, match="there is no column 'sent'"):
            tables.run(
                tmp_path / "mails.csv",
                Bill,
                text="body",
                into=tmp_path / "other.csv",
                model=ex,
                reference_date=FromColumn("sent"),
            )
    assert run.ok == 2
    assert list(pd.read_csv(tmp_path / "bills.csv")["due"]) == ["2026-03-31", "2026-04-07"]


def test_a_step_of_an_engine_takes_columns_and_goes_to_its_workers() -> None:
    with ChatServer(by_day) as server:
        step = ArrowStep(
            Bill,
            text="body",
            model="openai:m",
            base_url=server.base_url,
            run=Run(journal=False),
            columns=Columns(flatten=True),
            reference_date=FromColumn("received"),
        )
        (batch,) = pickle.loads(pickle.dumps(step))(pa.Table.from_pylist(MAILS).to_batches())
    assert batch["due"].to_pylist() == TUESDAYS
