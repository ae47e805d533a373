"""Which words of a page of a PDF can be seen, by its picture. Runs in the reading process alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, sqrt
from typing import Any, NamedTuple

from .order import PlacedText

CONTRAST = 8  # of 255 between the lightest and the darkest pixel, below which there is nothing to be seen
SCALE = 1.5  # pixels of the picture for a point
PIXELS = 4_000_000  # of the picture
SECONDS = 30.0  # of CPU for all pages of a document
TINY = 1.2  # points of height below which nobody reads a word
SHARE = 600  # of the page's height, which a word has to be one part of if it is so small
TEXTS = 500  # objects of a page that are looked at
LATIN = "\u024f"


class Visible(NamedTuple):
    """The words of a page that can be seen, and those that cannot."""

    seen: list[PlacedText]
    hidden: list[PlacedText]


class Looking:
    """Looks at the pages of one document, for as long as there is time. clock: seconds of CPU."""

    def __init__(self, clock: Callable[[], float] = time.process_time) -> None:
        self._clock, self._spent = clock, 0.0

    @property
    def is_over(self) -> bool:
        """Whether the time is used up: words of further pages are not looked at."""
        return self._spent > SECONDS

    def at(self, page: Any, size: tuple[float, float], words: Sequence[PlacedText]) -> Visible:
        """Return which words of a page can be seen; all if there is no time left. size: of the page."""
        if self.is_over or not words:
            return Visible(list(words), [])
        begun = self._clock()
        scale = min(SCALE, sqrt(PIXELS / (size[0] * size[1])))
        picture = page.render(scale=scale, may_draw_forms=False).to_pil().convert("RGB")
        draws_all: bool | None = None
        found = Visible([], [])
        for word in words:
            hidden = _is_tiny(word, size[1]) or (_says(word.text) and _is_blank(picture, word, scale))
            if hidden and max(word.text) > LATIN:  # fonts that are not embedded may be missing here alone
                draws_all = _has_all_fonts(page) if draws_all is None else draws_all
                hidden = draws_all
            (found.hidden if hidden else found.seen).append(word)
        self._spent += self._clock() - begun
        return found


def told(words: Iterable[PlacedText], most: int = 60) -> str:
    """Return the beginning of some words, as it is quoted in a note."""
    text = " ".join(word.text for word in words)
    return repr(text if len(text) <= most else f"{text[:most].rstrip()}...")


def _says(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _is_tiny(word: PlacedText, height: float) -> bool:
    side = (
        min(word.bottom - word.top, word.right - word.left) if len(word.text) > 1 else word.bottom - word.top
    )
    return _says(word.text) and side < min(TINY, height / SHARE)


def _is_blank(picture: Any, word: PlacedText, scale: float) -> bool:
    """Whether all pixels of a word's box have one colour."""
    left, top = floor(word.left * scale), floor(word.top * scale)
    right, bottom = ceil(word.right * scale), ceil(word.bottom * scale)
    if right - left < 3 or bottom - top < 3:  # too small in this picture to be judged
        return False
    extremes = picture.crop((left, top, right, bottom)).getextrema()
    return bool(max(high - low for low, high in extremes) < CONTRAST)


def _has_all_fonts(page: Any) -> bool:
    """Whether the fonts of a page's texts are in the file."""
    import pypdfium2.raw as c

    for number, text in enumerate(page.get_objects(filter=[c.FPDF_PAGEOBJ_TEXT], max_depth=3)):
        font = c.FPDFTextObj_GetFont(text.raw)
        if number >= TEXTS or not font or c.FPDFFont_GetIsEmbedded(font) != 1:
            return False
    return True
