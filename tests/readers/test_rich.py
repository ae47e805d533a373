"""Rich text: what Word and LibreOffice show of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor import read
from extractor.readers.composing import Passage
from extractor.readers.kinds import RTF, kind_of
from extractor.readers.rich import rich
from extractor.readers.unreadable import ReadFailed, Remark
from tests.selecting import examples


def lines(text: str) -> list[str]:
    found: list[str] = []
    for each in rich(text.encode("latin-1")):
        if isinstance(each, Passage):
            found += [" | ".join(text for text, _ in row) for row in each.cells] or [each.text]
    return found


def remarks(text: str) -> list[str]:
    return [each.text for each in rich(text.encode("latin-1")) if isinstance(each, Remark)]


def test_paragraphs_a_table_a_note_a_comment_and_a_header_are_read() -> None:
    data = (
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}}{\info{\title secret}}{\header ACME\par}"
        rb"\pard The rent{\footnote\chftn Without heating.} is\~EUR\tab 950.{\*\atnauthor Ada}"
        rb"{\*\annotation Too much?}\par {\listtext 1.\tab}first\par"
        rb"\trowd\cellx1000\cellx2000\cellx3000\pard\intbl Item\cell Qty\cell Price\cell\row"
        rb"\trowd\cellx2000\cellx3000\pard\intbl Total\cell 51.00\cell\row\pard Yours\par}"
    )
    source = read(data)
    assert source.media_type == kind_of(data) == RTF
    assert source.text.splitlines() == [
        *("The rent[1] is\u00a0EUR\t950.", "1. first", "Item | Qty | Price", "Total |  | 51.00", "", "Yours"),
        *("[1] Without heating.", "Comment by Ada: Too much?", "ACME"),
    ]
    at = source.text.index("51.00")
    assert source.sections(at, at + 5) == ("table 1, row 2, column 3",)


@pytest.mark.parametrize(
    ("rtf", "text"),
    [
        (r"{\rtf1\ansi caf\'e9 \u8364?5 \u-10179?\u-8704?}", "café €5 \U0001f600"),
        (r"{\rtf1 half \u-10179?}", "half �"),
        (r"{\rtf1\uc2 \u8364\'80x!}", "€!"),
        (r"{\rtf1{\fonttbl{\f3\fcharset204 Arial;}}\f3 \'cf\'f0\'e8}", "При"),
        (r"{\rtf1{\fonttbl{\f3\fcharset128 Mincho;}}\f3 \'93\'fa\'96\'7b}", "日本"),
        (r"{\rtf1 {\field{\*\fldinst HYPERLINK x}{\fldrslt here}} \{a\}\emdash b}", "here {a}—b"),
        (r"{\rtf1 a{\*\unknown secret}b{\pict ff00}c{\bin3 }}}d}", "abcd"),
        ("{\\rtf1 one\n two\\par}", "one two"),
    ],
)
def test_characters_are_those_that_are_shown(rtf: str, text: str) -> None:
    assert lines(rtf) == [text]


def test_hidden_and_deleted_text_are_left_out_with_a_note() -> None:
    rtf = r"{\rtf1 paid {\v secret}{\deleted old}\v x\v0 now{\v y\plain !}\par}"
    assert lines(rtf) == ["paid now!"]
    assert [told.split()[0] for told in remarks(rtf)] == ["hidden", "tracked"]


def test_text_boxes_are_read_once() -> None:
    shape = r"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt In a box\par}}{\shprslt{\pict 00}old}}"
    assert lines(rf"{{\rtf1 {shape}After\par}}") == ["In a box", "After"]


def test_a_text_that_is_cut_off_and_its_pictures_are_told_of() -> None:
    rtf = r"{\rtf1 Total{\*\shppict{\pict 00}}{\object{\*\objdata 00}{\result 12.50}} and"
    assert lines(rtf) == ["Total12.50 and"]
    assert [told.partition(" ")[0] for told in remarks(rtf)] == ["pictures", "not"]


def test_groups_without_end_are_refused() -> None:
    with pytest.raises(ReadFailed, match="more groups"):
        lines(r"{\rtf1" + "{" * 2_000)


@settings(max_examples=examples(100))
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp", "Co"]), min_size=1))
@pytest.mark.slow
def test_any_text_written_as_rtf_is_read_back(text: str) -> None:
    units = text.encode("utf-16-le")
    codes = (int.from_bytes(units[at : at + 2], "little", signed=True) for at in range(0, len(units), 2))
    assert lines("{\\rtf1 " + "".join(rf"\u{code}?" for code in codes) + "}") == [text]
