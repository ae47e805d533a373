"""What tests of several rooms share."""

from pathlib import Path

import pytest

from extractor.transport.models import pull


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The real model's file; pulled if it is not on this machine."""
    return pull("smollm2")
