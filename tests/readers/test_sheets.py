"""Spreadsheets: numbers as they are shown, and what stands beside the cells."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.comments import Comment
from xlsxwriter import Workbook as WrittenBook

from extractor.readers.composing import Passage
from extractor.readers.number_formats import shown
from extractor.readers.office import sheets
from tests.readers.writing import saved


@pytest.mark.parametrize(
    ("value", "code", "said"),
    [
        (12.5, "General", "12.5"),
        (0.1 + 0.2, "General", "0.3"),
        (12.5, "€ #,##0.00", "€ 12.50"),
        (1234567.891, "#,##0.00", "1234567.89"),
        (0.5, "#,##0.00", "0.50"),
        (0.5, "#.##", "0.5"),
        (12.5, "[$€-407] #,##0.00", "€ 12.50"),
        (12.5, "_-* #,##0.00 €_-", "12.50 €"),
        (100, '"USD" 0', "USD 100"),
        (0.19, "0%", "19%"),
        (0.195, "0.0%", "19.5%"),
        (17, "00000", "00017"),
        (5551234567, "(000) 000-0000", "(555) 123-4567"),
        (3, '"INV-"0000', "INV-0003"),
        (-5, "#,##0;(#,##0)", "(5)"),
        (-5, "#,##0;[Red]#,##0", "-5"),
        (-0.001, "0.00", "0.00"),
        (0, '0.00;-0.00;"-"', "0.00"),
        (1500, '0.0,"k"', "1.5k"),
        (2.675, "0.00", "2.68"),
        (5, '[>9]0" many";0" few"', "5"),
        (0.5, "# ?/?", "0.5"),
        (12.5, "0.00E+00", "12.5"),
        (3, 'General" pcs"', "3 pcs"),
        (1e21, "0.00", "1E+21"),
    ],
)
def test_a_number_is_said_as_the_sheet_shows_it(value: float, code: str, said: str) -> None:
    assert shown(value, code) == said


@given(st.floats() | st.integers(), st.text('0#?.,%-+()[]"\\_*;/E@€ $GeneralRdk<>=1', max_size=20))
def test_any_number_is_shown_in_any_format(value: float, code: str) -> None:
    assert len(shown(value, code)) < 700


@given(st.integers(-(10**9), 10**9), st.integers(0, 6))
def test_all_digits_of_a_whole_number_are_shown(value: int, zeros: int) -> None:
    assert int(shown(value, "#,##0" + "." * (zeros > 0) + "0" * zeros).partition(".")[0]) == value


def lines(book: Any) -> list[str]:
    """Return the lines of a workbook's text, its cells parted by bars."""
    passages = [each for each in sheets(saved(book)) if isinstance(each, Passage)]
    cells = [" | ".join(text for text, _ in row) for each in passages for row in each.cells]
    return [each.text for each in passages if each.text] + cells


def test_dates_and_times_are_written_as_they_are_meant() -> None:
    book = Workbook()
    book.active.append([date(2026, 1, 2), datetime(2026, 1, 2, 13, 30), time(13, 30), timedelta(hours=30)])
    assert lines(book)[-1] == "2026-01-02 | 2026-01-02 13:30:00 | 13:30:00 | 30:00:00"


def test_columns_in_which_nothing_stands_are_left_out() -> None:
    book = Workbook()
    book.active["A1"], book.active["XFD9"] = "near", "far"
    (table,) = (each for each in sheets(saved(book)) if isinstance(each, Passage) and each.cells)
    assert table.cells == ((("near", "Sheet!A1"),), (("", "Sheet!A9"), ("far", "Sheet!XFD9")))


def test_a_hidden_sheet_is_read_and_says_so() -> None:
    book = Workbook()
    book.active["A1"] = "price 12"
    other = book.create_sheet("Old")
    other["A1"], other.sheet_state = "price 9", "hidden"
    assert lines(book)[:2] == ["Sheet", "Old (hidden sheet)"]


def test_comments_boxes_and_headers_of_a_sheet_are_read() -> None:
    book = Workbook()
    book.active["B2"] = 5
    book.active["B2"].comment = Comment("ask Bob", "Ada")
    book.active.oddHeader.center.text = "Acme & Co, page &P"
    assert lines(book)[1:3] == ["Comment at Sheet!B2: ask Bob", "Acme & Co, page"]
    written = WrittenBook(file := BytesIO())
    written.add_worksheet("Bill").insert_textbox(1, 1, "PO 4711")
    written.close()
    found = [each for each in sheets(file.getvalue()) if isinstance(each, Passage)]
    assert [(each.text, each.name) for each in found][1:] == [("PO 4711", "Bill, text box 1")]
