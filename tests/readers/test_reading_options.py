"""reading=Reading(...) at every verb that opens a document."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, Chunks, ConfigError, Extractor, Files, Reading, extract, read, tables
from extractor.readers.given import USUAL
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from tests.readers.drawing import bill, file_of, receipt


class Bill(BaseModel):
    total: float


DATA = bill().pdf()
MARKED = Reading(text_form="markdown")
MARKDOWN = "| Office chair |  | 99.00 |"


def answered(request: ReceivedRequest) -> Scripted:
    if "first_words" in request.body.decode():
        return reply({"documents": [{"first_words": "Bill 7", "kind": "Bill"}]})
    return reply({"total": 150})


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(answered) as running:
        yield running


@pytest.fixture
def ex(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Extractor]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    Path("a.pdf").write_bytes(DATA)
    with Extractor("m", base_url=server.base_url) as client:
        yield client


def asked(server: ChatServer) -> Any:
    """What the last request shows the model."""
    return json.loads(server.requests[-1].body)["messages"][-1]["content"]


@pytest.mark.slow
def test_each_verb_reads_a_document_in_the_form_that_is_asked_for(ex: Extractor, server: ChatServer) -> None:
    verbs: list[Callable[[], Any]] = [
        lambda: ex.run(Bill, DATA, reading=MARKED),
        lambda: ex.extract(Bill, Path("a.pdf"), reading=MARKED),
        lambda: list(ex.stream(Bill, DATA, reading=MARKED)),
        lambda: ex.document(Bill, DATA, reading=MARKED, chunks=Chunks(window=100_000)),
        lambda: ex.split(DATA, Bill, reading=MARKED, chunks=Chunks(window=100_000)),
        lambda: list(ex.rows([DATA], Bill, reading=MARKED)),
        lambda: list(ex.rows([{"f": "a.pdf"}], Bill, text=Files("f"), reading=MARKED)),
        lambda: tables.run("*.pdf", Bill, into="a.jsonl", model=ex, reading=MARKED),
    ]
    for number, verb in enumerate(verbs):
        before = len(server.requests)
        verb()
        if len(server.requests) > before:  # else the journal has the same request
            assert MARKDOWN in asked(server), number
    assert MARKDOWN in json.dumps(ex.preview(Bill, DATA, reading=MARKED).json)
    assert MARKDOWN not in json.dumps(ex.preview(Bill, DATA).json)


@pytest.mark.slow
def test_a_column_of_a_frame_is_read_so_too(ex: Extractor, server: ChatServer) -> None:
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({"file": [DATA]})
    done = ex.frame(frame, Bill, text="file", reading=Reading(text_form="markdown", page_images=True))
    assert done["bill"].to_list() == [{"total": 150.0}]
    text, image = asked(server)
    assert MARKDOWN in text["text"]
    assert image["image_url"]["url"].startswith("data:image/png;base64,")


@pytest.mark.slow
def test_async_verbs_take_the_same_words(ex: Extractor, server: ChatServer) -> None:
    async def ask() -> None:
        async with AsyncExtractor("m", base_url=server.base_url) as client:
            await client.run(Bill, DATA, reading=MARKED)
            assert MARKDOWN in asked(server)
            await client.document(
                Bill, DATA, reading=Reading(text_form="layout"), chunks=Chunks(window=100_000)
            )
            assert read(DATA, text_form="layout").text in asked(server)

    asyncio.run(ask())


@pytest.mark.slow
def test_without_ocr_a_picture_is_its_rows_own_error(ex: Extractor, server: ChatServer) -> None:
    picture, _ = receipt(["Total 12.50"])
    Path("b.png").write_bytes(file_of(picture))
    result = tables.run(["a.pdf", "b.png"], Bill, into="out.jsonl", model=ex, reading=Reading(ocr="never"))
    assert result.sum == "2 rows = 1 ok + 1 failed"
    (first, second) = map(json.loads, Path("out.jsonl").read_text().splitlines())
    assert first["bill"] == {"total": 150.0}
    assert "is not read" in second["bill_error"]["message"]


@pytest.mark.parametrize(
    ("given", "reading", "why"),
    [
        ("a text", Reading(text_form="layout"), "reading= is for a document: a Path, or the bytes of a file"),
        (read(DATA), Reading(page_images=True), r"read already: give page_images= to read\(...\)"),
        (DATA, {"ocr": "never"}, r"reading= must be a Reading\(...\), not {'ocr': 'never'}"),
    ],
)
def test_what_can_have_no_effect_is_refused_before_anything_is_sent(
    ex: Extractor, server: ChatServer, given: Any, reading: Any, why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        ex.run(Bill, given, reading=reading)
    assert not server.requests


@pytest.mark.parametrize(
    ("choices", "why"),
    [
        ({"ocr": "maybe"}, "ocr must be one of 'auto', 'always', 'never', not 'maybe'"),
        ({"page_images": 1}, "page_images must be one of True, False, not 1"),
        ({"text_form": None}, "text_form must be one of 'plain', 'layout', 'markdown', not None"),
        ({"form": "layout"}, "Reading has no 'form': did you mean 'text_form'?"),
        ({"orc": "never"}, "Reading has no 'orc': did you mean 'ocr'?"),
    ],
)
def test_a_reading_with_a_value_of_no_use_is_not_made(choices: Any, why: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(why)):
        Reading(**choices)


@pytest.mark.parametrize(
    ("option", "value"), [("ocr", "never"), ("text_form", "layout"), ("page_images", True)]
)
def test_a_choice_beside_the_group_is_told_where_it_goes(
    ex: Extractor, server: ChatServer, option: str, value: Any
) -> None:
    frame = pytest.importorskip("pandas").DataFrame({"f": ["a"]})
    client, given = AsyncExtractor("m", base_url=server.base_url), {option: value}
    calls: list[Callable[[], Any]] = [
        lambda: extract(Bill, DATA, **given),
        lambda: ex.run(Bill, DATA, **given),
        lambda: ex.stream(Bill, DATA, **given),
        lambda: ex.document(Bill, DATA, **given),
        lambda: ex.split(DATA, Bill, **given),
        lambda: ex.rows([DATA], Bill, **given),
        lambda: ex.frame(frame, Bill, text="f", **given),
        lambda: ex.estimate([DATA], Bill, **given),
        lambda: ex.preview(Bill, DATA, **given),
        lambda: tables.run("*.pdf", Bill, into="a.jsonl", model=ex, **given),
        lambda: asyncio.run(client.run(Bill, DATA, **given)),
        lambda: client.stream(Bill, DATA, **given),
    ]
    for call in calls:
        with pytest.raises(ConfigError, match=re.escape(f"take it as reading=Reading({option}=...)")):
            call()
    assert not server.requests


def test_in_rows_texts_stay_texts_and_sources_are_errors_of_their_rows(ex: Extractor) -> None:
    first, second = ex.rows(["Total 150", read(DATA)], Bill, reading=Reading(text_form="layout"))
    assert first.record == Bill(total=150)
    assert "read already: give text_form=" in str(second.error)


def test_the_group_is_taken_out_of_the_options_of_a_call() -> None:
    options = {"reading": Reading(text_form="layout"), "seed": 3}
    assert Reading.taken_from(options) == Reading(text_form="layout")
    assert options == {"seed": 3}
    assert Reading.taken_from(options) == Reading.taken_from({"reading": None}) == USUAL
