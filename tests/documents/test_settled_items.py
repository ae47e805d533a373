"""Items of a long list, given one after the other as they are settled."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from extractor import AsyncExtractor, Chunks, ConfigError, ExtractionError, Extractor, Run
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from extractor.types import SettledItem
from tests.documents.pages import text_of
from tests.documents.statements import Entry, Made, read, statement

pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")


def reads(request: ReceivedRequest) -> Scripted:
    return reply(json.dumps({"value": read(text_of(request))["entries"]}))


def run(made: Made, play: Any = reads, item_type: Any = Entry, **chunks: Any) -> list[SettledItem[Any]]:
    with (
        ChatServer(play) as server,
        Extractor("m", base_url=server.base_url, max_repairs=0, max_retries=0) as ex,
    ):
        given = Chunks(**{"size": 1500, **chunks})
        return list(ex.document_items(item_type, made.text, chunks=given, run=Run(journal=False)))


@pytest.mark.parametrize(
    "entries", [10, 100, *(pytest.param(n, marks=pytest.mark.slow) for n in (700, 2000))]
)
def test_each_item_is_given_once_in_order_with_the_heading_above_it(entries: int) -> None:
    made = statement(entries, seed=entries)
    found = run(made, size=1500 if entries < 700 else 4000)
    assert [each.item for each in found] == made.record.entries
    assert [each.number for each in found] == list(range(entries))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("overlap", [100, 400, 700])
def test_so_it_is_wherever_the_borders_are(seed: int, overlap: int) -> None:
    made = statement(120, seed)
    assert [each.item for each in run(made, overlap=overlap)] == made.record.entries


def test_they_are_those_of_the_whole_document() -> None:
    made = statement(100, seed=5)
    with ChatServer(reads) as server, Extractor("m", base_url=server.base_url) as ex:
        given: Any = {"chunks": Chunks(size=1500), "run": Run(journal=False)}
        whole = ex.document(list[Entry], made.text, **given)
        found = list(ex.document_items(Entry, made.text, **given))
    assert [each.item for each in found] == whole.record
    for number in (0, 42, 99):
        at = found[number].evidence
        assert at["/number"] == whole.evidence[f"/{number}/number"]
        assert made.text[at["/number"][0].start : at["/number"][0].end] == found[number].item.number


def test_an_item_is_given_before_the_text_is_read_to_its_end() -> None:
    made = statement(400, seed=1)
    with ChatServer(reads) as server, Extractor("m", base_url=server.base_url) as ex:
        items = ex.document_items(
            Entry, made.text, chunks=Chunks(size=1000), run=Run(journal=False, concurrency=1)
        )
        first = next(items)
        asked = len(server.requests)
        rest = list(items)
    assert first.item == made.record.entries[0]
    assert asked < len(server.requests) / 2
    assert [each.item for each in rest] == made.record.entries[1:]


@pytest.mark.slow
def test_no_more_chunks_are_read_ahead_than_memory_is_meant_to_hold() -> None:
    made, size, ahead = statement(600, seed=1), 500, 0
    with ChatServer(reads) as server, Extractor("m", base_url=server.base_url) as ex:
        given: Any = {"chunks": Chunks(size=size), "run": Run(journal=False, concurrency=2)}
        for found in ex.document_items(Entry, made.text, **given):
            furthest = max(made.text.index(text_of(request)) for request in server.requests)
            ahead = max(ahead, furthest - found.spans[-1].start)
    assert ahead <= 12 * size, "four wait in order, four to be taken, and four go between"


def test_a_lost_chunk_is_named_after_the_last_item() -> None:
    made = statement(100, seed=2)
    lost = made.record.entries[50].number

    def play(request: ReceivedRequest) -> Scripted:
        return status(400) if lost in text_of(request) else reads(request)

    found = list[Entry]()
    with ChatServer(play) as server, Extractor("m", base_url=server.base_url, max_retries=0) as ex:
        items = ex.document_items(Entry, made.text, chunks=Chunks(size=1500), run=Run(journal=False))
        with pytest.raises(
            Exception, match=r"chunks gave no record \(characters [\d,]+ to [\d,]+: transport"
        ):
            found.extend(each.item for each in items)
    assert 50 < len(found) < 100


def test_an_item_that_lacks_a_member_is_named_and_the_others_are_given() -> None:
    made = statement(60, seed=3, repeats=False)
    lacking = made.record.entries[7].number

    def play(request: ReceivedRequest) -> Scripted:
        rows = read(text_of(request))["entries"]
        told = [{**row, "town": None if row["number"] == lacking else row["town"]} for row in rows]
        return reply(json.dumps({"value": told}))

    found = list[str]()
    with ChatServer(play) as server, Extractor("m", base_url=server.base_url, max_repairs=0) as ex:
        items = ex.document_items(Entry, made.text, chunks=Chunks(size=1500), run=Run(journal=False))
        with pytest.raises(ExtractionError) as error:
            found.extend(each.item.number for each in items)
    assert found == [entry.number for entry in made.record.entries if entry.number != lacking]
    assert [(p.pointer, p.reason) for p in error.value.problems] == [
        ("/7/town", "no part of the text gives it")
    ]


def test_a_text_that_one_request_takes_gives_its_items_too() -> None:
    made = statement(8, seed=4)
    assert [each.item for each in run(made, size=10_000)] == made.record.entries


def test_async_code_gets_the_same_items() -> None:
    made = statement(100, seed=6)

    async def ask(server: ChatServer) -> list[Entry]:
        async with AsyncExtractor("m", base_url=server.base_url) as ex:
            given: Any = {"chunks": Chunks(size=1500), "run": Run(journal=False)}
            return [each.item async for each in ex.document_items(Entry, made.text, **given)]

    with ChatServer(reads) as server:
        assert asyncio.run(ask(server)) == made.record.entries


@pytest.mark.parametrize(
    "chunks", [{"passes": 2}, {"rereads": 3}, {"counts": {"": 3}}, {"check": lambda items: True}]
)
def test_what_needs_the_whole_list_is_refused_before_anything_is_sent(chunks: Any) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"document_items takes no {next(iter(chunks))}=")):
        run(statement(10, seed=1), **chunks)
