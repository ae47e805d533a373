"""The pages read easily: short sentences, and none of the phrases that docs/style.md replaced."""

from __future__ import annotations

import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

from tests.benchmarks.prose import LONG, Reading, measure, sentences, told, words

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
MEAN, SHARE = 18, 0.05
RIDDLES = [
    "holds nobody up",
    "is believed",
    "Pydantic's word",
    "service bears",
    "of workers that",
    "has no word for",
    "what is no ",
    "all the same",
    "not live so long",
    "told apart",
    "hands out",
    "is yours to",
    "in silence",
    "where you are",
    "is the business of",
    "told from",
    "by nobody",
    "to be had",
    "What must not leave",
    "that will not",
]
RIDDLE = re.compile("|".join(map(re.escape, RIDDLES)))


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_the_sentences_of_a_page_are_short(page: Path) -> None:
    text = page.read_text("utf-8")
    reading = measure(text)
    assert reading.mean <= MEAN
    assert reading.share <= SHARE, [each for each in sentences(text) if words(each) > LONG]


@pytest.mark.parametrize("page", [pytest.param(page, id=page.name) for page in PAGES])
def test_a_page_has_no_riddles(page: Path) -> None:
    assert [each for each in sentences(page.read_text("utf-8")) if RIDDLE.search(each)] == []


def test_code_tables_and_headings_are_no_prose_and_a_code_span_is_one_word() -> None:
    page = (
        "# A head\n\nOne `a b c` two. Three\nfour!\n\n| a | b |\n\n```python\nx = 1\n```\n- [five six](x)\n"
    )
    assert sentences(page) == ["One `a b c` two.", "Three four!", "five six"]
    assert measure(page) == Reading(sentences=3, words=7, long=0)


def test_a_block_that_prints_is_shown_if_its_output_follows() -> None:
    page = "```python\nprint(1)\n```\n\n```output\n1\n```\n\n```python\nprint(2)\n```\n"
    assert (measure(page).printing, measure(page).shown) == (2, 1)


@pytest.mark.slow  # loads PyArrow
@pytest.mark.parametrize("name", ["", ".errors", ".types", ".tables", ".engines", ".evaluation", ".testing"])
def test_the_docstrings_of_public_names_are_short_sentences_without_riddles(name: str) -> None:
    module = importlib.import_module(f"extractor{name}")
    docs = [inspect.getdoc(getattr(module, each)) or "" for each in module.__all__]
    reading = sum(map(measure, docs), Reading())
    assert reading.mean <= MEAN
    assert reading.share <= SHARE
    assert [each for doc in docs for each in sentences(doc) if RIDDLE.search(each)] == []


@pytest.mark.slow
def test_docstrings_and_comments_of_private_names_are_short_sentences_too() -> None:
    texts = [told(module) for module in sorted((ROOT / "extractor").rglob("*.py"))]
    reading = sum(map(measure, texts), Reading())
    assert reading.mean <= MEAN
    assert reading.share <= SHARE
    suspects = [text for text in texts if RIDDLE.search(" ".join(text.split()))]
    assert [each for text in suspects for each in sentences(text) if RIDDLE.search(each)] == []


def test_a_module_tells_its_docstrings_and_comments_and_fields_are_sentences(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""One two. name: three four. at, to: five."""\n\nX = 1  # six\n# seven\n# eight\n')
    assert sentences(told(module)) == ["One two.", "name: three four.", "at, to: five.", "six", "seven eight"]


def test_the_picture_of_the_house_has_the_rooms_of_the_contract_in_their_order() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"][
        "contracts"
    ][0]
    rooms = [layer.split(" | ") for layer in contract["layers"] if layer != "__main__"]
    picture = (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("```text\n")[1].split("```")[0]
    names = [re.split(r" {3,}", line.strip())[0].split() for line in picture.splitlines() if line[1] != " "]
    assert [sorted(line) for line in names] == [sorted(room) for room in rooms]


def test_each_page_has_a_place_in_the_site() -> None:
    placed = (ROOT / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")[1]
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f"- {page}\n" not in placed] == []
