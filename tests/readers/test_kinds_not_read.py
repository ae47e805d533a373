"""Documents that are known and not read: each is named, with what to do, and none of it is sent as a text."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

import pytest

from extractor import UnreadableSource, read
from extractor.errors import ConfigError
from extractor.loading import BadInput, read_source
from extractor.tables.documents import TextFiles

OPEN = "application/vnd.oasis.opendocument."


def archive(**parts: str) -> bytes:
    file = BytesIO()
    with ZipFile(file, "w", ZIP_STORED) as zipped:
        for name, text in parts.items():
            zipped.writestr(name.replace("__", "/"), text)
    return file.getvalue()


def opened(kind: str) -> bytes:
    """Return an OpenDocument archive, as LibreOffice begins it."""
    return archive(mimetype=OPEN + kind, **{"content.xml": "<a/>", "META-INF__manifest.xml": "<a/>"})


def old(stream: str) -> bytes:
    """Return the beginning of a compound file that names a stream."""
    return b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1024) + stream.encode("utf-16-le") + bytes(64)


KINDS = {
    "an OpenDocument file of LibreOffice's": lambda: opened("formula"),
    "an Excel workbook of before 2007": lambda: old("Workbook"),
    "a Word document of before 2007": lambda: old("WordDocument"),
    "a PowerPoint presentation of before 2007": lambda: old("PowerPoint Document"),
    "an Office document of before 2007, or another": lambda: old("Another"),
    "a binary Excel workbook": lambda: archive(**{"xl__workbook.bin": "x"}),
    "a document of Apple's Pages": lambda: archive(**{"Index__Document.iwa": "x"}),
    "an archive, and no document": lambda: archive(readme="x"),
    "a Word document in the XML of 2003": lambda: (
        b'<?xml version="1.0"?>\n<?mso-application progid="Word.Document"?><w:wordDocument/>'
    ),
    "an Excel workbook in the XML of 2003": lambda: (
        b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?><Workbook/>'
    ),
}


@pytest.mark.parametrize(("what", "made"), KINDS.items(), ids=list(KINDS))
def test_a_document_that_is_not_read_is_named(what: str, made: Callable[[], bytes], tmp_path: Path) -> None:
    with pytest.raises(UnreadableSource) as caught:
        read(made(), name="x.bin")
    assert str(caught.value).startswith(f"x.bin is {what}")
    assert caught.value.kind == "unknown"
    with pytest.raises(ConfigError, match=r"is an? "):
        TextFiles().of_bytes(made())
    path = tmp_path / "x.txt"
    path.write_bytes(made())
    told = read_source(str(path))
    assert isinstance(told, BadInput)
    assert what in told.message


@pytest.mark.parametrize(
    "text", [b"<?xml version='1.0'?><order><total>12.50</total></order>", b"PK is a name"]
)
def test_texts_that_look_a_little_like_these_are_texts(text: bytes) -> None:
    assert read(text).text == text.decode()


@pytest.mark.parametrize(
    ("name", "data", "note"),
    [
        ("bill.pdf", b"Access denied", ("bill.pdf is named .pdf, but holds plain text",)),
        ("bill.PDF", b"<!doctype html><p>Sign in", ("bill.PDF is named .pdf, but holds a web page",)),
        ("scan.png", b"404", ("scan.png is named .png, but holds plain text",)),
        ("bill.txt", b"Total 5", ()),
        ("bill.html", b"<!doctype html><p>Total 5", ()),
        ("pdf", b"Total 5", ()),
    ],
)
def test_a_text_that_is_named_like_a_document_is_noted(
    name: str, data: bytes, note: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    assert read(tmp_path / name).notes == note
    files = TextFiles()
    files.read(str(tmp_path / name), None)
    assert files.note == (f"1 × {tmp_path}/{note[0]}." if note else None)
