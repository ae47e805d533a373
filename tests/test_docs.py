"""Every Python block of the README and of docs/ runs, in order, and prints what the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor.testing import ChatServer
from tests import pages

ROOT = Path(__file__).parent.parent
ELSEWHERE = {"engines.md"}  # its examples are run where its engines are, in tests/engines
MARKS = {
    "local-model.md": pytest.mark.model,
    "web.md": pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette"),  # of its TestClient
}
NEEDS = {"web.md": "fastapi"}
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if p.name not in ELSEWHERE)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.name, marks=MARKS.get(page.name, ())) for page in PAGES]
)
def test_the_examples_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if page.name in NEEDS:
        pytest.importorskip(NEEDS[page.name])
    monkeypatch.chdir(tmp_path)
    with ChatServer() as server:
        for name, value in pages.environment(server.base_url).items():
            monkeypatch.setenv(name, value)
        for block in pages.run(page, page.read_text(), server):
            if block.shown is not None:
                assert block.printed.rstrip() == block.shown.rstrip()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_an_example_prints_is_shown(page: Path) -> None:
    silent = [block for block in pages.BLOCK.finditer(page.read_text()) if not block["shown"]]
    assert not [block["code"] for block in silent if "print(" in block["code"]]


def test_a_failing_example_would_fail(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n```python\nx = 1\n```\nb\n```python\ny\n```\n")
    with ChatServer() as server, pytest.raises(NameError, match="'y' is not defined"):
        list(pages.run(page, page.read_text(), server))


def test_what_a_block_prints_is_written_beneath_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n```python\nprint(1 + 1)\n```\n\n```output\n3\n```\nb\n```python\nx = 1\n```\n")
    with ChatServer() as server:
        written = pages.with_outputs(page.read_text(), list(pages.run(page, page.read_text(), server)))
    assert written == "a\n```python\nprint(1 + 1)\n```\n\n```output\n2\n```\nb\n```python\nx = 1\n```\n"
