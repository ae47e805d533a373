"""How much of a line's writing was read: letters that the OCR does not know are left out without a word.

Runs in the reading process alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

CONTRAST = 40  # of 255, below which ink and paper look alike
NEAR = 0.1  # of the line's height: how far from its ink a letter may be found that other ink is nearer to
JOINED = 1.0  # of the line's height: wider ink is of several letters that touch
REACH = 0.6  # of the line's height: how far ink that touches belongs to a letter
FEW = 0.025  # the share of a page's writing up to which nothing is told: dots, dust and rules
LOW = 0.8  # the score of a letter below which it may be another one
UNSURE = 0.15  # the share of such letters from which on it is told
MUCH = 0.2  # the share of a line's writing from which on its line is told of


class UnreadInk(NamedTuple):
    """What of a page's writing was not read: its share of the ink of all lines, and of how many lines it is a
    good deal. unsure: the share of the letters read that may be others.
    """

    share: float = 0.0
    lines: int = 0
    of: int = 0
    unsure: float = 0.0

    @property
    def note(self) -> str:
        """What is to be told of it; "" for nothing."""
        return "; ".join(filter(None, (self._lost(), self._doubt())))

    def _lost(self) -> str:
        if self.of == 0 or (self.share < FEW and self.lines == 0):
            return ""
        return (
            f"OCR did not read about {max(100 * self.share, 1):.0f} % of its writing ({self.lines} of "
            f"{self.of} lines lack a good deal): it knows letters of Latin, Chinese and Japanese, and "
            "some Greek ones"
        )

    def _doubt(self) -> str:
        if self.unsure < UNSURE:
            return ""
        return (
            f"OCR is unsure of about {100 * self.unsure:.0f} % of the letters that it read: the writing is "
            "unclear, or of an alphabet that it does not know"
        )


def unread_of(inks: Sequence[tuple[int, int]], scores: Sequence[float] = ()) -> UnreadInk:
    """Return what was not read of a page. inks: of each line, the pixels of its ink, and those not read.
    scores: of the letters that were read.
    """
    lost = sum(unread for _, unread in inks)
    much = sum(unread > 0 and unread >= MUCH * ink for ink, unread in inks)
    unsure = sum(score < LOW for score in scores) / max(len(scores), 1)
    return UnreadInk(round(lost / max(sum(ink for ink, _ in inks), 1), 4), much, len(inks), round(unsure, 4))


def ink_of(picture: Any) -> Any:
    """Return which pixels of a line's picture are ink, (height, width) booleans; none if it is of one colour.
    picture: (height, width, 3).
    """
    import numpy

    grey = picture.mean(axis=2)
    if grey.size == 0:
        return numpy.zeros(grey.shape, dtype=bool)
    low, high = numpy.percentile(grey, (1, 99))
    if high - low < CONTRAST:
        return numpy.zeros(grey.shape, dtype=bool)
    dark = grey < (low + high) / 2
    return dark if dark.mean() < 0.5 else ~dark


def unread_ink(ink: Any, middles: Sequence[float]) -> int:
    """Return the pixels of ink that no letter was read from: pieces of it that are neither the nearest to a
    letter nor close to one.

    ink: (height, width) booleans. middles: where letters were read, as shares of the width.
    """
    import numpy

    height, width = ink.shape
    columns = ink.sum(axis=0)
    edges = numpy.diff(numpy.concatenate(([0], columns > 0, [0])).astype(int))
    begins, ends = (edges == 1).nonzero()[0], (edges == -1).nonzero()[0]
    read = numpy.asarray(middles, dtype=float) * width
    if begins.size == 0 or read.size == 0:
        return int(columns.sum())
    apart = numpy.maximum(numpy.maximum(begins[:, None] - read, read - ends[:, None]), 0)  # pieces x letters
    taken = set(apart.argmin(axis=0).tolist())
    lost = 0
    for piece, (begin, end) in enumerate(zip(begins, ends, strict=True)):
        if piece not in taken and apart[piece].min() > NEAR * height:
            lost += int(columns[begin:end].sum())
        elif end - begin > JOINED * height:
            places = numpy.arange(begin, end)
            far = abs(places[:, None] - read).min(axis=1) > REACH * height
            lost += int(columns[begin:end][far].sum())
    return lost
