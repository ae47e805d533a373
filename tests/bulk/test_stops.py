"""A run that has to stop in the middle keeps what is done: a full disk, Ctrl-C, another process's run."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bulk.crash import expected, started
from tests.loopback import Loopback, Weather, running

pytestmark = pytest.mark.crash


def test_two_processes_on_one_journal_ask_for_each_row_once_together(place: str) -> None:
    with running(Weather(latency=0.02)) as server:
        both = [started(server, place, 300) for _ in range(2)]
        said = [process.communicate(timeout=60) for process in both]
        seen = server.stats()
    for (lines, errors), process in zip(said, both, strict=True):
        assert process.returncode == 0, errors
        assert [json.loads(line) for line in lines.splitlines()][:-1] == expected(300)
    assert (seen["distinct"], seen["repeated"]) == (300, 0)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("step", [45.0, -45.0])
def test_where_the_clock_of_one_is_set_they_still_ask_for_each_row_once(place: str, step: float) -> None:
    with running(Weather(latency=0.02)) as server:
        both = [started(server, place, 600), started(server, place, 600, clock_steps=step)]
        said = [process.communicate(timeout=60) for process in both]
        seen = server.stats()
    for (lines, errors), process in zip(said, both, strict=True):
        assert process.returncode == 0, errors
        assert [json.loads(line) for line in lines.splitlines()][:-1] == expected(600)
    assert (seen["distinct"], seen["repeated"]) == (600, 0)


def test_a_full_disk_stops_the_run_by_name_and_the_next_one_goes_on(tmp_path: Path) -> None:
    journal = tmp_path / "journal.sqlite"
    with running(Weather(latency=0.005)) as server:
        stopped = _run(server, journal, 400, most_bytes=200_000)
        assert stopped.returncode == 1
        assert "RunStopped: the run stopped: the journal" in stopped.stderr
        assert "name another file as journal=" in stopped.stderr
        whole = _run(server, journal, 400)
        seen = server.stats()
    lines = [json.loads(line) for line in whole.stdout.splitlines()]
    assert lines[:-1] == expected(400)
    assert 0 < lines[-1]["from_cache"] < 400
    assert seen["repeated"] <= seen["peak"] + 64


def _run(
    server: Loopback, journal: Path, rows: int, most_bytes: int | None = None
) -> subprocess.CompletedProcess[str]:
    def limited() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if most_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))

    command = [sys.executable, "-m", "tests.bulk.crash", server.base_url, str(journal), str(rows)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, preexec_fn=limited
    )


def test_ctrl_c_waits_for_what_is_in_flight_keeps_it_and_says_how_to_go_on(tmp_path: Path) -> None:
    with running(Weather(latency=0.5)) as server:
        with started(server, tmp_path / "journal.sqlite", 1000) as process:
            _until_asked(server, 20)
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert "KeyboardInterrupt" in errors
        assert "Run it again" in errors
        asked = server.stats()["requests"]
        with started(server, tmp_path / "journal.sqlite", asked) as again:
            said, _ = again.communicate(timeout=60)
        last = json.loads(said.splitlines()[-1])
        seen = server.stats()
    assert (last["from_cache"], last["lost"]) == (asked, 0)
    assert seen["requests"] == asked


def test_a_second_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    with running(Weather(latency=20)) as server, started(server, tmp_path / "j", 100) as process:
        _until_asked(server, 4)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        process.communicate(timeout=10)
    assert process.returncode != 0


def _until_asked(server: Loopback, requests: int) -> None:
    ends = time.monotonic() + 20
    while server.stats()["in_flight"] + server.stats()["requests"] < requests:
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_process_that_was_stopped_leaves_a_whole_journal(tmp_path: Path) -> None:
    with running(Weather(latency=0.02)) as server:
        with started(server, tmp_path / "j", 2000) as process:
            _until_asked(server, 100)
            process.terminate()
        with started(server, tmp_path / "j", 100) as again:
            said, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert [json.loads(line) for line in said.splitlines()][:-1] == expected(100)
