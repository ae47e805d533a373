"""One file that holds several documents is cut into sources that still know their pages and boxes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import AsyncExtractor, ConfigError, DocumentExtraction, Extractor, Outcome, Source, read
from extractor.documents.splitting import OTHER, split_of, split_question
from extractor.layout import Layout, Page, Section, TextTable, Word
from extractor.testing import ChatServer, reply
from tests.readers.drawing import Paper, iou, rect


class Invoice(BaseModel):
    """A bill for goods."""

    number: str
    total: float


class Letter(BaseModel):
    sender: str
    subject: str


def scan() -> Paper:
    """Two invoices, the first of two pages, and a letter below the end of the second."""
    paper = Paper()
    for number, total in (("INV-1", "10.00"), ("INV-2", "20.00")):
        paper.write("ACME Tools Ltd", 60, 790)
        paper.write(f"Invoice {number}", 60, 770)
        if number == "INV-1":
            paper.write("continued overleaf", 60, 60)
            paper.next_page()
        paper.write(f"Total of {number}:", 60, 700)
        paper.write(total, 160, 700)
        if number == "INV-1":
            paper.next_page()
    paper.write("Dear Mr Miller, about your roof", 60, 400)
    paper.write("Yours, Ada", 60, 380)
    return paper


PAPER = scan()
FOUND = [
    {"page": 1, "first_words": "Invoice INV-1", "kind": "Invoice"},
    {"page": 3, "first_words": "ACME Tools Ltd\nInvoice INV-2", "kind": "Invoice"},
    {"page": 3, "first_words": "Dear Mr  Miller", "kind": "Letter"},
]


@pytest.fixture(scope="module")
def source() -> Source:
    return read(PAPER.pdf(), name="scan.pdf")


def found(
    *starts: dict[str, Any], record_type: Any = Invoice | Letter, of: Source
) -> DocumentExtraction[Any]:
    asked = split_question(of, record_type, None).record_type
    return DocumentExtraction(Outcome.OK, (), asked.model_validate({"documents": starts}))


def test_each_document_is_a_source_that_knows_its_pages_and_boxes(source: Source) -> None:
    with (
        ChatServer([reply({"documents": FOUND}), reply({"number": "INV-2", "total": 20})]) as server,
        Extractor("m", base_url=server.base_url) as ex,
    ):
        split = ex.split(source, Invoice | Letter)
        assert [part.name for part in split] == [f"scan.pdf ({n} of 3)" for n in (1, 2, 3)]
        assert split.kinds == ("Invoice", "Invoice", "Letter")
        assert [[page.number for page in part.pages] for part in split] == [[1, 2], [3], [3]]
        assert split.of(Letter) == split.parts[2:]
        assert split.parts[1].text.startswith("ACME Tools Ltd\nInvoice INV-2")
        assert split.notes == ()
        result = ex.run(Invoice, split.parts[1])
        (box,) = result.boxes["/total"]
        assert (box.page, iou(rect(box), PAPER.planted["20.00"][1]) > 0.7) == (3, True)
    asked = json.loads(server.requests[0].body)["messages"]
    assert "[page 3]\nACME Tools Ltd" in asked[-1]["content"]
    assert (
        "Invoice (A bill for goods, with number, total); Letter (with sender, subject)" in asked[0]["content"]
    )


def test_it_is_the_same_for_async_code(source: Source) -> None:
    async def split() -> Any:
        with ChatServer([reply({"documents": FOUND})]) as server:
            async with AsyncExtractor("m", base_url=server.base_url) as ex:
                return await ex.split(source, Invoice | Letter)

    assert len(asyncio.run(split())) == 3


def test_a_text_without_pages_is_cut_at_lines_in_the_order_of_the_answer() -> None:
    text = "Letter of May\nHello\n\nLetter of June\nHello\n\nLetter of May, again\nBye"
    whole = Source(text, name="mail.txt")
    starts = [
        {"first_words": words, "kind": "Letter"}
        for words in ("letter of may", "Letter of June", "Letter of May")
    ]
    split = split_of(whole, found(*starts, record_type=Letter, of=whole))
    assert [part.text for part in split] == [
        "Letter of May\nHello\n\n",
        "Letter of June\nHello\n\n",
        "Letter of May, again\nBye",
    ]


def test_what_can_not_be_placed_and_what_is_guessed_stands_in_the_notes(source: Source) -> None:
    starts = [
        {"page": 1, "first_words": "An invented line", "kind": "Invoice"},
        {"page": 1, "first_words": "Another invented one", "kind": "Invoice"},
        {"page": 3, "first_words": "Invoice INV-2", "kind": "Invoice"},
    ]
    split = split_of(source, found(*starts, of=source))
    assert len(split) == 2
    assert split.notes == (
        "document 1 begins with 'An invented line', which page 1 does not say: it is taken to begin with "
        "that page",
        "document 2 begins with 'Another invented one', which stands nowhere else in the text: it is left "
        "with the one before",
    )


@pytest.mark.slow
def test_a_file_in_which_no_document_is_found_is_left_whole(source: Source) -> None:
    split = split_of(source, found(of=source))
    assert (split.parts, split.kinds) == ((source.part(0, len(source.text)),), (OTHER,))
    assert split.notes == ("no document was found, so it is left whole",)


def test_a_long_lead_is_of_no_document() -> None:
    whole = Source("Cover sheet. " * 40 + "\nDear Ada\nBye")
    split = split_of(
        whole, found({"first_words": "Dear Ada", "kind": "Letter"}, record_type=Letter, of=whole)
    )
    assert split.kinds == (OTHER, "Letter")
    assert split.notes == ("the first 521 characters belong to none of the documents",)


def test_swapped_arguments_and_a_type_called_other_are_refused() -> None:
    class other(BaseModel):  # noqa: N801
        text: str

    with Extractor("m", base_url="http://127.0.0.1:1", api_key="k") as ex:
        with pytest.raises(ConfigError, match=r"split\(source, Type\)"):
            ex.split(Invoice, "text")  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match="no record type may be called 'other'"):
            ex.split("text", other)


WORDS = ("Dear Ada", "Invoice 7", "Total", "a", "\n", "[page 2]", "x.*+(")


@pytest.mark.slow
@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=40),
    st.lists(st.sampled_from((*WORDS, "not there", "")), max_size=8),
)
def test_the_parts_are_the_whole_text_once_whatever_the_model_says(
    text: list[str], firsts: list[str]
) -> None:
    whole = Source(" ".join(text))
    starts = [{"first_words": each, "kind": "Letter"} for each in firsts]
    split = split_of(whole, found(*starts, record_type=Letter, of=whole))
    assert "".join(part.text for part in split) == whole.text
    assert all(part.text for part in split)
    assert len(split.kinds) == len(split) <= len(firsts) + 1


TEXT = "ab cd\n\nef | gh\nij | kl"
LAYOUT = Layout(
    (
        Page(4, 100, 100, start=0, end=5),
        Page(5, 100, 100, start=5, end=5),
        Page(6, 100, 100, start=7, end=22),
    ),
    tuple(
        Word(
            s,
            s + 2,
            page,
            line,
            10.0 * s,
            0,
            10.0 * s + 20,
            10,
            edges=(10.0 * s, 10.0 * s + 10, 10.0 * s + 20),
        )
        for s, page, line in ((0, 4, 0), (3, 4, 0), (7, 6, 1), (12, 6, 1), (15, 6, 2), (20, 6, 2))
    ),
    (Section(0, 5, "heading"), Section(7, 9, "A1")),
    (TextTable(7, 22, (((7, 9), (12, 14)), ((15, 17), (20, 22)))),),
)


def test_a_part_has_the_pages_sections_and_whole_rows_of_its_text() -> None:
    part = Source(TEXT, LAYOUT).part(4, 15)
    assert part.text == TEXT[4:15]
    assert [(page.number, page.start, page.end) for page in part.pages] == [(4, 0, 1), (5, 1, 1), (6, 3, 11)]
    assert part.layout.sections == (Section(0, 1, "heading"), Section(3, 5, "A1"))
    assert part.layout.tables == (TextTable(3, 11, (((3, 5), (8, 10)),)),)
    assert part.boxes(0, 1)[0].left == 40.0  # the second half of "cd"


@given(st.integers(0, len(TEXT)), st.integers(0, len(TEXT)), st.data())
def test_boxes_of_a_part_are_those_of_the_whole(one: int, other: int, data: st.DataObject) -> None:
    whole, (low, high) = Source(TEXT, LAYOUT), sorted((one, other))
    part = whole.part(low, high)
    start = data.draw(st.integers(0, high - low))
    end = data.draw(st.integers(start, high - low))
    assert part.boxes(start, end) == whole.boxes(low + start, low + end)
