"""Datasets of a real local Ray: their records are those of a local run, whatever happens to an actor."""

from __future__ import annotations

import asyncio
import itertools
import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from extractor import ConfigError, Run, RunStopped
from extractor.engines import ArrowStep
from extractor.testing import ChatServer, ReceivedRequest, Scripted, shaped, status
from tests.engines.orders import Line, Order, enriched, orders
from tests.engines.page import run_examples
from tests.loopback import Echo, Weather, running

pytest.importorskip("ray")
pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\."),
    pytest.mark.filterwarnings(
        "ignore:.*deprecated and will be removed after January 2027:DeprecationWarning"
    ),
    pytest.mark.filterwarnings("ignore:The minimum number of concurrent actors:UserWarning"),
]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    folder = tempfile.mkdtemp(prefix="ray")  # short: sockets are in it
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("HOME", folder)
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
        patch.setenv("EXTRACTOR_CACHE", folder)
        import ray

        ray.init(
            num_cpus=2,
            object_store_memory=100 << 20,
            include_dashboard=False,
            log_to_driver=False,
            logging_level="ERROR",
            _temp_dir=folder,
            _system_config={"health_check_failure_threshold": 60},  # a busy machine is not a dead one
        )
        ray.data.DataContext.get_current().enable_progress_bars = False
        ray.data.DataContext.get_current().execution_options.preserve_order = True
        yield ray
        ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def small(actors: int = 1, **options: Any) -> dict[str, Any]:
    return {"model": "m", "actors": actors, "ray_options": {"num_cpus": 0.5}, **options}


def table_of(dataset: Any) -> pa.Table:
    import ray

    return pa.concat_tables(ray.get(dataset.to_arrow_refs()))


def test_two_thousand_rows_give_what_a_local_run_gives_and_a_second_reading_sends_nothing(
    cluster: Any, tmp_path: Path
) -> None:
    from extractor.engines import ray

    with ChatServer(shaped()) as server:
        dataset = cluster.data.from_arrow(orders(2000)).repartition(5)
        options = small(2, base_url=server.base_url, run=Run(journal=tmp_path / "shared.sqlite"))
        done = ray.extract(dataset, Order, text="body", **options)
        found = table_of(done)
        sent = len(server.requests)
        assert sent >= 1960
        done.write_parquet(str(tmp_path / "out"))
        assert len(server.requests) == sent
        assert len(list((tmp_path / "out").glob("*.parquet"))) > 0
        assert found == enriched(2000)


def noting(folder: Path) -> Callable[[Any], Any]:
    """Return a function of a row that gives its text, and leaves its process's number in a folder."""

    def text(row: Any) -> Any:
        (folder / str(os.getpid())).touch()
        return row["body"]

    return text


def test_an_actor_that_is_killed_sends_nothing_again_but_what_was_in_flight(
    cluster: Any, tmp_path: Path
) -> None:
    from extractor.engines import ray

    (pids := tmp_path / "pids").mkdir()
    with running(Weather(latency=0.05)) as server:
        options = small(
            2, base_url=server.base_url, run=Run(journal=tmp_path / "shared.sqlite", concurrency=16)
        )
        dataset = cluster.data.from_arrow(orders(2000)).repartition(10)
        done = ray.extract(dataset, Echo, text=noting(pids), batch_size=50, **options)

        def kill() -> None:
            while server.stats()["answered"] < 600:
                time.sleep(0.02)
            os.kill(int(next(pids.iterdir()).name), signal.SIGKILL)

        killer = threading.Thread(target=kill)
        killer.start()
        found = table_of(done)
        killer.join()
        seen = server.stats()
    assert len(list(pids.iterdir())) == 3, "one was killed, another came"
    assert found["id"].to_pylist() == list(range(2000))
    texts = found["body"].to_pylist()
    assert found["echo"].to_pylist() == [text and Echo.of(text).model_dump() for text in texts]
    assert seen["distinct"] == 1960
    assert seen["repeated"] <= 16


def test_rows_fail_alone_and_a_wrong_key_aborts_the_dataset_with_its_reason(cluster: Any) -> None:
    from extractor.engines import ray

    def door(request: ReceivedRequest) -> Scripted:
        return status(400, "I do not read that") if b"order 3" in request.body else shaped()

    with ChatServer(door) as server:
        options = small(base_url=server.base_url, run=Run(journal=False))
        done = ray.extract(cluster.data.from_arrow(orders(6)), Order, text="body", **options)
        found = table_of(done)
        assert [error and error["http_status"] for error in found["order_error"].to_pylist()] == [
            *[None] * 3,
            400,
            *[None] * 2,
        ]
        server.play(status(401, "wrong key"))
        with pytest.raises(Exception, match=r"RunStopped.*wrong key"):
            done.materialize()


def test_what_can_not_work_is_refused_before_anything_runs(cluster: Any) -> None:
    from extractor.engines import ray

    dataset = cluster.data.from_arrow(orders(1))
    options = small(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(ConfigError, match="did you mean 'body'"):
        ray.extract(dataset, Order, text="bod", **options)
    with pytest.raises(ConfigError, match="environment"):
        ray.extract(dataset, Order, text="body", api_key="sk-secret", **options)


def test_a_run_that_has_ended_says_why_to_whoever_comes_later() -> None:
    from extractor.engines.ray import ActorRun

    class Refusing(ArrowStep):
        def over(self, batches: Any) -> Any:
            raise RunStopped("no credit")

    ended = ActorRun(Refusing(Order, text="body", model="m", base_url="http://127.0.0.1:9/v1"))
    for _ in range(3):
        with pytest.raises(RunStopped, match="no credit"):
            ended.put(orders(1).to_batches()[0]).result(timeout=20)


# -- what actors share


class Remote:
    """An actor in this process, for those who hold its handle."""

    def __init__(self, quotas: Any) -> None:
        self.run, self.quotas = self, quotas

    def remote(self, errand: Any) -> Any:
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(self.quotas.run(errand))
        return answer


def test_a_pause_that_one_actor_meets_holds_for_the_others_at_once() -> None:
    from extractor.engines.ray import ActorLimiter, Quotas

    async def scene() -> None:
        handle = Remote(Quotas(lambda: 100.0))
        one, other, elsewhere = (
            ActorLimiter(handle).limits(name, {"requests": 600}) for name in ("a", "a", "b")
        )
        assert (await other.reserve([1.0])).granted == 1
        one.pause(7.0)
        assert await other.reserve([1.0]) == (0, 7.0, 7.0)
        assert (await elsewhere.reserve([1.0])).granted == 1

    asyncio.run(scene())


def test_two_actors_together_keep_the_limit_of_a_minute(cluster: Any) -> None:
    from extractor.engines import ray

    came: list[float] = []

    def noted(request: ReceivedRequest) -> Scripted:
        came.append(time.monotonic())
        return shaped()

    with ChatServer(noted) as server:
        dataset = cluster.data.from_arrow(orders(120)).repartition(4)
        options = small(2, base_url=server.base_url, run=Run(journal=False, requests_per_minute=600))
        done = ray.extract(dataset, Line, text="body", batch_size=10, **options)
        assert table_of(done)["line"].null_count == 3
    assert len(came) == 117
    at_once, each_second = 600 * 5 / 60, 551 / 61
    for first, last in itertools.combinations(range(len(came)), 2):
        assert last - first <= at_once + each_second * (came[last] - came[first] + 0.5)
    assert came[-1] - came[0] > (117 - at_once) / each_second - 1


def test_the_examples_of_the_page_run(cluster: Any) -> None:
    run_examples("Ray")
