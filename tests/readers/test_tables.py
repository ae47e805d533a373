"""Tables of PDFs, and the forms in which a document's text can reach a model; boxes are right in each."""

from __future__ import annotations

import json
import re
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import Chunks, ConfigError, Extractor, Run, UnreadableSource, read
from extractor.readers.choices import TextForm
from extractor.readers.composing import Passage, ReadPage, composed, composed_passages
from extractor.readers.order import PlacedText
from extractor.readers.ruled import MOST_LINES, Rule, blocks_of
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from tests.readers.drawing import HEIGHT, Paper, bill, grid, invoice, iou, receipt, rect

FORMS: tuple[TextForm, ...] = ("plain", "layout", "markdown")


BILL = bill()
DATA = BILL.pdf()
ROWS = [
    ["Item", "Count", "Price"],
    ["Blue cheese, ripe and from the north", "4", "12.75"],
    ["Office chair", "", "99.00"],
]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "markdown"])
def test_a_cell_with_several_lines_is_one_piece_of_the_text_and_a_box_for_each(form: TextForm) -> None:
    source = read(DATA, text_form=form)
    (table,) = source.tables
    assert table.cells(source.text) == ROWS
    boxes = source.boxes(*table.rows[1][0])
    assert [iou(rect(box), BILL.planted[text][1]) > 0.7 for box, text in zip(
        boxes, ("Blue cheese, ripe and", "from the north"), strict=True
    )] == [True, True]  # fmt: skip


@pytest.mark.slow
def test_a_text_has_its_form() -> None:
    plain, layout, markdown = (read(DATA, text_form=form).text for form in FORMS)
    assert "Blue cheese, ripe and from the north   4   12.75\nOffice chair   99.00" in plain
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert rows == [
        "| Item | Count | Price |",
        "| --- | --- | --- |",
        "| Blue cheese, ripe and from the north | 4 | 12.75 |",
        "| Office chair |  | 99.00 |",
    ]
    lines = layout.splitlines()
    price = next(line.index("Price") for line in lines if "Price" in line)
    assert abs(next(line.index("99.00") for line in lines if "99.00" in line) - price) <= 1
    assert next(line for line in lines if "Total" in line).split() == ["Total", "150.00"]
    assert "Paid" in plain and "Paid" in markdown and "Paid" in layout  # noqa: PT018


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("shape", [{}, {"rotation": 90, "crop": (20, 30, 580, 820)}])
def test_every_planted_text_has_its_box_in_each_form(form: TextForm, shape: dict[str, Any]) -> None:
    paper = invoice(**shape)
    source = read(paper.pdf(), text_form=form)
    for text, (page, planted) in paper.planted.items():
        at = re.search(r"\s+".join(map(re.escape, text.split())), source.text)
        assert at, text
        (box,) = source.boxes(*at.span())
        assert (box.page, iou(rect(box), planted) > 0.5) == (page, True), text


@pytest.mark.slow
def test_tables_without_lines_are_known_by_their_columns() -> None:
    (table,) = (source := read(invoice().pdf())).tables
    assert table.cells(source.text) == [
        ["Item", "Qty", "Price"],
        ["Latte", "17", "3.50"],
        ["Blue cheese", "4", "12.75"],
    ]


@pytest.mark.slow
def test_a_cell_over_two_columns_is_one() -> None:
    paper = Paper()
    for x in (60, 300):
        paper.canvas.line(x, 700, x, 640)
    paper.canvas.line(180, 680, 180, 640)  # not through the head
    for y in (700, 680, 660, 640):
        paper.canvas.line(60, y, 300, y)
    for (x, y), text in {
        (70, 685): "Both columns",
        (70, 665): "a",
        (190, 665): "b",
        (70, 645): "c",
        (190, 645): "d",
    }.items():
        paper.write(text, x, y, 10)
    (table,) = (source := read(paper.pdf())).tables
    assert table.cells(source.text) == [["Both columns", ""], ["a", "b"], ["c", "d"]]


class Delivery(BaseModel):
    number: str
    town: str


