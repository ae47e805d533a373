"""A folder of files into a table: with a budget, broken files, a quarantine that is mended, and one sum."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from tests.postgres import empty_database

TYPE = """
from pydantic import BaseModel

class Order(BaseModel):
    number: int
    customer: str
"""
FILES = 40
ENCODINGS = ("utf-8", "windows-1252", "utf-16", "utf-16-le")
SUM = re.compile(r"([\d,]+) rows = ([^;]+);")


def text_of(number: int) -> str:
    return f"Größe M: Bestellung {number} von Müller {number}. Viele Grüße."


def write(folder: Path, number: int) -> None:
    """One file of the folder: of each forty one is a broken PDF, one a broken .gz, one is empty."""
    folder.mkdir(parents=True, exist_ok=True)
    path, text = folder / f"{number:04}.txt", text_of(number)
    match number % 40:
        case 39:
            path.write_bytes(b"%PDF-1.7\nbroken")
        case 38:
            (folder / f"{number:04}.txt.gz").write_bytes(gzip.compress(text.encode())[:-9])
        case 37:
            path.write_text("")
        case 36:
            (folder / f"{number:04}.txt.gz").write_bytes(gzip.compress(text.encode()))
        case _:
            path.write_bytes(text.encode(ENCODINGS[number % 4]))


def answer(request: ReceivedRequest) -> Scripted:
    said = json.loads(request.body)["messages"][-1]["content"]
    found = re.search(r"Bestellung (\d+) von (Müller \d+)", said)
    if found is None:
        return status(400, "I do not read that.")
    number = int(found[1])
    return reply({"number": "?" if number == 7 else number, "customer": found[2]})


def accounted(err: str) -> tuple[int, dict[str, int]]:
    """The sum that was shown: rows, and how many of each kind."""
    [(rows, parts)] = SUM.findall(" ".join(err.split()))
    told = [part.split() for part in parts.split(" + ")]
    counts = {" ".join(kind): int(count.replace(",", "")) for count, *kind in told}
    assert int(rows.replace(",", "")) == sum(counts.values())
    return int(rows.replace(",", "")), counts


def fetched(url: str, query: str) -> list[tuple[Any, ...]]:
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


@pytest.mark.slow
@pytest.mark.server
def test_each_file_is_accounted_for_on_its_way_into_postgresql(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgresql: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    Path("order.py").write_text(TYPE)
    for number in range(FILES):
        write(Path("mail", str(number % 3)), number)
    url = empty_database(postgresql)
    with ChatServer(answer) as server:
        asked = (
            "-t",
            "order.py:Order",
            "-m",
            "openai:gpt-5-mini",
            "--base-url",
            server.base_url,
            "--flatten",
        )
        asked = (*asked, "--journal", "journal.sqlite")
        into = ("-o", url, "--into", "orders", "--key", "path", "--quarantine", "bad.jsonl")

        stopped = cli("run", "mail", *asked, *into, "--max-cost", "0.0095", "--concurrency", "2")
        assert stopped.status == 2
        rows, counts = accounted(stopped.err)
        assert (rows, counts["left"] > 0, counts["ok"] > 0) == (FILES, True, True)

        ended = cli("run", "mail", *asked, *into)
        assert ended.status == 1
        rows, counts = accounted(ended.err)
        assert (rows, counts["failed"], counts["empty"]) == (FILES, 3, 1)
        assert fetched(url, "SELECT count(*), count(DISTINCT path) FROM orders") == [(36, 36)]
        held = [json.loads(line)["input"]["path"] for line in Path("bad.jsonl").read_text().splitlines()]
        assert len(held) == 4

        broken = next(Path(each) for each in held if each.endswith(".gz"))
        broken.write_bytes(gzip.compress(text_of(38).encode()))
        fed = cli("run", "bad.jsonl", *asked, *into, "--append", "--retry-failed")
        assert fed.status == 1
        assert accounted(fed.err)[0] == 4
    assert fetched(url, "SELECT customer FROM orders WHERE number = 38") == [("Müller 38",)]
    assert fetched(url, "SELECT count(*) FROM orders") == [(37,)]
    assert len(Path("bad.jsonl").read_text().splitlines()) == 3
