"""Boxes of values on pages drawn at random: `python -m tests.benchmarks.boxes [PDFS [SCANS [SEED]]]`.

Pages differ in fonts, sizes, columns, rotation, crop and media boxes; scans also in skew up to 5 degrees,
noise, blur and compression. A box is right if its IoU with the place where the word was drawn is 0.5 or more.
Shown are the share of words that were read, and of these the share with a right box.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from io import BytesIO
from math import cos, radians, sin
from pathlib import Path
from typing import NamedTuple

import numpy
import pypdfium2
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.pdfbase.pdfmetrics import getAscentDescent, registerFont, stringWidth
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from extractor import UnreadableSource, read
from extractor.layout import Source
from tests.readers.drawing import Rect, file_of, iou, rect, shown

RIGHT = 0.5
STEMS = ("Rechnung", "Total", "Amount", "Lieferung", "Berlin", "Invoice", "Order", "Chair", "Customer", "Fee")
FONTS = ("Helvetica", "Times-Italic", "Courier", "Helvetica-Bold", "Times-Roman")
FACES = Path("/usr/share/fonts/truetype")
QUARTERS = (0, 90, 180, 270)


class Drawn(NamedTuple):
    """A document, what its page is like, and where its words stand on it as shown."""

    data: bytes
    kind: str
    words: dict[str, Rect]


def faces() -> list[Path]:
    """Return the files of the fonts that can be used, beside those of every PDF."""
    return sorted(face for face in FACES.glob("*/*.ttf") if face.stem.startswith(("DejaVuS", "LiberationS")))


def word_of(chance: random.Random, number: int) -> str:
    """Return a word or a figure that no other one is like."""
    if chance.random() < 0.4:
        return f"{chance.randint(10, 999)}.{number:03}"
    return f"{chance.choice(STEMS)}{number:03}"


def places(chance: random.Random, width: float, height: float, size: float) -> list[tuple[float, float]]:
    """Return where words begin, from the top left: in one to three columns, or as a form."""
    columns = chance.choice((1, 2, 3))
    step, line = width / columns, size * chance.uniform(1.3, 2.2)
    rows = range(int((height - 2 * size) / line))
    per_line = max(1, int(step / (size * 9)))
    found = [
        (column * step + each * size * 9, size + row * line)
        for column in range(columns)
        for row in rows
        for each in range(per_line)
    ]
    return [place for place in found if chance.random() < 0.5][:60]


def drawn_pdf(chance: random.Random) -> Drawn:
    """Return a page with a text layer."""
    fonts = [*FONTS, *(face.stem for face in faces())]
    font, size = chance.choice(fonts), chance.uniform(7, 18)
    if font not in FONTS:
        registerFont(TTFont(font, str(next(face for face in faces() if face.stem == font))))
    width, height = chance.choice(((595.0, 842.0), (612.0, 792.0), (842.0, 595.0)))
    turn, box = chance.choice(QUARTERS), chance.choice(("whole", "crop", "media"))
    left, bottom = (0.0, 0.0) if box == "whole" else (chance.uniform(5, 40), chance.uniform(5, 40))
    above, below = getAscentDescent(font, size)
    file, words = BytesIO(), dict[str, Rect]()
    canvas = Canvas(file, pagesize=(width, height))
    for number, (x, y) in enumerate(places(chance, width - 120, height - 120, size)):
        text, at, base = word_of(chance, number), 60 + x, height - 60 - y
        canvas.setFont(font, size)
        canvas.drawString(at, base, text)
        end = at + stringWidth(text, font, size)
        words[text] = shown((at, base + below, end, base + above), (left, bottom, width, height), turn)
    canvas.showPage()
    canvas.save()
    document = pypdfium2.PdfDocument(file.getvalue())
    document[0].set_rotation(turn)
    if box == "crop":
        document[0].set_cropbox(left, bottom, width, height)
    if box == "media":
        document[0].set_mediabox(left, bottom, width, height)
    moved = BytesIO()
    document.save(moved)
    return Drawn(moved.getvalue(), f"{font}, turned {turn}, {box}", words)


def drawn_scan(chance: random.Random) -> Drawn:
    """Return a page as a picture: turned, skewed, with noise."""
    size = chance.randint(22, 44)
    face = chance.choice(faces())
    font = ImageFont.truetype(str(face), size)
    picture = Image.new("RGB", (1240, 1000), (250, 248, 244))
    pen, words = ImageDraw.Draw(picture), dict[str, Rect]()
    for number, (x, y) in enumerate(places(chance, 1040, 800, size)):
        text = word_of(chance, number)
        pen.text((100 + x, 100 + y), text, fill=(40, 40, 50), font=font)
        words[text] = tuple(map(float, pen.textbbox((100 + x, 100 + y), text, font=font)))  # type: ignore[assignment]
    turn, skew = chance.choice(QUARTERS), chance.choice((0.0, chance.uniform(-5, 5)))
    words = {text: _turned(place, picture.size, turn + skew) for text, place in words.items()}
    picture = picture.rotate(turn, expand=True).rotate(
        skew, Image.Resampling.BICUBIC, expand=True, fillcolor=(250, 248, 244)
    )
    noise = chance.uniform(0, 14)
    pixels = numpy.asarray(picture) + numpy.random.default_rng(chance.randrange(2**32)).normal(
        0, noise, (*picture.size[::-1], 3)
    )
    picture = Image.fromarray(pixels.clip(0, 255).astype("uint8"))
    if chance.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(chance.uniform(0.3, 1.2)))
    data = file_of(picture, "JPEG", quality=chance.randint(35, 90))
    return Drawn(data, f"{face.stem} {size}, turned {turn}, skew {skew:.1f}, noise {noise:.0f}", words)


def _turned(place: Rect, size: tuple[int, int], angle: float) -> Rect:
    """Return a rectangle around one that is turned counterclockwise with its picture, which then grows."""

    def turned(x: float, y: float) -> tuple[float, float]:
        c, s = cos(radians(angle)), sin(radians(angle))
        return x * c + y * s, y * c - x * s

    width, height = size
    corners = [turned(x, y) for x in (0, width) for y in (0, height)]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    found = [turned(x, y) for x in place[::2] for y in place[1::2]]
    xs, ys = [x - left for x, _ in found], [y - top for _, y in found]
    return min(xs), min(ys), max(xs), max(ys)


def judged(source: Source, words: dict[str, Rect]) -> tuple[int, list[str]]:
    """Return how many of the words were read, and those of them whose box is wrong."""
    counts = Counter(source.text.split())
    known = [word for word in words if counts[word] == 1]
    wrong = [word for word in known if _overlap(source, word, words[word]) < RIGHT]
    return len(known), wrong


def _overlap(source: Source, word: str, place: Rect) -> float:
    start = source.text.index(word)
    boxes = source.boxes(start, start + len(word))
    return iou(rect(boxes[0]), place) if len(boxes) == 1 else 0.0


def main(pdfs: int = 200, scans: int = 40, seed: int = 1) -> None:
    """Print the shares of words that were read, and that have a right box."""
    for name, draw, count in (("text layer", drawn_pdf, pdfs), ("scan", drawn_scan, scans)):
        drawn = read_right = wrong = 0
        for number in range(count):
            page = draw(random.Random(f"{seed}.{name}.{number}"))
            try:
                found, faults = judged(read(page.data), page.words) if page.words else (0, [])
            except UnreadableSource as error:
                found, faults = 0, [str(error)]
            drawn, read_right, wrong = drawn + len(page.words), read_right + found, wrong + len(faults)
            if faults or found < 0.9 * len(page.words):
                print(
                    f"  {name} {number} ({page.kind}): {found} of {len(page.words)} read; wrong: {faults[:5]}"
                )
        right = f"{1 - wrong / read_right:.2%}" if read_right else "none"
        share = f"{read_right / drawn:.2%}" if drawn else "none"
        print(f"{name}: {count} pages, {drawn:,} words: {share} read, {right} of them right")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
