"""Rows of CSV: those that are written come back, those that can't be told apart are told."""

from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.errors import ConfigError
from extractor.tables.delimited import Torn, cells_of, delimiter_in, rows_inside

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8) | st.sampled_from(
    ['"', '""', ' "', '" ', "a\nb", "a\r\nb", ",", ";", '",', '","', " "]
)


def rows_in(text: str, delimiter: str = ",") -> list[list[str] | Torn]:
    return [cells for _, cells in cells_of(io.StringIO(text, newline=""), delimiter)]


@pytest.mark.slow
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6), st.sampled_from([",", ";", "\t"]))
def test_what_is_written_as_csv_comes_back(rows: list[list[str]], delimiter: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    assert rows_in(stream.getvalue(), delimiter) == rows


@given(st.text(st.sampled_from('a",; \n\r'), max_size=40))
def test_any_text_ends_in_rows_or_in_an_error_with_a_line(text: str) -> None:
    with suppress(ConfigError):
        rows = rows_in(text)
        assert sum(isinstance(row, Torn) for row in rows) <= text.count('"')


@pytest.mark.slow
@given(st.lists(st.lists(st.from_regex("[ab][ab \\n,]{0,4}", fullmatch=True), min_size=2), min_size=1))
def test_an_opening_quote_too_many_is_never_read_as_fewer_rows(rows: list[list[str]]) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(rows)
    with pytest.raises(ConfigError, match="line 1: a quoted cell"):
        rows_in('"x' + "\n" + stream.getvalue())


@pytest.mark.parametrize(
    ("cell", "columns", "inside"),
    [("a,b\n1,2\n3,4\n5,y", 2, 2), ("a\nin Rome, Italy\nor not\nb", 2, 0), ("a\nb\nc", 1, 0), ("a,b", 2, 0)],
)
def test_lines_in_a_cell_that_look_like_rows_are_counted(cell: str, columns: int, inside: int) -> None:
    assert rows_inside(cell, ",", columns) == inside


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('1,"a" \n', ["1", "a"]),
        ('"a" ,"b"  ,c\n', ["a", "b", "c"]),
        ('"a, ""b""" ,c', ['a, "b"', "c"]),
        ('1,5" pipe\n', ["1", '5" pipe']),
        ("1,it's\n", ["1", "it's"]),
    ],
)
def test_a_quote_that_can_mean_one_thing_is_read_so(line: str, cells: list[str]) -> None:
    assert rows_in(line) == [cells]


def test_a_row_over_several_lines_has_the_number_of_its_last_one() -> None:
    rows = list(cells_of(io.StringIO('a,b\n\n1,"x\ny"\n2,"q"r\n3,z\n', newline=""), ","))
    assert [number for number, _ in rows] == [1, 4, 5, 6]
    assert isinstance(rows[2][1], Torn)
    assert rows[2][1].raw == '2,"q"r'


@pytest.mark.parametrize(
    ("header", "sign"),
    [("a,b;c", ","), ("a;b", ";"), ("a\tb", "\t"), ("a|b", "|"), ("a", ","), ("a;b\tc", ";")],
)
def test_the_header_tells_what_stands_between_cells(header: str, sign: str) -> None:
    assert delimiter_in(header) == sign
