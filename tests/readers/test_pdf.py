"""PDFs with a text layer: what stands where, held to what was drawn; and those that can't be read."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from extractor import ConfigError, UnreadableSource, pdf, read
from extractor.layout import Layout, Page, Source
from extractor.readers import pictures_of
from tests.readers.drawing import Paper, file_of, invoice, iou, rect

SHAPES: dict[str, dict[str, Any]] = {
    "upright": {},
    "cropped": {"crop": (30, 40, 590, 830)},
    "turned right": {"rotation": 90},
    "upside down": {"rotation": 180},
    "turned left and cropped": {"rotation": 270, "crop": (20, 30, 580, 820)},
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_each_value_has_its_box_where_it_was_drawn(shape: str) -> None:
    paper = invoice(**SHAPES[shape])
    source = read(paper.pdf())
    for text, (page, drawn) in paper.planted.items():
        start = source.text.index(text)
        (box,) = source.boxes(start, start + len(text))
        assert box.page == page
        assert iou(rect(box), drawn) >= 0.7, (text, box, drawn)
        assert all(0 <= fraction <= 1 for fraction in box.fractions)


@pytest.mark.slow
def test_a_page_is_read_as_a_person_reads_it() -> None:
    text = read(invoice().pdf()).text
    assert "ACME Tools Ltd\n12 High Street\nLondon E1 7AA\n\nBolt and Nut GmbH\nLange" in text
    assert "Blue cheese   4   12.75\n" in text
    assert "Total   EUR 1,250.75" in text


@pytest.mark.slow
def test_a_value_goes_over_lines_and_pages_with_a_box_for_each() -> None:
    paper = Paper()
    paper.write("The contract ends on the last day of", 60, 100)
    paper.next_page()
    paper.write("the month after notice", 60, 780)
    source = read(paper.pdf(), name="contract.pdf")
    assert source.text == "The contract ends on the last day of\n\nthe month after notice"
    boxes = source.boxes(source.text.index("last"), source.text.index("after"))
    assert [box.page for box in boxes] == [1, 2]
    assert [(page.number, source.text[page.start : page.end][:5]) for page in source.pages] == [
        (1, "The c"),
        (2, "the m"),
    ]
    assert (source.name, source.media_type) == ("contract.pdf", "application/pdf")


@pytest.mark.slow
def test_a_part_of_a_word_has_a_box_of_its_own() -> None:
    paper = Paper()
    paper.write("Sum:1250.75", 60, 700, 20)
    source = read(paper.pdf())
    start = source.text.index("1250.75")
    whole, part = source.boxes(0, 11)[0], source.boxes(start, start + 7)[0]
    assert whole.left < part.left
    assert (part.right, part.top, part.bottom) == (whole.right, whole.top, whole.bottom)


@pytest.mark.slow
def test_form_fields_and_notes_are_read_where_they_stand() -> None:
    file = BytesIO()
    canvas = Canvas(file, pagesize=(300, 200))
    canvas.drawString(20, 150, "Town")
    canvas.acroForm.textfield(name="town", value="Springfield West", x=80, y=145, width=120, height=20)
    canvas.acroForm.checkbox(name="paid", checked=True, x=20, y=100, size=15)
    canvas.acroForm.checkbox(name="sent", checked=False, x=60, y=100, size=15)
    canvas.textAnnotation("Call back on Monday", Rect=(200, 20, 290, 40))
    canvas.save()
    source = read(file.getvalue())
    assert source.text.split() == [
        "Town",
        "Springfield",
        "West",
        "[x]",
        "[",
        "]",
        "Call",
        "back",
        "on",
        "Monday",
    ]
    start = source.text.index("Springfield")
    (box,) = source.boxes(start, start + len("Springfield West"))
    assert iou(rect(box), (80, 35, 200, 55)) > 0.8


@pytest.mark.slow
def test_ligatures_and_hyphens_are_letters() -> None:
    paper = Paper(size=(300, 100))
    paper.write("an inspec-", 20, 70)
    paper.write("tion of all", 20, 56)
    assert read(paper.pdf()).text == "an inspec-\ntion of all"


@pytest.mark.slow
def test_a_raised_figure_is_no_digit_of_the_number_before_it() -> None:
    paper = Paper()
    for text, x, y, size in (
        ("Total 100", 50, 700, 12),
        ("1", 104, 705, 7),
        ("EUR 12", 50, 650, 12),
        ("50", 93, 655, 7),
    ):
        paper.write(text, x, y, size)
    assert read(paper.pdf()).text == "Total 100 1\nEUR 12 50"


@pytest.mark.slow
def test_cells_of_a_table_on_its_side_are_apart() -> None:
    paper = Paper()
    for number in range(3):
        for text, y in ((f"Item {number}", 100), (f"{number}.50", 400)):
            paper.write(text, 300 + 20 * number, y, turn=90)
    assert read(paper.pdf()).text == "Item 0   0.50\nItem 1   1.50\nItem 2   2.50"


@pytest.mark.slow
def test_an_encrypted_file_needs_its_password() -> None:
    paper = Paper(password="sesame")
    paper.write("Total 12.50", 60, 700)
    data = paper.pdf()
    assert read(data, password="sesame").text == "Total 12.50"
    for password in (None, "wrong"):
        with pytest.raises(UnreadableSource, match="password") as caught:
            read(data, password=password)
        assert caught.value.kind == "encrypted"


@pytest.mark.slow
def test_pages_are_chosen_by_their_numbers() -> None:
    paper = Paper()
    for word in ("one", "two", "three"):
        paper.write(word, 60, 700)
        paper.next_page()
    data = paper.pdf()
    source = read(data, pages=[3, 1])
    assert (source.text, [page.number for page in source.pages]) == ("three\n\none", [3, 1])
    assert source.boxes(0, 5)[0].page == 3
    with pytest.raises(UnreadableSource, match="no page 9: the PDF has pages 1 to"):
        read(data, pages=[9])


@pytest.mark.slow
def test_a_page_that_is_a_picture_says_so_where_it_is_not_to_be_read() -> None:
    paper = Paper()
    paper.write("The first page", 60, 700)
    paper.next_page()
    paper.canvas.drawInlineImage(Image.new("RGB", (40, 40), "gray"), 0, 0, 595, 842)
    source = read(paper.pdf(), ocr="never")
    assert [(page.read, bool(page.note)) for page in source.pages] == [("text", False), ("unread", True)]
    with pytest.raises(UnreadableSource, match="page 1: there is no text in it, only a picture") as caught:
        read(file_of(Image.new("RGB", (40, 40), "gray"), "PDF"), ocr="never")
    assert caught.value.kind == "unread"


@pytest.mark.slow
def test_the_text_of_parts_is_that_of_the_source() -> None:
    data = invoice().pdf()
    (part,) = pdf(data, as_="text")
    assert part["text"] == read(data).text


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"%PDF-1.7\nnothing of it", "damaged"),
        (invoice().pdf()[:900], "damaged"),
        (b"\x00\x01\x02\xff\xfe\xfd", "unknown"),
        (b" \n ", "empty"),
    ],
)
def test_what_can_not_be_read_has_a_name(data: bytes, kind: str) -> None:
    with pytest.raises(UnreadableSource) as caught:
        read(data)
    assert caught.value.kind == kind


@pytest.mark.slow
def test_what_a_file_is_stands_in_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "lies.png").write_bytes(invoice().pdf())
    assert "INV-2031" in read(tmp_path / "lies.png").text
    (tmp_path / "note.pdf").write_text("Total 12.50")
    note = "note.pdf is named .pdf, but holds plain text"
    assert read(str(tmp_path / "note.pdf")) == Source("Total 12.50", name="note.pdf", notes=(note,))
    with pytest.raises(UnreadableSource, match="there is no file") as caught:
        read(tmp_path / "none.pdf")
    assert caught.value.kind == "missing"
    for wrong in (3, None):
        with pytest.raises(ConfigError, match="a document must be a path or bytes"):
            read(wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="ocr must be"):
        read(b"a", ocr="maybe")  # type: ignore[arg-type]


@pytest.mark.slow
def test_pages_of_several_sizes_are_drawn_in_their_order() -> None:
    document = pypdfium2.PdfDocument.new()
    for number in range(60):
        document.new_page(*((300, 200) if number % 7 == 3 else (200, 300)))
    file = BytesIO()
    document.save(file)
    layout = Layout(
        tuple(Page(number + 1, *((300, 200) if number % 7 == 3 else (200, 300))) for number in range(60))
    )
    found = pictures_of(Source("x", layout, "a.pdf", "application/pdf", file.getvalue()), side=60)
    sizes = {number: Image.open(BytesIO(each)).size for number, each in found.items()}
    assert list(sizes) == list(range(1, 61))
    assert {number for number, (width, height) in sizes.items() if width > height} == set(range(4, 61, 7))
