"""A file, or its bytes, in; a Source out."""

from __future__ import annotations

import os
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from itertools import groupby
from math import sqrt
from operator import index
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import ConfigError, UnreadableSource
from ..keywords import names_wrong_keywords
from ..layout import Box, PageRead, Source
from ..pointers import any_index
from . import kept
from .choices import Ocr, TextForm, check_choices
from .composing import Passage, ReadPage, composed, composed_passages, piece_of_json
from .drawings import PICTURES
from .ink import UnreadInk
from .kinds import (
    DOCX,
    EML,
    EPUB,
    HEIF,
    HTML,
    MSG,
    OPEN_DOCUMENTS,
    PDF,
    PPTX,
    RTF,
    TEXT,
    XLSX,
    is_locked_office,
    kind_of,
    misnamed,
    not_read,
)
from .order import PlacedText
from .process import FOR_OCR, results
from .ruled import blocks_of

Tell: TypeAlias = Callable[[int, int], None]
_Words: TypeAlias = tuple[UnreadInk, list[PlacedText]]  # those of a picture, and what of it was not read
MOST_BYTES = 500_000_000
MOST_PAGES = 2_000  # of one document at a time
DPI = 200  # of pages that are recognised
SHARP = 12_000_000  # pixels of a page that is recognised, at most
SIDE = 3_000  # pixels of a picture that is recognised, at most
TALL = 20_000  # pixels of its height, such as that of a long receipt
MOST_SEEN = 100  # pages of which pictures are shown to a model
SEEN = 1_568  # pixels of the longer side of a picture that is shown to a model
DRAWN = 50  # pages that are drawn by one process
AT_ONCE = 6  # pages that are recognised by one process
FORM = 6  # of the words that are kept
FEW_LOST = 3  # characters without a name of a page that is not recognised for them
LOST = 0.02  # the share of them from which on it is


@dataclass(frozen=True, slots=True)
class ReadChoices:
    """How a document is read; see `read`. tell: is called with the pages that are done, and of how many."""

    pages: tuple[int, ...] | None = None
    password: str | None = None
    ocr: Ocr = "auto"
    form: TextForm = "plain"
    tell: Tell = lambda done, total: None


@names_wrong_keywords({"file": "source", "page": "pages", "path": "source"})
def read(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    pages: Iterable[int] | None = None,
    password: str | None = None,
    ocr: Ocr = "auto",
    text_form: TextForm = "plain",
    page_images: bool = False,
    on_progress: Tell | None = None,
) -> Source:
    """Return the text of a document, with the place of each word.

    - source: the path of a file, or its bytes. The kind of file is determined from the bytes.
    - name: its name, by default the file's.
    - pages: numbers from 1 of a PDF or TIFF, in this order; None for all.
    - password: the password of an encrypted PDF.
    - ocr: "auto" recognises the words of pictures and of pages that are pictures, "always" those of all
      pages. With "never" such pages are "unread".
    - text_form: "plain"; "layout", which keeps columns apart by spaces; or "markdown", which writes tables as
      Markdown.
    - page_images: whether models that see are also shown a picture of each page.
    - on_progress: called with the pages done and the number of pages.

    It needs the extra for the kind of document: `pdf`, `ocr`, `office` or `mail`. Documents are parsed in a
    process of its own, within bounds of memory and time. Raises UnreadableSource, whose `kind` says why, and
    ConfigError.
    """
    check_choices(text_form, page_images, ocr)
    given = isinstance(source, bytes | bytearray | memoryview)
    data = bytes(source) if given else _bytes_of(source)  # type: ignore[arg-type]
    called = name if name is not None else "" if given else Path(os.fsdecode(source)).name
    chosen = None if pages is None else tuple(index(number) for number in pages)
    tell = on_progress or ReadChoices().tell
    found = _read(data, called, ReadChoices(chosen, password, ocr, text_form, tell), 0)
    if note := misnamed(called, found.media_type):
        found = replace(found, notes=(*found.notes, note))
    if not page_images:
        return found
    if len(found.pages) > MOST_SEEN:
        raise ConfigError(
            f"page_images=True takes at most {MOST_SEEN} pages, and these are {len(found.pages):,}: "
            "give pages="
        )
    return replace(found, images=tuple(pictures_of(found, SEEN, "PNG", password).values()))


