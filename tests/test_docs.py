"""Every Python block of the README and of docs/ runs, in order, against a server with shaped replies."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from extractor.testing import ChatServer, shaped

ROOT = Path(__file__).parent.parent
ELSEWHERE = {"engines.md"}  # its examples are run where its engines are, in tests/engines
MARKS = {"local-model.md": pytest.mark.model}
PAGES = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name not in ELSEWHERE)]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    "page", [pytest.param(page, id=page.name, marks=MARKS.get(page.name, ())) for page in PAGES]
)
def test_the_examples_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    names: dict[str, object] = {"__name__": "docs"}
    monkeypatch.chdir(tmp_path)
    with ChatServer(shaped()) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "any")
        monkeypatch.setenv("EXTRACTOR_MODEL", "openai:gpt-5-mini")
        run_blocks(page, page.read_text(), names)


def smaller(code: str) -> str:
    """Return code that runs on the embedded model of 98 MB in place of the one of 1.1 GB."""
    return code.replace("local:qwen2.5-coder-1.5b", "local:smollm2")


def run_blocks(page: Path, text: str, names: dict[str, object]) -> None:
    for match in BLOCK.finditer(text):
        line = page.read_text().count("\n", 0, page.read_text().index(match[0])) + 1
        code = compile("\n" * line + smaller(match[1]), str(page), "exec", dont_inherit=True)
        exec(code, names)


def test_a_failing_example_would_fail(tmp_path: Path) -> None:
    assert [m[1] for m in BLOCK.finditer("a\n```python\nx = 1\n```\nb\n```python\ny\n```\n")] == [
        "x = 1\n",
        "y\n",
    ]
