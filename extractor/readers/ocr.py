"""Words of a picture by RapidOCR, whose models are in its wheel. Runs in the reading process alone."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from io import BytesIO
from math import atan2, degrees
from statistics import median
from typing import Any

from .order import PlacedText

TALL = 1.5  # how much higher than wide a line is that runs down the page
SURE = 0.95  # the mean score of a page below which it is tried upside down
ALIKE = 5.0  # degrees within which lines have the page's own skew
APART = 0.25  # a gap, in heights of a line, that is a space
BORDER = 0.35  # of a word's height, that its box is drawn in at most on each side
CONTRAST = 40  # of 255, below which ink can't be told from paper
LEVEL = 3.0  # degrees of skew up to which a box is drawn in
LONG = 4  # how much higher than wide a picture is that is read in strips
STRIP = 1_600  # pixels of the height of a strip
OVERLAP = 200  # pixels of two strips, more than a line is high
LEAST = 8  # pixels of a side, below which nothing can be read


def words(file: bytes) -> list[PlacedText]:
    """Return the words of a picture, in its pixels.

    A page that is upside down is turned; skewed lines tell their angle.
    """
    import numpy
    from PIL import Image

    picture = Image.open(BytesIO(file)).convert("RGB")
    if min(picture.size) < LEAST:
        return []
    pixels = numpy.asarray(picture)[..., ::-1]
    if picture.height > LONG * picture.width and picture.height > STRIP:
        return _with_skew(_of_strips(pixels))
    found = _recognised(pixels)
    if found and _mean(found) < SURE:
        turned = _recognised(pixels[::-1, ::-1])
        if turned and _mean(turned) > _mean(found):
            found = [_turned(piece, *picture.size) for piece in turned]
    return _with_skew(found)


def _of_strips(pixels: Any) -> list[PlacedText]:
    """Return the words of a long picture, such as a receipt: the detector makes a whole one too small.

    Strips overlap, and a word is taken from the one in which its middle is farther from the border.
    """
    height, found = len(pixels), list[PlacedText]()
    for top in range(0, max(height - OVERLAP, 1), STRIP - OVERLAP):
        low = top + OVERLAP / 2 if top else 0.0
        high = top + STRIP - OVERLAP / 2 if top + STRIP < height else height
        for piece in _recognised(pixels[top : top + STRIP]):
            edges = tuple(edge + top for edge in piece.edges) if piece.vertical else piece.edges
            moved = replace(piece, top=piece.top + top, bottom=piece.bottom + top, edges=edges)
            if low <= (moved.top + moved.bottom) / 2 < high:
                found.append(moved)
    return found


@cache
def _engine() -> Any:
    logging.disable(logging.CRITICAL)
    from rapidocr import RapidOCR

    # without the classifier of upside-down lines: it turns a line's picture, and leaves its words mirrored
    return RapidOCR(params={"Global.log_level": "critical", "Global.use_cls": False})


def _recognised(pixels: Any) -> list[PlacedText]:
    told = _engine()(pixels, return_word_box=True)
    if told.txts is None:
        return []
    lines = zip(told.boxes, told.txts, told.word_results, strict=True)
    grey = pixels.mean(axis=2)
    return [
        piece
        for corners, text, line in lines
        for piece in _aligned([_tight(word, grey) for word in _line(corners, text, line)])
    ]


def _line(corners: Any, text: str, found: Sequence[tuple[str, float, Any]]) -> Iterator[PlacedText]:
    """Yield the words of a line: what stands between its spaces, though it was found in several parts. Where
    parts stand well apart the space was overlooked.
    """
    (left, top), (right, above), _, (side, bottom) = ((float(x), float(y)) for x, y in corners)
    down = abs(bottom - top) > TALL * abs(right - left)
    slope = degrees(atan2(bottom - top, side - left) if down else atan2(above - top, right - left)) % 360
    at, parts = 0, list[tuple[str, float, Any]]()
    for part in found:
        begin = text.find(part[0], at)
        if begin < 0 or part[2] is None:
            continue
        if parts and (text[at:begin].strip() != text[at:begin] or _is_apart(parts[-1], part, down)):
            yield _joined(parts, slope, down)
            parts = []
        parts.append(part)
        at = begin + len(part[0])
    if parts:
        yield _joined(parts, slope, down)


def _tight(piece: PlacedText, grey: Any) -> PlacedText:
    """Return a word with its box drawn in to its ink: the detector leaves a wide border."""
    if min(piece.angle % 90, 90 - piece.angle % 90) > LEVEL:
        return piece
    left, top, right, bottom = (max(round(side), 0) for side in _box(piece))
    crop = grey[top:bottom, left:right]
    if crop.size == 0 or crop.max() - crop.min() < CONTRAST:
        return piece
    middle = (crop.max() + crop.min()) / 2
    dark = crop < middle
    ink = dark if dark.mean() < 0.5 else ~dark
    border = BORDER * min(crop.shape)
    sides: list[float] = []
    for axis, begin, end in ((1, top, bottom), (0, left, right)):
        (filled,) = ink.any(axis=axis).nonzero()
        low, high = begin + int(filled[0]), begin + int(filled[-1]) + 1
        sides += [min(low, begin + border), max(high, end - border)]
    return replace(piece, top=sides[0], bottom=sides[1], left=sides[2], right=sides[3])


def _aligned(line: Sequence[PlacedText]) -> Iterator[PlacedText]:
    """Yield the words of a line, all as high as its highest letters and as low as its lowest."""
    for piece in line:
        if piece.vertical:
            yield replace(piece, left=min(w.left for w in line), right=max(w.right for w in line))
        elif min(piece.angle % 90, 90 - piece.angle % 90) > LEVEL / 3:
            yield piece
        else:
            yield replace(piece, top=min(w.top for w in line), bottom=max(w.bottom for w in line))


def _box(piece: PlacedText) -> tuple[float, float, float, float]:
    return piece.left, piece.top, piece.right, piece.bottom


def _is_apart(before: tuple[str, float, Any], after: tuple[str, float, Any], down: bool) -> bool:
    if not (before[0].isascii() and after[0].isascii()):
        return False
    along, across = (1, 0) if down else (0, 1)
    sides = [float(point[across]) for point in after[2]]
    gap = min(float(point[along]) for point in after[2]) - max(float(point[along]) for point in before[2])
    return gap > APART * (max(sides) - min(sides))


def _joined(parts: Sequence[tuple[str, float, Any]], angle: float, down: bool) -> PlacedText:
    corners = [[(float(x), float(y)) for x, y in part[2]] for part in parts]
    xs, ys = [x for each in corners for x, _ in each], [y for each in corners for _, y in each]
    along = 1 if down else 0
    edges: list[float] = []
    for (string, _, _), box in zip(parts, corners, strict=True):
        places = [point[along] for point in box]
        begin, end = min(places), max(places)
        edges += [begin + (end - begin) * i / len(string) for i in range(len(string))]
    edges.append(max(ys if down else xs))
    text = "".join(string for string, _, _ in parts)
    score = round(min(float(part[1]) for part in parts), 4)
    return PlacedText(text, min(xs), min(ys), max(xs), max(ys), score, angle, tuple(edges), down)


def _mean(pieces: Sequence[PlacedText]) -> float:
    letters = sum(len(piece.text) for piece in pieces)
    return sum(piece.score * len(piece.text) for piece in pieces) / letters


def _turned(piece: PlacedText, width: int, height: int) -> PlacedText:
    """Return a piece of a picture that was upside down, in the picture as it is."""
    side = height if piece.vertical else width
    return replace(
        piece,
        left=width - piece.right,
        top=height - piece.bottom,
        right=width - piece.left,
        bottom=height - piece.top,
        angle=(piece.angle + 180) % 360,
        edges=tuple(side - edge for edge in piece.edges),
    )


def _with_skew(pieces: Sequence[PlacedText]) -> list[PlacedText]:
    """Return the pieces with one angle for all that are nearly parallel: a short line's own is not exact."""
    if not pieces:
        return []
    quarter = 90 * Counter(round(piece.angle / 90) % 4 for piece in pieces).most_common(1)[0][0]
    signed = [(piece.angle - quarter + 180) % 360 - 180 for piece in pieces]
    usual = median(signed)
    return [
        replace(piece, angle=(quarter + usual) % 360) if abs(angle - usual) < ALIKE else piece
        for piece, angle in zip(pieces, signed, strict=True)
    ]
