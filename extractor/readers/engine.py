"""Lines of letters in a picture, by RapidOCR, whose models are in its wheel.

It finds lines, cuts them out, and reads each. Its own words are not used: they have the score of a letter of
another word, and their letters one width. Runs in the reading process alone.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, NamedTuple

from .ink import ink_of, unread_ink

TALL = 1.5  # how much higher than wide a line is that runs down the page
DETECTED = 1_440  # pixels of the longer side of the picture in which lines are looked for, at most
LEAST_SURE = 0.5  # the mean score of a line below which nothing of it is taken


class Letter(NamedTuple):
    """A letter of a line. middle: along the line, as a share of its length. begins: whether a word must begin
    with it, since a space is before it, or may, since it is another kind of letter or far from the last one.
    """

    char: str
    middle: float
    score: float
    begins: str = ""


class FoundLine(NamedTuple):
    """A line of a picture.

    corners: top left, top right, bottom right, bottom left, in pixels. down: whether it runs down the page.
    letters: () where none was read. ink: pixels of its writing; unread: those that no letter was read from.
    """

    corners: tuple[tuple[float, float], ...]
    down: bool
    letters: tuple[Letter, ...]
    ink: int
    unread: int


@cache
def _engine() -> Any:
    logging.disable(logging.CRITICAL)
    from rapidocr import RapidOCR

    # without the classifier of upside-down lines: it turns a line's picture, and leaves its words mirrored
    settings: dict[str, Any] = {"log_level": "critical", "use_cls": False, "return_word_box": True}
    settings["max_side_len"] = DETECTED
    # lines are read one by one: of several at a time each takes the memory of the widest
    params = {f"Global.{name}": value for name, value in settings.items()} | {"Rec.rec_batch_num": 1}
    return RapidOCR(params=params)


@cache
def _trim() -> Callable[[int], Any]:
    """Return glibc's malloc_trim. Without it the memory of each line stays: another one is not as wide."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # macOS, Windows, musl
        return lambda kept: None


def lines_of_picture(pixels: Any) -> list[FoundLine]:
    """Return the lines of a picture. pixels: (height, width, 3), as blue, green and red."""
    import numpy
    from rapidocr.main import RapidOCRError
    from rapidocr.utils.process_img import map_boxes_to_original

    engine, pixels = _engine(), numpy.ascontiguousarray(pixels)
    picture, steps = engine.preprocess_img(pixels)
    try:
        cut, found = engine.detect_and_crop(picture, steps)
    except RapidOCRError:  # there is no line
        return []
    boxes = map_boxes_to_original(found.boxes, steps, *pixels.shape[:2]).astype(numpy.float32)
    if len(picture) < len(pixels):  # the picture as it came is sharper
        cut = engine.crop_text_regions(pixels, boxes)
    return [_line(corners, *_read(engine, line), line) for corners, line in zip(boxes, cut, strict=True)]


def _read(engine: Any, line: Any) -> tuple[str, float, Any]:
    """Return the text of a line's picture, its score, and RapidOCR's parts of it."""
    _trim()(0)
    read = engine.recognize_txt([line])
    return read.txts[0], read.scores[0], read.word_results[0]


def _line(corners: Any, text: str, score: float, told: Any, picture: Any) -> FoundLine:
    places = tuple((float(x), float(y)) for x, y in corners)
    letters = tuple(_letters(text, told)) if score >= LEAST_SURE else ()
    ink = ink_of(picture)
    unread = unread_ink(ink, [letter.middle for letter in letters])
    return FoundLine(places, _runs_down(places), letters, int(ink.sum()), unread)


def _letters(text: str, told: Any) -> Iterator[Letter]:
    """Yield the letters of a line. told: RapidOCR's parts of it, which have no spaces, with the column that
    each letter was read from; and the score of each character, spaces among them.
    """
    columns = ((column, at == 0) for part in told.word_cols for at, column in enumerate(part))
    spaced = False
    for char, score in zip(text, told.confs, strict=True):
        if char.isspace():
            spaced = True
            continue
        column, is_first = next(columns)
        begins = "must" if spaced else "may" if is_first else ""
        yield Letter(char, (column + 0.5) / told.line_txt_len, float(score), begins)
        spaced = False


def _runs_down(corners: tuple[tuple[float, float], ...]) -> bool:
    (left, top), (right, above), (x, y), (side, bottom) = corners
    width = max(_distance(left - right, top - above), _distance(x - side, y - bottom))
    height = max(_distance(left - side, top - bottom), _distance(right - x, above - y))
    return int(height) >= TALL * int(width)


def _distance(x: float, y: float) -> float:
    return float((x * x + y * y) ** 0.5)
