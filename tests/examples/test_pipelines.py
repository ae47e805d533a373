"""The recipes for pipelines run as scripts, twice, where their package is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from extractor.testing import ChatServer, shaped

duckdb = pytest.importorskip("duckdb", reason="needs the `databases` extra")
PIPELINES = Path(__file__).parents[2] / "examples" / "pipelines"
TEXTS = 12


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(shaped()) as server:
        yield server


def run(script: str, folder: Path, server: ChatServer) -> tuple[str, int]:
    """Run a recipe; return what it says, and how many requests it made."""
    environment = {
        **os.environ,
        "HOME": str(folder),
        "DLT_DATA_DIR": str(folder / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "EXTRACTOR_CACHE": str(folder / "cache"),
        "EXTRACTOR_MODEL": "openai:gpt-5-mini",
        "OPENAI_BASE_URL": server.base_url,
        "OPENAI_API_KEY": "any",
    }
    environment.pop("DAGSTER_HOME", None)
    before = len(server.requests)
    command = [sys.executable, str(PIPELINES / script)]
    ended = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout, len(server.requests) - before


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "support.duckdb")) as db:
        return list(db.execute(query).fetchall())


def needs(package: str) -> pytest.MarkDecorator:
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"needs {package}")


@pytest.mark.slow
def test_a_duckdb_script_reads_files_into_a_table(tmp_path: Path, server: ChatServer) -> None:
    said, asked = run("duckdb_script.py", tmp_path, server)
    assert "category" in said
    assert asked == TEXTS
    assert rows(tmp_path, "SELECT count(*), count(category) FROM tickets") == [(TEXTS, TEXTS)]
    assert run("duckdb_script.py", tmp_path, server)[1] == 0


@needs("dlt")
def test_a_dlt_transformer_makes_tickets_of_mails(tmp_path: Path, server: ChatServer) -> None:
    assert run("dlt_transformer.py", tmp_path, server)[1] == TEXTS
    assert run("dlt_transformer.py", tmp_path, server)[1] == 0
    counted = "SELECT count(*), count(DISTINCT file), count(category) FROM support_dataset.tickets"
    assert rows(tmp_path, counted) == [(TEXTS, TEXTS, TEXTS)]


@needs("dagster")
def test_a_dagster_op_reads_a_table_and_writes_another(tmp_path: Path, server: ChatServer) -> None:
    assert run("dagster_op.py", tmp_path, server) == (f"{TEXTS} tickets\n", TEXTS)
    assert run("dagster_op.py", tmp_path, server) == (f"{TEXTS} tickets\n", 0)
    with closing(sqlite3.connect(tmp_path / "support.db")) as db:
        found = db.execute("SELECT file, support_email FROM tickets").fetchall()
    assert len(found) == TEXTS
    assert all(json.loads(record)["category"] for _, record in found)
