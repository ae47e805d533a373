"""Processes that fork, die, are signalled, and leave things behind, in numbers: each within its bounds."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from extractor import Extractor
from extractor.bulk.journal.interface import Kept, key_of
from extractor.bulk.journal.sqlite import SqliteStore
from extractor.bulk.journal.store import StoreWork
from extractor.cli.output import opened
from extractor.processes import Process, this_process
from tests.loopback import Echo, Weather, running

from .conftest import Bounded

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
GONE = 2**31 - 1  # no number of a process


def forks_in_the_middle(base_url: str, children: int) -> int:
    """Return how many answers of a parent and its children were right, all with one client."""
    with Extractor("any", base_url=base_url) as extractor:

        def right(whose: str) -> int:
            texts = [f"{whose}, question {n}" for n in range(25)]
            return sum(extractor.extract(Echo, text) == Echo.of(text) for text in texts)

        found = right("before")
        begun = list[int]()
        for n in range(children):
            child = os.fork()
            if child == 0:
                os._exit(right(f"child {n}"))
            begun.append(child)
        found += right("parent")
        return found + sum(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in begun)


def test_twenty_children_and_their_parent_ask_at_once_with_one_client(bounded: Bounded) -> None:
    with running(Weather(latency=0.001)) as server:
        outcome = bounded(forks_in_the_middle, server.base_url, 20, seconds=60, megabytes=400)
    assert outcome.value == 25 * 22


def claims_of_the_dead(owners: int, claims: int) -> tuple[int, int]:
    """Return how many claims of dead and of living workers were granted to another one."""
    mine, keys = this_process(), [key_of(str(n)) for n in range(claims)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "j")
        with closing(SqliteStore.open(path)) as store:
            for n in range(owners):
                process = mine if n % 2 else mine._replace(pid=GONE - n)
                with closing(sqlite3.connect(path)) as connection, connection:
                    connection.execute("INSERT INTO owners VALUES (?, ?, ?, ?, ?, 0)", (str(n), *process))
            for n in range(owners):
                store.do(str(n), StoreWork(claims=[(key, 0) for key in keys[n::owners]]))
            given = store.do("new", StoreWork(claims=[(key, 0) for key in keys])).claims
    of_dead = [each for n, each in enumerate(given) if n % owners % 2 == 0]
    return sum(each.granted for each in of_dead), sum(each.granted for each in given)


def test_five_hundred_dead_and_living_workers_are_told_apart(bounded: Bounded) -> None:
    outcome = bounded(claims_of_the_dead, 500, 5000, seconds=60)
    assert outcome.value == (2500, 2500)


def damaged_answers(answers: int) -> int:
    """Return how many of the answers are found after each had a bit flipped."""
    kept = {key_of(str(n)): Kept(b'{"n": %d}' % n * 50) for n in range(answers)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "j")
        with closing(SqliteStore.open(path)) as store:
            store.do("me", StoreWork(puts=kept))
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.create_function("flipped", 1, lambda body: bytes([body[0] ^ 4]) + body[1:])
            connection.execute("UPDATE answers SET body = flipped(body)")
        with closing(SqliteStore.open(path)) as store:
            return sum(each is not None for each in store.look([(key, 0) for key in kept]))


def test_twenty_thousand_damaged_answers_are_absent(bounded: Bounded) -> None:
    assert bounded(damaged_answers, 20_000, seconds=30).value == 0


def swept(files: int) -> tuple[int, int]:
    """Return how many files are left of those of dead processes, and of those that only look alike."""
    dead = Process(this_process().place, GONE, 1.0, 1.0).mark
    with tempfile.TemporaryDirectory() as folder:
        for n in range(files):
            Path(folder, f".out.jsonl.{n:08d}.{dead}.tmp").touch()
            Path(folder, f".out.jsonl.{n:08d}.{dead}.tmp~").touch()
        with opened(f"{folder}/out.jsonl") as out:
            out.write("x")
        left = os.listdir(folder)
    return sum(each.endswith(".tmp") for each in left), sum(each.endswith("~") for each in left)


def test_ten_thousand_files_of_killed_processes_are_swept_and_no_others(bounded: Bounded) -> None:
    assert bounded(swept, 10_000, seconds=30).value == (0, 10_000)


TYPE = "from pydantic import BaseModel\nclass Echo(BaseModel):\n    checksum: int\n    length: int\n"


def signalled(base_url: str, signals: int) -> tuple[int, str]:
    """Return how a run ended that got many signals at once, and what stood in its output then."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "echo.py").write_text(TYPE)
        Path(folder, "in.jsonl").write_text("".join(f'{{"body": "text {n}"}}\n' for n in range(500)))
        Path(folder, "out.jsonl").write_text("old")
        command = [sys.executable, "-m", "extractor", "run", "in.jsonl", "-t", "echo.py:Echo", "-x", "body"]
        command += [
            "-o",
            "out.jsonl",
            "--base-url",
            base_url,
            "-m",
            "m",
            "--journal",
            "j",
            "--concurrency",
            "4",
        ]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) as process:
            while not Path(folder, "j").exists():
                time.sleep(0.01)
            time.sleep(1.0)
            for n in range(signals):
                process.send_signal((signal.SIGTERM, signal.SIGINT)[n % 2])
                time.sleep(0.005)
            process.communicate(timeout=60)
        return process.returncode, Path(folder, "out.jsonl").read_text()


def test_a_hail_of_signals_ends_a_run_with_the_old_output_whole(bounded: Bounded) -> None:
    with running(Weather(latency=0.3)) as server:
        status, output = bounded(signalled, server.base_url, 100, seconds=60).value
    assert output == "old"
    assert status in (130, 143, -signal.SIGINT, -signal.SIGTERM)
