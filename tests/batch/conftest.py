"""What tests of journals share: the servers that they are kept on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.batch.servers import RedisServer, redis_server


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


@pytest.fixture(params=["sqlite", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A journal that several processes can open: a file, a server where the dead are soon known to be so."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.sqlite")
    server: RedisServer = request.getfixturevalue("redis")
    return f"{server.url}?lease=3"
