"""Words of a page in the order in which they are read: blocks of lines of words. Pure.

A page is cut into bands at its wide gaps, and a band into columns if they hold prose. The same is done within
these (the recursive XY-cut). A table or a form is read row by row, so that a value stays beside its name.
Source: Nagy and Seth 1984, "Hierarchical representation of optically scanned documents".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import cos, radians, sin
from statistics import median
from typing import NamedTuple, TypeAlias
from unicodedata import bidirectional

GUTTER = 1.2  # how wide the space between columns is at least, in heights of a line
NARROW = 0.6  # the same where many lines of prose stand on both sides
LONG_COLUMN = 4  # lines of such a column
GAP = 0.6  # how high the space between bands is at least, in heights of a line
STRAIGHT = 0.3  # degrees within which an angle counts as none
FEW_WORDS = 2.0  # a line, on average; fewer are cells of a table
LONG_LINE = 12  # characters, in scripts without spaces
PROSE_LINE = 25  # characters of a line on average where there are more than two columns
DEEP = 20  # cuts within cuts
SAME = 0.12  # how far the middles of words of one line differ at most, in heights of a line
MEETING = 0.3  # the share of words in such lines below which two papers lie side by side
FEWEST = 5  # lines of a paper
CUTS = 20  # gutters that are tried for two papers


@dataclass(frozen=True, slots=True)
class PlacedText:
    """A word as it stands on a page, its coordinates from the page's top left.

    angle: by how many degrees its reading direction is turned clockwise. edges, vertical: as in a Word.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    score: float = 1.0
    angle: float = 0.0
    edges: tuple[float, ...] = ()
    vertical: bool = False


Line: TypeAlias = list[PlacedText]
PageBlock: TypeAlias = list[Line]


class _Placed(NamedTuple):
    """A piece with its rectangle where its reading direction is level."""

    left: float
    top: float
    right: float
    bottom: float
    piece: PlacedText

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


def in_order(pieces: Iterable[PlacedText]) -> list[PageBlock]:
    """Return blocks of lines of words. Words of another angle are blocks of their own, after the others."""
    by_angle: dict[float, list[_Placed]] = {}
    for piece in pieces:
        if piece.text and piece.right >= piece.left and piece.bottom >= piece.top:
            angle = _angle(piece.angle)
            by_angle.setdefault(angle, []).append(_levelled(piece, angle))
    most_first = sorted(by_angle.values(), key=len, reverse=True)
    return [
        [[placed.piece for placed in line] for line in block]
        for group in most_first
        for block in _blocks(group, DEEP)
    ]


def lines_of(pieces: Iterable[PlacedText]) -> list[Line]:
    """Return words that are not turned row by row, each row from left to right."""
    placed = [_levelled(piece, 0.0) for piece in pieces]
    return [[each.piece for each in line] for line in _lines(placed)] if placed else []


def as_read(line: Line) -> Line:
    """Return the words of a line in reading order. They are given from left to right, so words of scripts
    that run from the right, such as Arabic and Hebrew, are reversed. Source: UAX 9, as far as whole words go.
    """
    sides = [_side(piece.text) for piece in line]
    if "R" not in sides:
        return line
    runs_left = sides.count("R") > sides.count("L")
    words, turned = (list(reversed(line)), "L") if runs_left else (list(line), "R")
    sides = sides[::-1] if runs_left else sides
    at = 0
    while turned in sides[at:]:
        first = last = sides.index(turned, at)
        for number in range(first, len(sides)):
            if sides[number] == turned:
                last = number
            elif sides[number]:
                break
        words[first : last + 1] = reversed(words[first : last + 1])
        at = last + 1
    return words


def _side(text: str) -> str:
    """Return where a word begins: "R", "L", or "" for figures and marks, which have no side of their own."""
    kinds = {bidirectional(char) for char in text}
    return "R" if kinds & {"R", "AL"} else "L" if "L" in kinds else ""


def _angle(angle: float) -> float:
    quarter = round(angle / 90) * 90
    return float(quarter % 360 if abs(angle - quarter) < STRAIGHT else round(angle, 1) % 360)


