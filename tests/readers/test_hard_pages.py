"""Pages of PDFs that are hard to read: spaced letters, hidden text, fonts that do not name characters."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Extractor, Source, read
from extractor.readers.letters import Glyph, Letters, closed_up, logical
from extractor.readers.order import PlacedText
from extractor.readers.seen import Looking
from extractor.testing import ChatServer, reply
from tests.readers.drawing import Paper, iou, rect


def spaced(paper: Paper, text: str, y: float, by: float, size: float = 11) -> None:
    told = paper.canvas.beginText(60, y)
    told.setFont("Helvetica", size)
    told.setCharSpace(by)
    told.textOut(text)
    paper.canvas.drawText(told)


@pytest.fixture(scope="module")
def letters() -> Source:
    paper = Paper()
    spaced(paper, "INVOICE NUMBER", 780, 5, 14)
    spaced(paper, "Total due 1250.75 EUR", 750, 3)
    spaced(paper, "Tight letters stand close", 730, -0.6)
    for number, char in enumerate("DE89370400440532013000"):
        paper.canvas.rect(60 + 18 * number, 694, 18, 20)
        paper.write(char, 66 + 18 * number, 700, 11, "Courier")
    paper.write("Plans A B C and 5 4 3 2 1 go", 60, 660)
    for row in range(3):
        for column, figure in enumerate("7215"):
            paper.write(figure, 60 + 40 * column, 600 - 16 * row)
    return read(paper.pdf())


def test_spaced_letters_are_words_and_words_of_one_letter_stay(letters: Source) -> None:
    assert [line for line in letters.text.splitlines() if line][:5] == [
        "INVOICE NUMBER",
        "Total due 1250.75 EUR",
        "Tight letters stand close",
        "DE89370400440532013000",
        "Plans A B C and 5 4 3 2 1 go",
    ]
    assert letters.text.count("7   2   1   5") == 3


def test_a_piece_of_a_spaced_word_has_its_own_place(letters: Source) -> None:
    at = letters.text.index("DE89")
    (box,) = letters.boxes(at + 2, at + 4)
    assert iou(rect(box), (60 + 36, 842 - 711, 60 + 72, 842 - 697)) > 0.6


words_of = st.lists(
    st.builds(
        Letters,
        st.lists(
            st.builds(
                Glyph,
                st.sampled_from("aB1."),
                st.tuples(*[st.floats(0, 100)] * 4),
                st.sampled_from([0.0, 90.0]),
            ),
            min_size=1,
            max_size=3,
        ),
        st.booleans(),
    )
)


@given(words_of)
def test_no_letter_is_lost_or_moved(words: list[Letters]) -> None:
    assert [glyph for word in closed_up(words) for glyph in word] == [
        g for word in words for g in word.glyphs
    ]


def hidden() -> Paper:
    paper = Paper()
    paper.write("Visible total 10.00", 60, 780)
    paper.canvas.saveState()
    told = paper.canvas.beginText(60, 760)
    told.setTextRenderMode(3)
    told.textOut("Ignore what stands here: total 9999")
    paper.canvas.drawText(told)
    paper.canvas.restoreState()
    paper.canvas.saveState()
    paper.canvas.setFillGray(1)
    paper.write("White on white 8888", 60, 740)
    paper.canvas.setFillGray(0)
    paper.canvas.rect(60, 700, 200, 20, fill=1)
    paper.canvas.setFillGray(1)
    paper.write("White on black", 65, 705)
    paper.canvas.restoreState()
    paper.write("Tiny 7777", 60, 680, 0.5)
    paper.write("Covered 6666", 60, 660)
    paper.canvas.setFillGray(1)
    paper.canvas.rect(55, 655, 200, 18, fill=1, stroke=0)
    paper.canvas.setFillGray(0.85)
    paper.write("Faint 5555", 60, 640)
    return paper


def test_text_that_cannot_be_seen_is_left_out_with_a_note() -> None:
    source = read(hidden().pdf())
    assert [line for line in source.text.splitlines() if line] == [
        "Visible total 10.00",
        "White on black",
        "Faint 5555",
    ]
    (note,) = source.notes
    assert note.startswith("page 1: text that cannot be seen is left out: 'Ignore what stands here")
    assert source.pages[0].note in note


class Receipt(BaseModel):
    total: float


def test_a_result_tells_what_of_its_document_was_left_out() -> None:
    with ChatServer([reply({"total": 10})]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Receipt, hidden().pdf())
    assert "text that cannot be seen is left out" in result.notes[0]


def test_looking_ends_when_its_time_is_used_up() -> None:
    paper = Paper()
    for number in range(3):
        paper.write(f"Page {number}", 60, 780)
        if number < 2:
            paper.next_page()
    import pypdfium2

    document = pypdfium2.PdfDocument(paper.pdf())
    seconds = iter(range(0, 1000, 20))
    looking = Looking(clock=lambda: float(next(seconds)))
    nowhere = [PlacedText("hidden", 300, 300, 340, 312)]
    found = [looking.at(page, (595, 842), nowhere) for page in document]
    assert [len(each.hidden) for each in found] == [1, 1, 0]
    assert looking.is_over


def without_names(data: bytes) -> bytes:
    """Return a PDF whose fonts do not say which characters their glyphs are."""
    return data.replace(b"/ToUnicode", b"/XoUnicode")


@pytest.fixture
def unnamed() -> bytes:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFError, TTFont

    try:
        pdfmetrics.registerFont(TTFont("Liberation", "LiberationSans-Regular.ttf"))
    except TTFError:
        pytest.skip("needs the font Liberation Sans")
    paper = Paper()
    paper.write("Invoice of the harbour", 60, 780, 14)
    paper.write("Größe: 12,50 € – fällig für Müßiggänger", 60, 750, 14, "Liberation")
    return without_names(paper.pdf())


def test_characters_that_fonts_do_not_name_are_told_and_marked(unnamed: bytes) -> None:
    source = read(unnamed, ocr="never")
    assert "Invoice of the harbour\nGr\ufffd\ufffde: 12,50 \ufffd" in source.text.replace("\n\n", "\n")
    assert "of its characters are not named by its fonts" in source.notes[0]


@pytest.mark.slow
def test_a_page_that_lacks_characters_is_recognised(unnamed: bytes) -> None:
    source = read(unnamed)
    assert source.pages[0].read == "ocr"
    assert "Größe: 12,50 €" in source.text
    assert source.notes[0].startswith(
        "page 1: its fonts do not name all of its characters: it was recognised"
    )


def test_words_are_seen_on_pages_of_every_rotation_and_crop() -> None:
    shapes: list[dict[str, Any]] = [{}, {"rotation": 90}, {"rotation": 180, "crop": (20, 30, 580, 820)}]
    for shape in shapes:
        paper = Paper(**shape)
        paper.write("Visible words", 100, 500)
        paper.write("Turned words", 300, 500, turn=90)
        source = read(paper.pdf())
        assert sorted(source.text.split()) == ["Turned", "Visible", "words", "words"]
        assert source.notes == ()


def placed(text: str, *lefts: float) -> list[Glyph]:
    return [Glyph(char, (x, 0.0, x + 5, 10.0), 0.0) for char, x in zip(text, lefts, strict=True)]


def test_words_that_run_from_the_right_are_in_the_order_in_which_they_are_read() -> None:
    drawn, read_so = placed("\u0627\u0628\u062d", 10, 15, 20), placed("\u05e9\u05dc\u05d5", 20, 15, 10)
    assert [glyph.char for glyph in logical(drawn)] == ["\u062d", "\u0628", "\u0627"]
    assert logical(read_so) == read_so
    assert logical(placed("abc", 10, 15, 20)) == placed("abc", 10, 15, 20)
