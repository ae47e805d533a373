"""The examples of docs/engines.md, run where their engine is."""

from __future__ import annotations

import re

import pytest

from extractor.testing import ChatServer
from tests import pages
from tests.test_docs import ROOT


def run_examples(engine: str) -> None:
    """Run what stands at the head of the page, and below the heading of an engine, in this folder."""
    page = ROOT / "docs" / "engines.md"
    head, *sections = re.split("^## ", page.read_text(), flags=re.MULTILINE)
    section = next(each for each in sections if each.startswith(f"{engine}\n"))
    with ChatServer() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in pages.environment(server.base_url).items():
            patch.setenv(name, value)
        for block in pages.run(page, head + section, server):
            if block.shown is not None:
                assert block.printed.rstrip() == block.shown.rstrip()
