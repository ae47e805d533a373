"""A server that reads visits to towns, and a client of it in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from extractor import Extractor
from extractor.testing import ChatServer
from tests.clients import client_in
from tests.tables.towns import visit


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(visit) as server:
        yield server


@pytest.fixture
def ex(server: ChatServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Extractor]:
    with client_in(tmp_path, monkeypatch, server) as ex:
        yield ex
