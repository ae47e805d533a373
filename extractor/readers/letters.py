"""Letters that are drawn far apart, as in headings and in forms with a box for each, are words. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias
from unicodedata import bidirectional

Rect: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom, from the page's top left
FEWEST = 4  # letters of a word that is drawn so
FAR = 1.2  # the widest gap between two of them, in heights
UNEVEN = 0.5  # how much wider than the narrowest a gap may be, in heights
LEVEL = 0.2  # how much their middles and heights may differ, in heights


class Glyph(NamedTuple):
    """A character as it stands on a page. angle: of its reading direction, clockwise."""

    char: str
    rect: Rect
    angle: float


class Letters(NamedTuple):
    """The glyphs of a word. spaced: whether the text itself has a space before it."""

    glyphs: Sequence[Glyph]
    spaced: bool


def closed_up(words: Iterable[Letters]) -> Iterator[Sequence[Glyph]]:
    """Yield the glyphs of each word, those of single letters that stand evenly apart as one word."""
    run: list[Letters] = []
    for word in words:
        if run and not _goes_on(run, word):
            yield from _as_words(run)
            run = []
        run.append(word)
    yield from _as_words(run)


def logical(word: Sequence[Glyph]) -> Sequence[Glyph]:
    """Return the glyphs of a word as they are read. Some programs write words of scripts that run from the
    right, such as Arabic, as they are drawn from left to right. Source: UAX 9.
    """
    letters = [glyph for glyph in word if bidirectional(glyph.char) in ("R", "AL")]
    if len(letters) < 2 or 2 * len(letters) < len(word) or word[0].angle % 360:
        return word
    return word[::-1] if letters[0].rect[0] < letters[-1].rect[0] else word


def _goes_on(run: Sequence[Letters], word: Letters) -> bool:
    last = run[-1]
    if word.spaced or len(word.glyphs) > 1 or len(last.glyphs) > 1:
        return False
    (char, one, angle), (_, two, turned) = last.glyphs[0], word.glyphs[0]
    height = max(one[3] - one[1], two[3] - two[1])
    level = abs(one[1] - two[1]) + abs(one[3] - two[3]) < 2 * LEVEL * height
    gaps = [*map(_gap, run[:-1], run[1:]), _gap(last, word)]
    even = 0 < gaps[-1] <= FAR * height and max(gaps) - min(gaps) <= UNEVEN * height
    return angle == turned and angle % 360 == 0 and level and even and not char.isspace()


def _gap(before: Letters, after: Letters) -> float:
    return after.glyphs[0].rect[0] - before.glyphs[-1].rect[2]


def _as_words(run: Sequence[Letters]) -> Iterator[Sequence[Glyph]]:
    glyphs = [glyph for word in run for glyph in word.glyphs]
    said = sum(glyph.char.isalnum() for glyph in glyphs)
    if len(run) >= FEWEST and said >= FEWEST:
        yield glyphs
    else:
        yield from (word.glyphs for word in run)
