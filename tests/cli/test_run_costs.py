"""`extractor run` with a cap: the command that it prints goes on, and the sum and the bill are whole."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from extractor.testing import ChatServer, reply
from tests.cli.conftest import Cli

TYPE = "from pydantic import BaseModel\n\n\nclass Order(BaseModel):\n    number: int\n"


@pytest.mark.slow
def test_the_printed_command_goes_on_after_each_cap_until_all_rows_are_done(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    Path("order.py").write_text(TYPE)
    Path("mail").mkdir()
    for number in range(12):
        Path(f"mail/{number:02}.txt").write_text(f"order {number}")
    with ChatServer(reply({"number": 3})) as server:
        asked = ("-t", "order.py:Order", "-m", "openai:gpt-5-mini", "--base-url", server.base_url)
        command = ["run", "mail", *asked, "-o", "o.jsonl", "--max-cost", "0.001", "--concurrency", "1"]
        for _ in range(20):
            end = cli(*command)
            if end.status == 0:
                break
            assert "--max-cost is the limit of each run by itself" in end.err
            command = shlex.split(
                next(line for line in end.err.splitlines() if line.startswith("  extractor"))
            )[1:]
        assert end.status == 0
        assert len(server.requests) == 12
    assert len(Path("o.jsonl").read_text().splitlines()) == 12
    assert "12 rows = " in end.err
