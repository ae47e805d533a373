"""The examples of docs/engines.md, run where their engine is."""

from __future__ import annotations

import re

import pytest

from extractor.testing import ChatServer, shaped
from tests.test_docs import ROOT, run_blocks


def run_examples(engine: str) -> None:
    """Run what stands at the head of the page, and below the heading of an engine, in this folder."""
    page = ROOT / "docs" / "engines.md"
    head, *sections = re.split("^## ", page.read_text(), flags=re.MULTILINE)
    section = next(each for each in sections if each.startswith(f"{engine}\n"))
    with ChatServer(shaped()) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", server.base_url)
        patch.setenv("OPENAI_API_KEY", "any")
        names: dict[str, object] = {"__name__": "docs"}
        run_blocks(page, head, names)
        run_blocks(page, section, names)
