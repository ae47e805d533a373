"""Records of documents: their pages beside the values, and words chosen on the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.layout import Source
from extractor.readers import read
from extractor.review.documents import ReviewDocuments
from extractor.review.items import ReviewItem
from tests.readers.drawing import HEIGHT, WIDTH, Paper
from tests.review.serving import reviewing, written

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def letter() -> Paper:
    paper = Paper()
    paper.write("Report 7", 60, 780, 18)
    paper.next_page()
    paper.write("Ada Lovelace", 120, 500)
    paper.write("is 36 years old", 120, 480)
    return paper


def item_of(source: Source) -> ReviewItem:
    return ReviewItem("k", "letter", source.text, {}, {}, document="letter.pdf")


def test_words_have_places_on_their_pages_and_pages_have_pictures() -> None:
    paper = letter()
    source = read(paper.pdf(), name="letter.pdf")
    documents = ReviewDocuments({"letter.pdf": source}.get)
    told = documents.pages(item_of(source))
    assert told["pages"] == [[1, 595, 842], [2, 595, 842]]
    at = source.text.index("Lovelace")
    (word,) = (each for each in told["words"] if each[0] == at)
    assert word[:3] == [at, at + len("Lovelace"), 2]
    _, (left, top, right, _) = paper.planted["Ada Lovelace"]
    assert left / WIDTH < word[4] < word[6] == pytest.approx(right / WIDTH, abs=0.01)
    assert word[5] == pytest.approx(top / HEIGHT, abs=0.01)
    picture = documents.picture(item_of(source), 2)
    assert picture is not None
    assert picture[8:12] == b"WEBP"
    assert documents.picture(item_of(source), 3) is None


@pytest.mark.parametrize("known", [None, "another text", "changed"])
def test_a_document_that_is_gone_or_has_changed_has_no_pages(known: str | None) -> None:
    source = read(letter().pdf(), name="letter.pdf")
    found = Source("changed", source.layout) if known == "changed" else known
    documents = ReviewDocuments(lambda _: found)
    assert documents.pages(item_of(source)) == {"pages": [], "words": []}
    assert documents.picture(item_of(source), 1) is None


def test_only_the_last_few_documents_are_kept() -> None:
    asked = list[str]()
    documents = ReviewDocuments(lambda name: asked.append(name))
    for n in (*range(10), 9, 0):
        documents.pages(ReviewItem("k", "t", "text", {}, {}, document=f"{n}.pdf"))
    assert asked == [*(f"{n}.pdf" for n in range(10)), "0.pdf"]


@pytest.fixture
def tab() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the `browser` extra")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = chromium.new_page()
        page.expect, page.errors = playwright.expect, []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda said: "Security Policy" in said.text and page.errors.append(said.text))
        yield page
        chromium.close()


def point_at(tab: Any, paper: Paper, text: str, share: float) -> tuple[float, float]:
    """Return where a text stands on the screen: `share` of the way from its left to its right."""
    number, (left, top, right, bottom) = paper.planted[text]
    area = tab.locator(".page").nth(number - 1).bounding_box()
    x, y = left + (right - left) * share, (top + bottom) / 2
    return area["x"] + area["width"] * x / WIDTH, area["y"] + area["height"] * y / HEIGHT


def drag(tab: Any, *points: tuple[float, float]) -> None:
    tab.mouse.move(*points[0])
    tab.mouse.down()
    for x, y in points[1:]:
        tab.mouse.move(x, y, steps=4)
    tab.mouse.up()


@pytest.mark.server
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_value_is_chosen_on_the_page_by_mouse_and_by_keyboard(tab: Any, tmp_path: Path) -> None:
    paper = letter()
    (tmp_path / "letter.pdf").write_bytes(paper.pdf())
    written(tmp_path, [{"source": "letter.pdf", "record": {"name": "Nobody", "age": 3}}])
    with reviewing(tmp_path) as (_, address):
        tab.goto(address)
        tab.expect(tab.locator(".page")).to_have_count(2)
        tab.keyboard.press("e")
        tab.locator(".page").nth(1).scroll_into_view_if_needed()
        picture = tab.locator(".page img").nth(1)
        tab.expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("each => each.naturalHeight") == 1400
        drag(tab, point_at(tab, paper, "Ada Lovelace", 0.1), point_at(tab, paper, "Ada Lovelace", 0.9))
        tab.expect(tab.locator('[data-pointer="/name"]')).to_have_value("Ada Lovelace")
        lit, page = tab.locator(".box.lit").bounding_box(), tab.locator(".page").nth(1).bounding_box()
        _, (left, top, right, _) = paper.planted["Ada Lovelace"]
        assert (lit["x"] - page["x"]) / page["width"] == pytest.approx(left / WIDTH, abs=0.01)
        assert lit["width"] / page["width"] == pytest.approx((right - left) / WIDTH, abs=0.02)
        assert (lit["y"] - page["y"]) / page["height"] == pytest.approx(top / HEIGHT, abs=0.01)
        tab.locator('[data-pointer="/age"]').focus()
        tab.keyboard.press("Control+m")
        for _ in range(5):  # from the first word of the document
            tab.keyboard.press("ArrowRight")
        tab.expect(tab.locator(".box.pick")).to_have_count(1)
        tab.keyboard.press("Enter")
        tab.expect(tab.locator('[data-pointer="/age"]')).to_have_value("36")
        tab.keyboard.press("Escape")
        tab.keyboard.press("p")
        tab.expect(tab.locator("#text")).to_contain_text("Ada Lovelace")
        tab.expect(tab.locator("#pages")).to_be_hidden()
        tab.keyboard.press("a")
        tab.expect(tab.locator("#decision")).to_contain_text("accepted")
    with reviewing(tmp_path):  # the gold file is brought up to date at the start
        (line,) = map(json.loads, (tmp_path / "in.gold.jsonl").read_text().splitlines())
    assert line["record"] == {"name": "Ada Lovelace", "age": 36}
    places = {each["pointer"]: line["text"][each["start"] : each["end"]] for each in line["evidence"]}
    assert places == {"/name": "Ada Lovelace", "/age": "36"}
    assert tab.errors == []
