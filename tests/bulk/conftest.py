"""What tests of journals share: the places that they are kept at."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bulk.servers import RedisServer


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=pytest.mark.server)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A journal that several processes can open: a file, a server where the dead are soon known to be so."""
    if request.param == "sqlite":
        return str(tmp_path / "journal.sqlite")
    server: RedisServer = request.getfixturevalue("redis")
    return f"{server.url}?lease=3"
