"""Types with codes of a long list, in the files that commands name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import ChatServer, reply

TYPES = """
from pathlib import Path
from typing import Annotated
from pydantic import BaseModel
from extractor import Coded, Vocabulary

TARIFF = Vocabulary.read(Path(__file__).with_name("tariff.csv"))

class Order(BaseModel):
    article: Annotated[str | None, Coded(TARIFF, shown=2)] = None
"""


def test_a_command_shows_the_model_the_codes_of_its_type(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tariff.csv").write_text("code,label\n1,Horses\n2,Pigs\n3,Horse shoes\n4,Dogs\n")
    (tmp_path / "orders.py").write_text(TYPES)
    (tmp_path / "rows.csv").write_text("body\nTwo horses\n")
    said = json.dumps({"article": "1"})
    with ChatServer([reply(said)]) as server:
        ended = cli(
            *("run", "rows.csv", "-t", "orders.py:Order", "--text", "body", "-o", "out.jsonl"),
            *("-m", "openai:m", "--base-url", server.base_url),
        )
    assert ended.status == 0, ended.err
    [request] = server.requests
    schema = request.json["response_format"]["json_schema"]["schema"]
    enum = schema["properties"]["article"]["anyOf"][0]["enum"]
    assert enum == ["1", "3"]
    assert '"article":"1"' in (tmp_path / "out.jsonl").read_text().replace(" ", "")
