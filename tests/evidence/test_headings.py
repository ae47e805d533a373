"""Values of headings: carried to the rows whose chunk did not see them, and to no others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evidence.headings import section_goes_on
from extractor.evidence.merging import Merged, merge
from tests.evidence.test_merging import read

TEXT = """\
Account A-1
pens 3
inks 4
- page 1 -
cups 5
- page 2 -
mugs 6
Without account
hats 7
"""
PENS, INKS = {"what": "pens", "account": "A-1"}, {"what": "inks", "account": "A-1"}


def merged(*chunks: tuple[int, int, list[Any]]) -> Merged:
    return merge(
        [read(TEXT, start, end, {"rows": rows}) for start, end, rows in chunks],
        goes_on=section_goes_on(TEXT),
    )


def row(what: str) -> dict[str, str | None]:
    return {"what": what, "account": None}


def accounts(found: Merged) -> list[tuple[str, str | None]]:
    return [(item["what"], item.get("account")) for item in found.record["rows"]]


FIRST = (0, TEXT.index("- page 1"), [PENS, INKS])
SECOND = (TEXT.index("- page 1"), TEXT.index("Without"), [row("cups"), row("mugs")])
THIRD = (TEXT.index("Without"), len(TEXT), [row("hats")])


def test_rows_of_later_chunks_have_the_value_of_the_heading_with_its_place() -> None:
    found = merged(FIRST, SECOND)
    assert accounts(found)[2:] == [("cups", "A-1"), ("mugs", "A-1")]
    assert found.carried == ("/rows/2/account", "/rows/3/account")
    assert found.evidence["/rows/2/account"] == found.evidence["/rows/0/account"]


def test_a_line_that_is_no_page_header_begins_another_section() -> None:
    assert accounts(merged(FIRST, SECOND, THIRD))[4:] == [("hats", None)]


def test_a_model_that_saw_the_heading_and_gave_no_value_is_believed() -> None:
    end = TEXT.index("Without")
    assert accounts(merged((0, end, [PENS, INKS, row("cups"), row("mugs")])))[2:] == [
        ("cups", None),
        ("mugs", None),
    ]


def test_a_row_of_the_next_account_ends_the_one_before() -> None:
    second = (SECOND[0], SECOND[1], [{"what": "cups", "account": "A-2"}, row("mugs")])
    assert accounts(merged(FIRST, second))[2:] == [("cups", "A-2"), ("mugs", None)]


@pytest.mark.parametrize("first", [[PENS, row("inks")], [PENS]])
def test_a_value_of_one_row_alone_is_no_headings(first: list[Any]) -> None:
    found = merged((0, FIRST[1], first), SECOND)
    assert found.carried == ()


def test_nothing_is_carried_where_nobody_says_that_the_section_goes_on() -> None:
    chunks = [read(TEXT, start, end, {"rows": rows}) for start, end, rows in (FIRST, SECOND)]
    assert merge(chunks).carried == ()


PIECES = st.sampled_from(
    ["Account A-1", "Account A-2", "- page 1 -", "pens 3", " ", "", "\n", "\r\n", "\f", "\x85"]
)


@given(st.lists(PIECES, max_size=20).map("".join), st.data())
def test_a_section_goes_on_over_empty_lines_and_such_as_stand_elsewhere_with_other_numbers(
    text: str, data: st.DataObject
) -> None:
    start, end, heading = (data.draw(st.integers(0, len(text))) for _ in range(3))
    lines = text.splitlines(keepends=True) or [""]
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    kinds = [re.sub(r"\d+", "9", line.strip()) for line in lines]

    def number(place: int) -> int:
        return max(i for i, begins in enumerate(starts) if begins <= place)

    at = number(heading)
    between = range(number(start) + 1, number(end))
    assert section_goes_on(text)(start, end, heading) == all(
        not kinds[i]
        or (kinds.count(kinds[i]) > 1 and (kinds[i] != kinds[at] or lines[i].strip() == lines[at].strip()))
        for i in between
    )
