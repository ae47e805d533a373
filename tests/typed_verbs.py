"""Every verb, as a type checker sees it: mypy and pyright take it, in their strict modes. It is not run."""

# pyright: strict, reportMissingTypeStubs=false
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path
from typing import assert_type

import pandas as pd
from pydantic import BaseModel

from extractor import (
    AsyncExtractor,
    Chunks,
    Columns,
    DocumentExtraction,
    Extraction,
    Extractor,
    FromColumn,
    Message,
    Reading,
    RowOutcome,
    Run,
    Source,
    align,
    compile_schema,
    extract,
    image,
    read,
    tables,
    tool_schema,
)
from extractor.evaluation import EvalReport, evaluate
from extractor.types import (
    CompiledSchema,
    Completion,
    CompletionChunk,
    Estimate,
    Partial,
    Preview,
    SettledItem,
    ToolRun,
)

ROWS = [{"body": "Ada", "sent": "2026-03-31"}]
RUN = Run(journal=False, concurrency=8, max_cost=5)
TALK = [Message("user", "Hi")]


class Person(BaseModel):
    """A person."""

    name: str
    born: date | None = None


def add(a: int, b: int) -> int:
    """Return the sum."""
    return a + b


def in_one_call() -> None:
    assert_type(extract(Person, "Ada", model="openai:gpt-5-mini", temperature=0), Person)


def of_one_text(ex: Extractor) -> None:
    shots = [("Bob", Person(name="Bob"))]
    found = ex.extract(Person, "Ada", instructions="Be exact.", examples=shots, context={"a": 1})
    assert_type(found, Person)
    assert_type(ex.run(Person, read(Path("a.pdf"))), Extraction[Person])
    assert_type(ex.run(Person, Path("a.pdf"), reading=Reading(ocr="never")), Extraction[Person])
    assert_type(ex.run(list[Person], [image(b"")]), Extraction[list[Person]])
    assert_type(ex.with_options("openai:gpt-5", timeout=9.0).run(Person, "Ada").record, Person | None)
    ex.run(Person, "Ada", reference_date=date(2026, 3, 31), locale="de", prompt="{schema}")
    for partial in ex.stream(Person, "Ada"):
        assert_type(partial, Partial[Person])
    for item in ex.items(Person, "Ada, Bob", evidence="quote"):
        assert_type(item, Person)
    assert_type(ex.preview(Person, "Ada"), Preview)
    assert_type(ex.update(Person(name="Ada"), "Ada is 36.").record, Person | None)


def of_many_texts(ex: Extractor) -> None:
    rows = ex.rows(ROWS, Person, text="body", run=RUN, reference_date=FromColumn("sent"))
    assert_type(rows, Iterator[RowOutcome[Person]])
    frame = ex.frame(pd.DataFrame(ROWS), Person, text="body", run=RUN, columns=Columns(flatten=True))
    assert_type(frame, pd.DataFrame)
    assert_type(ex.estimate(ROWS, Person, text="body", run=RUN), Estimate)
    found = ex.document(list[Person], "Ada " * 9_999, run=RUN, chunks=Chunks(size=8_000, key="name"))
    assert_type(found, DocumentExtraction[list[Person]])
    for settled in ex.document_items(Person, "Ada " * 9_999, run=RUN, chunks=Chunks(size=8_000)):
        assert_type(settled, SettledItem[Person])
    for part in ex.split(Path("scan.pdf"), Person):
        assert_type(part, Source)
    tables.run("in.csv", Person, text="body", into="out.csv", run=RUN, columns=Columns(usage=True))
    assert_type(evaluate(ex, Person, [{"text": "Ada", "record": {"name": "Ada"}}], run=RUN), EvalReport)


def in_talk(ex: Extractor) -> None:
    assert_type(ex.chat(TALK, tools=[add], tool_choice="auto"), Completion)
    assert_type(ex.parse(TALK, Person).parsed, Person)
    for chunk in ex.chat_stream(TALK):
        assert_type(chunk, CompletionChunk)
    assert_type(ex.run_tools(TALK, Person, tools=[add]), ToolRun[Person])


async def at_once(ex: AsyncExtractor) -> None:
    assert_type(await ex.extract(Person, "Ada"), Person)
    assert_type(await ex.run(Person, "Ada"), Extraction[Person])
    assert_type((await ex.parse(TALK, Person)).parsed, Person)
    assert_type(await ex.chat(TALK), Completion)
    async for chunk in ex.chat_stream(TALK):
        assert_type(chunk, CompletionChunk)
    async for partial in ex.stream(Person, "Ada"):
        assert_type(partial, Partial[Person])
    async for item in ex.items(Person, "Ada, Bob"):
        assert_type(item, Person)
    assert_type(ex.rows(ROWS, Person, text="body", run=RUN), AsyncIterator[RowOutcome[Person]])
    assert_type(await ex.aframe(pd.DataFrame(ROWS), Person, text="body", run=RUN), pd.DataFrame)
    assert_type(await ex.document(Person, "Ada", run=RUN), DocumentExtraction[Person])
    async for settled in ex.document_items(Person, "Ada " * 9_999, run=RUN):
        assert_type(settled, SettledItem[Person])
    assert_type(await ex.estimate(ROWS, Person, text="body"), Estimate)
    assert_type(await ex.run_tools(TALK, Person, tools=[add]), ToolRun[Person])
    assert_type(await ex.with_options(max_repairs=0).extract(Person, "Ada"), Person)
    assert_type(ex.preview(Person, "Ada"), Preview)
    await ex.split("Ada", Person)
    assert_type((await ex.update(Person(name="Ada"), "Ada is 36.")).unwrap(), Person)


def without_a_model() -> None:
    assert_type(compile_schema(Person, "openai"), CompiledSchema[Person])
    tool_schema(add)
    align({"name": "Ada"}, "Ada", reference_date=date(2026, 3, 31), locale="de")


if __name__ == "__main__":
    in_one_call()
    with Extractor() as ex:
        of_one_text(ex)
        of_many_texts(ex)
        in_talk(ex)
    asyncio.run(at_once(AsyncExtractor()))
    without_a_model()
