"""Every leaf of a record is asked where it stands: by its type, and for the record as a whole."""

from __future__ import annotations

import pickle
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from extractor import Extraction, Outcome
from extractor.evidence import How, align

TODAY = date(2026, 11, 23)  # a Monday


class Size(Enum):
    EXTRA_LARGE = "xl"
    SMALL = "small"


WRITTEN = [  # value, text, the piece of the text
    (Decimal("1234.5"), "net 1,234.50 due", "1,234.50"),
    (Decimal("1234.5"), "netto 1.234,50 € fällig", "1.234,50 €"),
    (1234.5, "pay $1 234.5 now", "$1 234.5"),
    (1200, "about 1.2k users", "1.2k"),
    (0.07, "VAT 7 % included", "7 %"),
    (7, "VAT 7% included", "7%"),
    (5, "15 items, 5.75 each, 5 boxes", "5"),
    (-5, "a refund of (5.00)", "(5.00)"),
    (123, "one hundred and twenty-three men", "one hundred and twenty-three"),
    (25, "vingt-cinq euros", "vingt-cinq"),
    (25, "fünfundzwanzig Euro", "fünfundzwanzig"),
    (3_500_000, "3,5 Mio. Euro", "3,5 Mio"),
    (1234.5, "المبلغ ١٬٢٣٤٫٥ ريال", "١٬٢٣٤٫٥"),
    (320, "全部で三百二十人", "三百二十"),
    (1234567, "Rs 12,34,567 only", "12,34,567"),
    (0.5, "½ cup", "½"),
    (date(2026, 3, 5), "on 5 March 2026.", "5 March 2026"),
    (date(2026, 3, 5), "am 5. März 2026", "5. März 2026"),
    (date(2026, 3, 5), "el 5 de marzo de 2026", "5 de marzo de 2026"),
    (date(2026, 3, 5), "2026年3月5日に", "2026年3月5日"),
    (date(2026, 3, 5), "วันที่ 5 มีนาคม 2569", "5 มีนาคม 2569"),
    (date(2026, 3, 5), "dated 03/05/26", "03/05/26"),
    (date(2026, 5, 3), "dated 03/05/26", "03/05/26"),
    (date(2026, 11, 22), "they called yesterday", "yesterday"),
    (date(2026, 11, 27), "due next Friday", "next Friday"),
    (date(2026, 11, 9), "two weeks ago", "two weeks ago"),
    (date(2027, 1, 23), "back in two months", "in two months"),
    (time(20, 30), "at 8:30 pm", "8:30 pm"),
    (datetime(2026, 3, 5, 14, 30), "5. März 2026 um 14:30 Uhr", "5. März 2026 um 14:30 Uhr"),
    (timedelta(hours=2, minutes=30), "takes 2 h 30 min", "2 h 30 min"),
    (timedelta(minutes=90), "ninety minutes long", "ninety minutes"),
    ("2026-03-05", "on March 5th, 2026", "March 5th, 2026"),
    ("1234.50", "for $1,234.50", "$1,234.50"),
    (Size.EXTRA_LARGE, "size: Extra Large", "Extra Large"),
    (Size.SMALL, "a small one", "small"),
    ("Jonathan Smithson", "Dear Jonathon Smithson,", "Jonathon Smithson"),
    ("12 Main Street", "at 12 Main Streeet.", "12 Main Streeet"),
]
UNSAID = [
    (True, "there is nothing to see"),
    (None, "None null"),
    ("CLM-424063", "claim CLM-424064"),
    ("", "text"),
    (5, "15 and 5.75"),
    (float("nan"), "nan"),
    (Size.SMALL, "a big one"),
    (date(2026, 3, 5), "6 March 2026"),
    (date(2026, 11, 21), "they called yesterday"),
]


@pytest.mark.parametrize(("value", "text", "piece"), WRITTEN)
def test_a_value_is_found_in_a_written_form_of_its_type(value: Any, text: str, piece: str) -> None:
    (span,) = align({"v": value}, text, reference_date=TODAY)["/v"]
    assert span.text == piece
    assert text[span.start : span.end] == piece
    assert 0 < span.score <= 1


@pytest.mark.parametrize(("value", "text"), UNSAID)
def test_what_the_text_does_not_say_has_no_span(value: Any, text: str) -> None:
    assert align({"v": value}, text, reference_date=TODAY) == {"/v": ()}


def test_a_date_that_can_be_read_in_two_ways_scores_less_unless_others_tell_which() -> None:
    (either,) = align([date(2026, 3, 5)], "03/05/26")["/0"]
    (day_first,) = align([date(2026, 5, 3)], "from 25/12/25 to 03/05/26")["/0"]
    (month_first,) = align([date(2026, 3, 5)], "from 25/12/25 to 03/05/26")["/0"]
    assert day_first.score > either.score > month_first.score


def test_a_boolean_is_found_by_the_name_of_its_field_with_an_answer() -> None:
    text = "Gift wrap: no. Express: yes."
    found = align({"gift_wrap": False, "isExpress": True, "express": False}, text)
    assert [spans and spans[0].text for spans in found.values()] == ["Gift wrap: no", "Express: yes", ()]
    assert found["/gift_wrap"][0].how is How.LABEL


class Line(BaseModel):
    name: str
    quantity: int
    price: Decimal = Field(alias="unit/price")


