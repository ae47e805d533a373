"""The step that engines carry out: batches in, the same batches with records out, as `frame` has them."""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from extractor import ConfigError, Extractor, Run, RunStopped, SchemaError, compile_schema
from extractor.confidence import Calibration
from extractor.engines import ArrowStep
from extractor.groups import grouped
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, shaped, status
from tests.engines.orders import Line, Order
from tests.loopback import Echo, Weather, running


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(shaped()) as server:
        yield server


def step(server: Any, record_type: Any = Order, **options: Any) -> ArrowStep:
    given = grouped({"journal": False, "text": "body"} | options, "run", "columns", apart=("mode",))
    return ArrowStep(record_type, model="m", base_url=server.base_url, **given)


def batches(*sizes: int, text: str = "text") -> list[pa.RecordBatch]:
    ids = itertools.count()
    rows = [[next(ids) for _ in range(size)] for size in sizes]
    return [
        pa.RecordBatch.from_arrays(
            [
                pa.array(some, pa.int32()),
                pa.array([f"{text} {n}" if n % 5 else None for n in some], pa.string()),
            ],
            names=["id", "body"],
        )
        for some in rows
    ]


OPTIONS = [
    {},
    {"name": "found", "usage": True, "evidence": True},
    {"flatten": True, "evidence": "quote"},
    {"text": "{id}: {body}"},
    {"text": ["body", "id"]},
]


@pytest.mark.slow
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_what_comes_out_is_what_frame_gives_batch_by_batch_with_the_schema_that_was_told(
    server: ChatServer, options: dict[str, Any]
) -> None:
    given = batches(0, 3, 0, 0, 7, 1, 0)
    enrich = step(server, **options)
    out = list(enrich(given))
    assert [batch.num_rows for batch in out] == [0, 3, 0, 0, 7, 1, 0]
    with Extractor("m", base_url=server.base_url) as ex:
        asked = grouped({"text": "body", "journal": False} | options, "run", "columns")
        whole = ex.frame(pa.Table.from_batches(given), Order, **asked)
    for batch in out:
        assert batch.schema == enrich.schema(given[0].schema) == whole.schema
    columns = [name for name in whole.column_names if not name.endswith("_usage")]  # latencies differ
    assert pa.Table.from_batches(out).select(columns) == whole.select(columns)


def test_how_sure_each_value_is_comes_along_by_a_calibration_that_no_worker_needs_the_file_of(
    server: ChatServer, tmp_path: Path
) -> None:
    path = tmp_path / "calibration.json"
    fingerprint = compile_schema(Line).fingerprint
    path.write_text(Calibration("isotonic", "m", fingerprint, knots=((0.0, 0.25),)).to_json())
    enrich = pickle.loads(pickle.dumps(step(server, Line, confidence=path)))
    path.unlink()
    (batch,) = enrich(batches(2))
    none, some = batch.to_pydict()["line_confidence"]
    assert none is None
    assert {cell["confidence"] for cell in some} == {0.25}


def test_no_batches_make_no_batches_and_need_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert list(ArrowStep(Order, text="body", model="openai:gpt-5-mini")([])) == []


@pytest.mark.slow
def test_rows_of_many_small_batches_are_in_flight_together(tmp_path: Path) -> None:
    with running(Weather(latency=0.4)) as server:  # long enough for a busy machine to send nine requests
        out = list(step(server, Echo, concurrency=32)(batches(*[2] * 40)))
        assert server.stats()["peak"] > 8
    assert [batch["id"].to_pylist() for batch in out] == [[n, n + 1] for n in range(0, 80, 2)]


def test_a_source_that_waits_holds_no_request_up(server: ChatServer) -> None:
    out_is_there = threading.Event()

    def source() -> Iterator[pa.RecordBatch]:
        first, second = batches(2, 2)
        yield first
        assert out_is_there.wait(20), "the first batch waits for the second"
        yield second

    for batch in step(server)(source()):
        out_is_there.set()
        assert batch.num_rows == 2


@pytest.mark.slow
def test_a_stream_without_an_end_is_read_only_as_far_as_it_is_asked_for(server: ChatServer) -> None:
    read = itertools.count()

    def endless() -> Iterator[pa.RecordBatch]:
        while True:
            next(read)
            yield batches(50)[0]

    out = step(server)(endless())
    assert [batch.num_rows for batch in itertools.islice(out, 3)] == [50, 50, 50]
    out.close()
    assert next(read) <= 3 + (1024 + 256) // 50 + 2


def test_what_the_source_raises_is_raised(server: ChatServer) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield batches(2)[0]
        raise EOFError("the engine has gone")

    with pytest.raises(EOFError, match="the engine has gone"):
        list(step(server)(broken()))


def refusing(request: ReceivedRequest) -> Scripted:
    return (
        status(400, "no") if b"text 3" in request.body else reply({"number": 1, "placed": None, "lines": []})
    )


def test_a_row_that_fails_fills_its_error_and_stops_nothing() -> None:
    with ChatServer(refusing) as server:
        out = pa.Table.from_batches(step(server)(batches(2, 3)))
    assert [error and error["http_status"] for error in out["order_error"].to_pylist()] == [None] * 3 + [
        400,
        None,
    ]
    assert out["order"].null_count == 2


