"""DataFrames of a real local Spark: their records are those of a local run, and none is asked for twice."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from extractor import Columns, ConfigError, Extractor, Run, compile_schema
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, shaped, status
from tests.engines.orders import EVERY, Every, Order, enriched, orders
from tests.engines.page import run_examples

pytest.importorskip("pyspark")
pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.memory": "512m",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder),
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
        "spark.log.level": "ERROR",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("EXTRACTOR_CACHE", str(folder))
        builder = SparkSession.builder.master("local[2]")
        session = builder.config(map=settings).getOrCreate()
        yield session
        session.stop()


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(shaped()) as server:
        yield server


def local(server: ChatServer, table: pa.Table, record_type: Any, **options: Any) -> pa.Table:
    with Extractor("m", base_url=server.base_url) as ex:
        return ex.frame(table, record_type, text="body", **options)


def by_id(frame: Any) -> list[dict[str, Any]]:
    return sorted(frame.toArrow().to_pylist(), key=lambda row: row["id"])


def test_two_thousand_rows_give_what_a_local_run_gives_and_a_second_action_sends_nothing(
    session: Any, server: ChatServer, tmp_path: Path
) -> None:
    from extractor.engines import spark

    frame = session.createDataFrame(orders(2000).to_pylist(), "id long, body string").repartition(5)
    done = spark.extract(
        frame,
        Order,
        text="body",
        model="m",
        base_url=server.base_url,
        run=Run(journal=tmp_path / "shared.sqlite"),
    )
    assert done.count() == 2000
    sent = len(server.requests)
    assert sent >= 1960
    done.write.parquet(str(tmp_path / "out.parquet"))
    assert len(server.requests) == sent
    found = by_id(session.read.parquet(str(tmp_path / "out.parquet")))
    assert found == enriched(2000).to_pylist()


def test_every_type_of_a_column_goes_through_spark(session: Any, tmp_path: Path) -> None:
    from extractor.engines import spark

    said = compile_schema(Every, "compatible").encode(EVERY)
    table = pa.table({"id": range(20), "body": [f"row {i}" for i in range(20)]})
    journal = tmp_path / "shared.sqlite"
    columns = Columns(usage=True, evidence=True, name="found")
    options: dict[str, Any] = {"columns": columns, "run": Run(journal=journal)}
    frame = session.createDataFrame(table.to_pylist(), "id long, body string")
    with ChatServer(lambda _: reply(said)) as server:
        here = local(server, table, Every, **options)
        done = spark.extract(frame, Every, text="body", model="m", base_url=server.base_url, **options)
        found = done.toArrow().sort_by("id")
    assert found.drop_columns("found_usage").to_pylist() == here.drop_columns("found_usage").to_pylist()
    assert found["found"].null_count == 0


def test_a_type_that_no_module_holds_goes_along(session: Any, server: ChatServer) -> None:
    from extractor.engines import spark

    names: dict[str, Any] = {"__name__": "a notebook"}
    exec("from pydantic import BaseModel\nclass Town(BaseModel):\n    name: str\n    people: int = 0", names)
    frame = session.createDataFrame([(1, "Basel")], "id long, body string")
    done = spark.extract(
        frame, names["Town"], text="body", model="m", base_url=server.base_url, run=Run(journal=False)
    )
    assert isinstance(by_id(done)[0]["town"]["people"], int)


def test_rows_fail_alone_and_a_wrong_key_fails_the_job_with_its_reason(session: Any) -> None:
    from extractor.engines import spark

    def door(request: ReceivedRequest) -> Scripted:
        return status(400, "I do not read that") if b"order 3" in request.body else shaped()

    frame = session.createDataFrame([(i, f"order {i}") for i in range(6)], "id long, body string")
    with ChatServer(door) as server:
        options: dict[str, Any] = {"model": "m", "base_url": server.base_url, "run": Run(journal=False)}
        done = spark.extract(frame, Order, text="body", columns=Columns(flatten=True), **options)
        found = by_id(done)
        assert [row["id"] for row in found if row["order_error"]] == [3]
        assert "do not read" in found[3]["order_error"]["message"]
        assert all(isinstance(row["number"], int) for row in found if row["id"] != 3)
        server.play(status(401, "wrong key"))
        with pytest.raises(Exception, match=r"RunStopped.*wrong key"):
            done.collect()


def test_what_can_not_work_is_refused_before_a_job_begins(session: Any) -> None:
    from extractor.engines import spark

    frame = session.createDataFrame([(1, "a", 2)], "id long, body string, `ORDER` int")
    options: dict[str, Any] = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
    with pytest.raises(ConfigError, match="two columns 'order'"):
        spark.extract(frame, Order, text="body", **options)
    with pytest.raises(ConfigError, match="did you mean 'body'"):
        spark.extract(frame, Order, text="bod", columns=Columns(name="found"), **options)
    with pytest.raises(ConfigError, match="max_cost"):
        spark.extract(
            frame, Order, text="body", columns=Columns(name="found"), run=Run(max_cost=1), **options
        )
    with pytest.raises(ConfigError, match="redis://"):
        spark.extract(
            frame,
            Order,
            text="body",
            columns=Columns(name="found"),
            run=Run(requests_per_minute=100),
            **options,
        )
    with pytest.raises(ConfigError, match="environment"):
        spark.extract(
            frame, Order, text="body", columns=Columns(name="found"), api_key="sk-secret", **options
        )


def test_the_examples_of_the_page_run(session: Any) -> None:
    run_examples("Spark")


def test_in_an_environment_that_is_not_activated_the_setting_is_named_before_the_job(
    tmp_path: Path,
) -> None:
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')  # it finds no packages
    python.chmod(0o755)
    code = """
from pyspark.sql import SparkSession
import extractor.engines.spark

settings = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.log.level": "ERROR"}
session = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
frame = session.createDataFrame([(1, "Basel")], "id long, body string")
try:
    extractor.engines.spark.extract(frame, {"type": "object"}, text="body", model="m", base_url="http://127.0.0.1:9")
except extractor.ConfigError as error:
    print(error)
"""
    kept = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "PATH": path, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Spark's workers would run {python}, which can't import this library" in ended.stdout
    assert f"set PYSPARK_PYTHON={sys.executable}" in ended.stdout
