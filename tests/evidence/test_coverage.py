"""Which lines gave which items, and which look like them but gave none."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evidence import align
from extractor.evidence.coverage import Coverage, ListCoverage, coverage

TABLE = """\
| No | Article | Pieces | Price |
|----|---------|--------|-------|
| 1 | Pen | 3 | 1.50 |
| 2 | Ink | 1 | 9.00 |
| 3 | Paper | 10 | 4.00 |
| | Sub-total | | 14.50 |
"""
PEN = {"no": 1, "article": "Pen", "pieces": 3, "price": 1.5}
INK = {"no": 2, "article": "Ink", "pieces": 1, "price": 9.0}


def of(record: Any, text: str) -> Coverage:
    return coverage(text, align(record, text))


def overlooked(record: Any, text: str) -> list[str]:
    return [line.text for line in of(record, text).overlooked]


def test_each_item_has_its_line() -> None:
    (found,) = of({"lines": [PEN, INK]}, TABLE).lists.values()
    assert (found.pointer, found.items, found.unplaced) == ("/lines", 2, 0)
    assert [line.text for line in found.lines["/lines/1"]] == ["| 2 | Ink | 1 | 9.00 |"]
    (line,) = found.lines["/lines/1"]
    assert TABLE[line.start : line.end] == line.text


def test_a_row_like_the_others_without_an_item_is_named_but_no_heading_and_no_sub_total() -> None:
    assert overlooked({"lines": [PEN, INK]}, TABLE) == ["| 3 | Paper | 10 | 4.00 |"]


@pytest.mark.parametrize(
    ("record", "text", "lines"),
    [
        (["apples", "pears"], "- apples\n- plums\n- pears\n", ["- plums"]),
        ([{"a": 1, "b": "Ann"}, {"a": 3, "b": "Cid"}], "1,Ann,NL\n2,Bob,NL\n3,Cid,NL\n", ["2,Bob,NL"]),
        (
            [{"name": "Ann", "town": "Delft"}, {"name": "Cid", "town": "Gouda"}],
            "Name: Ann\nTown: Delft\n\nName: Bob\nTown: Leiden\n\nName: Cid\nTown: Gouda\n",
            ["Town: Leiden"],
        ),
        (
            [{"who": "Ann", "year": 2019}, {"who": "Bob", "year": 2020}],
            "In 2019 Ann moved here.\nIn 2020 Bob left us.\nThe town has 5,000 people and a church of stone.",
            [],
        ),
        (
            [{"n": "D-1", "crates": 3}, {"n": "D-2", "crates": 4}, {"n": "D-3", "crates": 5}],
            "Box D-1 has 3 pens\nBox D-2 has 4 pens\nBox D-3 has 5 pens\nCall AB-9 for 24 hours\n"
            "Box D-9 has 1 pens",
            ["Box D-9 has 1 pens"],
        ),
    ],
    ids=["bullets", "comma-separated", "labels", "prose", "words in common"],
)
def test_lines_alike_are_found_in_each_form(record: Any, text: str, lines: list[str]) -> None:
    assert overlooked({"items": record}, text) == lines


def test_a_value_that_all_items_share_tells_nothing_of_their_lines() -> None:
    text = "Account 7711\nT-1  5.00\nT-2  6.00\nT-3  7.00\n"
    record = [{"account": "7711", "number": f"T-{i}", "amount": f"{4 + i}.00"} for i in (1, 3)]
    assert overlooked(record, text) == ["T-2  6.00"]


def test_numbers_that_are_missing_between_others_are_gaps() -> None:
    text = " ".join(f"E-{i:02}" for i in (1, 2, 3, 4, 6, 7, 8))
    (found,) = of([{"number": each} for each in text.split()], text).lists.values()
    assert found.gaps == ("E-05",)
    assert found.notes == ("1 running number of the list not found: E-05",)


def test_numbers_that_do_not_run_on_have_no_gaps() -> None:
    text = "E-10 E-20 E-31 E-32 E-70"
    (found,) = of([{"number": each} for each in text.split()], text).lists.values()
    assert found.gaps == ()


@pytest.mark.parametrize(
    ("said", "stated"),
    [
        ("1,283 events", 1283),
        ("Number of events: 40", 40),
        ("Events: 40", 40),
        ("40 entries in all", 40),
        ("40 entries of the town council", None),
        ("1 event", None),
        ("Events: 40.5", None),
    ],
)
def test_a_greater_number_that_the_text_states_is_told(said: str, stated: int | None) -> None:
    found = of({"events": ["rash", "cough"]}, f"rash\ncough\n{said}\n").lists["/events"]
    assert found.stated == stated
    if stated is not None:
        assert f"the text says {stated:,} at characters 11 to " in found.notes[0]


def test_lists_in_lists_are_one_list_for_all_objects_around_them() -> None:
    text = "A\n1 | pen | 2\n2 | ink | 3\nB\n1 | cup | 4\n2 | mug | 5\n"
    record = {"parts": [{"name": "A", "rows": [{"x": "pen", "y": 2}, {"x": "ink", "y": 3}]}]}
    found = of(record, text).lists["/parts/*/rows"]
    assert found.items == 2
    assert [line.text for line in found.overlooked] == ["1 | cup | 4", "2 | mug | 5"]


def test_a_record_without_lists_has_no_coverage() -> None:
    assert of({"a": 1}, "1") == Coverage() == coverage("", {})


values = st.dictionaries(
    st.sampled_from("abc"), st.integers(0, 20) | st.sampled_from(["x", "y 1"]), min_size=1
)


@pytest.mark.slow
@given(st.lists(values, max_size=6), st.text(alphabet="abxy 019|,-:\n\t", max_size=120))
def test_whatever_the_text_lines_are_pieces_of_it_and_none_both_gave_an_item_and_seems_overlooked(
    record: list[dict[str, Any]], text: str
) -> None:
    for found in of({"items": record}, text).lists.values():
        check(found, text)


def check(found: ListCoverage, text: str) -> None:
    given = {line for lines in found.lines.values() for line in lines}
    assert all(text[line.start : line.end] == line.text for line in given | {*found.overlooked})
    assert given.isdisjoint(found.overlooked)
    assert found.items >= len(found.lines) + found.unplaced
