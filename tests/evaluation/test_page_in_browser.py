"""The page of an evaluation in a real browser: what a person sees and can choose."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extractor.evaluation import Case, EvalReport, evaluation_page
from extractor.evaluation.cases import scored
from extractor.messages import Attempt, Outcome, Request
from extractor.results import Extraction

playwright = pytest.importorskip("playwright.sync_api", reason="needs the `browser` extra")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.server, pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")]
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def report(name: str, *found: Any, text: str = "😀 Ada came on 3 April 2026.") -> EvalReport:
    records = []
    for n, record in enumerate(found):
        gold = {"who": "Ada", "day": "2026-04-03", "mood": ["glad", "sad"][n % 2]}
        places = {"/who": [(2, 5)], "/day": [(14, 26)]}
        case = Case(f"text {n}", text, gold, places, {"half": ["first", "second"][n % 2]})
        attempt = Attempt(Request("m", ()), Outcome.OK, "m", text=f"reply {record}")
        result = Extraction(Outcome.OK, (attempt,), record, source=text)
        records.append(scored(case, result, None, lambda value: value))
    return EvalReport("m", "Visit", records, name, slices=("half",))


RIGHT = {"who": "Ada", "day": "2026-04-03", "mood": "glad"}
SWAPPED = {"who": "Bo", "day": "2026-03-04", "mood": "sad"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def shown(browser: Any, folder: Path, *reports: EvalReport) -> Any:
    (folder / "page.html").write_text(evaluation_page(*reports), "utf-8")
    tab = browser.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    tab.on("dialog", lambda dialog: (tab.errors.append(dialog.message), dialog.dismiss()))
    tab.goto((folder / "page.html").as_uri())
    return tab


def test_a_slip_leads_to_its_texts_with_gold_and_found_side_by_side(browser: Any, tmp_path: Path) -> None:
    tab = shown(browser, tmp_path, report("first", RIGHT, SWAPPED, RIGHT))
    tab.get_by_text("/day: day and month swapped, once").click()
    assert tab.inner_text("#count") == "1 of 3 texts"
    assert tab.inner_text("#name") == "text 1"
    row = tab.locator('tr[data-pointer="/day"]')
    assert [cell.strip() for cell in row.locator("td").all_inner_texts()] == [
        "/day",
        "2026-04-03",
        "2026-03-04 wrong value day and month swapped",
    ]
    assert tab.locator("#text").text_content() == "😀 Ada came on 3 April 2026."
    row.hover()
    assert tab.locator("mark.lit").all_inner_texts() == ["3 April 2026"]
    assert tab.locator("mark.gold").first.inner_text() == "Ada"
    assert "reply" in (tab.locator("#replies summary").text_content() or "")
    tab.select_option("#how", "")
    tab.select_option("#verdict", "")
    tab.select_option("#field", "")
    tab.select_option("#slice", '["half","first"]')
    assert tab.inner_text("#count") == "2 of 3 texts"
    tab.keyboard.press("Escape")
    tab.click("#name")
    tab.keyboard.press("j")
    assert tab.inner_text("#name") == "text 2"
    assert tab.errors == []


def test_of_two_reports_the_values_that_turned_are_shown(browser: Any, tmp_path: Path) -> None:
    tab = shown(browser, tmp_path, report("old", SWAPPED, SWAPPED), report("new", RIGHT, SWAPPED))
    tab.click("#show-texts")
    tab.select_option("#turned", "right")
    assert tab.inner_text("#count") == "1 of 2 texts"
    assert tab.locator("#values th").all_inner_texts() == ["field", "gold", "old", "new"]
    tab.select_option("#turned", "wrong")
    assert tab.inner_text("#count") == "0 of 2 texts"
    assert tab.errors == []


def test_hostile_words_stay_words(browser: Any, tmp_path: Path) -> None:
    hostile = {HOSTILE: HOSTILE, "who": HOSTILE, "day": None, "mood": HOSTILE}
    tab = shown(browser, tmp_path, report(HOSTILE, hostile, hostile, text=HOSTILE * 2))
    tab.click("#show-texts")
    assert tab.locator("#text").text_content() == HOSTILE * 2
    assert tab.query_selector("img, svg, iframe") is None
    assert tab.evaluate("document.scripts.length") == 2
    assert tab.errors == []


def test_on_a_telephone_the_intervals_of_a_comparison_are_in_sight(browser: Any, tmp_path: Path) -> None:
    tab = shown(browser, tmp_path, report("first", SWAPPED, SWAPPED), report("second, tuned", RIGHT, SWAPPED))
    tab.set_viewport_size({"width": 390, "height": 800})
    section = tab.locator("#figures > section").first
    assert "sure" in section.inner_text()
    assert section.evaluate("each => each.scrollWidth <= each.clientWidth")
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
