"""What tests of several rooms share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor.transport.models import cache_folder, pull
from tests import postgres
from tests.batch.servers import RedisServer, redis_server


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