def _read(data: bytes, called: str, how: ReadChoices, depth: int) -> Source:
    """Return the source of a document. depth: how many documents it is within."""
    if not data:
        raise UnreadableSource(f"{called or 'the document'} is an empty file", "empty")
    kind = kind_of(data)
    if kind == PDF:
        found = _pdf(data, how)
    elif kind is not None and kind.startswith("image/"):
        found = _image(data, kind, how)
    elif kind is None:
        if is_locked_office(data):
            what = "an Office document with a password: save it without one"
            raise UnreadableSource(f"{called or 'the document'} is {what}", "encrypted")
        if (known := not_read(data)) is not None:
            raise UnreadableSource(f"{called or 'the document'} is {known}", "unknown")
        return Source(_plain(data, called), name=called, media_type=TEXT)
    elif kind in _PASSAGES:
        return _without_pages(data, kind, called, how, depth)
    else:
        raise UnreadableSource(f"{called or 'the document'} is {kind}, which is not supported", "unknown")
    text, layout = composed(found, how.form)
    _check_written(text, found, called)
    notes = tuple(f"page {page.number}: {page.note}" for page in found if page.note)
    return Source(text, layout, called, kind, data, notes=notes)


def _bytes_of(source: str | os.PathLike[str]) -> bytes:
    if not isinstance(source, str | os.PathLike):
        raise ConfigError(f"a document must be a path or bytes, not {type(source).__name__}")
    try:
        path = Path(source)
        if path.stat().st_size > MOST_BYTES:
            raise UnreadableSource(f"{path} has more than {MOST_BYTES:,} bytes", "too_large")
        return path.read_bytes()
    except FileNotFoundError:
        raise UnreadableSource(f"there is no file {source}", "missing") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UnreadableSource(f"cannot read {source}: {why}", "missing") from error


