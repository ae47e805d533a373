"""The page in a real browser: where there is a Chromium, and Playwright to drive it (the `browser` extra)."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from extractor.evidence import How, Span, align
from extractor.layout import Box
from extractor.report import Entry, EscalatedValue, PagePiece, ShownPage, Variants, page

playwright = pytest.importorskip("playwright.sync_api", reason="needs the `browser` extra")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.server, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]

TEXT = "Ada Lovelace, 36, ordered 2 pens\nand 3 inks."
RECORD = {"name": "Ada Lovelace", "age": 36, "items": [{"what": "pens", "n": 2}, {"what": "inks", "n": 3}]}
GUESSED = {**RECORD, "town": "Paris"}
Show = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Show]:
    context = browser.new_context(offline=True)

    def opened(*entries: Entry) -> Any:
        (tmp_path / "page.html").write_text(page(entries, "Records"), "utf-8")
        tab = context.new_page()
        tab.errors = []
        tab.on("pageerror", lambda error: tab.errors.append(str(error)))
        tab.on("dialog", lambda dialog: (tab.errors.append(dialog.message), dialog.dismiss()))
        tab.goto((tmp_path / "page.html").as_uri())
        return tab

    yield opened
    context.close()


def entry(title: str = "order", record: Any = RECORD, text: str = TEXT, outcome: str = "ok") -> Entry:
    return Entry(title, outcome, text, record, align(record, text))


def lit(tab: Any, selector: str) -> list[str]:
    return [element.inner_text() for element in tab.query_selector_all(f"{selector}.lit")]


def test_hovering_a_value_lights_up_its_span_and_the_other_way_round(show: Show) -> None:
    tab = show(entry())
    tab.hover('[data-pointer="/items/1/what"]')
    assert lit(tab, "mark") == ["inks"]
    tab.hover("mark:has-text('Ada')")
    assert lit(tab, "mark") == ["Ada Lovelace"]
    assert [element.get_attribute("data-pointer") for element in tab.query_selector_all(".leaf.lit")] == [
        "/name"
    ]
    assert tab.errors == []


def test_the_keyboard_reaches_values_and_a_screen_reader_is_told_where_they_stand(show: Show) -> None:
    tab = show(entry())
    tab.focus('[data-pointer="/items/0/n"]')
    assert lit(tab, "mark") == ["2"]
    assert tab.inner_text("#told") == "/items/0/n stands in the text as 2"
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.dataset.pointer") == "/items/1/what"
    assert tab.get_attribute("mark:has-text('36')", "aria-label") == "36 (/age)"


def test_a_screen_reader_is_told_once_of_a_value_that_stands_at_several_places(show: Show) -> None:
    spans = tuple(Span(at, at + 3, "pen", How.EXACT) for at in (0, 5))
    tab = show(Entry("pens", "ok", "pen, pen", {"what": "pen"}, {"/what": spans}))
    tab.focus('[data-pointer="/what"]')
    assert lit(tab, "mark") == ["pen", "pen"]
    assert tab.inner_text("#told") == "/what stands in the text as pen, at 2 places"


def test_a_value_without_evidence_is_marked_in_words(show: Show) -> None:
    tab = show(entry(record=GUESSED))
    assert tab.inner_text('[data-pointer="/town"] .badge') == "no evidence"
    alarm, quiet = (
        tab.eval_on_selector(f'[data-pointer="{at}"] .badge', "badge => getComputedStyle(badge).color")
        for at in ("/town", "/name")
    )
    assert alarm != quiet
    assert tab.inner_text("#summary") == "6 of 7 values have evidence in the text"


def test_overlapping_spans_are_both_shown(show: Show) -> None:
    tab = show(entry(record={"name": "Ada Lovelace", "last": "Lovelace"}))
    tab.hover('[data-pointer="/name"]')
    assert "".join(lit(tab, "mark")) == "Ada Lovelace"
    tab.hover('[data-pointer="/last"]')
    assert lit(tab, "mark") == ["Lovelace"]
    assert tab.text_content("#text") == TEXT


def test_a_hostile_text_stays_text(show: Show) -> None:
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>"
    told = {
        "conflicts": (Variants(f"/{attack}", ((attack, (), 1), ({attack: attack}, (), 1))),),
        "chunks": (PagePiece(0, 5, attack, missing=True, read=False), PagePiece(5, 9, attack)),
    }
    tab = show(
        Entry(attack, attack, attack, {attack: attack}, problems=(attack,), facts={attack: attack}, **told)
    )
    assert tab.text_content("#text") == attack
    assert tab.query_selector("img, svg, iframe") is None
    assert tab.evaluate("document.scripts.length") == 2
    assert tab.errors == []


def test_texts_are_filtered_by_outcome_and_searched(show: Show) -> None:
    tab = show(entry("one"), entry("two", outcome="repaired"), entry("three", {"name": "Grace"}, "Grace, 37"))
    tab.select_option("#outcome", "repaired")
    assert tab.inner_text("#count") == "1 of 3 texts"
    tab.select_option("#outcome", "")
    tab.fill("#search", "grace")
    playwright.expect(tab.locator("#name")).to_have_text("three")
    tab.fill("#search", "nowhere")
    playwright.expect(tab.locator("#name")).to_have_text("No text matches")
    assert tab.errors == []


def test_j_and_k_go_through_the_texts_but_not_while_one_types(show: Show) -> None:
    tab = show(entry("one"), entry("two"))
    tab.keyboard.press("j")
    assert tab.inner_text("#name") == "two"
    tab.keyboard.press("k")
    assert tab.inner_text("#name") == "one"
    tab.keyboard.press("/")
    tab.keyboard.type("jk")
    assert tab.input_value("#search") == "jk"


def test_the_focus_stays_in_the_list_where_a_text_is_chosen_by_the_keyboard(show: Show) -> None:
    tab = show(entry("one"), entry("two"), entry("three"))
    tab.focus("#list li:nth-child(2) button")
    tab.keyboard.press("Enter")
    assert tab.inner_text("#name") == "two"
    tab.keyboard.press("j")
    assert tab.inner_text("#name") == "three"
    assert tab.inner_text("#list button:focus span:first-child") == "three"


def test_thousands_of_texts_are_paged(show: Show) -> None:
    tab = show(*(entry(f"text {i}") for i in range(1500)))
    assert len(tab.query_selector_all("#list button")) == 100
    tab.click("#on")
    assert tab.inner_text("#where") == "101–200"
    assert tab.inner_text("#name") == "text 100"
    tab.fill("#search", "text 1499")
    playwright.expect(tab.locator("#name")).to_have_text("text 1499")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_marked_text_can_be_read_in_light_and_dark(browser: Any, tmp_path: Path, scheme: str) -> None:
    (tmp_path / "page.html").write_text(page([entry()]), "utf-8")
    tab = browser.new_page(color_scheme=scheme)
    tab.goto((tmp_path / "page.html").as_uri())
    for ink, ground in tab.evaluate(COLOURS):
        assert contrast(ink, ground) >= 4.5  # WCAG 2.2, 1.4.3
    tab.close()


COLOURS = """() => [...document.querySelectorAll("mark")].map((mark) => {
  const style = getComputedStyle(mark);
  return [style.color, style.backgroundColor].map((c) => c.match(/[\\d.]+/g).map(Number));
})"""


def contrast(one: list[float], other: list[float]) -> float:
    """Return the contrast ratio of two sRGB colours. Source: WCAG 2.2, "contrast ratio"."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: list[float]) -> float:
    parts = [c / 255 / 12.92 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


# -- a long text: its chunks, and what they disagree about

PARTS = "Depot: North\n" + "Ada came by.\n" * 40 + "Depot: South\n" + "Bo came by.\n" * 40
HALF = PARTS.index("Depot: South")


def document(**changes: Any) -> Entry:
    north, south = PARTS.index("North"), PARTS.index("South")
    spans = {"/depot": (Span(north, north + 5, "North", How.EXACT),)}
    other = (Span(south, south + 5, "South", How.EXACT),)
    given: dict[str, Any] = {
        "conflicts": (Variants("/depot", (("North", spans["/depot"], 1), ("South", other, 2))),),
        "chunks": (
            PagePiece(0, HALF, "ok"),
            PagePiece(HALF - 40, HALF + 60, "refused: the model refused to answer", missing=True, read=False),
            PagePiece(HALF + 60, len(PARTS), "ok"),
        ),
        "confidence": {"/depot": 0.31},
        **changes,
    }
    return Entry("ledger", "refused", PARTS, {"depot": "North"}, spans, **given)


def test_a_chunk_that_is_missing_is_told_in_a_list_and_marked_in_the_text(show: Show) -> None:
    tab = show(document())
    assert tab.inner_text("#chunks summary") == "3 chunks, 1 missing in the record"
    first = tab.locator("#chunks li button").first
    assert first.inner_text() == f"{HALF - 40}–{HALF + 60}: refused: the model refused to answer"
    lost = tab.query_selector_all(".lost")
    assert "".join(piece.text_content() for piece in lost) == PARTS[HALF : HALF + 60]
    assert lost[0].get_attribute("data-told") == "Not in the record: refused: the model refused to answer"
    assert tab.text_content("#text") == PARTS
    assert tab.evaluate("document.querySelector('.source').scrollTop") == 0
    first.click()
    assert tab.evaluate("document.querySelector('.source').scrollTop") > 0
    assert lost[0].is_visible()
    assert tab.errors == []


def test_where_all_chunks_were_read_their_list_is_folded(show: Show) -> None:
    tab = show(document(chunks=(PagePiece(0, HALF, "ok"), PagePiece(HALF, len(PARTS), "ok"))))
    assert tab.inner_text("#chunks summary") == "2 chunks, none missing in the record"
    assert tab.get_attribute("#chunks", "open") is None
    assert show(entry()).is_hidden("#chunks")


def test_other_values_stand_below_the_chosen_one_and_light_up_their_places(show: Show) -> None:
    tab = show(document())
    assert tab.inner_text("#summary").endswith("chunks disagree about one value")
    assert tab.inner_text('[data-pointer="/depot"] .torn') == "chunks disagree"
    tab.hover('[data-pointer="/depot (1)"]')
    assert lit(tab, "mark") == ["South"]
    assert tab.inner_text('[data-pointer="/depot (1)"]').split() == ["or", "South", "2", "chunks"]
    tab.hover('[data-pointer="/depot"]')
    assert lit(tab, "mark") == ["North"]


def test_confidence_is_told_and_low_confidence_is_marked(show: Show) -> None:
    tab = show(document())
    assert tab.inner_text('[data-pointer="/depot"] .unsure') == "confidence 0.31"
    tab = show(document(confidence={"/depot": 0.9}))
    assert tab.query_selector(".unsure") is None


def test_what_became_of_a_doubtful_value_is_told_and_stays_text(show: Show) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    tab = show(document(escalated={"/depot": EscalatedValue("second", "big", hostile)}))
    assert tab.inner_text('[data-pointer="/depot"] .said') == f"from big; the first model: {hostile}"
    tab = show(document(escalated={"/depot": EscalatedValue("review", "review")}))
    assert tab.inner_text('[data-pointer="/depot"] .said.unsure') == "left to review"
    assert tab.errors == []


def test_enter_goes_from_a_value_to_its_place_and_back(show: Show) -> None:
    tab = show(entry())
    tab.focus('[data-pointer="/items/1/what"]')
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.textContent") == "inks"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.dataset.pointer") == "/items/1/what"
    tab.focus("#skip")
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.dataset.pointer") == "/name"