def test_a_wrong_key_stops_the_step_and_no_batch_with_rows_that_were_not_run_comes_out() -> None:
    def door(request: ReceivedRequest) -> Scripted:
        return status(401, "wrong key") if b"text 6" in request.body else shaped()

    with ChatServer(door) as server:
        out = step(server, concurrency=1)(batches(2, 2, 2, 2, 2))
        seen = []
        with pytest.raises(RunStopped, match="wrong key"):
            seen.extend(iter(out))
    assert [batch.num_rows for batch in seen] == [2, 2, 2]


# -- on its way to a worker


def carried_out(pickled: bytes, given: list[pa.RecordBatch], keys: dict[str, str], told: Any) -> None:
    """What a worker does: no more than the pickle and its environment."""
    import os

    os.environ.update(keys)
    try:
        told.send(pa.Table.from_batches(pickle.loads(pickled)(given)).to_pylist())
    except Exception as error:
        told.send(error)


def worker(pickled: bytes, given: list[pa.RecordBatch], keys: dict[str, str] | None = None) -> Any:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=carried_out, args=(pickled, given, keys or {}, theirs))
    process.start()
    told = ours.recv() if ours.poll(60) else None
    process.join(10)
    return told


@pytest.mark.slow
def test_the_key_is_the_workers_own_and_in_no_pickle(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-driver")
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    pickled = pickle.dumps(ArrowStep(Order, text="body", model="openai:gpt-5-mini", run=Run(journal=False)))
    assert b"sk-of" not in pickled
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")  # the server that the driver meant is meant by the workers
    rows = worker(pickled, batches(2), {"OPENAI_API_KEY": "sk-of-the-worker"})
    assert rows[1]["order"]["lines"] is not None
    assert "authorization" in server.requests[0].headers


@pytest.mark.slow
def test_a_worker_without_a_key_says_where_it_has_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    told = worker(pickle.dumps(ArrowStep(Order, text="body", model="openai:gpt-5-mini")), batches(2))
    assert isinstance(told, ConfigError)
    assert "OPENAI_API_KEY" in str(told)
    assert "environment" in str(told)


@pytest.mark.slow
def test_the_drivers_model_is_the_workers(server: ChatServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRACTOR_MODEL", "chosen-here")
    pickled = pickle.dumps(ArrowStep(Order, text="body", base_url=server.base_url, run=Run(journal=False)))
    monkeypatch.delenv("EXTRACTOR_MODEL")
    worker(pickled, batches(2))
    assert server.requests[0].json["model"] == "chosen-here"


@pytest.mark.slow
def test_a_type_may_be_named_by_its_file(server: ChatServer, tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "bills.py").write_text(
        "from pydantic import BaseModel\n\nclass Bill(BaseModel):\n    total: int\n"
    )
    monkeypatch.chdir(tmp_path)
    enrich = step(server, "bills.py:Bill")
    monkeypatch.chdir(tmp_path.parent)
    rows = worker(pickle.dumps(enrich), batches(2))
    assert isinstance(rows[1]["bill"]["total"], int)


@pytest.mark.slow
def test_the_journals_file_is_the_same_one_in_any_folder(
    server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickled = pickle.dumps(step(server, journal="paid.sqlite"))
    monkeypatch.chdir(tmp_path.parent)
    first, second = worker(pickled, batches(4)), worker(pickled, batches(4))
    assert (tmp_path / "paid.sqlite").exists()
    assert first == second
    assert len(server.requests) == 3


# -- what is wrong is said before anything is sent


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"api_key": "sk-secret"}, "environment"),
        ({"extra_headers": {"x-api-key": "sk-secret"}}, "environment"),
        ({"proxy": "http://me:sk-secret@proxy:8080"}, "proxy"),
        ({"journal": "redis://:sk-secret@cache:6379/0"}, "environment"),
        ({"progress": True}, "progress"),
        ({"on_progress": print}, "progress"),
        ({"ordered": False}, "order"),
        ({"temprature": 0}, "temperature"),
        ({"concurrency": 0}, "concurrency"),
        ({"base_url": "nowhere"}, "base_url"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_can_work_on_no_worker_is_refused_on_the_driver(option: dict[str, Any], said: str) -> None:
    where = {"model": "m", "base_url": "http://127.0.0.1:9/v1"}
    with pytest.raises(ConfigError, match=said) as caught:
        ArrowStep(Line, text="body", **where | grouped(option, "run"))
    assert "sk-secret" not in str(caught.value)


def test_a_type_without_a_schema_is_refused_on_the_driver() -> None:
    with pytest.raises(SchemaError):
        ArrowStep(type[int], text="body", model="m", base_url="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bodi": pa.string()}, "no column 'body'; did you mean 'bodi'"),
        ({"body": pa.int64()}, "holds int64, not text"),
        ({"body": pa.string(), "order": pa.int64()}, "two columns 'order'"),
    ],
    ids=str,
)
def test_a_table_that_does_not_fit_is_refused_by_its_schema(given: dict[str, Any], said: str) -> None:
    enrich = ArrowStep(Order, text="body", model="m", base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match=said):
        enrich.schema(pa.schema(given))
