"""Every verb takes a document where a text goes; its result knows where on the pages the values stand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import (
    AsyncExtractor,
    Chunks,
    ConfigError,
    Extractor,
    Files,
    Source,
    UnreadableSource,
    read,
)
from extractor.testing import ChatServer, reply
from tests.readers.drawing import Paper, invoice, iou, rect


class Invoice(BaseModel):
    number: str
    total: float
    address: str | None = None


RECORD = '{"number": "INV-2031", "total": 1250.75, "address": "12 High Street London E1 7AA"}'
PAPER = invoice()
DATA = PAPER.pdf()


@pytest.fixture(scope="module")
def source() -> Source:
    return read(DATA, name="invoice.pdf")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer([reply(RECORD)] * 4) as running:
        yield running


def client(server: ChatServer, **options: Any) -> Extractor:
    return Extractor("m", base_url=server.base_url, **options)


def check(result: Any) -> None:
    assert iou(rect(result.boxes["/number"][0]), PAPER.planted["INV-2031"][1]) > 0.7
    assert [iou(rect(box), PAPER.planted[line][1]) > 0.7 for box, line in zip(
        result.boxes["/address"], ("12 High Street", "London E1 7AA"), strict=True
    )] == [True, True]  # fmt: skip


def test_a_result_of_a_source_has_boxes_and_one_of_a_text_has_none(
    server: ChatServer, source: Source
) -> None:
    with client(server) as ex:
        result = ex.run(Invoice, source)
        check(result)
        assert (result.source, result.origin) == (source.text, source)
        plain = ex.run(Invoice, source.text)
        assert (plain.boxes, plain.origin, plain.evidence) == ({}, None, result.evidence)
    assert source.text in json.loads(server.requests[0].body)["messages"][-1]["content"]


@pytest.mark.slow
def test_a_path_and_bytes_are_opened_and_a_string_is_a_text(server: ChatServer, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(DATA)
    with client(server) as ex:
        check(ex.run(Invoice, tmp_path / "a.pdf"))
        check(ex.run(Invoice, DATA))
        with pytest.warns(UserWarning, match="was not opened"):
            assert ex.run(Invoice, str(tmp_path / "a.pdf")).source == str(tmp_path / "a.pdf")
        with pytest.raises(UnreadableSource, match="there is no file"):
            ex.extract(Invoice, tmp_path / "none.pdf")
    assert len(server.requests) == 3


@pytest.mark.parametrize("verb", ["run", "extract", "stream", "items", "document", "preview"])
def test_the_name_of_a_document_as_a_text_is_warned_of(server: ChatServer, verb: str) -> None:
    server.play([reply("[]" if verb == "items" else RECORD)] * 4)
    expected = pytest.warns(UserWarning, match=r"the name of a file, which was not opened")
    with client(server) as ex, expected as told:
        getattr(ex, verb)(Invoice, "inbox/INV-2031.PDF")
    assert {warning.filename for warning in told} == {__file__}  # it points to the call


@pytest.mark.parametrize(
    "text", ["see invoice.pdf", "pdf", "https://example.com/a.pdf", f"{'x' * 300}.pdf", Source("a.pdf")]
)
def test_a_text_that_is_more_than_the_name_of_a_document_is_not_warned_of(
    server: ChatServer, text: Any
) -> None:
    assert client(server).preview(Invoice, text).tokens


@pytest.mark.slow
def test_streams_and_long_documents_know_pages_too(server: ChatServer, source: Source) -> None:
    with client(server) as ex:
        stream = ex.stream(Invoice, source)
        list(stream)
        check(stream.result)
        document = ex.document(Invoice, source, chunks=Chunks(window=100_000))
        check(document)
        assert document.origin == source
        chunked = ex.document(Invoice, source, chunks=Chunks(size=len(source.text) - 40, overlap=10))
        assert {box.page for boxes in chunked.boxes.values() for box in boxes} == {1}


@pytest.mark.slow
def test_rows_are_documents_and_a_bad_one_is_its_own_error(
    server: ChatServer, tmp_path: Path, source: Source
) -> None:
    (tmp_path / "a.pdf").write_bytes(DATA)
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.7 broken")
    with client(server) as ex:
        outcomes = list(ex.rows([tmp_path / "a.pdf", tmp_path / "b.pdf", source], Invoice))
        assert [outcome.record is not None for outcome in outcomes] == [True, False, True]
        assert isinstance(outcomes[1].error, UnreadableSource)
        assert str(outcomes[1].error).startswith("row 1: the PDF cannot be opened")
        for outcome in (outcomes[0], outcomes[2]):
            check(outcome.extraction)
        rows = [{"file": str(tmp_path / "a.pdf")}, {"file": None}, {"file": str(tmp_path / "none")}]
        first, none, missing = ex.rows(rows, Invoice, text=Files("file"))
        check(first.extraction)
        assert (none.extraction, none.error) == (None, None)
        assert isinstance(missing.error, UnreadableSource)
        assert ex.estimate(rows[:1], Invoice, text=Files("file")).in_journal == 1


def test_a_validator_is_told_the_text(server: ChatServer, source: Source) -> None:
    with client(server) as ex:
        assert ex.preview(Invoice, source).json == ex.preview(Invoice, source.text).json


@pytest.mark.slow
def test_async_verbs_read_in_a_thread(server: ChatServer) -> None:
    async def both() -> None:
        async with AsyncExtractor("m", base_url=server.base_url) as ex:
            check(await ex.run(Invoice, DATA))
            check(await ex.document(Invoice, DATA, chunks=Chunks(window=100_000)))

    asyncio.run(both())


@pytest.mark.slow
def test_what_is_no_text_and_no_document_is_refused(server: ChatServer) -> None:
    with client(server) as ex, pytest.raises(ConfigError, match="a string, a document or a list"):
        ex.run(Invoice, 3)  # type: ignore[arg-type]
    blank = Paper()
    with client(server) as ex, pytest.raises(UnreadableSource, match="no words in it"):
        ex.run(Invoice, blank.pdf())
    assert not server.requests