def test_a_text_of_200_pages_stays_responsive(show: Show) -> None:
    lines = [
        f"Delivery D-{n:04} to Ghent, {n % 9} crates.\n" + "It rained a little.\n" * 80 for n in range(230)
    ]
    text = "".join(lines)
    starts = [text.index(f"D-{n:04}") for n in range(230)]
    record = [{"number": f"D-{n:04}"} for n in range(230)]
    spans = {f"/{n}/number": (Span(at, at + 6, f"D-{n:04}", How.EXACT),) for n, at in enumerate(starts)}
    chunks = tuple(PagePiece(n, min(n + 9000, len(text)), "ok") for n in range(0, len(text), 8000))
    tab = show(Entry("long", "ok", text, record, spans, chunks=chunks))
    assert len(text) > 360_000
    took = tab.evaluate(
        """() => {
          const before = performance.now();
          for (const pointer of Object.keys(entries[0].spans).slice(-50)) {
            light(pointer, "mouseenter");
            document.body.offsetHeight;
          }
          return performance.now() - before;
        }"""
    )
    assert took < 5000  # milliseconds for fifty jumps; a freeze takes longer on any machine
    tab.hover('[data-pointer="/229/number"]')
    assert lit(tab, "mark") == ["D-0229"]
    assert tab.errors == []


