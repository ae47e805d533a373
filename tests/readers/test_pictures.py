"""Scans and photos: the words that are recognised, and where; what was recognised once is kept."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from extractor import UnreadableSource, read
from extractor.layout import Source
from extractor.readers.unreadable import why_not_loaded
from tests.readers.drawing import Rect, file_of, iou, receipt, rect

LINES = ["Corner Cafe Springfield", "Latte 14.20", "Croissant 21.50", "Total EUR 35.70"]
SHARE = 0.95  # of the words that were read right stand where they were drawn


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.getbasetemp() / "recognised"  # shared: the tests recognise the same pictures
    monkeypatch.setenv("EXTRACTOR_CACHE", str(folder))
    return folder


def found(source: Source, planted: dict[str, Rect]) -> list[float]:
    """Return the IoU of each word that was read right."""
    starts = {word: source.text.find(word) for word in planted}
    return [
        iou(rect(source.boxes(start, start + len(word))[0]), planted[word])
        for word, start in starts.items()
        if start >= 0
    ]


@pytest.mark.slow
@pytest.mark.sampled(1)
@pytest.mark.parametrize(("form", "turn"), [("PNG", 0), ("JPEG", 180), ("WEBP", 270)])
def test_words_are_recognised_where_they_were_drawn(form: str, turn: int) -> None:
    picture, planted = receipt(LINES)
    width, height = picture.size
    source = read(file_of(picture.rotate(turn, expand=True), form))
    assert source.pages[0].read == "ocr"
    turned = {
        word: {
            0: (left, top, right, bottom),
            180: (width - right, height - bottom, width - left, height - top),
            270: (height - bottom, left, height - top, right),
        }[turn]
        for word, (left, top, right, bottom) in planted.items()
    }
    scores = found(source, turned)
    assert len(scores) >= 0.8 * len(planted)
    assert sum(score >= 0.5 for score in scores) >= SHARE * len(scores)
    assert source.text.split("\n")[-1].startswith("Total")
    assert all(0 < word.score <= 1 for word in source.layout.words)


@pytest.mark.slow
def test_a_page_of_a_pdf_that_is_a_picture_is_recognised_in_points() -> None:
    picture, planted = receipt(LINES)
    source = read(file_of(picture, "PDF", resolution=144))
    assert (source.pages[0].read, source.pages[0].unit, source.pages[0].width) == ("ocr", "pt", 320)
    halves = {word: tuple(side / 2 for side in box) for word, box in planted.items()}
    scores = found(source, halves)  # type: ignore[arg-type]
    assert len(scores) >= 0.8 * len(planted)
    assert sum(score >= 0.5 for score in scores) >= SHARE * len(scores)


@pytest.mark.slow
def test_each_page_of_a_tiff_is_a_page() -> None:
    first, _ = receipt(LINES)
    file = file_of(first, "TIFF", save_all=True, append_images=[Image.new("RGB", (90, 60), "white")])
    source = read(file)
    assert [(page.number, page.read) for page in source.pages] == [(1, "ocr"), (2, "blank")]
    with pytest.raises(UnreadableSource, match="no page 3: the image has pages 1 to 2"):
        read(file, pages=[3])


@pytest.mark.slow
def test_words_of_a_picture_are_kept_for_the_owner_alone(cache: Path) -> None:
    data = file_of(receipt([*LINES, "Kept Receipt 93.10"])[0])
    text = read(data).text
    (place,) = (path for path in (cache / "ocr").rglob("*.json") if "93.10" in path.read_text())
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    unread, words = json.loads(place.read_text())
    words[0][0] = "Changed"
    place.write_text(json.dumps([unread, words]))
    assert read(data).text.startswith("Changed")
    place.write_text("[[[damaged")
    assert read(data).text == text


@pytest.mark.slow
def test_a_picture_of_nothing_is_empty_or_refused() -> None:
    for picture, kind in [
        (file_of(Image.new("RGB", (1, 1))), "empty"),
        (file_of(Image.new("1", (20_000, 10_000))), "too_large"),
        (file_of(receipt(LINES)[0])[:400], "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
    ]:
        with pytest.raises(UnreadableSource) as caught:
            read(picture)
        assert caught.value.kind == kind


@pytest.mark.slow
def test_pictures_stay_unread_where_nobody_wants_them_read() -> None:
    with pytest.raises(UnreadableSource, match="ocr='never'") as caught:
        read(file_of(receipt(LINES)[0]), ocr="never")
    assert caught.value.kind == "unread"


def test_a_missing_library_of_the_system_is_named() -> None:
    def load() -> None:
        try:
            raise ImportError("libstdc++.so.6: cannot open shared object file: No such file or directory")
        except ImportError as error:
            raise ImportError("IMPORTANT: read this for advice!\n\nMany lines follow.") from error

    with pytest.raises(ImportError) as caught:
        load()
    assert why_not_loaded(caught.value) == (
        "a library that is needed to read this can't be loaded, ImportError: libstdc++.so.6: cannot "
        "open shared object file: No such file or directory"
    )


@pytest.mark.slow
def test_a_long_receipt_is_read_as_sharply_as_a_short_one() -> None:
    lines = [f"Item {number} article {number}.50" for number in range(60)]
    picture = Image.new("RGB", (420, 6000), "white")  # as a whole it would be made three times smaller
    drawing = ImageDraw.Draw(picture)
    for number, line in enumerate(lines):
        drawing.text((20, 20 + 99 * number), line, fill="black", font_size=24)
    source = read(file_of(picture))
    assert source.text.split() == " ".join(lines).split()
    start = source.text.index("59.50")
    (box,) = source.boxes(start, start + 5)
    assert 20 + 99 * 59 < (box.top + box.bottom) / 2 < 20 + 99 * 60
