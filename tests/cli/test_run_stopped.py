"""A run that is stopped by a signal keeps every answer that was paid for, and leaves whole files."""

from __future__ import annotations

import csv
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from extractor.bulk.journal.sqlite import SqliteStore
from tests.databases.places import Place, of_each_kind
from tests.loopback import Loopback, Weather, running
from tests.postgres import empty_database

pytestmark = [pytest.mark.crash, pytest.mark.skipif(os.name != "posix", reason="signals")]
ROWS = 300
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
FILES = ("csv", "jsonl", "parquet")

# To write a record takes as long as most of the time between two answers: a signal lands in it.
TYPE = """
import time
from pydantic import BaseModel, model_serializer

class Echo(BaseModel):
    checksum: int
    length: int

    @model_serializer(mode="wrap")
    def _slowly(self, serialize):
        time.sleep(0.01)
        return serialize(self)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "echo.py").write_text(TYPE)
    lines = [json.dumps({"id": n, "body": f"text {n}"}) + "\n" for n in range(ROWS)]
    (tmp_path / "in.jsonl").write_text("".join(lines))
    return tmp_path


@pytest.fixture(params=[*FILES, *of_each_kind])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    kind: str = request.param
    if kind == "postgresql":
        return empty_database(request.getfixturevalue("postgresql"))
    return f"out.{kind}" if kind in FILES else f"{kind}:///{tmp_path}/out.db"


@contextmanager
def begun(server: Loopback, output: str, *options: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "extractor", "run", "in.jsonl", "-t", "echo.py:Echo", "-x", "body"]
    command += ["-o", output, "--base-url", server.base_url, "-m", "m", "--journal", "j.sqlite"]
    command += ["--into", "echoes", "--batch-rows", "7"] if "://" in output else []
    with subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until(server: Loopback, name: str, count: int) -> None:
    ends = time.monotonic() + 60
    while server.stats()[name] < count:
        assert time.monotonic() < ends
        time.sleep(0.01)


def until_settled(server: Loopback) -> None:
    """Return once what began in fair weather is answered."""
    before = -1
    while (now := server.stats()["answered"]) != before:
        before = now
        time.sleep(0.5)


def kept() -> int:
    with closing(SqliteStore.open(Path("j.sqlite"))) as store:
        stats = store.stats()
    assert (stats.claimed, stats.lost) == (0, 0)
    return stats.answers


def ids(output: str) -> list[int]:
    """Return the rows that an output has."""
    if "://" in output:
        place = Place(output.partition(":")[0], output)
        return (
            [n for (n,) in place.rows("SELECT id FROM echoes ORDER BY id")] if place.count("echoes") else []
        )
    if output.endswith(".csv"):
        with open(output, newline="") as file:
            return [int(row["id"]) for row in csv.DictReader(file)]
    if output.endswith(".jsonl"):
        return [json.loads(line)["id"] for line in Path(output).read_text().splitlines()]
    import pyarrow.parquet

    found: list[int] = pyarrow.parquet.read_table(output)["id"].to_pylist()
    return found


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
@pytest.mark.sampled(1)
def test_every_answer_that_was_paid_for_is_kept_and_written_and_the_run_goes_on_from_there(
    folder: Path, output: str, number: signal.Signals
) -> None:
    with running(Weather(latency=0.4, patience=ROWS // 2)) as server:  # it can't end before the signal
        with begun(server, output, "--concurrency", "8") as process:
            until(server, "requests", 16 + random.randrange(32))
            time.sleep(random.random() * 0.2)
            process.send_signal(number)
            server.weather(Weather(latency=0.4))
            said = process.communicate(timeout=60)[1]
        seen = server.stats()
        assert process.returncode == STATUS[number], said
        assert seen["in_flight"] == 0
        assert seen["abandoned"] == 0
        assert kept() == seen["answered"] < ROWS
        assert ids(output) == list(range(seen["answered"]))
        again = shlex.split(said.splitlines()[-1])
        again[again.index("-o") + 1] = output  # with its password
        server.weather(Weather(latency=0))
        ended = subprocess.run([sys.executable, "-m", *again], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        assert ids(output) == list(range(ROWS))
        assert server.stats()["answered"] == ROWS


@pytest.mark.parametrize("number", STATUS, ids=lambda number: number.name)
def test_a_second_signal_ends_it_at_once_with_the_old_file_whole(
    folder: Path, number: signal.Signals
) -> None:
    Path("out.jsonl").write_text("old\n")
    with running(Weather(latency=0.1)) as server, begun(server, "out.jsonl", "--concurrency", "4") as process:
        until(server, "answered", 10)
        server.weather(Weather(latency=60))
        until_settled(server)
        until(server, "in_flight", 4)
        process.send_signal(number)
        assert process.stderr
        assert any("is waited for" in line for line in iter(process.stderr.readline, ""))
        assert process.poll() is None
        process.send_signal(number)
        said = process.communicate(timeout=40)[1]  # the server would take a minute
        answered = server.stats()["answered"]
    assert process.returncode == STATUS[number], said
    assert "Stopped at once" in said
    assert Path("out.jsonl").read_text() == "old\n"
    assert not list(folder.glob(".out*"))
    with closing(SqliteStore.open(Path("j.sqlite"))) as store:
        assert store.stats().answers == answered


def test_a_signal_that_comes_too_late_changes_nothing(folder: Path) -> None:
    with running(Weather(latency=0.0)) as server, begun(server, "out.jsonl") as process:
        until(server, "answered", ROWS)
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 0, said
    assert ids("out.jsonl") == list(range(ROWS))


# -- in code of one's own

LOOP = """
import sys, time
from extractor import Extractor
from tests.loopback import Echo

def texts():
    return [f"text {n}" for n in range(1000)]

with Extractor("m", base_url=sys.argv[1]) as extractor:
    outcomes = extractor.rows(texts(), Echo, journal="j.sqlite", concurrency=16)
    HELD
    for outcome in (outcomes if sys.argv[2] == "held" else extractor.rows(texts(), Echo, journal="j.sqlite")):
        print(outcome.index, flush=True)
        time.sleep(0.5)  # where the signal lands
"""


@pytest.mark.parametrize("how", ["held", "in place"])
def test_a_keyboard_interrupt_between_rows_loses_nothing_that_was_paid_for(folder: Path, how: str) -> None:
    (folder / "loop.py").write_text(LOOP.replace("    HELD\n", "" if how == "held" else "    del outcomes\n"))
    with running(Weather(latency=0.3)) as server:
        command = [sys.executable, "loop.py", server.base_url, how]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            said = process.communicate(timeout=60)[1]
        seen: dict[str, Any] = server.stats()
    assert "KeyboardInterrupt" in said
    assert process.returncode == -signal.SIGINT
    assert (seen["in_flight"], seen["abandoned"]) == (0, 0)
    assert kept() == seen["answered"] > 16
