"""Keywords of bulk calls come in groups; the old flat ones warn, and name the new ones."""

from __future__ import annotations

import asyncio
import inspect
import pickle
import re
import warnings
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import AsyncExtractor, Chunks, Columns, ConfigError, Extractor, Reading, Run, tables
from extractor.engines.step import ArrowStep
from extractor.groups import flat, grouped
from extractor.testing import ChatServer, shaped

ROWS = [{"body": "Ada"}, {"body": "Bob"}]
FRAME = pd.DataFrame(ROWS)


class Person(BaseModel):
    name: str


@pytest.fixture(autouse=True)
def warnings_are_errors() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        yield


def test_each_bulk_verb_takes_its_groups(tmp_path: Path) -> None:
    run = Run(journal=tmp_path / "answers.sqlite", concurrency=2, progress=False)
    with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        rows = list(ex.rows(ROWS, Person, text="body", run=Run(journal=False, ordered=False)))
        columns = Columns(name="who", usage=True, evidence=True)
        frame = ex.frame(pd.DataFrame(ROWS), Person, text="body", run=run, columns=columns)
        chunks = Chunks(size=200, overlap=0)
        found = ex.document(list[Person], "Ada and Bob. " * 60, run=run, chunks=chunks)
        told = ex.estimate(ROWS, Person, text="body", run=run)
    assert len(rows) == 2
    assert list(frame.columns) == ["body", "who", "who_error", "who_usage", "who_evidence"]
    assert len(found.chunks) > 2
    assert told.in_journal == 2


def test_the_async_verbs_do_so_too() -> None:
    async def main(url: str) -> list[str]:
        async with AsyncExtractor("openai:m", base_url=url) as ex:
            run = Run(journal=False)
            assert len([row async for row in ex.rows(ROWS, Person, text="body", run=run)]) == 2
            await ex.document(list[Person], "Ada. " * 90, run=run, chunks=Chunks(size=200, overlap=0))
            await ex.estimate(ROWS, Person, text="body", run=run)
            columns = Columns(flatten=True)
            frame = await ex.aframe(pd.DataFrame(ROWS), Person, text="body", run=run, columns=columns)
            return list(frame.columns)

    with ChatServer(shaped()) as server:
        assert asyncio.run(main(server.base_url)) == ["body", "name", "person_error"]


def test_tables_and_steps_take_them(tmp_path: Path) -> None:
    pd.DataFrame(ROWS).to_csv(tmp_path / "in.csv", index=False)
    with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
        run, columns = Run(journal=False, progress=False), Columns(flatten=True)
        into = tmp_path / "out.csv"
        tables.run(tmp_path / "in.csv", Person, text="body", into=into, model=ex, run=run, columns=columns)
        tables.estimate(tmp_path / "in.csv", Person, text="body", model=ex, run=run)
    assert "name" in pd.read_csv(into).columns
    options: dict[str, Any] = {"model": "m", "base_url": "http://127.0.0.1:9/v1", "mode": "tool"}
    step = ArrowStep(Person, text="body", run=Run(journal=False), columns=Columns(flatten=True), **options)
    assert step.columns.names == ["name", "person_error"]


@pytest.mark.parametrize(
    ("call", "now"),
    [
        (lambda ex: ex.rows(ROWS, Person, text="body", journal=False), "run=Run(journal=...)"),
        (
            lambda ex: ex.frame(pd.DataFrame(ROWS), Person, text="body", flatten=True),
            "columns=Columns(flatten=...)",
        ),
        (lambda ex: ex.document(Person, "Ada", chunk=200), "chunks=Chunks(size=...)"),
        (lambda ex: ex.estimate(ROWS, Person, text="body", max_cost=1), "run=Run(max_cost=...)"),
    ],
)
def test_an_old_keyword_warns_where_it_stands_and_names_the_new_one(call: Any, now: str) -> None:
    ex = Extractor("openai:m", api_key="k", base_url="http://127.0.0.1:9/v1")
    with ex, pytest.raises(DeprecationWarning, match=re.escape(f"= is {now} now")):
        call(ex)


def test_the_warning_points_to_the_call() -> None:
    ex = Extractor("openai:m", api_key="k", base_url="http://127.0.0.1:9/v1")
    with ex, warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        ex.rows(ROWS, Person, text="body", journal=False)
        ex.estimate(ROWS, Person, text="body", journal=False)
        ex.frame(FRAME[:0], Person, text="body", journal=False)
    assert {warning.filename for warning in told} == {__file__}


