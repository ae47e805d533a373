"""Documents drawn for the tests: what was written where is known exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfbase.pdfmetrics import getAscentDescent, stringWidth
from reportlab.pdfgen.canvas import Canvas

from extractor.layout import Box

Rect = tuple[float, float, float, float]  # left, top, right, bottom, from the page's top left
WIDTH, HEIGHT = 595.0, 842.0


def shown(place: Rect, box: Rect, turn: int) -> Rect:
    """Return where a place stands on its page as shown. place, box: left, bottom, right, top, in the file's
    coordinates. box: what of the page is shown. turn: degrees, clockwise.
    """
    (x0, y0, x1, y1), (left, bottom, right, top) = place, box
    match turn:
        case 90:
            return y0 - bottom, x0 - left, y1 - bottom, x1 - left
        case 180:
            return right - x1, y0 - bottom, right - x0, y1 - bottom
        case 270:
            return top - y1, right - x1, top - y0, right - x0
    return x0 - left, top - y1, x1 - left, top - y0


@dataclass
class Paper:
    """A PDF that is being drawn. planted: where each text was drawn, (page, rectangle)."""

    size: tuple[float, float] = (WIDTH, HEIGHT)
    origin: tuple[float, float] = (0.0, 0.0)  # the lower left corner of the media box
    crop: tuple[float, float, float, float] | None = None  # left, bottom, right, top
    rotation: int = 0  # in quarters, clockwise
    password: str | None = None
    planted: dict[str, tuple[int, Rect]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._file, self._page = BytesIO(), 1
        secret = StandardEncryption(self.password, self.password + "!") if self.password else None
        self.canvas = Canvas(self._file, pagesize=self.size, encrypt=secret)

    def write(
        self, text: str, x: float, y: float, size: float = 11, font: str = "Helvetica", turn: int = 0
    ) -> None:
        """Draw a text whose baseline begins at (x, y), from the lower left; turn: counterclockwise."""
        self.canvas.saveState()
        self.canvas.translate(x, y)
        self.canvas.rotate(turn)
        self.canvas.setFont(font, size)
        self.canvas.drawString(0, 0, text)
        self.canvas.restoreState()
        self.plant(text, x, y, stringWidth(text, font, size), getAscentDescent(font, size), turn)

    def plant(
        self, text: str, x: float, y: float, width: float, ascent: tuple[float, float], turn: int = 0
    ) -> None:
        above, below = ascent
        corners = {
            0: (x, y + below, x + width, y + above),
            90: (x - above, y, x - below, y + width),
            270: (x + below, y - width, x + above, y),
        }
        box = self.crop or (0.0, 0.0, *self.size)
        self.planted[text] = self._page, shown(corners[turn], box, self.rotation)

    def next_page(self) -> None:
        self.canvas.showPage()
        self._page += 1

    def pdf(self) -> bytes:
        """Return the file, its pages cropped, moved and rotated as this paper says."""
        import pypdfium2

        self.canvas.showPage()
        self.canvas.save()
        if not (self.crop or self.rotation or any(self.origin)):
            return self._file.getvalue()
        document = pypdfium2.PdfDocument(self._file.getvalue())
        for page in document:
            page.set_rotation(self.rotation)
            if self.crop:
                page.set_cropbox(*self.crop)
        file = BytesIO()
        document.save(file)
        return file.getvalue()


def invoice(**shape: Any) -> Paper:
    """An invoice with two addresses side by side, a table, a turned note and columns of prose."""
    paper = Paper(**shape)
    paper.write("INVOICE", 60, 780, 18, "Helvetica-Bold")
    paper.write("INV-2031", 160, 780, 18, "Times-Roman")
    for row, (ours, theirs) in enumerate(
        [
            ("ACME Tools Ltd", "Bolt and Nut GmbH"),
            ("12 High Street", "Lange Strasse 5"),
            ("London E1 7AA", "10115 Berlin Mitte"),
        ]
    ):
        paper.write(ours, 60, 730 - 15 * row)
        paper.write(theirs, 320, 730 - 15 * row)
    rows = [("Item", "Qty", "Price"), ("Latte", "17", "3.50"), ("Blue cheese", "4", "12.75")]
    for row, cells in enumerate(rows):
        for x, cell in zip((60, 330, 460), cells, strict=True):
            paper.write(cell, x, 640 - 16 * row, 10, "Courier")
    paper.write("Total", 60, 560)
    paper.write("EUR 1,250.75", 400, 560, 14, "Helvetica-Bold")
    paper.write("Confidential copy", 50, 300, turn=90)
    paper.write("Archive 77-B", 560, 500, turn=270)
    return paper


def grid(paper: Paper, xs: list[float], ys: list[float]) -> None:
    """Draw the lines of a table; ys: from its top, measured from the bottom of the page."""
    for x in xs:
        paper.canvas.line(x, ys[0], x, ys[-1])
    for y in ys:
        paper.canvas.line(xs[0], y, xs[-1], y)


def bill() -> Paper:
    """A ruled table whose cells have several lines, with a note beside it and a form below."""
    paper = Paper()
    paper.write("Bill 7", 60, 790, 16)
    grid(paper, [60, 260, 330, 420], [760, 740, 700, 660])
    cells = {
        (65, 745): "Item",
        (265, 745): "Count",
        (335, 745): "Price",
        (65, 725): "Blue cheese, ripe and",
        (65, 710): "from the north",
        (265, 717): "4",
        (335, 717): "12.75",
        (65, 677): "Office chair",
        (335, 677): "99.00",
    }
    for (x, y), text in cells.items():
        paper.write(text, x, y, 10)
    paper.write("Paid", 460, 720)
    paper.write("Total", 60, 600)
    paper.write("150.00", 300, 600)
    return paper


def iou(one: Rect, two: Rect) -> float:
    """The intersection of two rectangles over their union."""
    width = min(one[2], two[2]) - max(one[0], two[0])
    height = min(one[3], two[3]) - max(one[1], two[1])
    if width <= 0 or height <= 0:
        return 0.0

    def area(rect: Rect) -> float:
        return (rect[2] - rect[0]) * (rect[3] - rect[1])

    return width * height / (area(one) + area(two) - width * height)


def rect(box: Box) -> Rect:
    return box.left, box.top, box.right, box.bottom


def receipt(lines: list[str], size: int = 26, turn: float = 0.0) -> tuple[Image.Image, dict[str, Rect]]:
    """A receipt as a picture, turned counterclockwise; where each of its words was drawn before that."""
    font = ImageFont.load_default(size)
    picture = Image.new("RGB", (640, 60 + 2 * size * len(lines)), "white")
    pen, planted = ImageDraw.Draw(picture), {}
    for row, line in enumerate(lines):
        x = 40.0
        for word in line.split(" "):
            y = 30 + 2 * size * row
            pen.text((x, y), word, fill=(30, 30, 30), font=font)
            planted[word] = pen.textbbox((x, y), word, font=font)
            x += pen.textlength(word + " ", font=font) + 8
    return picture.rotate(turn, expand=True, fillcolor="white"), planted


def file_of(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()