def test_a_document_is_shown_as_its_pages_with_boxes_linked_to_the_record(show: Show) -> None:
    file = io.BytesIO()
    Image.new("RGB", (60, 80), "white").save(file, "WEBP")
    box = Box(2, 6, 8, 30, 16, (0.1, 0.1, 0.5, 0.2))
    pages = tuple(ShownPage(number, 600, 800, file.getvalue()) for number in range(1, 201))
    tab = show(replace(entry(), pages=pages, boxes={"/name": (box,)}))
    assert (tab.is_visible("#pages"), tab.is_visible("#text")) == (True, False)
    assert tab.evaluate("document.querySelectorAll('.page').length") == 200
    assert tab.evaluate("[...document.querySelectorAll('.page img')].filter((i) => i.src).length") < 20
    tab.focus('[data-pointer="/name"]')
    assert tab.get_attribute(".box.lit", "title") == "/name"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.className") == "box lit"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.dataset.pointer") == "/name"
    wide = tab.evaluate("document.querySelector('.page').clientWidth")
    tab.keyboard.press("+")
    assert tab.evaluate("document.querySelector('.page').clientWidth") > wide
    tab.click("#strip button:nth-child(150)")
    tab.wait_for_function("document.querySelectorAll('.page img')[149].naturalWidth > 0")
    tab.wait_for_function("document.querySelector('#strip [aria-current]')?.textContent === '150'")
    assert tab.evaluate("document.querySelectorAll('#strip [aria-current]').length") == 1
    strip, current = (tab.query_selector(at).bounding_box() for at in ("#strip", "#strip [aria-current]"))
    assert strip["x"] <= current["x"] <= strip["x"] + strip["width"]
    tab.keyboard.press("t")
    assert (tab.is_visible("#pages"), tab.is_visible("#text")) == (False, True)
    tab.hover('[data-pointer="/name"]')
    assert lit(tab, "mark") == ["Ada Lovelace"]
    assert tab.errors == []
