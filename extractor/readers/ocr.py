"""Words of a picture, from the letters that RapidOCR finds. Runs in the reading process alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from itertools import pairwise
from math import atan2, degrees, hypot
from statistics import fmean, mean, median
from typing import Any

from .engine import FoundLine, Letter, lines_of_picture
from .ink import CONTRAST, UnreadInk, unread_of
from .order import PlacedText

SURE = 0.95  # how sure a page is read at least that is not tried upside down
ALIKE = 5.0  # degrees within which lines have the page's own skew
APART = 0.25  # a gap, in heights of a line, that is a space
BORDER = 0.35  # of a word's height, that its box is drawn in at most on each side
LEVEL = 3.0  # degrees of skew up to which a box is drawn in
LONG = 4  # how much higher than wide a picture is that is read in strips
STRIP = 1_600  # pixels of the height of a strip
OVERLAP = 200  # pixels of two strips, more than a line is high
LEAST = 8  # pixels of a side, below which nothing can be read


@dataclass(frozen=True, slots=True)
class RecognisedPage:
    """The words of a picture. scores: of its letters. inks: of each line, the pixels of its ink, and those
    not read.
    """

    words: Sequence[PlacedText] = ()
    scores: Sequence[float] = ()
    inks: Sequence[tuple[int, int]] = ()

    @property
    def unread(self) -> UnreadInk:
        """What of its writing was not read."""
        return unread_of(self.inks, self.scores)

    @property
    def sure(self) -> float:
        """How much of it was read, and how surely: 1 is all of it."""
        return fmean(self.scores or (0.0,)) * (1 - self.unread.share)


def recognised(file: bytes) -> RecognisedPage:
    """Return the words of a picture, in its pixels.

    A page that is upside down is turned; skewed lines tell their angle.
    """
    import numpy
    from PIL import Image

    picture = Image.open(BytesIO(file)).convert("RGB")
    if min(picture.size) < LEAST:
        return RecognisedPage()
    pixels = numpy.asarray(picture)[..., ::-1]
    if picture.height > LONG * picture.width and picture.height > STRIP:
        found = _of_strips(pixels)
        return replace(found, words=_with_skew(found.words))
    found = _recognised(pixels)
    if found.inks and found.sure < SURE:
        turned = _recognised(pixels[::-1, ::-1])
        if turned.sure > found.sure:
            found = replace(turned, words=[_turned(piece, *picture.size) for piece in turned.words])
    return replace(found, words=_with_skew(found.words))


def _of_strips(pixels: Any) -> RecognisedPage:
    """Return the words of a long picture, such as a receipt: the detector makes a whole one too small.

    Strips overlap, and a word is taken from the one in which its middle is farther from the border.
    """
    height, found = len(pixels), list[PlacedText]()
    inks, scores = list[tuple[int, int]](), list[float]()
    for top in range(0, max(height - OVERLAP, 1), STRIP - OVERLAP):
        low = top + OVERLAP / 2 if top else 0.0
        high = top + STRIP - OVERLAP / 2 if top + STRIP < height else height
        strip = _recognised(pixels[top : top + STRIP])
        inks += strip.inks
        scores += strip.scores
        for piece in strip.words:
            edges = tuple(edge + top for edge in piece.edges) if piece.vertical else piece.edges
            moved = replace(piece, top=piece.top + top, bottom=piece.bottom + top, edges=edges)
            if low <= (moved.top + moved.bottom) / 2 < high:
                found.append(moved)
    return RecognisedPage(found, scores, inks)


def _recognised(pixels: Any) -> RecognisedPage:
    lines = lines_of_picture(pixels)
    grey = pixels.mean(axis=2, dtype="float32")
    pieces = [
        piece for line in lines for piece in _aligned([_tight(word, grey) for word in words_of_line(line)])
    ]
    scores = [letter.score for line in lines for letter in line.letters]
    inks = tuple((line.ink, line.unread) for line in lines)
    return RecognisedPage(pieces, scores, inks)


def words_of_line(line: FoundLine) -> Iterator[PlacedText]:
    """Yield the words of a line: what stands between its spaces. Where letters stand well apart the space was
    overlooked.
    """
    (left, top), (right, above), _, (side, bottom) = line.corners
    slope = degrees(atan2(bottom - top, side - left) if line.down else atan2(above - top, right - left)) % 360
    across = hypot(right - left, above - top) if line.down else hypot(side - left, bottom - top)
    along = hypot(side - left, bottom - top) if line.down else hypot(right - left, above - top)
    width = _width(line.letters)
    most = width + APART * across / max(along, 1.0)
    word: list[Letter] = []
    for letter in line.letters:
        if word and (letter.begins == "must" or _is_apart(word[-1], letter, most)):
            yield _word(line, word, width, slope)
            word = []
        word.append(letter)
    if word:
        yield _word(line, word, width, slope)


def _width(letters: Sequence[Letter]) -> float:
    """Return how wide a letter is: as far as letters of a word stand apart, as a share of the line."""
    gaps = [two.middle - one.middle for one, two in pairwise(letters) if not two.begins]
    return fmean(gaps) if gaps else 1 / max(len(letters), 1)


def _is_apart(before: Letter, after: Letter, most: float) -> bool:
    told = after.begins == "may" and (before.char + after.char).isascii()
    return told and after.middle - before.middle > most


def _word(line: FoundLine, letters: Sequence[Letter], width: float, slope: float) -> PlacedText:
    """Return letters as a word: each reaches as far as half of the way to the next one."""
    middles = [letter.middle for letter in letters]
    shares = [middles[0] - width / 2, *map(mean, pairwise(middles)), middles[-1] + width / 2]
    sides = [_across(line, min(max(share, 0.0), 1.0)) for share in shares]
    xs, ys = zip(*(point for side in (sides[0], sides[-1]) for point in side), strict=True)
    axis = 1 if line.down else 0
    edges = tuple((one[axis] + two[axis]) / 2 for one, two in sides)
    text = "".join(letter.char for letter in letters)
    score = round(min(letter.score for letter in letters), 4)
    return PlacedText(text, min(xs), min(ys), max(xs), max(ys), score, slope, edges, line.down)


def _across(line: FoundLine, share: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the two ends of the cut through a line at a share of its length."""
    one, two, three, four = line.corners
    if line.down:
        return _between(one, four, share), _between(two, three, share)
    return _between(one, two, share), _between(four, three, share)


def _between(one: tuple[float, float], two: tuple[float, float], share: float) -> tuple[float, float]:
    return one[0] + (two[0] - one[0]) * share, one[1] + (two[1] - one[1]) * share


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
