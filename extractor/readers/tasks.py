"""What a reading process can be asked to do. Each task takes a document's bytes, and yields JSON values."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from .kinds import DOCX, EML, EPUB, HTML, MSG, OPEN_DOCUMENTS, PPTX, RTF, XLSX
from .unreadable import ReadFailed, Remark

Task: TypeAlias = Callable[..., Iterable[Any]]


def _packed(data: bytes) -> str:
    return b64encode(data).decode()


def pdf_pages(data: bytes, pages: Sequence[int] | None, password: str | None, most: int) -> Iterator[Any]:
    """Yield how many pages there are, then each with its words. most: how many there may be."""
    from . import pdf

    document = pdf.opened(data, password)
    count = len(document if pages is None else pages)
    if count > most:
        raise ReadFailed(
            "too_large", f"the PDF has {count:,} pages, but at most {most:,} are read at once: give pages="
        )
    yield count
    for page in pdf.read_pages(document, pages):
        yield page.to_json()


def pdf_images(
    data: bytes, pages: Sequence[int] | None, password: str | None, dpi: float, form: str = "PNG"
) -> Iterator[str]:
    """Yield each page as an image file."""
    from . import images, pdf

    document = pdf.opened(data, password)
    document.init_forms()
    for index in pdf.chosen(pages, len(document)):
        yield _packed(images.encoded(pdf.picture(document, index, dpi), form))


def pdf_part(data: bytes, pages: Sequence[int] | None, password: str | None) -> Iterator[str]:
    """Yield one PDF of the pages alone."""
    from . import pdf

    document = pdf.opened(data, password)
    yield _packed(pdf.only(document, pdf.chosen(pages, len(document))))


def pdf_marked(data: bytes, marks: Sequence[Sequence[Any]]) -> Iterator[str]:
    """Yield the PDF with boxes: each the page's number, four fractions, what it says, and its hue."""
    from . import pdf

    document = pdf.opened(data)
    for number, left, top, right, bottom, text, hue in marks:
        pdf.mark(document[number - 1], (left, top, right, bottom), text, hue)
    yield _packed(pdf.saved(document))


def image_pages(data: bytes, side: int, form: str = "PNG", tall: int = 0) -> Iterator[Any]:
    """Yield the pictures of a file as image files, upright, with the size that they had. side: pixels of the
    longer side of what is yielded, at most. tall: of the height of a long one, if it may be
    more.
    """
    from . import images
    from .ocr import LONG

    for picture in images.frames(data):
        size = picture.size
        is_long = picture.height > LONG * picture.width
        picture.thumbnail((side, max(side, tall) if is_long else side))
        yield [*size, *picture.size, _packed(images.encoded(picture, form))]


def ocr(data: bytes, sizes: Sequence[int]) -> Iterator[Any]:
    """Yield what was not read of each picture, and its words. data: image files, one after the other; sizes:
    their bytes.
    """
    from . import ocr as reader
    from .composing import piece_to_json

    at = 0
    for size in sizes:
        found = reader.recognised(data[at : at + size])
        yield [found.unread, [piece_to_json(piece) for piece in found.words]]
        at += size


def passages(data: bytes, kind: str) -> Iterator[Any]:
    """Yield the pieces of a document without pages, documents within it, and notes. kind: its media type."""
    from . import mail, office, opendocument, rich, web, word

    readers: Mapping[str, Callable[[bytes], Iterable[Any]]] = {
        DOCX: word.word,
        XLSX: office.sheets,
        PPTX: office.slides,
        RTF: rich.rich,
        HTML: web.html,
        EPUB: web.epub,
        **dict.fromkeys(OPEN_DOCUMENTS, opendocument.opendocument),
        EML: mail.eml,
        MSG: mail.msg,
    }
    for each in readers[kind](data):
        if isinstance(each, mail.Attachment):
            yield {"attachment": [each.name, _packed(each.data)]}
        elif isinstance(each, Remark):
            yield {"note": each.text}
        else:
            yield {"passage": [each.text, each.name, each.then, each.cells]}


def office_pictures(data: bytes, kind: str) -> Iterator[Any]:
    """Yield the pictures of an Office file: the name of each, and its bytes. kind: its media type."""
    from . import drawings, opendocument

    is_open = kind in OPEN_DOCUMENTS
    for each in opendocument.pictures(data) if is_open else drawings.pictures(data, kind):
        yield [each.name, _packed(each.data)]


TASKS: Mapping[str, Task] = {
    "pdf_pages": pdf_pages,
    "pdf_images": pdf_images,
    "pdf_part": pdf_part,
    "pdf_marked": pdf_marked,
    "image_pages": image_pages,
    "ocr": ocr,
    "passages": passages,
    "office_pictures": office_pictures,
}
