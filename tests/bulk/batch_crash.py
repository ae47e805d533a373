"""A run by a provider's batches in a process that can be killed: `python -m tests.bulk.batch_crash BASE_URL
JOURNAL ROWS MODEL`. Prints one line of JSON: which rows are wrong, what the run says of itself, its memory.

`Provider` is the other side: a server that kills the process when a certain call has come to it.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from extractor import Extractor, Run
from extractor.results import Progress
from extractor.testing import BatchScript, ChatServer, Delivery, ReceivedRequest, Reply, Status, reply, status
from tests.bulk.crash import text_of
from tests.loopback import Echo

Kill = tuple[str, str, str]  # when, method, end of the path
OPENAI: Sequence[Kill] = (
    ("before", "POST", "/files"),
    ("after", "POST", "/files"),
    ("before", "POST", "/batches"),
    ("after", "POST", "/batches"),
    ("after", "GET", "/batches/{id}"),
    ("amid", "GET", "/content"),
    ("after", "GET", "/content"),
)
ANTHROPIC: Sequence[Kill] = (
    ("before", "POST", "/messages/batches"),
    ("after", "POST", "/messages/batches"),
    ("after", "GET", "/batches/{id}"),
    ("amid", "GET", "/results"),
    ("after", "GET", "/results"),
)
SAID = {"before": "nothing is done yet", "after": "done, its reply lost", "amid": "half of it was kept"}


def main(base_url: str, journal: str, rows: str, model: str) -> None:
    told: list[Progress] = []
    wrong = []
    with Extractor(model, base_url=base_url, api_key="any") as extractor:
        texts = (text_of(row) for row in range(int(rows)))
        for outcome in extractor.rows(
            texts, Echo, run=Run(journal=journal, mode="batch", on_progress=told.append)
        ):
            if outcome.record != Echo.of(text_of(outcome.index)):
                wrong.append(outcome.index)  # noqa: PERF401  all others are looked at as well
    last = told[-1]
    said = {
        "done": last.done,
        "wrong": wrong,
        "from_cache": last.from_cache,
        "tokens": last.usage.total_tokens,
    }
    print(json.dumps({**said, "peak_mb": peak()}))  # noqa: T201


def peak() -> int:
    """Return the most memory that this process had, in MB: its own, not what it began with as a fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def echo(request: ReceivedRequest) -> Reply:
    asked = request.json
    text = next(m["content"] for m in asked["messages"] if m["role"] == "user")
    return reply(Echo.of(text if isinstance(text, str) else text[0]["text"]).model_dump())


@dataclass
class Provider:
    """Kills, one a run, in turn; counts what was done."""

    rows: int
    kills: Sequence[Kill]
    done: Counter[str] = field(default_factory=Counter)
    killed: list[str] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)  # requests that batches were made of
    process: subprocess.Popen[str] | None = None
    journal: Path = Path()

    @property
    def once(self) -> int:
        """Requests that were in one batch."""
        return sum(times == 1 for times in self.sent.values())

    def script(self, delivery: Delivery) -> BatchScript:
        return BatchScript(
            looks=1, shuffled=True, fate=self.fate, refuse=self.refuse, lose=self.lose, delivery=delivery
        )

    def fate(self, index: int, custom_id: str) -> str:
        self.sent[custom_id] += 1
        return "answered"

    def refuse(self, request: ReceivedRequest) -> Status | None:
        if self.kill("before", request):
            return status(503)
        if request.method == "POST":
            self.done[request.path.removeprefix("/v1")] += 1
        return None

    def lose(self, request: ReceivedRequest) -> bool:
        if self.kills and self.kills[0][0] == "amid" and self.is_meant(request):
            threading.Thread(target=self.kill_amid, daemon=True).start()
        return self.kill("after", request)

    def is_meant(self, request: ReceivedRequest) -> bool:
        _, method, end = self.kills[0]
        last = request.path.rpartition("/")[2]
        meant = request.path.endswith(end.replace("{id}", last))
        return request.method == method and meant and (last != "batches" or "{id}" not in end)

    def kill(self, when: str, request: ReceivedRequest) -> bool:
        if not self.kills or self.kills[0][0] != when or not self.is_meant(request):
            return False
        self.killed.append(f"{request.method} {self.kills[0][2]}: {SAID[when]}")
        self.kill_now()
        return True

    def kill_amid(self) -> None:
        """Kill once the journal has some of the answers that come just now."""
        before = answers(self.journal)
        while not before < (found := answers(self.journal)):
            time.sleep(0.002)
        if found < self.rows and self.process and self.process.poll() is None:
            self.killed.append(f"{self.kills[0][1]} {self.kills[0][2]}: {SAID['amid']} ({found:,} answers)")
            self.kill_now()

    def kill_now(self) -> None:
        assert self.process
        self.kills = self.kills[1:]
        self.process.kill()
        self.process.wait()


def answers(journal: Path) -> int:
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=10)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM answers").fetchone()
        return int(count)


def killed_at_each_stage(
    folder: Path, rows: int, model: str, kills: Sequence[Kill], delivery: Delivery, say: Callable[[str], None]
) -> tuple[Provider, dict[str, Any]]:
    """Run until a run comes to its end, each killed with SIGKILL at the next stage. Return the provider and
    what the last run said.
    """
    provider = Provider(rows, kills, journal=folder / "journal.sqlite")
    with ChatServer(echo, batches=provider.script(delivery)) as server:
        command = [sys.executable, "-m", "tests.bulk.batch_crash", server.base_url, str(provider.journal)]
        for _ in range(len(kills) + 1):
            began, before = time.monotonic(), len(provider.killed)
            pipe = subprocess.PIPE
            with subprocess.Popen(
                [*command, str(rows), model], stdout=pipe, stderr=pipe, text=True
            ) as provider.process:
                said, errors = provider.process.communicate(timeout=900)
            ended = provider.killed[before] if provider.killed[before:] else "came to its end"
            say(f"{time.monotonic() - began:6.1f} s  {ended}  {dict(provider.done)}")
            if provider.process.returncode == 0:
                ordinary = [r for r in server.requests if r.path.endswith(("/completions", "/messages"))]
                provider.done["ordinary"] = len(ordinary)
                return provider, json.loads(said)
            assert provider.killed[before:], errors
    raise AssertionError("no run came to its end")


if __name__ == "__main__":
    main(*sys.argv[1:])
