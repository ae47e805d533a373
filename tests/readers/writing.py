"""Documents without pages, written for the tests: Word, Excel, PowerPoint, EPUB, HTML and mail."""

from __future__ import annotations

import zipfile
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from typing import Any

from docx import Document
from openpyxl import Workbook
from pptx import Presentation
from pptx.util import Inches

MESSAGE = Path(__file__).with_name("message.msg")  # see message.md


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


def workbook() -> bytes:
    book = Workbook()
    book.active.title = "Costs"
    book.active.append(["Item", "Price"])
    book.active.append(["Cheese", 12.75])
    return saved(book)


def presentation() -> bytes:
    show = Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Results of 2026"
    table = slide.shapes.add_table(1, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    table.cell(0, 0).text, table.cell(0, 1).text = "Sales", "77 000"
    slide.notes_slide.notes_text_frame.text = "Say this slowly"
    return saved(show)


def book() -> bytes:
    package = (
        "<package><manifest><item id='a' href='a.xhtml'/><item id='b' href='b.xhtml'/></manifest>"
        "<spine><itemref idref='b'/><itemref idref='a'/></spine></package>"
    )
    return zipped(
        **{
            "META-INF__container_xml": "<container><rootfile full-path='o/p.opf'/></container>",
            "o__p_opf": package,
            "o__a_xhtml": "<html><body><p>The end</p></body></html>",
            "o__b_xhtml": "<html><body><p>The beginning</p></body></html>",
        }
    )


PAGE = """<!DOCTYPE html><html><head><title>no</title><style>p {}</style></head><body>
<h1>Offer&nbsp;17</h1><script>alert("no")</script><p>A <b>blue</b>
cheese &amp; bread</p><p hidden>secret</p>
<table><tr><th>Item</th><th>Price</th></tr><tr><td>Cheese</td><td>12.75</td></tr></table>
<img src="https://example.org/tracker.png">after</body></html>"""


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


def bomb() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 2**26)
        for number in range(9):
            archive.writestr(f"word/media/{number}", b" " * 2**26)
    return file.getvalue()
