"""A long text -> chunks: pieces that end at natural borders, each with the end of the one before."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from ..errors import ConfigError

_NARROWER = 3  # the last of many passes has chunks a third shorter: else good borders would be the same
_JOINERS = "\u200d\ufe0e\ufe0f"  # what belongs to the character before it, and is no combining mark


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a text, `text[start:end]`, the `number`th of `count` in one pass over it. fresh: where
    the overlap with the chunk before ends: the pieces `text[fresh:end]` make up the whole text.
    """

    start: int
    fresh: int
    end: int
    number: int = 1
    count: int = 1
    reading: int = 1


def split(text: str, size: int, overlap: int, *, reading: int = 1, of: int = 1) -> tuple[Chunk, ...]:
    """Return the chunks of a text, none longer than `size` characters; one alone where the text is no longer.

    A border stands between paragraphs, else lines, else sentences, else words, wherever there is such a
    place. overlap: characters of the chunk before that each one begins with, less than half of size: at
    most so many, and at least half, to begin at a line or a word. reading: where the text is gone over
    `of` times, which time this is: each has its borders elsewhere, so that what one cuts the others see.
    """
    if len(text) <= size:
        return (Chunk(0, 0, len(text), reading=reading),)
    step = (size - overlap) * (_NARROWER * of - reading + 1) // (_NARROWER * of)
    shift = step * (reading - 1) // of
    head = _borders(text[:step], shift)[1] if shift else 0
    edges = [*([0] if head else []), *(head + border for border in _borders(text[head:], step)), len(text)]
    return tuple(
        Chunk(_back(text, fresh, overlap), fresh, end, number, len(edges) - 1, reading)
        for number, (fresh, end) in enumerate(pairwise(edges), 1)
    )


def shorter(text: str, chunk: Chunk, overlap: int) -> tuple[Chunk, ...]:
    """Return shorter chunks, mostly two, that make up one; () where it is too short to be cut."""
    step = (chunk.end - chunk.start) * 2 // 3
    if step <= overlap:
        return ()
    parts = split(text[chunk.start : chunk.end], step + overlap, overlap)
    return tuple(
        replace(
            chunk,
            start=chunk.start + part.start,
            fresh=min(max(chunk.fresh, chunk.start + part.fresh), chunk.start + part.end),
            end=chunk.start + part.end,
        )
        for part in (parts if len(parts) > 1 else ())
    )


def windows(
    text: str, places: Sequence[tuple[int, int]], around: int, size: int
) -> tuple[tuple[int, int], ...]:
    """Return pieces of a text that have some places in them, those with the most places first.

    places: (start, end), sorted. around: characters on either side, more up to the border of a line. size:
    the most characters of a piece. A longer place is a piece of its own.
    """
    found = list[tuple[int, int, int]]()  # start, end, how many places
    for place in places:
        start, end = _widened(text, *place, around)
        if found and start <= found[-1][1] and end - found[-1][0] <= size:
            found[-1] = found[-1][0], end, found[-1][2] + 1
        else:
            found.append((start, end, 1))
    return tuple((start, end) for start, end, _ in sorted(found, key=lambda each: (-each[2], each[0])))


def _widened(text: str, start: int, end: int, around: int) -> tuple[int, int]:
    low, high = max(0, start - around), min(len(text), end + around)
    low = low and max(text.rfind("\n", 0, low) + 1, low - around)
    below = text.find("\n", high)
    return low, len(text) if below < 0 else min(below + 1, high + around)


def _borders(text: str, most: int) -> list[int]:
    """Return where the pieces of a text begin, none longer than `most` characters."""
    told = text.encode("utf-8", "replace").decode()  # lone surrogates are one character still
    return [at for at, _ in _splitter(most).chunk_indices(told)]


def _splitter(most: int) -> Any:
    try:
        from semantic_text_splitter import TextSplitter
    except ImportError as error:
        raise ConfigError(
            "splitting a long text needs a text splitter: run `pip install 'typed-extractor[long]'`"
        ) from error
    return TextSplitter(max(1, most), trim=False)


def _back(text: str, border: int, overlap: int) -> int:
    """Return where the chunk of a border begins: `overlap` characters before, or less, at a line or word."""
    first, last = max(0, border - overlap), border - overlap // 2
    if first == 0:
        return 0
    return next(_starts(text, first, last), first)


def _starts(text: str, first: int, last: int) -> Iterator[int]:
    """Yield good places to begin in text[first:last], the best ones first."""
    line = text.find("\n", first - 1, last - 1)
    if line >= 0:
        yield line + 1
    yield from (i for i in range(first, last) if text[i - 1].isspace() and not text[i].isspace())
    yield from (i for i in range(first, last) if not _continues(text, i))


def _continues(text: str, at: int) -> bool:
    """Whether the character there belongs to the one before."""
    before, char = text[at - 1], text[at]
    return (
        bool(unicodedata.combining(char)) or char in _JOINERS or before == "\u200d" or before + char == "\r\n"
    )
