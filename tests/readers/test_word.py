"""Word: what stands on a page is read, wherever the file keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from docx import Document
from docx.oxml import parse_xml
from hypothesis import given
from hypothesis import strategies as st

from extractor import read
from extractor.readers.composing import Passage
from extractor.readers.kinds import DOCX, kind_of
from extractor.readers.numbering import written
from extractor.readers.word import word
from tests.readers.writing import saved

SPACES = " ".join(
    f'xmlns:{short}="http://schemas.{place}"'
    for short, place in {
        "w": "openxmlformats.org/wordprocessingml/2006/main",
        "mc": "openxmlformats.org/markup-compatibility/2006",
        "m": "openxmlformats.org/officeDocument/2006/math",
        "w14": "microsoft.com/office/word/2010/wordml",
        "v": "microsoft.com/vml",
    }.items()
)


def element(markup: str) -> Any:
    return parse_xml(
        markup.replace(">", f" {SPACES}>", 1) if "/>" not in markup.split(">")[0] + ">" else markup
    )


def run(text: str) -> str:
    return f"<w:r><w:t xml:space='preserve'>{text}</w:t></w:r>"


def paragraph(*pieces: str) -> bytes:
    """Return a document of one paragraph. pieces: of WordprocessingML."""
    document = Document()
    document.element.body.insert(0, element(f"<w:p>{''.join(pieces)}</w:p>"))
    return saved(document)


def texts(data: bytes) -> list[str]:
    return [each.text for each in word(data)]


def changed(data: bytes, **parts: tuple[str, str]) -> bytes:
    """Return an archive with the first string of each pair as the second. parts: by a piece of the name."""
    file = BytesIO()
    with ZipFile(BytesIO(data)) as archive, ZipFile(file, "w") as made:
        for name in archive.namelist():
            part = archive.read(name)
            for wanted, (before, after) in parts.items():
                part = part.replace(before.encode(), after.encode()) if wanted in name else part
            made.writestr(name, part)
    return file.getvalue()


FIELD = "<w:r><w:fldChar w:fldCharType='{}'/></w:r>"
BOX = "<w:txbxContent><w:p><w:r><w:t>PO 4711</w:t></w:r></w:p></w:txbxContent>"


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        (("EUR ", "<w:del><w:r><w:delText>900</w:delText></w:r></w:del>", f"<w:ins>{run('950')}</w:ins>"),
         "EUR 950"),
        ((f"<w:sdt><w:sdtContent>{run('Acme')}</w:sdtContent></w:sdt>", " GmbH"), "Acme GmbH"),
        ((f"<w:fldSimple w:instr='DOCPROPERTY No'>{run('C-17')}</w:fldSimple>",), "C-17"),
        (
            (
                FIELD.format("begin"),
                "<w:r><w:instrText>IF </w:instrText></w:r>",
                *(FIELD.format("begin"), FIELD.format("separate"), run("condition"), FIELD.format("end")),
                *(FIELD.format("separate"), run("result"), FIELD.format("end")),
            ),
            "result",
        ),
        (("<w:r><w:fldChar w:fldCharType='begin'><w:ffData><w:checkBox><w:checked/></w:checkBox></w:ffData>"
          "</w:fldChar></w:r>", FIELD.format("end"), " agreed"), "[x] agreed"),
        (("<w:sdt><w:sdtPr><w14:checkbox><w14:checked w14:val='0'/></w14:checkbox></w:sdtPr><w:sdtContent>"
          f"{run('☐')}</w:sdtContent></w:sdt>", " agreed"), "[ ] agreed"),
        (("<w:r><w:sym w:font='Wingdings' w:char='F0FE'/></w:r>", " yes"), "[x] yes"),
        (("<w:smartTag>", run("12 High Street"), "</w:smartTag>"), "12 High Street"),
        (("<m:oMath><m:f><m:num><m:r><m:t>1</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f></m:oMath>",
          " kg"), "1/2 kg"),
        (("x<w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r>", "y"), "xy"),
        (("<w:sdt><w:sdtPr><w:showingPlcHdr/></w:sdtPr><w:sdtContent>", run("Click to enter a date"),
          "</w:sdtContent></w:sdt>", "Date:"), "Date:"),
    ],
)  # fmt: skip
def test_the_text_of_a_paragraph_is_what_its_page_shows(pieces: tuple[str, ...], said: str) -> None:
    wrapped = [piece if piece.startswith("<") else run(piece) for piece in pieces]
    assert texts(paragraph(*wrapped))[0] == said


@pytest.mark.slow
def test_what_is_left_out_is_noted() -> None:
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r>"
    source = read(paragraph("<w:del><w:r><w:delText>900</w:delText></w:r></w:del>", hidden, run("950")))
    assert source.text == "950"
    assert source.notes == (
        "tracked changes are read as if they were accepted: what is deleted is left out",
        "hidden text is left out",
    )
    assert source.part(0, 2).notes == source.notes


@pytest.mark.slow
def test_a_box_of_text_is_read_once_after_the_paragraph_that_holds_it() -> None:
    forms = f"<mc:Choice>{BOX}</mc:Choice><mc:Fallback>{BOX}</mc:Fallback>"
    choice = f"<mc:AlternateContent>{forms}</mc:AlternateContent>"
    assert texts(paragraph(run("See box"), f"<w:r>{choice}</w:r>")) == ["See box", "PO 4711"]
    names = [
        each.name for each in word(paragraph(f"<w:r><w:pict><v:textbox>{BOX}</v:textbox></w:pict></w:r>"))
    ]
    assert names == ["paragraph 1, text box 1, paragraph 1"]


def test_paragraphs_of_lists_have_their_numbers() -> None:
    document = Document()
    for text, style in (("Scope", ""), ("Term", ""), ("Twelve months", " 2"), ("Notice", " 2"), ("Law", "")):
        document.add_paragraph(text, style=f"List Number{style}")
    document.add_paragraph("Keys", style="List Bullet")
    assert texts(saved(document)) == [
        "1. Scope", "2. Term", "1. Twelve months", "2. Notice", "3. Law", "• Keys",
    ]  # fmt: skip


def test_numbers_of_levels_within_levels_are_written_as_the_list_says() -> None:
    document = Document()
    levels = "".join(
        f"<w:lvl w:ilvl='{at}'><w:start w:val='{start}'/><w:numFmt w:val='{form}'/>"
        f"<w:lvlText w:val='{text}'/></w:lvl>"
        for at, start, form, text in (
            (0, 4, "upperRoman", "§ %1"),
            (1, 1, "decimal", "%1.%2"),
            (2, 1, "lowerLetter", "(%3)"),
        )
    )
    numbering = document.part.numbering_part.element
    numbering.insert(0, element(f"<w:abstractNum w:abstractNumId='99'>{levels}</w:abstractNum>"))
    numbering.append(element("<w:num w:numId='99'><w:abstractNumId w:val='99'/></w:num>"))
    for level in (0, 1, 1, 2, 0, 1):
        given = document.add_paragraph("x")._p.get_or_add_pPr().get_or_add_numPr()
        given.get_or_add_ilvl().val, given.get_or_add_numId().val = level, 99
    assert texts(saved(document)) == ["§ IV x", "IV.1 x", "IV.2 x", "(a) x", "§ V x", "V.1 x"]


@given(st.integers(-(10**9), 10**9), st.sampled_from(["upperRoman", "lowerLetter", "decimalZero", "odd"]))
def test_a_number_of_a_list_is_short_however_large_it_is(number: int, form: str) -> None:
    assert len(written(number, form)) <= 40


@pytest.mark.slow
def test_footnotes_comments_and_headers_follow_the_text() -> None:
    document = Document()
    noted = document.add_paragraph("The cap applies")
    document.add_comment(noted.runs, text="Check this", author="Bob")
    section = document.sections[0]
    section.header.paragraphs[0].text, section.footer.paragraphs[0].text = "Acme GmbH", "IBAN DE00"
    section.first_page_header.paragraphs[0].text = "is not shown: no first page of its own"
    assert texts(saved(document)) == [
        "The cap applies",
        "Comment by Bob: Check this",
        "Acme GmbH",
        "IBAN DE00",
    ]
    section.different_first_page_header_footer = True
    assert "is not shown: no first page of its own" in texts(saved(document))


def test_a_footnote_is_read_where_the_text_refers_to_it() -> None:
    data = paragraph(run("The cap is EUR 5,000"), "<w:r><w:footnoteReference w:id='7'/></w:r>", run("."))
    related = "<Relationship Id='n' Type='https://x/footnotes' Target='footnotes.xml'/></Relationships>"
    with ZipFile(file := BytesIO(changed(data, document_xml_rels=("", ""))), "a") as archive:
        archive.writestr(
            "word/footnotes.xml",
            f"<w:footnotes {SPACES}><w:footnote w:id='0'><w:p/></w:footnote>"
            f"<w:footnote w:id='7'><w:p>{run('Net of tax.')}</w:p></w:footnote></w:footnotes>",
        )
    whole = changed(file.getvalue(), **{"document.xml.rels": ("</Relationships>", related)})
    assert texts(whole) == ["The cap is EUR 5,000[1].", "[1] Net of tax."]


def cells(passages: Iterator[Any]) -> list[list[str]]:
    return [[text for text, _ in row] for each in passages if isinstance(each, Passage) for row in each.cells]


def test_cells_over_several_columns_or_rows_stand_once_and_move_no_others() -> None:
    document = Document()
    table = document.add_table(3, 3)
    for number, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = f"c{number}"
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "tall"
    found = list(word(saved(document)))
    assert cells(iter(found)) == [["wide", "", "c2"], ["tall", "c4", "c5"], ["", "c7", "c8"]]
    (made,) = found
    assert isinstance(made, Passage)
    assert made.cells[0][2] == ("c2", "table 1, row 1, column 3")


def test_a_table_within_a_table_is_a_table_of_its_own() -> None:
    document = Document()
    outer = document.add_table(2, 2)
    outer.cell(0, 0).text, outer.cell(1, 0).text = "Seller", "Total"
    inner = outer.cell(0, 1).add_table(1, 2)
    inner.cell(0, 0).text, inner.cell(0, 1).text = "Tea", "3.00"
    found = [
        [[text for text, _ in row] for row in each.cells]
        for each in word(saved(document))
        if isinstance(each, Passage)
    ]
    assert found == [[["Seller", ""]], [["Tea", "3.00"]], [["Total", ""]]]


@pytest.mark.parametrize("kind", ["document.macroEnabled", "template"])
def test_templates_and_files_with_macros_are_read(kind: str) -> None:
    data = changed(
        paragraph(run("Rent 950")),
        Content_Types=("wordprocessingml.document.main", f"wordprocessingml.{kind}.main"),
    )
    assert texts(data) == ["Rent 950"]


def test_the_main_part_may_have_any_name_and_the_strict_namespace() -> None:
    strict = changed(
        paragraph(run("Rent 950")),
        document=(
            "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
            "http://purl.oclc.org/ooxml/wordprocessingml/main",
        ),
    )
    assert texts(strict) == ["Rent 950"]
    with ZipFile(BytesIO(strict)) as archive, ZipFile(file := BytesIO(), "w") as made:
        for name in archive.namelist():
            renamed = name.replace("/document.xml", "/document2.xml").replace(
                "/_rels/document.", "/_rels/document2."
            )
            made.writestr(renamed, archive.read(name).replace(b"word/document.xml", b"word/document2.xml"))
    assert kind_of(file.getvalue()) == DOCX
    assert texts(file.getvalue()) == ["Rent 950"]
