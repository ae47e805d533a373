"""Word, Excel, PowerPoint, HTML, EPUB and mail: their text, and the place of each piece of it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

from extractor import Source, UnreadableSource, read
from extractor.readers import web
from extractor.readers.composing import composed_passages
from tests.readers.drawing import invoice


def saved(document: Any) -> bytes:
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def zipped(**parts: str) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return file.getvalue()


def place(source: Source, words: str) -> tuple[str, ...]:
    start = source.text.index(words)
    return source.sections(start, start + len(words))


def letter() -> bytes:
    document = Document()
    document.add_paragraph("Dear Ms Lovelace,")
    document.add_paragraph("")
    document.add_paragraph("the rent is EUR 950.")
    table = document.add_table(rows=2, cols=2)
    for row, cells in zip(table.rows, (("Item", "Price"), ("Rent", "950.00")), strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    document.add_paragraph("Yours, B. Landlord")
    document.sections[0].header.paragraphs[0].text = "Landlord & Sons"
    return saved(document)


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
    assert source.text == "Costs\nItem\n | 12.5 | TRUE\n\nMore"
    assert place(source, "12.5") == ("Costs!B3",)


def test_slides_are_read_with_their_tables_and_notes() -> None:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Results of 2026"
    table = slide.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "Sales", "77 000"
    slide.notes_slide.notes_text_frame.text = "Say this slowly"
    source = read(saved(show))
    assert source.text == "Results of 2026\n\nSales | 77 000\n\nSay this slowly"
    assert (place(source, "77 000"), place(source, "slowly")) == (("slide 1",), ("slide 1, notes",))


PAGE = """<!DOCTYPE html><html><head><title>no</title><style>p {}</style></head><body>
<h1>Offer&nbsp;17</h1><script>alert("no")</script><p>A <b>blue</b>
cheese &amp; bread</p><p hidden>secret</p>
<table><tr><th>Item</th><th>Price</th></tr><tr><td>Cheese</td><td>12.75</td></tr></table>
<img src="https://example.org/tracker.png">after</body></html>"""


def test_a_web_page_is_what_a_reader_sees_of_it() -> None:
    source = read(PAGE.encode())
    assert source.text == "Offer 17\nA blue cheese & bread\nItem | Price\nCheese | 12.75\n\nafter"
    assert source.media_type == "text/html"
    assert place(source, "12.75") == ("table 3, row 2, column 2",)
    latin = PAGE.replace("<title>", '<meta charset="iso-8859-1"><title>').replace("blue", "bl\xe9u")
    assert "bl\xe9u" in read(latin.encode("latin-1")).text


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    package = (
        "<package><manifest><item id='a' href='a.xhtml'/><item id='b' href='b.xhtml'/></manifest>"
        "<spine><itemref idref='b'/><itemref idref='a'/></spine></package>"
    )
    source = read(
        zipped(
            **{
                "META-INF__container_xml": "<container><rootfile full-path='o/p.opf'/></container>",
                "o__p_opf": package,
                "o__a_xhtml": "<html><body><p>The end</p></body></html>",
                "o__b_xhtml": "<html><body><p>The beginning</p></body></html>",
            }
        )
    )
    assert (source.text, source.media_type) == ("The beginning\nThe end", "application/epub+zip")
    assert place(source, "end") == ("chapter 2, paragraph 1",)


def mail(*attached: tuple[bytes, str, str], html: bool = False) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = (
        "Ada <ada@example.org>",
        "b@example.org",
        "Grüße, 3 €",
    )
    message["MIME-Version"] = "1.0"
    message.set_content("The rent is 950 €.", cte="base64")
    if html:
        message.add_alternative("<p>The rent is 950 €.</p>", subtype="html")
    for data, kind, name in attached:
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message


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
    assert place(source, "950") == ("body",)
    first, broken = source.attachments
    assert (first.name, first.media_type, bool(first.pages)) == ("../invoice.pdf", "application/pdf", True)
    assert "INV-2031" in first.text
    assert (broken.text, "cannot be opened" in broken.problem) == ("", True)


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


def bomb() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 2**26)
        for number in range(9):
            archive.writestr(f"word/media/{number}", b" " * 2**26)
    return file.getvalue()


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


@given(st.lists(TAGS | st.text("ab &<", max_size=3), max_size=30))
@settings(max_examples=100)
def test_any_markup_gives_passages_that_stand_in_their_text(pieces: list[str]) -> None:
    text, layout = composed_passages(web.html("".join(pieces).encode()))
    ends = 0
    for section in layout.sections:
        assert ends <= section.start < section.end <= len(text)
        ends = section.end
