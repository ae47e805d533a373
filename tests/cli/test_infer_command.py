"""`extractor infer`: texts in, a record type as Python code out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ended import Cli

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply

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
