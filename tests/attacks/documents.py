"""Documents that were damaged at random: `python -m tests.attacks.documents 1000` tells what came of them."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter

from extractor import UnreadableSource, read
from tests.readers.drawing import file_of, invoice, receipt
from tests.readers.test_without_pages import PAGE, letter, mail


def seeds() -> dict[str, bytes]:
    """Whole documents of each kind that is parsed, by their names."""
    picture, _ = receipt(["Total 12.50"])
    pdf = invoice().pdf()
    return {
        "pdf": pdf,
        "png": file_of(picture),
        "jpeg": file_of(picture, "JPEG"),
        "tiff": file_of(picture, "TIFF"),
        "docx": letter(),
        "html": PAGE.encode(),
        "eml": bytes(mail((pdf, "application/pdf", "invoice.pdf"))),
    }


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Return a document with some of it cut off, overwritten, repeated or left out."""
    file = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(max(len(file), 1))
        size = chance.choice((1, 4, 64, 1024))
        match chance.randrange(5):
            case 0:
                file[at : at + size] = chance.randbytes(size)
            case 1:
                del file[at : at + size]
            case 2:
                file[at:at] = file[at : at + size] * chance.choice((1, 50))
            case 3:
                file[at : at + 1] = b"9" * chance.choice((1, 12))
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
    """Print what came of so many documents."""
    found, slowest = Counter[str](), 0.0
    for seed in range(count):
        told, seconds = outcome(seed)
        found[told] += 1
        slowest = max(slowest, seconds)
    for told, number in sorted(found.items()):
        print(f"{number:5} {told}")
    print(f"{count} documents, each with an outcome; the slowest took {slowest:.1f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]))
