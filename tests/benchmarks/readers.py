"""Readers of documents side by side: `python -m tests.benchmarks.readers NAME=PYTHON ...`.

NAME is one of READERS; PYTHON is that of an environment of its own in which it is installed. Ours is read
with this one. A file has pieces of text that were planted in it, in the order in which a person reads them.
Shown are the error of characters, the share of neighbours in that order, seconds for a file, and megabytes
installed.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from tests.readers.drawing import Paper, bill, invoice
from tests.readers.writing import PAGE, letter, presentation, workbook

READERS = {  # code that defines read(path), and which files it is for
    "ours": (
        "from extractor import read as of\ndef read(path): return of(path).text",
        ".pdf .docx .xlsx .pptx .html .msg",
    ),
    "pypdf": (
        "from pypdf import PdfReader\n"
        "def read(path): return '\\n\\n'.join(page.extract_text() for page in PdfReader(path).pages)",
        ".pdf",
    ),
    "pdfplumber": (
        "import pdfplumber\ndef read(path):\n"
        "    with pdfplumber.open(path) as pdf: return '\\n'.join(page.extract_text() for page in pdf.pages)",
        ".pdf",
    ),
    "markitdown": (
        "from markitdown import MarkItDown\nof = MarkItDown()\n"
        "def read(path): return of.convert(path).text_content",
        ".pdf .docx .xlsx .pptx .html .msg",
    ),
    "kreuzberg": (
        "from kreuzberg import extract_file_sync\ndef read(path): return extract_file_sync(path).content",
        ".pdf .docx .xlsx .pptx .html .msg",
    ),
    "liteparse": (
        "from liteparse import LiteParse\nof = LiteParse(ocr_enabled=False)\n"
        "def read(path): return of.parse(path).text",
        ".pdf",
    ),
    "docling-slim": (
        "from docling.document_converter import DocumentConverter\nof = DocumentConverter()\n"
        "def read(path): return of.convert(path).document.export_to_markdown()",
        ".docx .xlsx .pptx .html",
    ),
}
LOOP = """
import json, sys, time
for path in sys.argv[1:]:
    try:
        read(path)
        began = time.monotonic()
        print(json.dumps([path, read(path), time.monotonic() - began]))
    except Exception as error:
        print(json.dumps([path, f"{type(error).__name__}: {error}"[:300], None]))
"""
MARKUP = re.compile(r"[|*#>_`\\\\]+|-{2,}|<!--.*?-->|<[^>]+>")
TIMES = 900.0  # seconds that one reader may take for all files


class Planted(NamedTuple):
    """A file, and what it says, in the order in which a person reads it."""

    name: str
    data: bytes
    pieces: tuple[str, ...]


NEAR = 3  # characters between pieces that follow one another
WORDS = (
    *("harbour", "lantern", "copper", "meadow", "silent", "orchard", "winter", "paper", "bridge", "amber"),
    *("velvet", "garden", "thunder", "pebble", "candle", "marble", "whisper", "saddle", "ribbon", "cinder"),
)
ADDRESSES = (
    *("INVOICE", "INV-2031", "ACME Tools Ltd", "12 High Street", "London E1 7AA"),
    *("Bolt and Nut GmbH", "Lange Strasse 5", "10115 Berlin Mitte", "Item", "Qty", "Price", "Latte", "17"),
    *("3.50", "Blue cheese", "4", "12.75", "Total", "EUR 1,250.75", "Confidential copy", "Archive 77-B"),
)
RULED = (
    *("Bill 7", "Item", "Count", "Price", "Blue cheese, ripe and", "from the north", "4", "12.75"),
    *("Office chair", "99.00", "Paid", "Total", "150.00"),
)
LETTER = (
    *("Landlord & Sons", "Dear Ms Lovelace,", "the rent is EUR 950.", "Item", "Price", "Rent", "950.00"),
    "Yours, B. Landlord",
)
OFFER = ("Offer 17", "A blue cheese & bread", "Item", "Price", "Cheese", "12.75", "after")


def files() -> list[Planted]:
    """Return the files that are read."""
    return [
        Planted("addresses.pdf", invoice().pdf(), ADDRESSES),
        Planted("ruled.pdf", bill().pdf(), RULED),
        columns("columns.pdf"),
        columns("rows.pdf", row_by_row=True),
        turned(),
        Planted("letter.docx", letter(), LETTER),
        Planted("costs.xlsx", workbook(), ("Costs", "Item", "Price", "Cheese", "12.75")),
        Planted("results.pptx", presentation(), ("Results of 2026", "Sales", "77 000", "Say this slowly")),
        Planted("offer.html", PAGE.encode(), OFFER),
    ]


def columns(name: str, row_by_row: bool = False) -> Planted:
    """Return two columns of prose under a title. row_by_row: whether both are drawn line by line."""
    paper = Paper()
    paper.write("A title over both of the columns", 60, 780, 14)
    places = [(column, line) for column in range(2) for line in range(12)]
    chance = random.Random(7)
    texts = {place: " ".join(chance.sample(WORDS, 6)) for place in places}
    for column, line in sorted(places, key=lambda place: place[::-1]) if row_by_row else places:
        paper.write(texts[column, line], (60, 320)[column], 740 - 15 * line)
    return Planted(name, paper.pdf(), ("A title over both of the columns", *texts.values()))


def turned() -> Planted:
    """Return a form on a page that the file turns and crops."""
    paper = Paper(rotation=90, crop=(20.0, 30.0, 580.0, 820.0))
    fields = {
        "Number:": "INV-2031",
        "Customer:": "Ada Lovelace",
        "Due:": "12 May 2026",
        "Total:": "EUR 17.40",
    }
    pieces: list[str] = []
    for row, (label, value) in enumerate(fields.items()):
        paper.write(label, 60 + 20 * row, 100, turn=90)
        paper.write(value, 60 + 20 * row, 300, turn=90)
        pieces += [label, value]
    return Planted("turned.pdf", paper.pdf(), tuple(pieces))


def plain(text: str) -> str:
    """Return a text without markup, its white space as single spaces."""
    return " ".join(MARKUP.sub(" ", text).split())


def distance(one: str, other: str) -> int:
    """Return Levenshtein's distance of two texts, in characters."""
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, 1):
        last, row[0] = row[0], i
        for j, another in enumerate(other, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (char != another))
    return row[-1]


