"""Pages of a PDF by PDFium: words with boxes, images, parts. Runs in the reading process alone."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from colorsys import hsv_to_rgb
from io import BytesIO
from itertools import islice
from math import degrees
from typing import Any

from ..layout import PageRead
from .composing import ReadPage
from .drawn import rules
from .letters import Glyph, Letters, Rect, closed_up, logical
from .order import PlacedText
from .ruled import blocks_of
from .seen import Looking, told
from .unreadable import ReadFailed

PIXELS = 50_000_000  # of one page's image: 20 inches by 20 at 350 dpi
GLYPHS = 500_000  # of one page
NOTES = 10_000  # annotations of one page that are looked at
PIECES = 200_000  # characters of a form field or a note
FEW = 100  # characters of a page that may still be a scan
MOST = 0.6  # the share of a page that a scan covers at least
OBJECTS = 1_000  # of a page that are looked at
BROKEN = 0.3  # the share of characters without meaning from which on a text layer is none
HYPHEN = "\x02"  # how PDFium spells a hyphen at the end of a line
LIGATURES = {
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
APART = 0.3  # a gap between letters, in heights, that parts words
SMALLER = 0.8  # the share of the height before or after it from which on a figure is raised, or an index


def opened(data: bytes, password: str | None = None) -> Any:
    """Return the PDF, its form fields made ready. Raises ReadFailed."""
    import pypdfium2
    import pypdfium2.raw as c

    try:
        document = pypdfium2.PdfDocument(data, password=password)
    except pypdfium2.PdfiumError as error:
        if error.err_code == c.FPDF_ERR_PASSWORD:
            why = "the PDF is encrypted: give its password" if password is None else "the password is wrong"
            raise ReadFailed("encrypted", f"{why} (password=)") from error
        raise ReadFailed(
            "damaged", f"the PDF cannot be opened; it may be encrypted or damaged: {error}"
        ) from error
    return document


def chosen(pages: Sequence[int] | None, count: int) -> list[int]:
    """Return indexes from 0 of page numbers from 1; all where None. Raises ReadFailed."""
    numbers = list(range(1, count + 1)) if pages is None else pages
    wrong = [number for number in numbers if not 1 <= number <= count]
    if wrong or not numbers:
        said = f"no page {wrong[0]}" if wrong else "no page chosen"
        raise ReadFailed("empty", f"{said}: the PDF has pages 1 to {count}")
    return [number - 1 for number in numbers]


def read_pages(document: Any, pages: Sequence[int] | None) -> Iterator[ReadPage]:
    """Yield the pages with their words; "unread" those that are a picture. Raises ReadFailed."""
    indexes = chosen(pages, len(document))
    document.init_forms()
    looking = Looking()
    for index in indexes:
        yield _page(document, index, looking)


def png(document: Any, index: int, dpi: float) -> bytes:
    """Return the page as it is shown, as PNG. Raises ReadFailed if it has too many pixels."""
    file = BytesIO()
    picture(document, index, dpi).save(file, "PNG")
    return file.getvalue()


def picture(document: Any, index: int, dpi: float) -> Any:
    """Return the page as it is shown, as a PIL image. Raises ReadFailed if it has too many pixels."""
    width, height = (side * dpi / 72 for side in document.get_page_size(index))
    if width * height > PIXELS:
        raise ReadFailed(
            "too_large",
            f"page {index + 1} is an image of {width:,.0f} x {height:,.0f} pixels at dpi={dpi:g}; "
            f"{PIXELS // 1_000_000} million are allowed: give a smaller dpi",
        )
    page = document[index]
    shown = page.render(scale=dpi / 72).to_pil()
    page.close()
    return shown


def only(document: Any, indexes: Sequence[int]) -> bytes:
    """Return a PDF of these pages alone."""
    import pypdfium2

    part = pypdfium2.PdfDocument.new()
    part.import_pages(document, list(indexes))
    return saved(part)


def saved(document: Any) -> bytes:
    """Return a document as a file."""
    file = BytesIO()
    document.save(file)
    return file.getvalue()


def mark(page: Any, fractions: Rect, text: str, hue: float) -> None:
    """Draw a rectangle as an annotation that says something. fractions: of the page as shown."""
    import pypdfium2.raw as c

    geometry = _Geometry(page)
    left, top, right, bottom = fractions
    one = geometry.of_shown(left * geometry.width, top * geometry.height)
    two = geometry.of_shown(right * geometry.width, bottom * geometry.height)
    (x0, x1), (y0, y1) = sorted((one[0], two[0])), sorted((one[1], two[1]))
    note = c.FPDFPage_CreateAnnot(page, c.FPDF_ANNOT_SQUARE)
    c.FPDFAnnot_SetRect(note, c.FS_RECTF(left=x0 - 1, bottom=y0 - 1, right=x1 + 1, top=y1 + 1))
    red, green, blue = (round(255 * each) for each in hsv_to_rgb(hue, 0.85, 0.75))
    c.FPDFAnnot_SetColor(note, c.FPDFANNOT_COLORTYPE_Color, red, green, blue, 255)
    c.FPDFAnnot_SetBorder(note, 0, 0, 1.5)
    c.FPDFAnnot_SetFlags(note, c.FPDF_ANNOT_FLAG_PRINT)
    said = text.encode("utf-16-le", errors="replace") + b"\0\0"
    units = (ctypes.c_ushort * (len(said) // 2)).from_buffer_copy(said)
    c.FPDFAnnot_SetStringValue(note, b"Contents", units)
    c.FPDFPage_CloseAnnot(note)


# -- one page


def _page(document: Any, index: int, looking: Looking) -> ReadPage:
    import pypdfium2

    try:
        page = document[index]
        geometry = _Geometry(page)
        was_over = looking.is_over
        words, lost = _pieces(page, geometry)
        visible = looking.at(page, (geometry.width, geometry.height), words)
        pieces = [*visible.seen, *_filled_in(page, geometry)]
        read, notes = _judged(page, geometry, pieces, visible.hidden, lost)
        if was_over and words:
            notes = (*notes, "it was not looked at whether all of its text can be seen")
        drawn_lines = rules(page, geometry.point) if pieces else ((), ())
        page.close()
    except pypdfium2.PdfiumError as error:
        return ReadPage(index + 1, 612, 792, read="unread", note=f"the page is damaged: {error}")
    return ReadPage(
        index + 1,
        geometry.width,
        geometry.height,
        rotation=geometry.rotation,
        read=read,
        note="; ".join(notes),
        blocks=[] if read == "unread" else blocks_of(pieces, *drawn_lines),
        lost=lost,
    )


def _judged(
    page: Any, geometry: _Geometry, pieces: Sequence[PlacedText], hidden: Sequence[PlacedText], lost: int
) -> tuple[PageRead, tuple[str, ...]]:
    """Return how a page is read, and what there is to know of it. hidden: words that cannot be seen."""
    import pypdfium2.raw as c

    unseen = (f"text that cannot be seen is left out: {told(hidden)}",) if hidden else ()
    if not pieces:
        if c.FPDFPage_CountObjects(page) == 0:
            return "blank", ()
        return "unread", unseen or ("there is no text in it, only a picture",)
    if _is_broken(pieces):
        return "unread", ("its text is unreadable: its fonts do not map to characters",)
    count = sum(len(piece.text) for piece in pieces)
    if count < FEW and _is_picture(page, geometry):
        return "unread", ("nearly all of it is a picture", *unseen)
    if count < sum(len(piece.text) for piece in hidden) and _is_picture(page, geometry):
        return "unread", ("most of its text does not stand where its picture has words",)
    unnamed = (f"{lost:,} of its characters are not named by its fonts, and written \ufffd",) if lost else ()
    return "text", (*unnamed, *unseen)


class _Geometry:
    """From a PDF's coordinates to those of the page as it is shown: cropped, rotated, from its top left."""

    def __init__(self, page: Any) -> None:
        left, bottom, right, top = page.get_bbox()
        self._box = min(left, right), min(bottom, top), max(left, right), max(bottom, top)
        self.rotation: int = page.get_rotation()
        sides = max(self._box[2] - self._box[0], 0.01), max(self._box[3] - self._box[1], 0.01)
        self.width, self.height = sides if self.rotation % 180 == 0 else sides[::-1]

    def point(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, right, top = self._box
        match self.rotation:
            case 90:
                return y - bottom, x - left
            case 180:
                return right - x, y - bottom
            case 270:
                return top - y, right - x
        return x - left, top - y

    def of_shown(self, x: float, y: float) -> tuple[float, float]:
        """Return the PDF's own coordinates of a point of the page as shown: what `point` undoes."""
        left, bottom, right, top = self._box
        match self.rotation:
            case 90:
                return y + left, x + bottom
            case 180:
                return right - x, y + bottom
            case 270:
                return right - y, top - x
        return x + left, top - y

    def rect(self, left: float, bottom: float, right: float, top: float) -> Rect:
        (x0, y0), (x1, y1) = self.point(left, bottom), self.point(right, top)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def clipped(self, rect: Rect) -> Rect:
        """Return what is on the page of a rectangle that it holds."""
        left, top, right, bottom = rect
        return max(left, 0.0), max(top, 0.0), min(right, self.width), min(bottom, self.height)

    def holds(self, rect: Rect) -> bool:
        """Whether the middle of a rectangle is on the page."""
        level, upright = (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2
        return bool(0 <= level <= self.width and 0 <= upright <= self.height)


def _is_picture(page: Any, geometry: _Geometry) -> bool:
    """Whether one picture covers most of a page, as in a scan with a stamp or a number on it."""
    import pypdfium2.raw as c

    for picture in islice(page.get_objects(filter=[c.FPDF_PAGEOBJ_IMAGE], max_depth=2), OBJECTS):
        left, top, right, bottom = geometry.clipped(geometry.rect(*picture.get_bounds()))
        if (right - left) * (bottom - top) > MOST * geometry.width * geometry.height:
            return True
    return False


def _is_broken(pieces: Iterable[PlacedText]) -> bool:
    text = "".join(piece.text for piece in pieces)
    lost = sum(char == "\ufffd" or "\ue000" <= char <= "\uf8ff" or not char.isprintable() for char in text)
    return lost > BROKEN * len(text)


class _Glyphs:
    """The characters of a text page, one after the other, with where they stand. lost: how many of those that
    were yielded have no name.
    """

    def __init__(self, textpage: Any, geometry: _Geometry) -> None:
        import pypdfium2.raw as c

        self._c, self._page, self._geometry = c, textpage.raw, geometry
        self._loose, self._sides = c.FS_RECTF(), [ctypes.c_double() for _ in range(4)]
        self.count = c.FPDFText_CountChars(textpage.raw)
        if self.count > GLYPHS:
            raise ReadFailed("too_large", f"a page has {self.count:,} characters; {GLYPHS:,} are allowed")
        self.lost = 0

    def __iter__(self) -> Iterator[Glyph | bool]:
        """Yield each character; for what parts words, whether it is a space of the text itself."""
        high = 0
        for index in range(self.count):
            code = self._c.FPDFText_GetUnicode(self._page, index)
            if 0xD800 <= code < 0xDC00:
                high = code
                continue
            if 0xDC00 <= code < 0xE000:
                code = 0x10000 + ((high - 0xD800) << 10) + code - 0xDC00 if high else 0xFFFD
                high = 0
            if self._c.FPDFText_HasUnicodeMapError(self._page, index) == 1:
                code = 0xFFFD
            char = "-" if chr(code) == HYPHEN else LIGATURES.get(code, chr(code))
            if code == 0 or char.isspace():
                yield self._c.FPDFText_IsGenerated(self._page, index) != 1
                continue
            rect = self._rect(index)
            if self._geometry.holds(rect):
                self.lost += code == 0xFFFD
                yield Glyph(char, self._geometry.clipped(rect), self._angle(index))
            else:
                yield True

    def _rect(self, index: int) -> Rect:
        """The rectangle from ascent to descent, as wide as the character advances."""
        ok = self._c.FPDFText_GetLooseCharBox(self._page, index, self._loose)
        loose = self._loose
        if ok and loose.right > loose.left and loose.top > loose.bottom:
            return self._geometry.rect(loose.left, loose.bottom, loose.right, loose.top)
        left, right, bottom, top = self._sides
        self._c.FPDFText_GetCharBox(self._page, index, left, right, bottom, top)
        return self._geometry.rect(left.value, bottom.value, right.value, top.value)

    def _angle(self, index: int) -> float:
        told = self._c.FPDFText_GetCharAngle(self._page, index)
        return (degrees(told) if told > 0 else 0.0) + float(self._geometry.rotation)


def _pieces(page: Any, geometry: _Geometry) -> tuple[list[PlacedText], int]:
    """Return the words of a page, and how many of their characters are not named."""
    textpage = page.get_textpage()
    glyphs = _Glyphs(textpage, geometry)
    pieces = [_piece(logical(word)) for word in closed_up(_words(glyphs))]
    textpage.close()
    return pieces, glyphs.lost


def _words(glyphs: Iterable[Glyph | bool]) -> Iterator[Letters]:
    """Yield the letters of each word."""
    word, before, spaced, is_apart = list[Glyph](), True, True, False
    for glyph in glyphs:
        if isinstance(glyph, bool):
            spaced, is_apart = spaced or glyph, True
            continue
        if word and (is_apart or _is_apart(word[-1], glyph)):
            yield Letters(word, before)
            word = []
        if not word:
            before, spaced = spaced, False
        word.append(glyph)
        spaced, is_apart = False, False
    if word:
        yield Letters(word, before)


def _is_apart(before: Glyph, after: Glyph) -> bool:
    (char, one, angle), (following, two, turned) = before, after
    if abs(angle - turned) > 1:
        return True
    if _is_vertical(angle):
        one, two = (one[1], one[0], one[3], one[2]), (two[1], two[0], two[3], two[2])
    low, height = sorted((one[3] - one[1], two[3] - two[1]))
    if low < SMALLER * height and char.isdigit() and following.isdigit():
        return True  # cents or a reference, raised: beside a number they would be another number
    level = abs((one[1] + one[3]) - (two[1] + two[3])) / 2 < 0.6 * height
    gap = max(two[0] - one[2], one[0] - two[2])  # on either side: some scripts run from the right
    slanted = min(angle % 90, 90 - angle % 90) > 3
    return (not level and not slanted) or gap > APART * height


def _is_vertical(angle: float) -> bool:
    return 45 < angle % 180 < 135


def _piece(glyphs: Sequence[Glyph]) -> PlacedText:
    rects = [rect for _, rect, _ in glyphs]
    angle = glyphs[0][2] % 360
    vertical = _is_vertical(angle)
    low, high = (1, 3) if vertical else (0, 2)
    turned = 135 < angle < 315 if vertical else 135 <= angle < 225
    rightmost = len(rects) > 1 and rects[-1][low] < rects[0][low]
    backwards = turned if len(rects) == 1 else rightmost
    edges: list[float] = []
    for string, rect, _ in glyphs:
        begin, end = (rect[high], rect[low]) if backwards else (rect[low], rect[high])
        edges += [begin + (end - begin) * i / len(string) for i in range(len(string))]
    edges.append(rects[-1][low] if backwards else rects[-1][high])
    return PlacedText(
        "".join(string for string, _, _ in glyphs),
        *_around(rects),
        angle=angle,
        edges=tuple(round(edge, 2) for edge in edges),
        vertical=vertical,
    )


def _around(rects: Iterable[Rect]) -> Rect:
    lefts, tops, rights, bottoms = zip(*rects, strict=True)
    return round(min(lefts), 2), round(min(tops), 2), round(max(rights), 2), round(max(bottoms), 2)


# -- form fields and notes


def _filled_in(page: Any, geometry: _Geometry) -> Iterator[PlacedText]:
    """Yield what is written into form fields, and what notes say, at their rectangles."""
    import pypdfium2.raw as c

    form = page.formenv.raw if page.formenv else None
    for index in range(min(c.FPDFPage_GetAnnotCount(page), NOTES)):
        note = c.FPDFPage_GetAnnot(page, index)
        if not note:
            continue
        try:
            text, box = _said(c, form, note), c.FS_RECTF()
            placed = text and c.FPDFAnnot_GetRect(note, box)
            if placed and geometry.holds(geometry.rect(box.left, box.bottom, box.right, box.top)):
                yield from _spread(text, box, geometry)
        finally:
            c.FPDFPage_CloseAnnot(note)


def _said(c: Any, form: Any, note: Any) -> str:
    kind = c.FPDFAnnot_GetSubtype(note)
    if c.FPDFAnnot_GetFlags(note) & (c.FPDF_ANNOT_FLAG_HIDDEN | c.FPDF_ANNOT_FLAG_NOVIEW):
        return ""
    if kind == c.FPDF_ANNOT_WIDGET and form is not None:
        field = c.FPDFAnnot_GetFormFieldType(form, note)
        if field in (c.FPDF_FORMFIELD_CHECKBOX, c.FPDF_FORMFIELD_RADIOBUTTON):
            return "[x]" if c.FPDFAnnot_IsChecked(form, note) else "[ ]"
        if field in (c.FPDF_FORMFIELD_TEXTFIELD, c.FPDF_FORMFIELD_COMBOBOX, c.FPDF_FORMFIELD_LISTBOX):
            return _string(lambda *room: c.FPDFAnnot_GetFormFieldValue(form, note, *room))
        return ""
    if kind in (c.FPDF_ANNOT_FREETEXT, c.FPDF_ANNOT_TEXT, c.FPDF_ANNOT_HIGHLIGHT, c.FPDF_ANNOT_STAMP):
        return _string(lambda *room: c.FPDFAnnot_GetStringValue(note, b"Contents", *room))
    return ""


def _string(get: Any) -> str:
    """Return what one of PDFium's functions writes, as UTF-16."""
    size = get(None, 0)
    if not 2 < size <= 2 * PIECES:
        return ""
    room = ctypes.create_string_buffer(size)
    get(ctypes.cast(room, ctypes.POINTER(ctypes.c_ushort)), size)
    return room.raw[: size - 2].decode("utf-16-le", errors="replace").replace("\x00", "")


def _spread(text: str, box: Any, geometry: _Geometry) -> Iterator[PlacedText]:
    """Yield the words of a text, each with its share of the rectangle that it fills."""
    lines = text.splitlines() or [text]
    step = (box.top - box.bottom) / len(lines)
    for number, line in enumerate(lines):
        at, width = 0, (box.right - box.left) / max(len(line), 1)
        top = box.top - number * step
        for word in line.split():
            at = line.index(word, at)
            begin, end = box.left + at * width, box.left + (at + len(word)) * width
            at += len(word)
            rect = geometry.rect(begin, top - step, end, top)
            yield PlacedText(
                word, *_around([rect]), angle=geometry.rotation, vertical=geometry.rotation % 180 == 90
            )
