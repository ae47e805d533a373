"""What a run knows of how earlier runs have asked, and where it looks for their answers."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from extractor import Extractor, Run
from extractor.bulk.exchange.ways import AskedWay, Ways
from extractor.bulk.journal.interface import Claim, Kept, Memory
from extractor.messages import Message, Mode, Request, Turns
from extractor.testing import ChatServer, ReceivedRequest, reply, status


def asked(mode: Mode, turns: Turns) -> Request:
    return Request("m", (Message("user", "?"),), mode=mode, turns=turns)


def test_a_mode_and_turns_that_changed_in_different_rows_may_have_been_asked_together() -> None:
    async def known() -> tuple[AskedWay, ...]:
        journal = Memory()
        plain = asked(Mode.JSON_SCHEMA, Turns.ANY)
        Ways(journal).changed("m", plain, asked(Mode.TOOL, Turns.ANY))
        Ways(journal).changed("m", plain, asked(Mode.JSON_SCHEMA, Turns.NO_SYSTEM))
        return await Ways(journal).of("m")

    assert set(asyncio.run(known())) == {
        AskedWay(mode, turns)
        for mode in (Mode.JSON_SCHEMA, Mode.TOOL)
        for turns in (Turns.ANY, Turns.NO_SYSTEM)
    }


class Counting(Memory):
    """A journal that counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Counter[str]()

    async def look(self, key: bytes, since: float) -> Kept | None:
        self.asked["looks"] += 1
        return await super().look(key, since)

    async def claim(self, key: bytes, since: float) -> Claim:
        self.asked["claims"] += 1
        return await super().claim(key, since)


def carried(server: ChatServer, journal: Counting, rows: int) -> Counter[str]:
    journal.asked.clear()
    with Extractor("m", base_url=server.base_url) as ex:
        found = list(ex.rows([f"row {i}" for i in range(rows)], int, run=Run(journal=journal)))
    assert [row.record for row in found] == [7] * rows
    return Counter(journal.asked)


@pytest.mark.slow
def test_what_the_journal_has_is_read_back_without_a_claim_for_each_row() -> None:
    journal = Counting()
    with ChatServer(lambda request: reply({"value": 7})) as server:
        first = carried(server, journal, 100)
        again = carried(server, journal, 100)
        more = carried(server, journal, 150)
        assert len(server.requests) == 150
    assert first["claims"] == 100
    assert again["claims"] <= 16  # rows that began before the journal was known to have answers
    assert more["claims"] <= 16 + 64 + 50


@pytest.mark.slow
def test_a_service_that_takes_neither_a_mode_nor_turns_is_not_asked_again() -> None:
    def picky(request: ReceivedRequest) -> object:
        if "response_format" in request.json:
            return status(400, "response_format json_schema is not supported")
        if any(message["role"] == "system" for message in request.json["messages"]):
            return status(400, "System role not supported")
        return reply({"value": 7})

    journal = Counting()
    with ChatServer(picky) as server:
        carried(server, journal, 200)
        asked_once = len(server.requests)
        carried(server, journal, 200)
        assert len(server.requests) == asked_once
