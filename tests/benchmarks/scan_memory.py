"""Memory of OCR: `python -m tests.benchmarks.scan_memory [PAGES [SIZE]]`.

Draws full pages of A4 at 200 dpi with letters of SIZE pixels, and has them recognised in one process. Shown
are its seconds of CPU, its largest megabytes, and how many words were read right.
"""

from __future__ import annotations

import os
import random
import resource
import sys
from collections import Counter

from PIL import Image, ImageDraw, ImageFont

from extractor.readers.tasks import ocr
from tests.readers.drawing import file_of

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
WORDS = (
    *("harbour", "lantern", "copper", "meadow", "silent", "orchard", "winter", "paper", "bridge", "amber"),
    *("Total", "12.50", "Invoice", "2031", "the", "of", "and", "with", "from", "Berlin"),
)
WIDTH, HEIGHT, MARGIN = 1_654, 2_339, 120


def page(chance: random.Random, size: int) -> tuple[bytes, list[str]]:
    """Return a page as a PNG, and its words."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (250, 249, 246))
    pen, font, words = ImageDraw.Draw(picture), ImageFont.truetype(FONT, size), list[str]()
    for top in range(MARGIN, HEIGHT - MARGIN, size * 3 // 2):
        line = ""
        while pen.textlength(f"{line} xxxxxxxxx", font=font) < WIDTH - 2 * MARGIN:
            line = f"{line} {chance.choice(WORDS)}".strip()
        pen.text((MARGIN, top), line, fill=(30, 30, 40), font=font)
        words += line.split()
    return file_of(picture), words


def main(pages: int = 2, size: int = 30) -> None:
    """Print what the pages took."""
    drawn = [page(random.Random(number), size) for number in range(pages)]
    if os.fork() == 0:
        files = [file for file, _ in drawn]
        told = ocr(b"".join(files), list(map(len, files)))
        pairs = [
            (Counter(piece[0] for piece in found), Counter(words))
            for (_, found), (_, words) in zip(told, drawn, strict=True)
        ]
        right = sum((found & words).total() for found, words in pairs)
        print(f"{right:,} of {sum(words.total() for _, words in pairs):,} words right", flush=True)
        os._exit(0)
    os.wait()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{pages} pages: {used.ru_utime + used.ru_stime:.0f} s of CPU, {used.ru_maxrss // 1024} MB at most")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
