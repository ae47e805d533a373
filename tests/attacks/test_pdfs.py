"""PDFs that ask for more than a file is worth: refused, and the memory of who reads them is untouched."""

from __future__ import annotations

import resource
import zlib

import pytest

from extractor import ConfigError, pdf

from .conftest import Bounded

WORDS = b"BT /F1 9 Tf 9 9 Td (Total 12.50) Tj ET\n"


def paper(content: bytes, box: str = "0 0 612 792", coding: str = "", pages: int = 1) -> bytes:
    """Return a PDF whose pages all have one content stream. coding: how the stream is packed."""
    kids = " ".join(f"{5 + n} 0 R" for n in range(pages))
    page = (
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R/Resources<</Font<</F1 3 0 R>>>>>>"
    ).encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {pages}>>".encode(),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Length %d%b>>\nstream\n%b\nendstream" % (len(content), coding.encode(), content),
        *[page] * pages,
    ]
    file, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    size, begins = len(objects) + 1, len(file)
    file += b"xref\n0 %d\n0000000000 65535 f \n" % size
    file += b"".join(b"%010d 00000 n \n" % place for place in places)
    file += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (size, begins)
    return bytes(file)


def deflated(size: int, layers: int) -> tuple[bytes, str]:
    packer = zlib.compressobj(9)
    piece = b" " * 2**20
    data = b"".join(packer.compress(piece) for _ in range(size // len(piece))) + packer.flush()
    for _ in range(layers - 1):
        data = zlib.compress(data, 9)
    return data, f"/Filter[{'/FlateDecode ' * layers}]"


FILES = {
    "as it should be": lambda: paper(WORDS),
    "200 inches": lambda: paper(WORDS, "0 0 14400 14400"),
    "a billion points": lambda: paper(WORDS, "0 0 1000000000 1000000000"),
    "a quarter of a gigabyte": lambda: paper(*with_coding(deflated(2**28, 1))),
    "more than a gigabyte": lambda: paper(*with_coding(deflated(5 * 2**28, 2))),
    "a million glyphs": lambda: paper(WORDS * 90_000),
    "100,000 pages": lambda: paper(WORDS, pages=100_000),
    "no pages": lambda: paper(WORDS, pages=0),
    "cut off": lambda: paper(WORDS)[:300],
}


def with_coding(packed: tuple[bytes, str]) -> tuple[bytes, str, str]:
    data, coding = packed
    return data, "0 0 612 792", coding


def trial(name: str, as_: str) -> str:
    file = FILES[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        told = f"{len(pdf(file, as_=as_, pages=[1]))} parts"  # type: ignore[arg-type]
    except ConfigError as error:
        told = f"ConfigError: {error}"
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert grown < 60, f"the caller's own process grew by {grown:.0f} MB"
    return told


@pytest.mark.parametrize("as_", ["images", "text", "file"])
@pytest.mark.parametrize("name", FILES)
def test_a_page_is_read_or_refused_within_bounds(bounded: Bounded, name: str, as_: str) -> None:
    outcome = bounded(trial, name, as_, seconds=60, megabytes=500)
    assert outcome.value is not None, outcome
    if name == "as it should be":
        assert outcome.value == "1 parts"
    if as_ == "images" and name in ("200 inches", "a billion points"):
        assert "give a smaller dpi" in outcome.value
    if name == "more than a gigabyte" and as_ != "file":
        assert "it takes more than 1 GiB" in outcome.value
