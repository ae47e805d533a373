"""The pages of the document that a record was read from: its words with their places, single pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from ..errors import UnreadableSource
from ..layout import Source, Word
from ..messages import JSON
from ..readers import pictures_of
from ..report import units
from .items import ReviewItem

KEPT = 4  # documents in memory: the one that is looked at, and its neighbours


class ReviewDocuments:
    """Documents by their names, the last few kept. read: returns a document, a text where it has no pages,
    None if it is not there.
    """

    def __init__(self, read: Callable[[str], str | Source | None]) -> None:
        self._read = lru_cache(KEPT)(read)

    def pages(self, item: ReviewItem) -> JSON:
        """Return the pages of a record's document, [number, width, height], and its words, [start, end, page,
        line, left, top, right, bottom]: offsets as JavaScript has them, sides as shares of the page. Both
        are empty without pages, and where the document has another text by now.
        """
        source = self._document(item)
        if source is None:
            return {"pages": [], "words": []}
        unit = units(source.text)
        sizes = {page.number: (page.width, page.height) for page in source.pages}
        return {
            "pages": [[number, round(width), round(height)] for number, (width, height) in sizes.items()],
            "words": [
                [unit(word.start), unit(word.end), word.page, word.line, *_shares(word, *sizes[word.page])]
                for word in source.layout.words
            ],
        }

    def picture(self, item: ReviewItem, number: int) -> bytes | None:
        """Return a page as a WebP file; None if it has no such page, or it can't be drawn."""
        source = self._document(item)
        pages = () if source is None else tuple(page for page in source.pages if page.number == number)
        if source is None or not pages:
            return None
        try:
            return pictures_of(replace(source, layout=replace(source.layout, pages=pages))).get(number)
        except UnreadableSource:
            return None  # the text is shown

    def _document(self, item: ReviewItem) -> Source | None:
        found = self._read(item.document) if item.document else None
        same = isinstance(found, Source) and found.text == item.text and bool(found.pages)
        return found if same and isinstance(found, Source) else None


def _shares(word: Word, width: float, height: float) -> list[float]:
    sides = word.left / width, word.top / height, word.right / width, word.bottom / height
    return [round(side, 4) for side in sides]
