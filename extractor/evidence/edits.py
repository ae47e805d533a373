"""How many letters apart two texts are, counted for all letters of one of them at once, as bits.

Sources: Myers, "A fast bit-vector algorithm for approximate string matching based on dynamic programming",
JACM 46(3), 1999, in the form of Hyyrö, "A bit-vector algorithm for computing Levenshtein and Damerau edit
distances", 2003; for common letters, Hyyrö, "Bit-parallel LCS-length computation revisited", 2004.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator


def distance(a: str, b: str) -> int:
    """Return how many letters have to be put in, taken out or exchanged to make one text of the other."""
    found = len(a)
    for found in _distances(a, b):  # noqa: B007  the last one
        pass
    return found


def nearest(letters: str, text: str) -> tuple[int, int, int]:
    """Return from where to where a text is most like some letters, and how many edits that piece is away.
    Linear in the text; for letters that fit no machine word, in the letters as well.
    """
    ends = ((edits, end) for end, edits in enumerate(_distances(letters, text, True), 1))
    edits, end = min(ends, default=(len(letters), 0))
    if edits >= len(letters):
        return 0, 0, len(letters)
    before = text[max(0, end - 2 * len(letters)) : end]
    backwards = enumerate(_distances(letters[::-1], before[::-1]), 1)
    length = min((n, i) for i, n in backwards)[1]
    return end - length, end, edits


def common(letters: str, pieces: Iterable[str]) -> Iterator[int]:
    """Yield, after each piece, how many letters the letters and all pieces up to there have in common in
    their order: the length of their longest common subsequence.
    """
    places, size = _places(letters), len(letters)
    every = (1 << size) - 1
    apart = every
    for piece in pieces:
        for letter in piece:
            met = apart & places[letter] if letter in places else 0
            apart = (apart + met) | (apart - met)
        apart &= every
        yield size - apart.bit_count()


def _places(letters: str) -> dict[str, int]:
    places: defaultdict[str, int] = defaultdict(int)
    for i, letter in enumerate(letters):
        places[letter] |= 1 << i
    return dict(places)


def _distances(letters: str, text: str, anywhere: bool = False) -> Iterator[int]:
    """Yield, for each end in a text, the edits from the letters to the piece that begins with the text, or
    anywhere, and ends there.
    """
    if not letters:
        yield from ([0] * len(text) if anywhere else range(1, len(text) + 1))
        return
    places, edits, last = _places(letters), len(letters), 1 << (len(letters) - 1)
    every = 2 * last - 1
    first = 0 if anywhere else 1
    more, fewer = every, 0  # where a letter further on costs an edit more, or fewer
    for letter in text:
        same = places.get(letter, 0)
        across = (((same & more) + more) ^ more) | same
        up, down = fewer | (~(across | more) & every), more & across
        edits += bool(up & last) - bool(down & last)
        up, down, same = (up << 1) | first, down << 1, same | fewer
        more, fewer = (down | ~(same | up)) & every, up & same
        yield edits