def test_an_old_keyword_does_what_it_did() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with ChatServer(shaped()) as server, Extractor("openai:m", base_url=server.base_url) as ex:
            out = ex.frame(
                pd.DataFrame(ROWS), Person, text="body", flatten=True, journal=False, progress=False
            )
    assert list(out.columns) == ["body", "name", "person_error"]


def test_evidence_quote_is_how_the_model_is_asked_and_no_column() -> None:
    assert flat({"evidence": "quote"}, "columns") == {"evidence": "quote"}
    assert flat({"evidence": "quote", "columns": Columns(evidence=True)}, "columns")["evidence"] == "quote"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda ex: Run(jornal=False), "Run has no 'jornal': did you mean 'journal'?"),  # type: ignore[call-arg]
        (lambda ex: Chunks(chunk=3), "Chunks has no 'chunk': did you mean"),  # type: ignore[call-arg]
        (lambda ex: ex.rows(ROWS, Person, run={"journal": False}), "run= must be a Run(...)"),
        (
            lambda ex: ex.rows(ROWS, Person, columns=Columns()),
            "'columns' is an option of `frame`",
        ),
        (lambda ex: ex.run(Person, "Ada", run=Run()), "'run' is an option of `rows`"),
        (lambda ex: ex.run(Person, "Ada", chunks=Chunks()), "'chunks' is an option of `document`"),
        (lambda ex: ex.rows(ROWS, Person, run=Run(progress=True)), "rows(...) shows no progress"),
        (
            lambda ex: list(ex.rows(ROWS, Person, run=Run(concurrency=0))),
            "concurrency must be a whole number",
        ),
    ],
)
def test_what_is_wrong_with_a_group_is_told(call: Any, says: str) -> None:
    ex = Extractor("openai:m", api_key="k", base_url="http://127.0.0.1:9/v1")
    with ex, pytest.raises(ConfigError, match=re.escape(says)):
        call(ex)


def test_what_is_said_twice_is_told() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(ConfigError, match="journal is given twice: beside run= and in it"):
            flat({"journal": "a.sqlite", "run": Run(journal=False)}, "run")


@given(
    st.fixed_dictionaries(
        {}, optional={"journal": st.just(False), "concurrency": st.integers(1, 63), "seed": st.integers()}
    )
)
def test_grouping_and_flattening_are_inverse(options: dict[str, Any]) -> None:
    assert flat(grouped(options, "run"), "run") == options


@pytest.mark.parametrize(
    ("group", "given", "why"),
    [
        (Run, {"journal": None}, "journal=None is ambiguous"),
        (Run, {"journal": 5}, "not a int"),
        (Run, {"max_cost": "5"}, "max_cost is a number of US dollars above 0, not '5'"),
        (Run, {"max_cost": 0}, "max_cost is a number of US dollars above 0"),
        (Run, {"concurrency": 0}, "concurrency must be a whole number"),
        (Run, {"requests_per_minute": "60"}, "requests_per_minute must be a number"),
        (Run, {"retry": True}, "retry must be 'failed' or None"),
        (Run, {"mode": "bulk"}, "mode must be 'live' or 'batch'"),
        (Run, {"mode": "batch", "rows_per_request": 2}, "can't be used with"),
        (Run, {"ordered": "no"}, "ordered must be True or False"),
        (Run, {"progress": "yes"}, "progress must be True, False or None"),
        (Run, {"on_progress": 3}, "on_progress must be a function"),
        (Run, {"limiter": 3}, "limiter must be an extractor.types.SharedQuota"),
        (Columns, {"name": " "}, "name must be a text"),
        (Columns, {"flatten": "x"}, "flatten must be True or False"),
        (Chunks, {"size": 0}, "size must be a whole number, at least 1"),
        (Chunks, {"passes": None}, "passes must be a whole number"),
    ],
)
def test_a_group_with_a_value_of_no_use_is_not_made(group: Any, given: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)):
        group(**given)


@pytest.mark.parametrize(
    "group", [Run(journal=False), Columns(usage=True), Chunks(size=9), Reading(ocr="never")]
)
def test_groups_are_values(group: Any) -> None:
    assert pickle.loads(pickle.dumps(group)) == group
    with pytest.raises(AttributeError):
        setattr(group, fields(group)[0].name, None)


def test_help_shows_the_fields_of_a_group() -> None:
    assert "concurrency: 'int' = 64" in str(inspect.signature(Run))