def _plain(data: bytes, called: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = called or "the document"
        raise UnreadableSource(
            f"{what} is neither a supported kind of document nor text in UTF-8: it begins with "
            f"{data[:12]!r}, and byte 0x{data[error.start]:02x} at offset {error.start} is not valid "
            "UTF-8",
            "unknown",
        ) from None
    if not text.strip():
        raise UnreadableSource(f"{called or 'the document'} has no text in it", "empty")
    return text


def _check_written(text: str, pages: Sequence[ReadPage], called: str) -> None:
    if text.strip():
        return
    what = called or "the document"
    unread = next((page for page in pages if page.read == "unread"), None)
    if unread is not None:
        raise UnreadableSource(f"{what} is not read: page {unread.number}: {unread.note}", "unread")
    raise UnreadableSource(f"{what} has no words in it", "empty")


def check_extra(extra: str, *modules: str) -> None:
    """Raise UnreadableSource if the libraries of an extra are not installed."""
    if any(find_spec(module) is None for module in modules):
        raise UnreadableSource(f"reading this needs `pip install 'typed-extractor[{extra}]'`", "needs")


# -- documents without pages

_PASSAGES: Mapping[str, tuple[str, str]] = {  # the extra that each needs, and the module in it
    DOCX: ("", "zipfile"),
    XLSX: ("office", "openpyxl"),
    PPTX: ("office", "pptx"),
    RTF: ("", "re"),
    HTML: ("", "html"),
    EPUB: ("", "zipfile"),
    **dict.fromkeys(OPEN_DOCUMENTS, ("", "zipfile")),
    EML: ("", "email"),
    MSG: ("mail", "oxmsg"),
}
DEEP = 3  # documents within documents


def _without_pages(data: bytes, kind: str, called: str, how: ReadChoices, depth: int) -> Source:
    check_extra(*_PASSAGES[kind])
    told = list(results("passages", data, {"kind": kind}, "the document"))
    passages = [_passage(*each["passage"]) for each in told if "passage" in each]
    within = [each["attachment"] for each in told if "attachment" in each]
    notes = tuple(dict.fromkeys(each["note"] for each in told if "note" in each))
    if _has_pictures_to_read(kind, passages, notes, how):
        recognised, failed = _of_pictures(data, kind, how)
        passages += recognised
        notes = (*(note for note in notes if note != PICTURES), *failed)
    text, layout = composed_passages(passages, how.form)
    if not text.strip():
        why = "; ".join(("", *notes))
        raise UnreadableSource(f"{called or 'the document'} has no words in it{why}", "empty")
    inner = replace(how, pages=None, password=None)
    attached = tuple(_attached(name, b64decode(packed), inner, depth) for name, packed in within)
    return Source(text.rstrip("\n"), layout, called, kind, data, attached, notes=notes)


def _has_pictures_to_read(
    kind: str, passages: Sequence[Passage], notes: Sequence[str], how: ReadChoices
) -> bool:
    """Whether a file of Office has pictures that are to be recognised: by "auto", if it has no words else."""
    if kind not in (DOCX, XLSX, PPTX, *OPEN_DOCUMENTS) or PICTURES not in notes or how.ocr == "never":
        return False
    if how.ocr == "auto":
        has_words = any(passage.text.strip() or passage.cells for passage in passages)
        return not has_words and find_spec("rapidocr") is not None
    _check_ocr("the file has pictures")
    return True


def _of_pictures(data: bytes, kind: str, how: ReadChoices) -> tuple[list[Passage], list[str]]:
    """Return what the pictures of an Office file say, and notes on what could not be read."""
    passages, failed = list[Passage](), list[str]()
    for name, packed in results("office_pictures", data, {"kind": kind}, "the document"):
        picture = b64decode(packed)
        try:
            pages = _image(picture, kind_of(picture) or "", replace(how, pages=None))
        except UnreadableSource as error:
            failed.append(f"{name} is not read: {error}")
            continue
        failed += [f"{name}: {page.note}" for page in pages if page.note]
        text, _ = composed(pages)
        passages += [Passage(text, name, "\n\n")] if text.strip() else []
    return passages, failed


def _passage(text: str, name: str, then: str, cells: Any) -> Passage:
    rows = tuple(tuple((string, place) for string, place in row) for row in cells)
    return Passage(text, name, then, rows)


def _attached(name: str, data: bytes, how: ReadChoices, depth: int) -> Source:
    """Return a document within another one; if it can't be read, its `problem` says why."""
    try:
        if depth >= DEEP:
            raise UnreadableSource(
                f"it is nested in {DEEP} other documents; deeper ones are not read", "too_large"
            )
        if not data:  # python-oxmsg gives no bytes of a message within a message
            raise UnreadableSource("it is empty, or a message within a message of Outlook's", "empty")
        return _read(data, name, how, depth + 1)
    except UnreadableSource as error:
        return Source("", name=name, media_type=kind_of(data) or TEXT, data=data, problem=str(error))


# -- PDF


def _pdf(data: bytes, how: ReadChoices) -> list[ReadPage]:
    check_extra("pdf", "pypdfium2", "PIL")
    pages = _text_pages(data, how)
    wanted = [
        page
        for page in pages
        if page.read == "unread" or _is_partly_lost(page) or (how.ocr == "always" and page.read != "blank")
    ]
    if how.ocr == "never" or not wanted:
        return pages
    if find_spec("rapidocr") is None and how.ocr == "auto" and any(page.blocks for page in pages):
        return pages  # what has text is read; its other pages say that they are not
    _check_ocr(f"page {wanted[0].number} of the PDF: {wanted[0].note or 'ocr=always'}")
    recognised: dict[int, ReadPage] = {}
    done = len(pages) - len(wanted)
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        pictures = [_pictured(data, page, how.password) for page in some]
        for page, words in zip(some, _words(pictures), strict=True):
            if not _tells_less(words, page, how):
                recognised[page.number] = _recognised(page, words, 72 / _dpi(page))
            done += 1
            how.tell(done, len(pages))
    return [recognised.get(page.number, page) for page in pages]


def _is_partly_lost(page: ReadPage) -> bool:
    """Whether a text layer lacks so much that the picture of its page tells more."""
    return page.lost >= FEW_LOST and page.lost_share > LOST


def _tells_less(words: _Words, page: ReadPage, how: ReadChoices) -> bool:
    """Whether what was recognised of a page tells less than its text layer, such as one in Cyrillic."""
    unread, found = words
    is_worse = unread.note != "" and max(unread.share, unread.unsure) >= page.lost_share
    return bool(page.blocks) and (not found or (how.ocr == "auto" and is_worse))


def _text_pages(data: bytes, how: ReadChoices) -> list[ReadPage]:
    """Return the pages with the words of their text layer."""
    options = {"pages": how.pages, "password": how.password, "most": MOST_PAGES}
    told = results("pdf_pages", data, options, "the PDF")
    count: int = next(told)
    pages: list[ReadPage] = []
    done = 0
    for each in told:
        pages.append(ReadPage.of_json(each))
        if pages[-1].read != "unread" or how.ocr == "never":  # the others are done once they are recognised
            done += 1
            how.tell(done, count)
    return pages


def _dpi(page: ReadPage) -> float:
    return min(DPI, 72 * sqrt(SHARP / (page.width * page.height)))


def _pictured(data: bytes, page: ReadPage, password: str | None) -> bytes:
    options = {"pages": [page.number], "password": password, "dpi": _dpi(page)}
    (picture,) = results("pdf_images", data, options, "the PDF")
    return b64decode(picture)


def pdf_parts(data: bytes, as_: str, pages: list[int] | None, dpi: float) -> list[bytes]:
    """Return what the pages of a PDF make: one "file", PNG "images", or each page's "text" in UTF-8.

    Raises UnreadableSource.
    """
    check_extra("pdf", "pypdfium2", "PIL")
    options: dict[str, Any] = {"pages": pages, "password": None}
    match as_:
        case "file":
            return [b64decode(told) for told in results("pdf_part", data, options, "the PDF")]
        case "images":
            told = results("pdf_images", data, {**options, "dpi": dpi}, "the PDF")
            return [b64decode(picture) for picture in told]
    read = results("pdf_pages", data, {**options, "most": MOST_PAGES}, "the PDF")
    next(read)  # how many there are
    return [composed([ReadPage.of_json(told)])[0].encode(errors="replace") for told in read]


# -- pictures


def _image(data: bytes, kind: str, how: ReadChoices) -> list[ReadPage]:
    check_extra("ocr", "PIL")
    if kind in HEIF:
        check_extra("heic", "pillow_heif")
    told = list(results("image_pages", data, {"side": SIDE, "tall": TALL}, "the image"))
    numbers = range(1, len(told) + 1) if how.pages is None else how.pages
    wrong = [number for number in numbers if not 1 <= number <= len(told)]
    if wrong:
        raise UnreadableSource(f"no page {wrong[0]}: the image has pages 1 to {len(told)}", "empty")
    sizes = [(number, *told[number - 1][:2]) for number in numbers]
    pages = [ReadPage(number, width, height, "px", read="unread") for number, width, height in sizes]
    if how.ocr == "never":
        return [replace(page, note="it is a picture, and ocr='never'") for page in pages]
    _check_ocr("the image")
    found: list[ReadPage] = []
    for start in range(0, len(pages), AT_ONCE):
        some = pages[start : start + AT_ONCE]
        pictures = [b64decode(told[page.number - 1][4]) for page in some]
        for page, words in zip(some, _words(pictures), strict=True):
            found.append(_recognised(page, words, page.width / told[page.number - 1][2]))
            how.tell(len(found), len(pages))
    return found


def _check_ocr(what: str) -> None:
    if any(find_spec(module) is None for module in ("rapidocr", "onnxruntime", "PIL")):
        raise UnreadableSource(
            f"{what}; its words are recognised with `pip install 'typed-extractor[ocr]'`", "needs"
        )


def _words(pictures: Sequence[bytes]) -> list[_Words]:
    """Return the words of pictures, those that were recognised before out of the cache."""
    edition = f"rapidocr {version('rapidocr')}, {FORM}"
    places = [kept.place_of(picture, edition) for picture in pictures]
    known = [kept.load(place) for place in places]
    fresh = [number for number, words in enumerate(known) if words is None]
    if fresh:
        given = [pictures[number] for number in fresh]
        options = {"sizes": list(map(len, given))}
        told = results("ocr", b"".join(given), options, "the picture", FOR_OCR)
        for number, words in zip(fresh, told, strict=True):
            known[number] = words
            kept.save(places[number], words)
    return [(UnreadInk(*unread), list(map(piece_of_json, pieces))) for unread, pieces in filter(None, known)]


def _recognised(page: ReadPage, words: _Words, scale: float) -> ReadPage:
    """Return a page with the words of its picture. scale: units of the page in a pixel of that."""
    unread, found = words
    scaled = [_scaled(word, scale, page) for word in found]
    unnamed = "its fonts do not name all of its characters: it was recognised" if page.lost else ""
    note = "; ".join(filter(None, (unnamed, unread.note)))
    read: PageRead = "ocr" if scaled else "unread" if note else "blank"
    return replace(page, read=read, note=note, blocks=blocks_of(scaled))


def _scaled(word: PlacedText, scale: float, page: ReadPage) -> PlacedText:
    def clipped(value: float, most: float) -> float:
        return round(min(max(value * scale, 0.0), most), 2)

    side = page.height if word.vertical else page.width
    return replace(
        word,
        left=clipped(word.left, page.width),
        top=clipped(word.top, page.height),
        right=clipped(word.right, page.width),
        bottom=clipped(word.bottom, page.height),
        edges=tuple(clipped(edge, side) for edge in word.edges),
    )


# -- to show it


def pictures_of(
    source: Source,
    side: int = 1400,
    form: Literal["WEBP", "PNG"] = "WEBP",
    password: str | None = None,
) -> dict[int, Any]:
    """Return the pages of a source as image files, by their numbers; those of a document without pages, or
    without its bytes, are none. side: pixels of the longer side. password: of an encrypted PDF. Raises
    UnreadableSource.
    """
    if source.data is None or not source.pages:
        return {}
    numbers = [page.number for page in source.pages]
    if source.media_type != PDF:
        told = list(results("image_pages", source.data, {"side": side, "form": form}, "the image"))
        return {number: b64decode(told[number - 1][4]) for number in numbers}
    pictures: dict[int, Any] = {}
    of_one_size = groupby(source.pages, lambda page: 72 * side / max(page.width, page.height))
    for dpi, pages in of_one_size:
        same = [page.number for page in pages]
        for some in (same[at : at + DRAWN] for at in range(0, len(same), DRAWN)):
            options = {"pages": some, "password": password, "dpi": dpi, "form": form}
            drawn = results("pdf_images", source.data, options, "the PDF")
            pictures |= zip(some, map(b64decode, drawn), strict=True)
    return pictures


@dataclass(frozen=True, slots=True)
class PageMark:
    """A box to be drawn into a PDF. pointer: of the value; said: how it stands there."""

    pointer: str
    said: str
    box: Box


def marked_pdf(source: Source, marks: Sequence[PageMark]) -> bytes:
    """Return the PDF of a source with its marks as annotations, a colour for each field.

    Raises UnreadableSource if it can't be opened, or is no PDF.
    """
    if source.media_type != PDF or source.data is None:
        raise UnreadableSource("only a PDF can be marked", "unknown")
    fields = [any_index(mark.pointer) for mark in marks]
    hues = {name: 0.382 * number % 1 for number, name in enumerate(dict.fromkeys(fields))}
    told = [
        [mark.box.page, *mark.box.fractions, f"{mark.pointer}: {mark.said}", hues[name]]
        for mark, name in zip(marks, fields, strict=True)
    ]
    (packed,) = results("pdf_marked", source.data, {"marks": told}, "the PDF")
    return b64decode(packed)


def pdf_of_pages(source: Source, numbers: Sequence[int]) -> bytes:
    """Return a PDF of some pages of one, in this order. Raises UnreadableSource if it can't be opened."""
    if source.media_type != PDF or source.data is None:
        raise UnreadableSource("only a PDF has such pages", "unknown")
    (found,) = pdf_parts(source.data, "file", list(numbers), DPI)
    return found
