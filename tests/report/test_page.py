"""The page: what stands in it. What a browser makes of it stands in test_browser."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Extraction, Outcome
from extractor.evidence import How, Span
from extractor.report import Entry, frame, page

HOSTILE = "</script><script>alert(1)</script><!-- <img src=x onerror=alert(1)> {{title}} \u2028"


def data_in(html: str) -> Any:
    """Return what the page's script reads: the text of the data element, as a browser cuts it out."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.S)
    assert found is not None
    return json.loads(found[1])


def test_a_page_reaches_nothing_outside_and_runs_its_own_script_alone() -> None:
    html = page([Entry("a", "ok", "text", {"x": 1})])
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', html)
    assert policy is not None
    assert unescape(policy[1]).startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(r"https?://|src=|href=|@import|url\(", html)


def test_markup_in_texts_and_records_ends_no_element() -> None:
    entry = Entry(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: [HOSTILE]}, problems=(HOSTILE,))
    html = page([entry], HOSTILE)
    assert html.count("<script") == html.count("</script") == 2
    assert "<img" not in html
    (told,) = data_in(html)
    assert (told["title"], told["text"], told["problems"]) == (HOSTILE, HOSTILE, [HOSTILE])
    assert told["tree"]["of"][0]["key"] == told["tree"]["of"][0]["of"][0]["leaf"] == HOSTILE


def test_offsets_are_those_of_javascript_which_counts_in_utf_16() -> None:
    text = "😀 Ada 😀 Bo"
    spans = {"/a": (Span(2, 5, "Ada", How.EXACT),), "/b": (Span(8, 10, "Bo", How.FOLDED, 0.9),)}
    (told,) = data_in(page([Entry("t", "ok", text, {"a": "Ada", "b": "Bo"}, spans)]))
    assert told["spans"] == {"/a": [[3, 6, "exact", 1.0]], "/b": [[10, 12, "folded", 0.9]]}


def test_large_numbers_are_shown_as_they_are_written() -> None:
    (told,) = data_in(page([Entry("t", "ok", "", {"n": 12345678901234567890, "f": 1e-7, "no": None})]))
    leaves = {node["key"]: node["leaf"] for node in told["tree"]["of"]}
    assert leaves == {"n": "12345678901234567890", "f": "1e-07", "no": "null"}


@given(st.text(), st.recursive(st.text() | st.integers() | st.none(), lambda b: st.lists(b, max_size=3)))
def test_any_text_comes_back_whole(text: str, record: Any) -> None:
    html = page([Entry("t", "ok", text, {"r": record})])
    html.encode()
    (told,) = data_in(html)
    assert told["text"] == text


def test_a_page_within_a_notebook_is_framed_and_escaped() -> None:
    framed = frame(page([Entry("a", "ok", HOSTILE)]))
    style, frame_, rest = framed.partition('<iframe class="extractor-page" sandbox="allow-scripts" srcdoc="')
    assert style.startswith("<style>")
    assert rest.startswith("&lt;!doctype html&gt;")
    assert (style + frame_ + rest).count("<") == 4  # those of the style and of the frame itself


def test_an_extraction_shows_itself_with_its_evidence() -> None:
    class Person(BaseModel):
        name: str
        town: str | None

    found = Extraction(Outcome.OK, (), Person(name="Ada", town=None), source="Ada, 36.")
    (told,) = data_in(found.to_html())
    assert told["spans"] == {"/name": [[0, 3, "exact", 1.0]]}
    assert [node["leaf"] for node in told["tree"]["of"]] == ["Ada", "null"]
    assert unescape(found._repr_html_()).count("<!doctype html>") == 1


def test_an_extraction_without_a_record_says_why() -> None:
    from extractor import Refused

    error = Refused("the model refused to answer", (), ())
    (told,) = data_in(Extraction(Outcome.REFUSED, (), error=error, source="x").to_html())
    assert (told["tree"], told["problems"]) == (None, ["the model refused to answer"])