def _levelled(piece: PlacedText, angle: float) -> _Placed:
    """Return the rectangle around a piece once the page is turned back by its angle."""
    if angle == 0:
        return _Placed(piece.left, piece.top, piece.right, piece.bottom, piece)
    across, along = cos(radians(angle)), sin(radians(angle))
    x, y = (piece.left + piece.right) / 2, (piece.top + piece.bottom) / 2
    width, height = piece.right - piece.left, piece.bottom - piece.top
    if angle % 180 == 90:
        width, height = height, width
    elif angle % 90:
        width, height = _sides(width, height, abs(across), abs(along))
    u, v = x * across + y * along, y * across - x * along
    return _Placed(u - width / 2, v - height / 2, u + width / 2, v + height / 2, piece)


def _sides(width: float, height: float, across: float, along: float) -> tuple[float, float]:
    """Return the sides of the turned rectangle that just fits into an upright one."""
    spread = across * across - along * along
    if abs(spread) < 0.1:  # near 45 degrees the upright one tells only the sum
        return (width + height) * 0.6, (width + height) * 0.1
    length, thickness = (
        (width * across - height * along) / spread,
        (height * across - width * along) / spread,
    )
    return max(length, 0.0), max(thickness, 0.0)


def _blocks(words: list[_Placed], depth: int) -> list[list[list[_Placed]]]:
    """Return the blocks of a region: its bands from the top down, in those with columns of prose column by
    column. Bands that go on with the columns of the one above are one with it.
    """
    if not words:
        return []
    height = median(word.height for word in words) or 1.0
    if depth and (papers := _side_by_side(words, height)):
        return [block for paper in papers for block in _blocks(paper, depth - 1)]
    groups: list[tuple[list[_Placed], list[list[_Placed]]]] = []
    for band in _bands(_lines(words), height):
        columns = _columns(band, height)
        if groups and (both := _continued(groups[-1], (band, columns), height)):
            groups[-1] = both
        else:
            groups.append((band, columns))
    if depth == 0 or (len(groups) == 1 and not groups[0][1]):
        return [_lines(band) for band, _ in groups]
    return [
        block
        for band, columns in groups
        for block in (
            [block for column in columns for block in _blocks(column, depth - 1)]
            if columns
            else [_lines(band)]
        )
    ]


def _side_by_side(words: list[_Placed], height: float) -> list[list[_Placed]]:
    """Return the words of two papers that lie beside one another, such as receipts on a photo; [] if there
    is one. The lines of two papers do not meet, as those of a table do.
    """
    found: tuple[float, list[list[_Placed]]] = (MEETING, [])
    for cut in _cuts(words, height)[:CUTS]:
        left = [word for word in words if word.left <= cut]
        right = [word for word in words if word.left > cut]
        share = max(_meeting(left, right, height), _meeting(right, left, height))
        if share < found[0] and _is_paper(left, height) and _is_paper(right, height):
            found = share, [left, right]
    return found[1]


def _meeting(some: Sequence[_Placed], others: Sequence[_Placed], height: float) -> float:
    """Return the share of words that are as high on the page as one of the others."""
    middles = sorted(word.middle for word in others)
    return sum(
        bisect_left(middles, word.middle - SAME * height) < bisect_left(middles, word.middle + SAME * height)
        for word in some
    ) / len(some)


def _is_paper(words: list[_Placed], height: float) -> bool:
    """Whether words could be all of a receipt: most lines say something, some have a value apart."""
    lines = _lines(words)
    told = sum(any(sum(map(str.isalpha, word.piece.text)) > 2 for word in line) for line in lines)
    parted = sum(
        any(after.left - before.right > GUTTER * height for before, after in pairwise(line)) for line in lines
    )
    return len(lines) >= FEWEST and 2 * told >= len(lines) and parted >= 2


def _continued(
    above: tuple[list[_Placed], list[list[_Placed]]],
    band: tuple[list[_Placed], list[list[_Placed]]],
    height: float,
) -> tuple[list[_Placed], list[list[_Placed]]] | None:
    """Return two bands as one, where both are cut into the same columns, or the lower one is the rest of one
    of them; None if they are not.
    """
    if not above[1]:
        return None
    together = above[0] + band[0]
    columns = _columns(together, height)
    if len(columns) != len(above[1]):
        return None
    lower = {id(word) for word in band[0]}
    reached = [column for column in columns if any(id(word) in lower for word in column)]
    alone = len(reached) == 1 and _is_prose(_lines(band[0]), least=0)
    return (together, columns) if len(band[1]) == len(columns) or alone else None