def test_the_fields_of_an_item_stand_together_and_the_items_in_order() -> None:
    text = "2 Latte 3.50\n1 Croissant 2.50\n1 Latte 3.50\nLatte 3.50 was on offer"
    lines = [("Latte", 2, "3.50"), ("Croissant", 1, "2.50"), ("Latte", 1, "3.50")]
    record = [Line.model_validate({"name": n, "quantity": q, "unit/price": p}) for n, q, p in lines]
    found = {pointer: spans[0].start for pointer, spans in align(record, text).items()}
    for i, line in enumerate(text.split("\n")[:3]):
        begin = text.index("\n", text.index("Croissant")) + 1 if i == 2 else text.index(line)
        places = [found[f"/{i}/{field}"] for field in ("quantity", "name", "unit~1price")]
        assert places == [begin, begin + 2, begin + len(line) - 4]


def test_equal_fields_of_one_object_take_their_own_places_in_order() -> None:
    found = align({"publisher": "UNHCR", "place": "Geneva", "author": "UNHCR"}, "UNHCR 2015, Geneva: UNHCR")
    assert [found[f"/{name}"][0].start for name in ("publisher", "author")] == [0, 20]


def test_a_value_stands_after_the_name_of_its_field() -> None:
    text = "Subtotal 10.00 Shipping 10.00 Total 10.00"
    found = align({"total": 10, "shipping": 10}, text)
    assert [found[f"/{n}"][0].start for n in ("total", "shipping")] == [36, 24]


def test_a_quote_narrows_the_search_and_stands_for_what_is_not_in_it() -> None:
    text = "Paid 5 on Monday. He owes 5, and is furious."
    found = align(
        {"debt": 5, "mood": "angry", "ok": False}, text, {"/debt": ("owes 5",), "/mood": ("is furious",)}
    )
    assert (found["/debt"][0].start, found["/debt"][0].how) == (26, How.NUMBER)
    assert (found["/mood"][0].text, found["/mood"][0].how) == ("is furious", How.QUOTE)
    assert found["/ok"] == ()


def test_an_extraction_finds_its_evidence_once_and_pickles_with_it() -> None:
    extraction = Extraction(Outcome.OK, (), record={"name": "Ada"}, source="Dear Ada")
    assert extraction.evidence is extraction.evidence
    assert extraction.evidence["/name"][0].start == 5
    assert pickle.loads(pickle.dumps(extraction)).evidence == extraction.evidence
    assert Extraction(Outcome.INVALID, (), source="Dear Ada").evidence == {}


ANY_TEXT = st.text(st.characters(), max_size=60)  # lone surrogates too
FORMS = st.one_of(
    st.from_regex(r"[A-Za-z]{3,9} [A-Za-z]{3,9}", fullmatch=True).map(lambda s: (s, s)),
    st.integers(0, 10**9).map(lambda n: (n, f"{n:,}")),
    st.decimals(1, 10**6, places=2).map(lambda d: (d, f"{d:,.2f}")),
    st.dates(date(1000, 1, 1)).map(lambda d: (d, d.isoformat())),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(lambda d: (d, f"{d.day} {d:%B %Y}")),
)


@given(FORMS, st.text("abc XYZ.,\n", max_size=40), st.text("abc XYZ.,\n", max_size=40))
def test_a_planted_value_is_found_where_it_was_planted_or_where_it_is_as_well(
    planted: tuple[Any, str], before: str, after: str
) -> None:
    value, form = planted
    text = f"{before} | {form} | {after}"
    (span,) = align([value], text)["/0"]
    assert span.text.casefold().split() == form.casefold().split()
    assert text[span.start : span.end] == span.text


@pytest.mark.slow
@given(
    st.lists(ANY_TEXT | st.integers() | st.floats() | st.dates() | st.booleans() | st.none(), max_size=5),
    ANY_TEXT,
    st.lists(ANY_TEXT, max_size=2),
)
def test_whatever_the_text_the_spans_are_pieces_of_it(
    record: list[Any], text: str, quotes: list[str]
) -> None:
    everything = text + "".join(v for v in record if isinstance(v, str))
    found = align(record, everything, {"/0": quotes, "": quotes}, reference_date=TODAY)
    assert list(found) == [f"/{i}" for i in range(len(record))]
    for spans in found.values():
        assert all(everything[s.start : s.end] == s.text and s.text and 0 < s.score <= 1 for s in spans)


@pytest.mark.parametrize(
    ("text", "record", "pointer", "line"),
    [
        ("Qty: 4\nPos: 4\nArticle: Lamp\n", {"article": "Lamp", "qty": 4}, "/qty", 1),
        ("Invoice\nNumber\n7\nPage 7\nTotal 12.00", {"number": "7", "total": 12.0}, "/number", 3),
        ("Code: B\nB-side\nName: Ada Lovelace\n", {"code": "B", "name": "Ada Lovelace"}, "/code", 1),
        ("Name: Ada\nRooms: 2\nFloors: 2\n", {"name": "Ada", "rooms": 2}, "/rooms", 2),
    ],
)
def test_a_short_value_stands_at_the_nearest_place_behind_its_name(
    text: str, record: dict[str, Any], pointer: str, line: int
) -> None:
    (span,) = align(record, text)[pointer]
    assert text.count("\n", 0, span.start) + 1 == line


def test_in_a_table_the_name_in_the_head_is_of_the_first_cell_below_it() -> None:
    text = "Floor   Room\n3   3\nName   Ada\nTown   Ghent\n"
    (span,) = align({"name": "Ada", "town": "Ghent", "floor": 3}, text)["/floor"]
    assert span.start == text.index("3")
