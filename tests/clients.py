"""A client of a loopback server, in a folder of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor import Extractor
from extractor.testing import ChatServer


def client_in(folder: Path, patch: pytest.MonkeyPatch, server: ChatServer) -> Extractor:
    """Return a client of `server`; from now on the test stands in `folder`, where its cache is, too."""
    patch.chdir(folder)
    patch.setenv("EXTRACTOR_CACHE", str(folder / "cache"))
    return Extractor("m", base_url=server.base_url, api_key="k")
