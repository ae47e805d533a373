"""What a document is, recognised by its bytes, never by its name. Pure."""

from __future__ import annotations

import re

SNIFFED = 1024  # bytes
PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
EPUB = "application/epub+zip"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
OPEN_DOCUMENTS = (ODT, ODS, ODP, "application/vnd.oasis.opendocument.graphics")
RTF = "application/rtf"
HTML = "text/html"
EML = "message/rfc822"
MSG = "application/vnd.ms-outlook"
TEXT = "text/plain"
HEIF = ("image/heic", "image/heif")  # read by a library of its own
# Sources: RFC 2083 (PNG), ISO 10918 (JPEG), GIF89a, RFC 9649 (WebP), ISO 23008-12 (HEIF), ISO 32000 (PDF)
_BEGINNINGS = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "image/png"),
    (re.compile(rb"\xff\xd8\xff"), "image/jpeg"),
    (re.compile(rb"GIF8[79]a"), "image/gif"),
    (re.compile(rb"RIFF.{4}WEBP", re.DOTALL), "image/webp"),
    (re.compile(rb".{4}ftyp(heic|heix|heim|heis|hevc|hevx)", re.DOTALL), "image/heic"),
    (re.compile(rb".{4}ftyp(mif1|msf1)", re.DOTALL), "image/heif"),
    (re.compile(rb".{4}ftypavif", re.DOTALL), "image/avif"),
    (re.compile(rb"II\*\x00|MM\x00\*"), "image/tiff"),
    (re.compile(rb"BM.{4}\x00\x00\x00\x00", re.DOTALL), "image/bmp"),
    (re.compile(rb".{0,1019}?%PDF-", re.DOTALL), PDF),  # some programs write a few bytes before
)
_PARTS = {
    b"word/document": DOCX,
    b"xl/workbook.xml": XLSX,
    b"ppt/presentation.xml": PPTX,
    b"META-INF/container.xml": EPUB,
}
_HTML = re.compile(
    rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype\s+html|html)\b", re.I | re.S
)
# Source: RFC 5322, section 3.6; a mail begins with its header, and one line of it is one of these
_FIELD = re.compile(rb"(\xef\xbb\xbf)?(From [^\n]*\n)?[!-9;-~]+:[ \t]")
_OF_MAIL = re.compile(
    rb"^((received|return-path|message-id|mime-version):[ \t]|content-type:[ \t]*multipart/)", re.I | re.M
)
_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_NOT_READ = {
    _OLE: "an Office document of before 2007, or another of that form: save it as .docx, .xlsx or .pptx",
    _ZIP: "an archive, and no document that is read here: unpack it, or save what it is as PDF",
    b"%!PS": "PostScript: save it as PDF",
    b"\x1f\x8b": "compressed: unpack it",
}
# Sources: OpenDocument 1.3, part 2, 3.3: the first part of the archive is its media type; [MS-DOC], [MS-XLS],
# [MS-PPT]: the names of their streams
_OPEN = re.compile(
    rb"PK\x03\x04.{26}mimetype.{0,64}?(application/vnd\.oasis\.opendocument\."
    rb"(text|spreadsheet|presentation|graphics))",
    re.DOTALL,
)
_ARCHIVES = {
    b"application/vnd.oasis.opendocument": "an OpenDocument file of LibreOffice's: save it as PDF",
}
_PARTS_NOT_READ = {
    b"xl/workbook.bin": "a binary Excel workbook (.xlsb): save it as .xlsx",
    b"Index/Document.iwa": "a document of Apple's Pages, Numbers or Keynote: export it as PDF",
}
_OLD = {
    "WordDocument": "a Word document of before 2007 (.doc): save it as .docx",
    "Workbook": "an Excel workbook of before 2007 (.xls): save it as .xlsx",
    "PowerPoint Document": "a PowerPoint presentation of before 2007 (.ppt): save it as .pptx",
}
_OPEN_FLAT = re.compile(rb'office:mimetype="(application/vnd\.oasis\.opendocument\.\w+)')
_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<(\?xml|office:document)")
_FLAT = {
    b'progid="Word.Document"': "a Word document in the XML of 2003: save it as .docx",
    b'progid="Excel.Sheet"': "an Excel workbook in the XML of 2003: save it as .xlsx",
}
_MSG = "__substg1.0_".encode("utf-16-le")


def sniffed(data: bytes) -> str | None:
    """Return the media type of an image or a PDF that a file's first bytes tell; None for anything else."""
    beginning = data[:SNIFFED]
    return next((kind for begins, kind in _BEGINNINGS if begins.match(beginning)), None)


def kind_of(data: bytes) -> str | None:
    """Return the media type of a document; None for one that is not known here, and for plain text."""
    if known := sniffed(data):
        return known
    if data.startswith(_ZIP):
        return open_kind[1].decode() if (open_kind := _OPEN.match(data)) else _of_archive(data)
    if data.startswith(_OLE):
        return MSG if _MSG in data else None
    if data.startswith(b"{\\rtf"):
        return RTF
    beginning = data[:SNIFFED]
    if _HTML.match(beginning):
        return HTML
    if _XML.match(beginning) and b"<office:document" in beginning:
        named = _OPEN_FLAT.search(data[: 64 * SNIFFED])
        return named[1].decode() if named else ODT
    head = re.split(rb"\r?\n\r?\n", data[: 64 * SNIFFED], maxsplit=1)[0]
    return EML if _FIELD.match(beginning) and _OF_MAIL.search(head) else None


def is_locked_office(data: bytes) -> bool:
    """Whether it is a Word, Excel or PowerPoint file that a password encrypts."""
    return data.startswith(_OLE) and _ENCRYPTED in data


def not_read(data: bytes) -> str | None:
    """Return what a document is that is known here and not read, and what to do; None for any other."""
    if data.startswith(_ZIP):
        head = data[:SNIFFED]
        named = next((what for marks, what in _ARCHIVES.items() if marks in head), None)
        named = named or next((what for part, what in _PARTS_NOT_READ.items() if part in data), None)
    elif data.startswith(_OLE):
        named = next((what for name, what in _OLD.items() if name.encode("utf-16-le") in data), None)
    else:
        beginning = data[:SNIFFED]
        named = next((what for mark, what in _FLAT.items() if _XML.match(data) and mark in beginning), None)
    return named or next((what for begins, what in _NOT_READ.items() if data.startswith(begins)), None)


def is_text(data: bytes) -> bool:
    """Whether bytes are taken for those of a text, and not of a document, be it one that is not read."""
    return kind_of(data) is None and not_read(data) is None


def _of_archive(data: bytes) -> str | None:
    """Tell by the name that stands last in the archive, in its directory: nothing is unpacked for it."""
    found = {data.rfind(part): kind for part, kind in _PARTS.items()}
    return found[max(found)] if max(found) >= 0 else None


_DOCUMENT_NAME = re.compile(
    r"\.(pdf|docx?|odt|rtf|xlsx?|ods|pptx?|odp|epub|png|jpe?g|tiff?|gif|webp|heic)$", re.I
)


def misnamed(name: str, kind: str) -> str:
    """Return a note if a file is named like a document but is a text or a web page; "" otherwise.

    A download that failed may leave such a file, with the server's page of errors in it.
    """
    said = _DOCUMENT_NAME.search(name)
    if said is None or kind not in (TEXT, HTML):
        return ""
    return f"{name} is named {said[0].lower()}, but holds {'plain text' if kind == TEXT else 'a web page'}"
