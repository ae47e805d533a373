"""Diagrams and pictures of Office files: their texts are read, where they stand or behind the text."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

import pytest
from docx import Document
from docx.shared import Inches
from openpyxl import Workbook
from openpyxl.drawing.image import Image as SheetImage
from pptx import Presentation

from extractor import UnreadableSource, read
from extractor.readers.drawings import PICTURES, diagram, pictures
from extractor.readers.kinds import DOCX, PPTX, XLSX
from tests.readers.drawing import file_of, receipt
from tests.readers.writing import presentation, saved

DIAGRAMS = "http://schemas.openxmlformats.org/drawingml/2006/diagram"
RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
POINTS = {"1": "Board", "2": "Sales", "3": "North", "4": "Works"}
INNER = [("0", "1", 0), ("1", "2", 0), ("1", "4", 1), ("2", "3", 0)]


def data_model(inner: list[tuple[str, str, int]] = INNER) -> str:
    """Return the data of an organisation chart, its points not in their order."""
    points = "".join(
        f"<d:pt modelId='{key}'><d:t><a:bodyPr/><a:p><a:r><a:t>{said}</a:t></a:r></a:p></d:t></d:pt>"
        for key, said in sorted(POINTS.items(), reverse=True)
    )
    lines = "".join(f"<d:cxn srcId='{one}' destId='{two}' srcOrd='{at}'/>" for one, two, at in inner)
    return (
        f"<d:dataModel xmlns:d='{DIAGRAMS}' xmlns:a='http://schemas.openxmlformats.org/drawingml/2006/main'>"
        f"<d:ptLst>{points}<d:pt modelId='0' type='doc'/><d:pt modelId='9' type='pres'>"
        "<d:t><a:p><a:r><a:t>no</a:t></a:r></a:p></d:t></d:pt></d:ptLst>"
        f"<d:cxnLst>{lines}<d:cxn srcId='0' destId='9' type='presOf'/></d:cxnLst></d:dataModel>"
    )


def with_part(
    data: bytes, holder: str, place: str, content: str, markup: tuple[str, str] = ("", "")
) -> bytes:
    """Return an archive with one part more that another one names. markup: what is changed in that one."""
    folder, _, name = holder.rpartition("/")
    relations = f"{folder}/_rels/{name}.rels"
    new = f"<Relationship Id='rIdD' Type='{RELATION}/diagramData' Target='/{place}'/></Relationships>"
    file = BytesIO()
    with ZipFile(BytesIO(data)) as archive, ZipFile(file, "w") as made:
        for each in archive.namelist():
            told = archive.read(each).decode("latin-1")
            told = told.replace("</Relationships>", new) if each == relations else told
            told = told.replace(*markup, 1) if each == holder and markup[0] else told
            made.writestr(each, told.encode("latin-1"))
        made.writestr(place, content)
    return file.getvalue()


def test_a_diagram_is_read_from_its_top_each_level_indented() -> None:
    found = diagram(ElementTree.fromstring(data_model()))
    assert found.splitlines() == ["Board", "  Sales", "    North", "  Works"]


def test_a_diagram_that_goes_round_in_circles_ends_and_loses_nothing() -> None:
    found = diagram(ElementTree.fromstring(data_model([("1", "2", 0), ("2", "1", 0)])))
    assert sorted(line.strip() for line in found.splitlines()) == ["Board", "North", "Sales", "Works"]


def test_diagrams_of_word_stand_where_they_are() -> None:
    document = Document()
    for text in ("Before", "Here", "After"):
        document.add_paragraph(text)
    mark = (
        f"<w:r><w:drawing><d:relIds xmlns:d='{DIAGRAMS}' xmlns:r='{RELATION}' r:dm='rIdD'/></w:drawing></w:r>"
    )
    data = with_part(
        saved(document),
        "word/document.xml",
        "word/diagrams/data1.xml",
        data_model(),
        ("<w:t>Here</w:t></w:r>", f"<w:t>Here</w:t></w:r>{mark}"),
    )
    source = read(data)
    assert source.text.split() == ["Before", "Here", "Board", "Sales", "North", "Works", "After"]
    at = source.text.index("North")
    assert source.sections(at, at + 5) == ("paragraph 2, diagram 1",)


def test_diagrams_of_a_slide_are_read() -> None:
    data = with_part(presentation(), "ppt/slides/slide1.xml", "ppt/diagrams/data1.xml", data_model())
    assert "Board\n  Sales\n    North\n  Works" in read(data).text


def scan() -> BytesIO:
    picture, _ = receipt(["Corner Cafe", "Total 12.50"])
    return BytesIO(file_of(picture))


def in_word(*texts: str) -> bytes:
    document = Document()
    for text in texts:
        document.add_paragraph(text)
    document.add_picture(scan(), width=Inches(4))
    return saved(document)


def test_pictures_beside_text_are_noted_and_not_recognised() -> None:
    source = read(in_word("Dear Ms Lovelace,"))
    assert (source.text, source.notes) == ("Dear Ms Lovelace,", (PICTURES,))


@pytest.mark.slow
def test_pictures_beside_text_are_recognised_where_that_is_asked_for() -> None:
    source = read(in_word("Dear Ms Lovelace,"), ocr="always")
    assert source.text.splitlines() == ["Dear Ms Lovelace,", "Corner Cafe", "Total 12.50"]
    at = source.text.index("12.50")
    assert (source.sections(at, at + 5), source.notes) == (("picture 1",), ())


@pytest.mark.slow
def test_a_file_that_is_only_a_scan_is_recognised() -> None:
    assert "Total 12.50" in read(in_word()).text
    with pytest.raises(UnreadableSource, match="has no words in it; pictures in it are not read"):
        read(in_word(), ocr="never")


def of_slides() -> bytes:
    show: Any = Presentation()
    for _ in range(2):
        slide = show.slides.add_slide(show.slide_layouts[6])
        slide.shapes.add_picture(scan(), 0, 0)
    return saved(show)


def of_sheet() -> bytes:
    book = Workbook()
    book.active.append(["Item"])
    book.active.add_image(SheetImage(scan()), "C3")
    return saved(book)


@pytest.mark.parametrize(
    ("data", "kind", "names"),
    [
        (in_word(), DOCX, ["picture 1"]),
        (of_slides(), PPTX, ["slide 1, picture 1"]),  # both show the same one
        (of_sheet(), XLSX, ["picture 1"]),
    ],
)
def test_pictures_have_names_and_are_told(data: bytes, kind: str, names: list[str]) -> None:
    assert [each.name for each in pictures(data, kind)] == names
    if kind == XLSX:
        assert read(data).notes == (PICTURES,)