def _lines(words: list[_Placed]) -> list[list[_Placed]]:
    """Return the words row by row, each from left to right."""
    usual = median(word.height for word in words) or 1.0
    rows: list[list[_Placed]] = []
    middle = highest = 0.0
    for word in sorted(words, key=lambda word: word.middle):
        reach = min(max(highest, word.height), 1.5 * usual) / 2
        if rows and word.middle - middle < reach:
            rows[-1].append(word)
            middle += (word.middle - middle) / len(rows[-1])
            highest = max(highest, word.height)
        else:
            rows.append([word])
            middle, highest = word.middle, word.height
    for row in rows:
        row.sort(key=lambda word: word.left)
    return rows


def _bands(lines: list[list[_Placed]], height: float) -> list[list[_Placed]]:
    """Return the words between the gaps that are wider than those between most lines."""
    gaps, bottom = [], float("-inf")
    for line, below in pairwise(lines):
        bottom = max(bottom, *(word.bottom for word in line))
        gaps.append(min(word.top for word in below) - bottom)
    wide = max(GAP * height, 1.6 * median(gaps)) if gaps else 0.0
    bands = [list(lines[0])]
    for line, gap in zip(lines[1:], gaps, strict=True):
        if gap > wide:
            bands.append([])
        bands[-1].extend(line)
    return bands


def _columns(words: list[_Placed], height: float) -> list[list[_Placed]]:
    """Return the columns of prose side by side; [] if there is one, or the rows of a table."""
    wide = _parted(words, _cuts(words, height), 2, PROSE_LINE)
    return wide or _parted(words, _cuts(words, height, NARROW), LONG_COLUMN, PROSE_LINE, PROSE_LINE)


def _parted(
    words: list[_Placed], cuts: Sequence[float], lines_each: int, least: int, of_two: int = 0
) -> list[list[_Placed]]:
    """Return the words between cuts, if these are columns of prose; else []. lines_each: how many lines each
    has at least. least, of_two: characters of a line, if there are more than two columns, or two.
    """
    if not cuts:
        return []
    edges = [float("-inf"), *cuts, float("inf")]
    columns = [[word for word in words if low < word.left <= high] for low, high in pairwise(edges)]
    lines = [_lines(column) for column in columns]
    needed = least if len(columns) > 2 else of_two
    if all(len(column) >= lines_each and _is_prose(column, least=needed) for column in lines):
        return columns
    return []


def _cuts(words: Sequence[_Placed], height: float, gutter: float = GUTTER) -> list[float]:
    """Return the middles of the gutters that run down all words. gutter: in heights, how wide each is."""
    spans = sorted((word.left, word.right) for word in words)
    cuts, reached = list[float](), spans[0][1]
    for left, right in spans[1:]:
        if left - reached > gutter * height:
            cuts.append((reached + left) / 2)
        reached = max(reached, right)
    return cuts


def _is_prose(lines: Sequence[Sequence[_Placed]], least: int) -> bool:
    """Whether a column holds running text, or an address: not labels, not figures, not single words."""
    if len(lines) < 2:
        return False
    texts = [" ".join(word.piece.text for word in line) for line in lines]
    words = sum(map(len, lines)) / len(lines)
    characters = sum(map(len, texts)) / len(lines)
    figures = sum(_is_figure(text) for text in texts) / len(lines)
    labels = sum(text.endswith((":", "：")) for text in texts) / len(lines)
    enough = words >= FEW_WORDS or (characters >= LONG_LINE and words < 1.5 and not texts[0].isascii())
    return enough and characters >= least and figures < 0.4 and labels < 0.4


def _is_figure(text: str) -> bool:
    marks = [char for char in text if char.isalnum()]
    return sum(char.isdigit() for char in marks) * 2 > len(marks)
