from pathlib import Path

import pytest

from extractor.transport import local
from tests.transport import shop as shops


@pytest.fixture(scope="session")
def server(smollm2: Path) -> local.LocalServer:
    """This process's server of the real model."""
    return local.shared("smollm2")


@pytest.fixture
def shop() -> shops.Shop:
    """A tiny model in three pieces."""
    return shops.opened()