class Ledger(BaseModel):
    deliveries: list[Delivery]


def deliver(request: ReceivedRequest) -> Scripted:
    text = json.loads(request.body)["messages"][-1]["content"]
    return reply(
        {"deliveries": [{"number": n, "town": t} for n, t in re.findall(r"\| (D-\d+) \| (\w+) \|", text)]}
    )


@pytest.mark.slow
def test_a_table_over_three_pages_is_one_list() -> None:
    pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
    paper, towns = Paper(), ("Ghent", "Lund", "Turin")
    for page in range(3):
        if page:
            paper.next_page()
        grid(paper, [60, 160, 300], [780.0 - 20 * i for i in range(32)])
        for row in range(31):
            number = page * 30 + row
            first, second = ("Number", "Town") if row == 0 else (f"D-{number:03}", towns[number % 3])
            paper.write(first, 65, 766 - 20 * row, 10)
            paper.write(second, 165, 766 - 20 * row, 10)
    source = read(paper.pdf(), text_form="markdown")
    assert [len(table.rows) for table in source.tables] == [31, 31, 31]
    with ChatServer(deliver) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.document(Ledger, source, chunks=Chunks(size=1_000), run=Run(journal=False))
    numbers = [each.number for each in result.unwrap().deliveries]
    assert numbers == [f"D-{page * 30 + row:03}" for page in range(3) for row in range(1, 31)]
    (box,) = result.boxes["/deliveries/89/number"]
    assert (box.page, iou(rect(box), paper.planted["D-090"][1]) > 0.7) == (3, True)


PIECES = st.builds(
    lambda text, x, y, w, h, turned: PlacedText(
        text, x, y, x + w, y + h, angle=90.0 * turned, vertical=turned
    ),
    st.text("ab|7", min_size=1, max_size=5),
    st.floats(0, 500),
    st.floats(0, 700),
    st.floats(0.1, 90),
    st.floats(0.1, 30),
    st.booleans(),
)
RULES = st.lists(st.builds(Rule, st.floats(0, 700), st.floats(0, 300), st.floats(300, 700)), max_size=8)


@pytest.mark.slow
@given(st.lists(PIECES, max_size=25), RULES, RULES, st.sampled_from(FORMS))
def test_each_word_is_written_once_and_stands_where_it_says(
    pieces: list[PlacedText], level: list[Rule], upright: list[Rule], form: TextForm
) -> None:
    page = ReadPage(1, 600, 800, blocks=blocks_of(pieces, level, upright))
    assert ReadPage.of_json(json.loads(json.dumps(page.to_json()))) == page
    text, layout = composed([page, page], form)
    assert sorted(text[word.start : word.end] for word in layout.words) == sorted(
        [p.text for p in pieces] * 2
    )
    assert all(
        before.end <= after.start for before, after in zip(layout.words, layout.words[1:], strict=False)
    )
    assert all(
        table.start <= low <= high <= table.end
        for table in layout.tables
        for row in table.rows
        for low, high in row
    )


def test_a_drawing_of_many_lines_is_no_table_and_takes_no_time() -> None:
    rules = [Rule(i * 2.0, 0, 600) for i in range(MOST_LINES + 1)]
    (block,) = blocks_of([PlacedText("word", 10, 10, 50, 20)], rules, rules)
    assert block.rows == ()


def test_tables_of_office_files_are_markdown_too() -> None:
    cells = ((("Item", "A1"), ("Price", "B1")), (("Tea", "A2"), ("2.50", "B2")))
    text, layout = composed_passages([Passage("Prices"), Passage("", cells=cells)], "markdown")
    assert text == "Prices\n| Item | Price |\n| --- | --- |\n| Tea | 2.50 |\n"
    assert layout.tables[0].cells(text) == [["Item", "Price"], ["Tea", "2.50"]]


class Total(BaseModel):
    total: float


