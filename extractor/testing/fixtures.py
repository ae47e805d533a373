"""The pytest fixture: write `pytest_plugins = ["extractor.testing.fixtures"]` to have it.

It is no entry point of pytest's, which would import this package in every test run on every
machine that has it installed, wanted or not.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .server import ChatServer


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    """Yield a running `ChatServer` that makes replies for any schema; `chat_server.play(...)` scripts it.

    A test that asks for more than its script has fails, whatever its code makes of the error.
    """
    with ChatServer(strict=True) as server:
        yield server
