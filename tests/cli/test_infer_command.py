"""`extractor infer`: texts in, a record type as Python code out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from tests.readers.drawing import Paper

TEXTS = ["Ada: 2 pens, open.", "Bob: 5 cups, paid. Phone 0311.", "Eve: 1 book, open.", "Max: 7 hats, paid."]


def proposed_field(name: str, kind: str = "text") -> dict[str, Any]:
    told = {"name": name, "kind": kind, "description": f"the {name}"}
    return {**told, "choices": [], "is_list": False, "members": []}


FIELDS = [proposed_field("who"), proposed_field("count", "integer"), proposed_field("phone")]
PROPOSAL = {"name": "order", "description": "One order.", "fields": FIELDS}
RECORDS = [
    {"who": "Ada", "count": 2, "phone": None},
    {"who": "Bob", "count": 5, "phone": "0311"},
    {"who": "Eve", "count": 1, "phone": None},
    {"who": "Max", "count": 7, "phone": None},
]


def answer(request: ReceivedRequest) -> Scripted:
    asked = json.loads(request.body)["messages"][-1]["content"]
    about = [record for record, text in zip(RECORDS, TEXTS, strict=True) if text in asked]
    return reply(about[0] if len(about) == 1 else PROPOSAL)


@pytest.mark.slow
def test_the_command_writes_code_that_the_other_commands_take(cli: Cli, tmp_path: Path) -> None:
    for i, text in enumerate(TEXTS):
        (tmp_path / f"{i}.txt").write_text(text)
    files = sorted(map(str, tmp_path.glob("*.txt")))
    where = tmp_path / "order.py"
    with ChatServer(answer) as server:
        told = ("--about", "orders", "--base-url", server.base_url, "-m", "m", "-o", where)
        ended = cli("infer", *files, *told, "--journal", tmp_path / "j.db")
    assert ended.status == 0, ended.err
    assert "Left out phone: only one text of 4 has it." in ended.err
    assert "4 of 4 texts gave a record: 5 requests" in ended.err
    assert cli("schema", f"{where}:Order").status == 0


@pytest.mark.slow
def test_documents_and_texts_in_other_encodings_are_read(cli: Cli, tmp_path: Path) -> None:
    paper = Paper()
    paper.write(TEXTS[0], 60, 700)
    (tmp_path / "0.pdf").write_bytes(paper.pdf())
    (tmp_path / "1.txt").write_bytes(f"{TEXTS[1]} Grüße aus Köln".encode("windows-1252"))
    files = (tmp_path / "0.pdf", tmp_path / "1.txt")
    with ChatServer(answer) as server:
        told = ("--about", "orders", "--base-url", server.base_url, "-m", "m", "--journal", tmp_path / "j.db")
        ended = cli("infer", *files, *told)
        asked = str(server.requests[0].json["messages"])
    assert ended.status == 0, ended.err
    assert "Ada: 2 pens, open." in asked
    assert "Grüße aus Köln" in asked
    assert "2 of 2 texts gave a record" in ended.err
    assert "windows-1252" in ended.err


def test_a_file_that_cannot_be_read_is_named(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "0.pdf").write_bytes(b"%PDF-1.7 broken")
    for name, says in (("0.pdf", "the PDF cannot be opened"), ("none.txt", "No such file")):
        ended = cli(
            "infer", tmp_path / name, "--about", "orders", "--base-url", "http://127.0.0.1:9", "-m", "m"
        )
        told = " ".join(ended.err.split())
        assert (ended.status, name in told, says in told) == (2, True, True), told
