"""Kill -9 a worker of a standalone Spark: `python -m tests.benchmarks.spark_standalone [ROWS [JOURNAL]]`.

Starts a master, two workers of one core each, a Redis server and a server that answers in 50 ms, all on
this machine. `count()` of ROWS (5,000) rows is asked for; amid that one worker, its executor and its
Python processes are killed. Then the same frame is written. Prints what was sent, and what was in flight
at the kill. JOURNAL: "redis" (the default), "file" for one SQLite file, "none" to see what it costs to do
without. Checks, where there is a journal, that every row is there once and right, that nothing was sent
again but what was in flight, and that the second action sent nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from extractor import Run
from extractor.engines import spark
from tests.bulk.servers import free_port, redis_server
from tests.loopback import Echo, Loopback, Weather, running

ROOT = Path(__file__).parents[2]
CONCURRENCY = 32
LEASE = 5  # seconds after which a worker that says nothing counts as dead


def main(rows: int = 5000, journal: str = "redis") -> None:
    with tempfile.TemporaryDirectory() as name, running(Weather(latency=0.05)) as server:
        folder = Path(name)
        with place(journal, folder) as where, cluster(folder) as (session, workers):
            texts = session.range(rows).selectExpr("id", "concat('This is the text of row ', id) AS body")
            frame = spark.extract(
                texts.repartition(8),
                Echo,
                text="body",
                model="any",
                base_url=server.base_url,
                run=Run(journal=where, concurrency=CONCURRENCY),
            )
            seen = counted(frame, rows, server, workers[0])
            frame.write.parquet(str(folder / "out"))
            after = server.stats()
            written = session.read.parquet(str(folder / "out")).toArrow().sort_by("id").to_pylist()
    whole = [row["id"] for row in written] == list(range(rows))
    right = all(row["echo"] == Echo.of(row["body"]).model_dump() for row in written)
    second = after["requests"] - seen["requests"]
    print(f"journal: {journal}; every row once: {whole}, and right: {right}")
    print(f"count() with a worker killed: {seen['count']} rows, {seen['requests']} requests, ", end="")
    print(f"{seen['repeated']} of them sent again; in flight at the kill: {seen['at_kill']}")
    print(f"write(): {second} requests more")
    assert whole
    assert right
    assert seen["count"] == rows
    if journal != "none":
        assert seen["repeated"] <= CONCURRENCY
        assert second == 0


def counted(frame: Any, rows: int, server: Loopback, worker: int) -> dict[str, Any]:
    """Count the frame, kill a worker amid that, and return what the server saw."""
    at_kill: list[int] = []

    def kill() -> None:
        while server.stats()["answered"] < rows / 4:
            time.sleep(0.02)
        killed(worker)
        at_kill.append(server.stats()["in_flight"])

    killer = threading.Thread(target=kill)
    killer.start()
    count = frame.count()
    killer.join()
    return {"count": count, "at_kill": at_kill[0], **server.stats()}


@contextmanager
def place(journal: str, folder: Path) -> Iterator[Any]:
    """Yield what to give as journal=."""
    if journal == "redis":
        with redis_server(folder) as server:
            yield f"{server.url}?lease={LEASE}"
    else:
        yield {"file": folder / "journal.sqlite", "none": False}[journal]


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[Any, list[int]]]:
    """Yield a session of a standalone cluster, and the processes of its workers."""
    import pyspark

    home, port = Path(pyspark.__file__).parent, free_port()
    os.environ |= {
        "SPARK_HOME": str(home),
        "SPARK_DAEMON_MEMORY": "256m",
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    master = f"spark://127.0.0.1:{port}"
    given = [
        ["master.Master", "--host", "127.0.0.1", "--port", str(port)],
        *[["worker.Worker", master, "--cores", "1", "--memory", "600m", "--work-dir", str(folder)]] * 2,
    ]
    processes = []
    try:
        for kind, *options in given:
            command = [home / "bin" / "spark-class", f"org.apache.spark.deploy.{kind}", *options]
            port = free_port()
            processes.append(started([*command, "--webui-port", str(port)], folder))
        settings = {
            "spark.driver.memory": "512m",
            "spark.executor.memory": "512m",
            "spark.executor.cores": "1",
            "spark.ui.enabled": "false",
            "spark.sql.shuffle.partitions": "8",
            "spark.log.level": "OFF",
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            "spark.cores.max": "2",
        }
        session = SparkSession.builder.master(master).config(map=settings).getOrCreate()
        yield session, [process.pid for process in processes[1:]]
        session.stop()
    finally:
        for process in processes:
            killed(process.pid)
            process.wait()


def started(command: list[Any], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "spark.log").open("ab") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)


def killed(process: int) -> None:
    """Kill -9 a process and all that come of it, as when a machine goes down."""
    for each in [process, *below(process)]:
        try:
            os.kill(each, signal.SIGKILL)
        except ProcessLookupError:
            continue


def below(process: int) -> list[int]:
    """Return the processes that descend from one."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(state[1]), []).append(int(path.parent.name))
    found = parents.get(process, [])
    for each in found:  # it grows meanwhile
        found.extend(parents.get(each, []))
    return found


if __name__ == "__main__":
    main(*(kind(given) for kind, given in zip((int, str), sys.argv[1:], strict=False)))
