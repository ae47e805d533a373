"""Word, Excel, PowerPoint, HTML, EPUB and mail: their text, and the place of each piece of it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from extractor import Source, UnreadableSource, read
from extractor.readers import web
from extractor.readers.composing import composed_passages
from tests.readers.drawing import invoice
from tests.readers.writing import (
    MESSAGE,
    PAGE,
    bomb,
    book,
    letter,
    mail,
    presentation,
    saved,
    workbook,
    zipped,
)


def place(source: Source, words: str) -> tuple[str, ...]:
    start = source.text.index(words)
    return source.sections(start, start + len(words))


@pytest.mark.slow
def test_a_word_document_is_read_in_order_with_its_tables() -> None:
    source = read(letter(), name="letter.docx")
    assert source.text == (
        "Dear Ms Lovelace,\nthe rent is EUR 950.\nItem | Price\nRent | 950.00\n\n"
        "Yours, B. Landlord\nLandlord & Sons"
    )
    assert place(source, "EUR 950") == ("paragraph 3",)
    assert place(source, "950.00") == ("table 1, row 2, column 2",)
    assert place(source, "Landlord & Sons") == ("header paragraph 1",)
    assert [[source.text[a:b] for a, b in row] for row in source.layout.tables[0].rows][1] == [
        "Rent",
        "950.00",
    ]
    assert (source.pages, source.boxes(0, 9)) == ((), ())


@pytest.mark.slow
def test_cells_of_a_workbook_have_their_names() -> None:
    book = Workbook()
    book.active.title = "Costs"
    book.active["A1"], book.active["B3"], book.active["C3"] = "Item", 12.5, True
    book.create_sheet("More")["A1"] = "=1+1"  # a formula that nobody has computed has no value
    source = read(saved(book))
    assert source.text == "Costs\nItem\n | 12.5 | TRUE\n\nMore\n=1+1"
    assert place(source, "12.5") == ("Costs!B3",)
    assert source.notes == ("formulas of 'More' have no value in the file: they are read as they are",)


@pytest.mark.slow
def test_cells_beyond_the_size_that_a_sheet_claims_are_read() -> None:
    file = BytesIO()
    with zipfile.ZipFile(BytesIO(workbook())) as archive, zipfile.ZipFile(file, "w") as made:
        for name in archive.namelist():
            made.writestr(name, archive.read(name).replace(b'dimension ref="A1:B2"', b'dimension ref="A1"'))
    assert read(file.getvalue()).text == "Costs\nItem | Price\nCheese | 12.75"


@pytest.mark.slow
def test_slides_are_read_with_their_tables_and_notes() -> None:
    source = read(presentation())
    assert source.text == "Results of 2026\n\nSales | 77 000\n\nSay this slowly"
    assert (place(source, "77 000"), place(source, "slowly")) == (("slide 1",), ("slide 1, notes",))


@pytest.mark.slow
def test_a_web_page_is_what_a_reader_sees_of_it() -> None:
    source = read(PAGE.encode())
    assert source.text == "Offer 17\nA blue cheese & bread\nItem | Price\nCheese | 12.75\n\nafter"
    assert source.media_type == "text/html"
    assert place(source, "12.75") == ("table 3, row 2, column 2",)
    latin = PAGE.replace("<title>", '<meta charset="iso-8859-1"><title>').replace("blue", "bl\xe9u")
    assert "bl\xe9u" in read(latin.encode("latin-1")).text


@pytest.mark.slow
def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    source = read(book())
    assert (source.text, source.media_type) == ("The beginning\nThe end", "application/epub+zip")
    assert place(source, "end") == ("chapter 2, paragraph 1",)


@pytest.mark.slow
def test_a_mail_has_its_attachments_as_documents_of_their_own() -> None:
    data = mail(
        (invoice().pdf(), "application/pdf", "../invoice.pdf"),
        (b"%PDF-1.7 broken", "application/pdf", "broken.pdf"),
        html=True,
    )
    source = read(bytes(data))
    head = "From: Ada <ada@example.org>\nTo: b@example.org\nSubject: Grüße, 3 €\n\n"
    assert source.text.startswith(head + "The rent is 950 €.")
    assert source.text.count("950") == 1
    assert place(source, "950") == ("body, paragraph 1",)
    first, broken = source.attachments
    assert (first.name, first.media_type, bool(first.pages)) == ("../invoice.pdf", "application/pdf", True)
    assert "INV-2031" in first.text
    assert (broken.text, "cannot be opened" in broken.problem) == ("", True)


@pytest.mark.slow
def test_a_message_of_outlook_is_read_with_its_attachments() -> None:
    source = read(MESSAGE)
    assert source.text == (
        'From: "Ada" <ada@example.org>\nTo: Bob <bob@example.org>\nDate: 2026-05-03 10:30:00+00:00\n'
        "Subject: Grüße, 3 €\n\nThe rent is 950 €.\nYours, Ada\nAttachment: note.txt\nAttachment: Earlier.msg"
    )
    assert (source.media_type, place(source, "950")) == ("application/vnd.ms-outlook", ("body",))
    note, earlier = source.attachments
    assert (note.name, note.text) == ("note.txt", "The key is under the mat.\n")
    assert (earlier.text, "a message within a message" in earlier.problem) == ("", True)


@pytest.mark.slow
def test_mails_within_mails_end_somewhere() -> None:
    inner = mail()
    for _ in range(9):
        outer = mail()
        outer.add_attachment(inner)
        inner = outer
    found, depth = read(bytes(inner)), 0
    while found.attachments:
        (found,), depth = found.attachments, depth + 1
    assert depth == 4
    assert "deeper ones are not read" in found.problem


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (lambda: letter()[:2000] + b"word/document.xml", "damaged"),
        (lambda: zipped(word__document_xml="<nothing/>"), "damaged"),
        (bomb, "too_large"),
        (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unknown"),
        (lambda: b"<html><body><script>only()</script></body></html>", "empty"),
        (lambda: zipped(META_INF__x="", **{"META-INF__container_xml": "<!DOCTYPE"}), "damaged"),
    ],
)
def test_what_can_not_be_read_has_a_name(made: Callable[[], bytes], kind: str) -> None:
    with pytest.raises(UnreadableSource) as caught:
        read(made())
    assert caught.value.kind == kind, caught.value


TAGS = st.sampled_from(
    ["<table>", "</table>", "<tr>", "<td>", "</td>", "<p>", "</p>", "<script>", "</script>", "<br>"]
)


@pytest.mark.slow
@given(st.lists(TAGS | st.text("ab &<", max_size=3), max_size=30))
@settings(max_examples=100)
def test_any_markup_gives_passages_that_stand_in_their_text(pieces: list[str]) -> None:
    text, layout = composed_passages(web.html("".join(pieces).encode()))
    ends = 0
    for section in layout.sections:
        assert ends <= section.start < section.end <= len(text)
        ends = section.end
