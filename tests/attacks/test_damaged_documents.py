"""Damaged and hostile documents: each has an outcome, and harms nobody."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from PIL import Image

from extractor import UnreadableSource, read
from extractor.testing import ChatServer
from tests.attacks.documents import outcome
from tests.attacks.test_pdfs import WORDS, deflated, paper
from tests.readers.drawing import file_of
from tests.readers.writing import bomb, letter, mail, presentation, workbook


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_document_is_read_or_has_a_name(seed: int) -> None:
    told, seconds = outcome(10_000 + seed)
    assert told
    assert seconds < 120


def tall() -> bytes:
    file = BytesIO()
    Image.new("1", (100, 100)).save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = (100_000).to_bytes(4, "big") * 2  # ten thousand million pixels, says its head
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def with_part(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    """Return an archive with one part changed."""
    file = BytesIO()
    with ZipFile(BytesIO(data)) as archive, ZipFile(file, "w", ZIP_DEFLATED) as made:
        for name in archive.namelist():
            text = archive.read(name)
            made.writestr(name, change(text.decode()) if name == part else text)
    return file.getvalue()


GLYPHS = b"BT /F1 1 Tf 1 TL 9 780 Td\n" + b"(Total 12.50) '\n" * 90_000 + b"ET\n"


def laughing() -> bytes:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<!DOCTYPE w:document [<!ENTITY e0 "ha">{entities}]>'
    return with_part(letter(), "word/document.xml", partial(_declared, head, "&e11;"))


def entity(place: str) -> bytes:
    head = f'<!DOCTYPE w:document [<!ENTITY e SYSTEM "{place}">]>'
    return with_part(letter(), "word/document.xml", partial(_declared, head, "&e;"))


def _declared(head: str, used: str, text: str) -> str:
    return text.replace("?>", f"?>{head}", 1).replace("Dear Ms Lovelace,", used)


def wide() -> bytes:
    def claim(text: str) -> str:
        row = '<row r="{0}"><c r="XFD{0}" t="n"><v>1</v></c></row>'
        rows = "".join(row.format(number) for number in range(1, 62_000))
        return text[: text.index("<sheetData>")] + f"<sheetData>{rows}</sheetData></worksheet>"

    return with_part(workbook(), "xl/worksheets/sheet1.xml", claim)


HOSTILE = {
    "a picture of 200 megapixels": (lambda: file_of(Image.new("1", (20_000, 10_000))), "too_large"),
    "a picture that claims ten thousand": (tall, "too_large"),
    "100,000 pages": (lambda: paper(WORDS, pages=100_000), "too_large"),
    "more than a gigabyte": (lambda: paper(*packed()), "too_large"),
    "no pages": (lambda: paper(WORDS, pages=0), "damaged"),
    "a mail of a thousand parts": (
        lambda: (
            b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n"
            + b"--a\nContent-Type: text/x\n\n\n" * 2_000
            + b"--a--\n"
        ),
        "too_large",
    ),
    "a million glyphs on a page": (lambda: paper(GLYPHS), "too_large"),
    "an office file that unpacks to a gigabyte": (bomb, "too_large"),
    "a sheet that claims a thousand million cells": (wide, "too_large"),
    "entities within entities": (laughing, "damaged"),
    "markup without an end": (lambda: b"<html>" + b"<table><tr><td>" * 500_000, "empty"),
}


def packed() -> tuple[bytes, str, str]:
    data, coding = deflated(5 * 2**28, 2)
    return data, "0 0 612 792", coding


def linked(url: str) -> dict[str, bytes]:
    """Documents that ask for something at a URL as soon as a program opens them that would fetch it."""
    kinds = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

    def related(text: str) -> str:
        links = "".join(
            f'<Relationship Id="x{n}" Type="{kinds}/{kind}" Target="{url}/{kind}" TargetMode="External"/>'
            for n, kind in enumerate(("image", "attachedTemplate", "hyperlink", "oleObject", "frame"))
        )
        return text.replace("</Relationships>", links + "</Relationships>")

    page = (
        f'<html><head><link rel="stylesheet" href="{url}/a.css"><script src="{url}/a.js"></script></head>'
        f'<body onload="fetch(\'{url}\')"><img src="{url}/a.png"><iframe src="{url}/f"></iframe>words'
        "</body></html>"
    )
    message = mail(html=True)
    message.get_body(("html",)).set_content(page, subtype="html")  # type: ignore[union-attr]
    return {
        "docx": with_part(letter(), "word/_rels/document.xml.rels", related),
        "entity": entity(f"{url}/entity"),
        "xlsx": with_part(workbook(), "xl/_rels/workbook.xml.rels", related),
        "pptx": with_part(presentation(), "ppt/_rels/presentation.xml.rels", related),
        "html": page.encode(),
        "eml": bytes(message),
        "pdf": paper(WORDS).replace(
            b"/Type/Catalog", b"/Type/Catalog/OpenAction<</S/URI/URI(" + url.encode() + b")>>"
        ),
    }


def test_nothing_that_a_document_names_is_fetched() -> None:
    with ChatServer() as server:
        for name, data in linked(server.base_url).items():
            with suppress(UnreadableSource):
                assert read(data).text, name
        assert server.requests == ()


def test_a_file_of_the_machine_does_not_come_into_a_document(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("the-secret-key")
    with pytest.raises(UnreadableSource) as caught:
        read(entity((tmp_path / "key.txt").as_uri()))
    assert caught.value.kind == "damaged"
    assert "the-secret-key" not in str(caught.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_that_asks_for_too_much_is_refused_by_name(name: str) -> None:
    make, kind = HOSTILE[name]
    with pytest.raises(UnreadableSource) as caught:
        read(make(), ocr="never")
    assert caught.value.kind == kind, caught.value
