"""Damaged and hostile documents: each has an outcome, and harms nobody."""

from __future__ import annotations

import zlib
from io import BytesIO

import pytest
from PIL import Image

from extractor import UnreadableSource, read
from tests.attacks.documents import outcome
from tests.attacks.test_pdfs import WORDS, deflated, paper
from tests.readers.drawing import file_of


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_document_is_read_or_has_a_name(seed: int) -> None:
    told, seconds = outcome(10_000 + seed)
    assert told
    assert seconds < 120


def tall() -> bytes:
    file = BytesIO()
    Image.new("1", (100, 100)).save(file, "PNG")
    data = bytearray(file.getvalue())
    data[16:24] = (100_000).to_bytes(4, "big") * 2  # ten thousand million pixels, says its head
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


HOSTILE = {
    "a picture of 200 megapixels": (lambda: file_of(Image.new("1", (20_000, 10_000))), "too_large"),
    "a picture that claims ten thousand": (tall, "too_large"),
    "100,000 pages": (lambda: paper(WORDS, pages=100_000), "too_large"),
    "more than a gigabyte": (lambda: paper(*packed()), "too_large"),
    "no pages": (lambda: paper(WORDS, pages=0), "damaged"),
    "a mail of a thousand parts": (
        lambda: (
            b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=a\n\n"
            + b"--a\nContent-Type: text/x\n\n\n" * 2_000
            + b"--a--\n"
        ),
        "too_large",
    ),
    "markup without an end": (lambda: b"<html>" + b"<table><tr><td>" * 500_000, "empty"),
}


def packed() -> tuple[bytes, str, str]:
    data, coding = deflated(5 * 2**28, 2)
    return data, "0 0 612 792", coding


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_that_asks_for_too_much_is_refused_by_name(name: str) -> None:
    make, kind = HOSTILE[name]
    with pytest.raises(UnreadableSource) as caught:
        read(make(), ocr="never")
    assert caught.value.kind == kind, caught.value
