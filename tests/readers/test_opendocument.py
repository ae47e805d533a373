"""OpenDocument: texts, sheets and slides say what LibreOffice shows of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import UnreadableSource, read
from extractor.readers import opendocument
from extractor.readers.composing import Passage
from extractor.readers.kinds import ODP, ODS, ODT, kind_of
from extractor.readers.odf_cells import plain_number
from extractor.readers.unreadable import ReadFailed, Remark
from tests.readers.opening import flat, opened

HIDDEN = '<style:style style:name="H"><style:text-properties text:display="none"/></style:style>'
OUTLINE = (
    '<text:outline-style style:name="Outline">'
    '<text:outline-level-style text:level="1" style:num-format="1" style:num-suffix="."/>'
    '<text:outline-level-style text:level="2" style:num-format="1" text:display-levels="2"/>'
    "</text:outline-style>"
)
LIST = (
    '<text:list-style style:name="L">'
    '<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>'
    '<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/>'
    '<text:list-level-style-bullet text:level="3"/></text:list-style>'
)


def lines(data: bytes) -> list[str]:
    """Return the texts of a document; cells of a row are parted by a bar."""
    found: list[str] = []
    for each in opendocument.opendocument(data):
        if isinstance(each, Passage):
            found += [" | ".join(text for text, _ in row) for row in each.cells] or [each.text]
    return found


def remarks(data: bytes) -> list[str]:
    return [each.text for each in opendocument.opendocument(data) if isinstance(each, Remark)]


def test_a_text_is_read_with_its_table_notes_comments_and_header() -> None:
    body = (
        "<text:p>The rent<text:note text:note-class='footnote'><text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>Without heating.</text:p></text:note-body></text:note> is"
        "<text:s text:c='2'/>EUR<text:tab/>950.<text:line-break/>Paid\n  monthly<office:annotation>"
        "<dc:creator>Ada</dc:creator><text:p>Too much?</text:p></office:annotation>.</text:p>"
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Item</text:p>"
        "</table:table-cell><table:covered-table-cell/><table:table-cell><text:p>Price</text:p>"
        "</table:table-cell></table:table-row></table:table-header-rows></table:table>"
        "<text:p><draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box></draw:frame>Beside"
        "</text:p>"
    )
    masters = (
        "<style:header><text:p>Landlord</text:p></style:header>"
        "<style:footer style:display='false'><text:p>not shown</text:p></style:footer>"
    )
    source = read(opened(body, masters=masters))
    assert source.media_type == ODT
    assert source.text.splitlines() == [
        *("The rent[1] is  EUR\t950.", "Paid monthly.", "Item |  | Price", "", "Beside", "In a box"),
        *("[1] Without heating.", "Comment by Ada: Too much?", "Landlord"),
    ]
    at = source.text.index("Price")
    assert source.sections(at, at + 5)[0] == "table 1, row 1, column 3"
    assert source.notes == ()


def test_lists_and_headings_have_the_numbers_that_are_shown() -> None:
    inner = "<text:list><text:list-item><text:p>inner</text:p></text:list-item></text:list>"
    body = (
        "<text:h text:outline-level='1'>Terms</text:h><text:h text:outline-level='2'>Rent</text:h>"
        f"<text:list text:style-name='L'><text:list-item><text:p>one</text:p>{inner}</text:list-item>"
        "<text:list-item><text:p>two</text:p><text:p>more</text:p></text:list-item></text:list>"
        "<text:list text:style-name='L' text:continue-numbering='true'><text:list-item><text:p>three</text:p>"
        "</text:list-item></text:list><text:h text:outline-level='1'>Ends</text:h>"
    )
    assert lines(opened(body, styles=OUTLINE, automatic=LIST)) == [
        *("1. Terms", "1.1 Rent", "1. one", "a) inner", "2. two", "more", "3. three", "2. Ends")
    ]


@pytest.mark.parametrize(
    "hidden",
    [
        "<text:p text:style-name='H'>secret</text:p>",
        "<text:p><text:span text:style-name='I'>secret</text:span></text:p>",
        "<text:section text:display='none'><text:p>secret</text:p></text:section>",
        "<text:p><text:hidden-text text:is-hidden='true'>secret</text:hidden-text></text:p>",
    ],
)
def test_hidden_text_is_left_out_with_a_note(hidden: str) -> None:
    inherits = '<style:style style:name="I" style:parent-style-name="H"/>'
    data = opened(f"<text:p>Total</text:p>{hidden}", styles=HIDDEN, automatic=inherits)
    assert lines(data) == ["Total"]
    assert remarks(data) == ["hidden text is left out"]


def test_deleted_text_and_pictures_are_told_of() -> None:
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>old</text:p></text:deletion>"
        "</text:changed-region></text:tracked-changes><text:p>new<draw:frame><draw:image/></draw:frame></text:p>"
    )
    assert lines(opened(body)) == ["new"]
    assert [told.split()[0] for told in remarks(opened(body))] == ["tracked", "pictures"]


def test_fields_of_forms_are_read_where_they_stand() -> None:
    body = (
        "<office:forms><form:form><form:text form:id='a' form:current-value='Ada'/>"
        "<form:checkbox form:id='b' form:current-state='checked'/></form:form></office:forms>"
        "<text:p>Name: <draw:control draw:control='a'/>, paid <draw:control draw:control='b'/></text:p>"
    )
    assert lines(opened(body)) == ["Name: Ada, paid [x]"]


def test_a_sheet_has_plain_numbers_iso_dates_and_places() -> None:
    cells = (
        "<table:table-cell table:number-columns-repeated='2'/>"
        "<table:table-cell office:value-type='currency' office:value='1234.5'><text:p>1.234,50 €</text:p>"
        "<office:annotation><text:p>high</text:p></office:annotation></table:table-cell>"
        "<table:table-cell office:value-type='date' office:date-value='2026-05-12'><text:p>12.05.26</text:p>"
        "</table:table-cell><table:table-cell table:number-columns-repeated='16380'/>"
    )
    body = (
        "<table:table table:name='Costs'><table:table-row table:number-rows-repeated='3'>"
        f"<table:table-cell/></table:table-row><table:table-row>{cells}</table:table-row>"
        "<table:table-row table:number-rows-repeated='1048570'><table:table-cell/></table:table-row>"
        "</table:table><table:table table:name='Old' table:style-name='S'><table:table-row><table:table-cell>"
        "<text:p>x</text:p></table:table-cell></table:table-row></table:table>"
    )
    style = "<style:style style:name='S'><style:table-properties table:display='false'/></style:style>"
    source = read(opened(body, "spreadsheet", style))
    assert source.media_type == ODS
    assert source.text.splitlines() == [
        *("Costs", "1234.50 € | 2026-05-12", "", "Comment at Costs!C4: high", ""),
        *("Old (hidden sheet)", "x"),
    ]
    assert source.sections(6, 10) == ("Costs!C4",)


@pytest.mark.parametrize(
    ("text", "value", "plain"),
    [
        *[("1.234,50 €", "1234.5", "1234.50 €"), ("1,234.50", "1234.5", "1234.50"), ("19 %", "0.19", "19 %")],
        *[
            ("00017", "17", "00017"),
            ("1.234", "1234", "1234"),
            ("1.234", "1.234", "1.234"),
            ("-3", "-3", "-3"),
        ],
        *[
            ("1'234.5", "1234.5", "1234.5"),
            ("1,23E+04", "12300", "1,23E+04"),
            ("", "7", "7"),
            ("n/a", "7", "n/a"),
        ],
        *[("12,5", "x", "12,5"), ("1 234 567", "1234567", "1234567")],
    ],
)
def test_the_value_of_a_cell_tells_which_sign_is_the_point(text: str, value: str, plain: str) -> None:
    assert plain_number(text, value, text.endswith("%")) == plain


@given(st.integers(0, 10**9), st.integers(0, 4), st.sampled_from([",.", ".,", " ,", "'."]))
def test_a_number_shown_in_any_country_keeps_its_worth(whole: int, places: int, signs: str) -> None:
    value = whole / 10**places
    shown = f"{value:,.{places}f}".translate(str.maketrans(",.", signs))
    assert float(plain_number(shown, repr(value))) == pytest.approx(value, abs=0.5 * 10**-places)


def test_slides_have_their_shapes_tables_charts_and_notes() -> None:
    chart = (
        "<office:document-content xmlns:office='o' xmlns:chart='c' xmlns:table='t' xmlns:text='x'>"
        "<office:body>"
        "<office:chart><chart:chart><table:table><table:table-rows><table:table-row><table:table-cell>"
        "<text:p>May</text:p></table:table-cell><table:table-cell><text:p>7</text:p></table:table-cell>"
        "</table:table-row></table:table-rows></table:table></chart:chart></office:chart></office:body>"
        "</office:document-content>"
    )
    body = (
        "<draw:page><draw:frame><draw:text-box><text:p>Results</text:p></draw:text-box></draw:frame>"
        "<draw:frame presentation:placeholder='true'><draw:text-box/></draw:frame>"
        "<draw:g><draw:custom-shape><text:p>In a shape</text:p></draw:custom-shape></draw:g>"
        "<draw:frame><draw:object xlink:href='./Object 1'/><draw:image/></draw:frame>"
        "<presentation:notes><draw:frame><draw:text-box><text:p>Slowly</text:p></draw:text-box></draw:frame>"
        "<draw:frame presentation:class='page-number'><draw:text-box><text:p>1</text:p></draw:text-box>"
        "</draw:frame></presentation:notes></draw:page>"
    )
    source = read(opened(body, "presentation", **{"Object 1__content_xml": chart}))
    assert source.media_type == ODP
    assert source.text.split("\n\n") == ["Results", "In a shape", "May | 7", "Slowly"]
    assert source.sections(0, 3) == ("slide 1",)
    assert source.sections(len(source.text) - 1, len(source.text)) == ("slide 1, notes",)


@pytest.mark.parametrize("kind", ["text", "spreadsheet"])
def test_a_flat_document_is_read_like_an_archive(kind: str) -> None:
    body = "<text:p>Total 12.50</text:p>"
    if kind == "spreadsheet":
        cell = f"<table:table-row><table:table-cell>{body}</table:table-cell></table:table-row>"
        body = f"<table:table table:name='A'>{cell}</table:table>"
    assert kind_of(flat(body, kind)) == kind_of(opened(body, kind))
    assert lines(flat(body, kind)) == lines(opened(body, kind))


def test_an_encrypted_a_damaged_and_a_huge_document_are_refused() -> None:
    locked = opened("", **{"META-INF__manifest_xml": "<manifest:encryption-data/>"})
    with pytest.raises(UnreadableSource, match="has a password") as caught:
        read(locked)
    assert caught.value.kind == "encrypted"
    with pytest.raises(ReadFailed, match="may be damaged"):
        lines(opened("<text:p>"))
    row = "<table:table-row table:number-rows-repeated='1000001'><table:table-cell><text:p>x</text:p>"
    many = f"<table:table table:name='A'>{row}</table:table-cell></table:table-row></table:table>"
    with pytest.raises(ReadFailed, match="more than 1,000,000 cells"):
        lines(opened(many, "spreadsheet"))
