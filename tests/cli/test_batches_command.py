"""`extractor run --mode batch` and `extractor batches`."""

from __future__ import annotations

import csv
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ended import Cli

from extractor.testing import BatchScript, ChatServer
from tests.bulk.batch_crash import echo
from tests.loopback import Echo

TEXTS = [f"text {n}" for n in range(5)]
TYPE = """
from pydantic import BaseModel

class Echo(BaseModel):
    checksum: int
    length: int
"""


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-any")
    (tmp_path / "echo.py").write_text(TYPE)
    path = tmp_path / "rows.csv"
    path.write_text("body\n" + "\n".join(TEXTS) + "\n")
    return path


def arguments(server: ChatServer, table: Path) -> list[str]:
    folder = table.parent
    asked = [
        "run",
        str(table),
        "-t",
        f"{folder / 'echo.py'}:Echo",
        "-x",
        "body",
        "--mode",
        "batch",
        "--flatten",
    ]
    return [*asked, "-m", "openai:gpt-5-mini", "--base-url", server.base_url, "-o", str(folder / "out.csv")]


def lengths(table: Path) -> list[str]:
    with (table.parent / "out.csv").open() as file:
        return [row["length"] for row in csv.DictReader(file)]


def spooled(table: Path) -> list[Path]:
    return [*(table.parent / "cache").rglob("*.batches/*.jsonl")]


@pytest.mark.slow
def test_a_table_goes_through_a_batch_and_comes_back(cli: Cli, table: Path) -> None:
    with ChatServer(echo) as server:
        ended = cli(*arguments(server, table))
    assert ended.status == 0, ended.err
    assert lengths(table) == [str(Echo.of(text).length) for text in TEXTS]
    assert [r.path for r in server.requests if r.method == "POST"] == ["/v1/files", "/v1/batches"]


@pytest.mark.crash
def test_ctrl_c_leaves_the_batch_it_is_listed_and_resume_collects_it(cli: Cli, table: Path) -> None:
    with ChatServer(echo, batches=BatchScript(looks=10_000)) as server:
        command = [sys.executable, "-m", "extractor", *arguments(server, table)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            server.wait_for(3, timeout=60)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "1 batch goes on at the provider" in said
        again = shlex.split(next(line for line in said.splitlines() if "--resume" in line))
        listed = cli("batches", "list").out
        assert "gpt-5-mini  " in listed
        assert "0 of 5 answered" in listed
        assert "batch_2" in listed
        server.batches.script = BatchScript()
        ended = cli(*again[1:])
    assert ended.status == 0, ended.err
    assert lengths(table) == [str(Echo.of(text).length) for text in TEXTS]
    assert [r.path for r in server.requests if r.method == "POST"] == ["/v1/files", "/v1/batches"]
    assert "no batch is running" in cli("batches", "list").err


@pytest.mark.slow
def test_a_batch_can_be_cancelled_and_given_up(cli: Cli, table: Path) -> None:
    with ChatServer(echo, batches=BatchScript(looks=10_000)) as server:
        command = [sys.executable, "-m", "extractor", *arguments(server, table)]
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            server.wait_for(3, timeout=60)
            process.kill()
        for _ in range(50):
            if listed := cli("batches", "list").out:
                break
            time.sleep(0.1)
        name = listed.split()[0]
        assert "no batches have an id that begins with 'nothing'" in cli("batches", "cancel", "nothing").err
        assert f"{name} is cancelling" in cli("batches", "cancel", name).err
        assert server.requests[-1].path == "/v1/batches/batch_2/cancel"
        assert "cancelling" in cli("batches", "list").out
        assert len(spooled(table)) == 1
        assert f"{name} is forgotten" in cli("batches", "forget", "batch_2").err
        assert cli("batches", "list").out == ""
        assert spooled(table) == []  # they are source text


@pytest.mark.slow
def test_the_help_teaches_the_mode(cli: Cli) -> None:
    assert "--mode" in cli("run", "--help").out
    assert "cancel" in cli("batches", "--help").out
