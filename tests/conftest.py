"""What tests of several rooms share."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.transport.models import cache_folder, pull
from tests import postgres
from tests.bulk.servers import RedisServer, redis_server

pytest_plugins = ["tests.selecting"]


@pytest.fixture(autouse=True)
def handlers_of_an_ordinary_process() -> Iterator[None]:
    """Signals do what they do at a terminal, also where the tests were started with them ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache folder of the tests' own: of the user's they see the models alone."""
    models, cache = cache_folder(), tmp_path_factory.mktemp("cache")
    models.mkdir(parents=True, exist_ok=True)
    (cache / "models").symlink_to(models, target_is_directory=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXTRACTOR_CACHE", str(cache))
        yield


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The real model's file; pulled if it is not on this machine."""
    return pull("smollm2")


@pytest.fixture(scope="session")
def one_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(one_redis: RedisServer) -> RedisServer:
    """A server with nothing in it."""
    with one_redis.client() as client:
        client.flushall()
    return one_redis


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL, with its password."""
    if postgres.binaries() is None:
        pytest.skip("needs PostgreSQL on this machine")
    with postgres.running() as url:
        yield url
