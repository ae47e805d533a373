"""A database of each kind for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.databases.places import Place, of_each_kind
from tests.postgres import empty_database


@pytest.fixture(params=of_each_kind)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database of each kind in turn, with nothing in it."""
    kind: str = request.param
    if kind == "postgresql":
        return Place(kind, empty_database(request.getfixturevalue("postgresql")))
    return Place(kind, f"{kind}:///{tmp_path}/some where.db")


@pytest.fixture
def server(postgresql: str) -> Place:
    """A database of PostgreSQL with nothing in it."""
    return Place("postgresql", empty_database(postgresql))