def error_of(text: str, pieces: Sequence[str]) -> float:
    """Return the share of characters to be changed, at most 1, to make what was read of what was planted."""
    gold = plain(" ".join(pieces))
    return min(1.0, distance(gold, plain(text)) / len(gold))


def order_of(text: str, pieces: Sequence[str]) -> float:
    """Return the share of pieces behind which the next one follows in what was read."""
    read, texts = plain(text), list(map(plain, pieces))
    return mean(
        any(
            0 <= read.find(after, found.end(), found.end() + NEAR + len(after)) - found.end() <= NEAR
            for found in re.finditer(re.escape(before), read)
        )
        for before, after in pairwise(texts)
    )


def megabytes(python: str) -> int:
    """Return the size of what is installed beside pip."""
    code = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    place = Path(
        subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    )
    without = ("pip", "setuptools", "__pycache__", "_distutils_hack", "pkg_resources")
    sizes = (
        file.stat().st_size
        for part in place.iterdir()
        if not part.name.startswith(without)
        for file in (part.rglob("*") if part.is_dir() else [part])
        if file.is_file()
    )
    return round(sum(sizes) / 2**20)


def main(given: Sequence[str]) -> None:
    """Print a line for each reader and kind of file."""
    pythons = {"ours": sys.executable, **dict(each.split("=", 1) for each in given)}
    with tempfile.TemporaryDirectory() as folder:
        planted = {str(Path(folder, each.name)): each for each in files()}
        for path, each in planted.items():
            Path(path).write_bytes(each.data)
        print(f"{'reader':13} {'file':14} {'error':>6} {'order':>6} {'seconds':>8}")
        for name, python in pythons.items():
            code, kinds = READERS[name]
            paths = [path for path in planted if Path(path).suffix in kinds.split()]
            ended = subprocess.run(
                [python, "-c", code + LOOP, *paths],
                capture_output=True,
                text=True,
                timeout=TIMES,
                check=False,
            )
            told = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("[")]
            if not told:
                print(
                    f"{name:13} {ended.stderr.strip().splitlines()[-1][:90] if ended.stderr else 'nothing'}"
                )
            for path, text, seconds in told:
                each = planted[path]
                if seconds is None:
                    print(f"{name:13} {each.name:14} {text[:80]}")
                    continue
                error, order = error_of(text, each.pieces), order_of(text, each.pieces)
                print(f"{name:13} {each.name:14} {error:6.1%} {order:6.0%} {seconds:8.3f}")
            if name != "ours":
                print(f"{name:13} {megabytes(python)} MB installed")


if __name__ == "__main__":
    main(sys.argv[1:])