@pytest.mark.slow
def test_a_model_that_sees_is_shown_the_page_and_evidence_is_of_the_text() -> None:
    source = read(DATA, page_images=True)
    with ChatServer([reply({"total": 150})]) as server, Extractor("m", base_url=server.base_url) as ex:
        result = ex.run(Total, source)
    text, image = json.loads(server.requests[0].body)["messages"][-1]["content"]
    assert text == {"type": "text", "text": source.text}
    assert image["image_url"]["url"].startswith("data:image/png;base64,")
    assert (result.source, result.origin) == (source.text, source)
    assert iou(rect(result.boxes["/total"][0]), BILL.planted["150.00"][1]) > 0.7


@pytest.mark.slow
def test_pictures_of_pages_are_not_sent_where_something_is_masked() -> None:
    source = read(DATA, page_images=True)
    with ChatServer() as server, Extractor("m", base_url=server.base_url) as ex:
        with pytest.raises(ConfigError, match="can't mask pictures of pages"):
            ex.run(Total, source, mask=["email"])
        assert server.requests == ()


@pytest.mark.slow
def test_each_chunk_of_a_long_document_comes_with_its_own_pages() -> None:
    pytest.importorskip("semantic_text_splitter", reason="needs the `long` extra")
    paper = Paper()
    for page in range(2):
        for row in range(20):
            paper.write(f"Line {row} of page {page} says nothing at all.", 60, 780 - 20 * row)
        if page == 0:
            paper.next_page()
    source = read(paper.pdf(), page_images=True)
    assert len(source.images) == 2
    assert len(source.part(0, 10).images) == 1
    with (
        ChatServer([reply({"total": 1})], repeat_last=True) as server,
        Extractor("m", base_url=server.base_url) as ex,
    ):
        ex.document(Total, source, chunks=Chunks(size=900, overlap=0), run=Run(journal=False))
    contents = [json.loads(request.body)["messages"][-1]["content"] for request in server.requests]
    assert all({part["type"] for part in content} == {"text", "image_url"} for content in contents)


@pytest.mark.slow
def test_it_is_told_how_far_reading_is() -> None:
    paper, told = Paper(), list[tuple[int, int]]()
    for page in range(3):
        paper.write(f"Page {page}", 60, HEIGHT / 2)
        if page < 2:
            paper.next_page()
    read(paper.pdf(), on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_it_is_told_of_recognised_pages_too() -> None:
    picture, _ = receipt(["Total 12.50"])
    data, told = BytesIO(), list[tuple[int, int]]()
    picture.save(data, "TIFF", save_all=True, append_images=[picture.copy()])
    read(data.getvalue(), on_progress=lambda done, total: told.append((done, total)))
    assert told == [(1, 2), (2, 2)]


@pytest.mark.slow
def test_pictures_are_of_a_hundred_pages_at_most() -> None:
    paper = Paper()
    for page in range(101):
        if page:
            paper.next_page()
        paper.write(f"Page {page}", 60, 700)
    data = paper.pdf()
    with pytest.raises(ConfigError, match="at most 100 pages, and these are 101: give pages="):
        read(data, page_images=True)
    assert len(read(data, page_images=True, pages=[101]).images) == 1


def test_unknown_forms_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"text_form must be one of .* not 'html'"):
        read(DATA, text_form="html")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="page_images must be one of True, False, not 'images'"):
        read(DATA, page_images="images")  # type: ignore[arg-type]


@pytest.mark.slow
def test_photos_of_phones_in_heic_are_read() -> None:
    heif = pytest.importorskip("pillow_heif", reason="needs the `heic` extra")
    picture, planted = receipt(["Total 12.50"])
    data = BytesIO()
    heif.from_pillow(picture).save(data)
    source = read(data.getvalue())
    assert (source.media_type, source.text) == ("image/heic", "Total 12.50")
    assert iou(rect(source.boxes(6, 11)[0]), planted["12.50"]) > 0.5


@pytest.mark.slow
def test_a_damaged_heic_is_a_clear_error() -> None:
    pytest.importorskip("pillow_heif", reason="needs the `heic` extra")
    with pytest.raises(UnreadableSource) as caught:
        read(b"\0\0\0\x18ftypheic" + bytes(200))
    assert caught.value.kind == "damaged"
