"""Documents that were damaged at random: `python -m tests.attacks.documents 1000` tells what came of them."""

from __future__ import annotations

import os
import random
import resource
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile

from extractor import UnreadableSource, read
from tests.readers.drawing import Paper, bill, file_of, invoice, receipt
from tests.readers.opening import flat, opened
from tests.readers.writing import MESSAGE, PAGE, book, letter, mail, presentation, workbook


@cache
def seeds() -> dict[str, bytes]:
    """Whole documents of each kind that is parsed, by their names."""
    picture, _ = receipt(["Total 12.50"])
    pdf = invoice().pdf()
    found = {
        "pdf": pdf,
        "ruled pdf": bill().pdf(),
        "encrypted pdf": Paper(password="secret").pdf(),
        **{form.lower(): file_of(picture, form) for form in ("PNG", "JPEG", "TIFF", "WEBP", "GIF", "BMP")},
        "docx": letter(),
        "xlsx": workbook(),
        "pptx": presentation(),
        "odt": opened("<text:p>Total 12.50</text:p>"),
        "fodt": flat("<text:p>Total 12.50</text:p>"),
        "rtf": rb"{\rtf1{\fonttbl{\f0 Arial;}}\trowd\cellx9\intbl Total\cell 12.50\cell\row\u8364?}",
        "epub": book(),
        "html": PAGE.encode(),
        "eml": bytes(mail((pdf, "application/pdf", "invoice.pdf"))),
        "msg": MESSAGE.read_bytes(),
    }
    if find_spec("pillow_heif"):
        import pillow_heif

        photo = BytesIO()
        pillow_heif.from_pillow(picture).save(photo)
        found["heic"] = photo.getvalue()
    return found


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a document with some of it cut off, overwritten, repeated or left out; of an archive also one of
    its parts.
    """
    if data.startswith(b"PK") and chance.random() < 0.7:
        return _with_damaged_part(data, chance)
    return _damaged(data, chance)


def _with_damaged_part(data: bytes, chance: random.Random) -> bytes:
    """Return an archive that is whole, with a part that is not."""
    file = BytesIO()
    with ZipFile(BytesIO(data)) as archive, ZipFile(file, "w", ZIP_DEFLATED) as made:
        names = [name for name in archive.namelist() if name.endswith((".xml", ".rels", ".opf", ".xhtml"))]
        hit = chance.choice(names)
        for name in archive.namelist():
            part = archive.read(name)
            made.writestr(name, _damaged(part, chance) if name == hit else part)
    return file.getvalue()


def _damaged(data: bytes, chance: random.Random) -> bytes:
    file = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(max(len(file), 1))
        size = chance.choice((1, 4, 64, 1024))
        match chance.randrange(6):
            case 0:
                file[at : at + size] = chance.randbytes(size)
            case 1:
                del file[at : at + size]
            case 2:
                file[at:at] = file[at : at + size] * chance.choice((1, 50))
            case 3:
                file[at : at + 1] = b"9" * chance.choice((1, 12))
            case 4:
                file[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
            case _:
                del file[at + len(file) // 2 :]
    return bytes(file)


def outcome(seed: int) -> tuple[str, float]:
    """Return what came of the seed-th document, and the seconds it took; raise what is no outcome."""
    chance = random.Random(seed)
    name = chance.choice(sorted(seeds()))
    began = time.monotonic()
    try:
        read(damaged(seeds()[name], chance), ocr="never")
        told = "read"
    except UnreadableSource as error:
        told = error.kind
    return f"{name}: {told}", time.monotonic() - began


def main(count: int) -> None:
    """Print what came of so many documents, and the most that a reading process held in memory."""
    found, slowest = Counter[str](), 0.0
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        for told, seconds in threads.map(outcome, range(count)):
            found[told] += 1
            slowest = max(slowest, seconds)
    for told, number in sorted(found.items()):
        print(f"{number:5} {told}")
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(f"{count} documents, each with an outcome; the slowest took {slowest:.1f} s, the largest reader")
    print(f"{megabytes} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]))
