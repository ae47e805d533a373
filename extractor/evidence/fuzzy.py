"""Where a string nearly stands in a text: a few letters or words are other ones, its digits are not."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import lru_cache
from heapq import nsmallest
from operator import itemgetter

from .edits import common, distance, nearest
from .folding import Folded
from .spans import How, Span

_LEAST, _LEAST_SHORT = 0.8, 0.85  # similarity; values of few letters need more
_SHORT, _LONGEST = 8, 4000  # letters
_WIDEST = 20  # times as many letters as the value has, in which it is looked for
_SCORE = 0.9  # of a value that is similar at all
_COMMON = 500  # places of a word that are looked at
_PLACES = 5  # candidates that are compared letter by letter


class TextWords:
    """The words of a text by where they stand, and those similar to a word. Kept for one text."""

    def __init__(self, text: Folded) -> None:
        self.text = text
        self.places: defaultdict[str, list[int]] = defaultdict(list)
        for i, word in enumerate(text.words):
            self.places[word].append(i)
        self._by_length: defaultdict[int, list[str]] = defaultdict(list)
        for word in self.places:
            self._by_length[len(word)].append(word)
        self._similar: dict[str, list[str]] = {}

    def similar(self, word: str) -> list[str]:
        """Return the text's words that are `word`, or else those that are much like it."""
        if word in self.places:
            return [word]
        if len(word) < 3 or word.isdigit():
            return []
        if word not in self._similar:
            self._similar[word] = self._search(word)
        return self._similar[word]

    def _search(self, word: str) -> list[str]:
        edits, letters = 1 + len(word) // 5, _letters(word)
        lengths = range(len(word) - edits, len(word) + edits + 1)
        near = [w for n in lengths for w in self._by_length.get(n, ()) if _differ(letters, w) <= edits]
        found = ((distance(word, w), w) for w in near)
        return [w for _, w in nsmallest(5, (each for each in found if each[0] <= edits), itemgetter(0))]


@lru_cache(maxsize=16384)
def _letters(word: str) -> int:
    """The word's letters as a set of bits: words of few edits differ in few."""
    bits = 0
    for letter in word:
        bits |= 1 << ord(letter) % 61
    return bits


def _differ(letters: int, word: str) -> int:
    """The edits that two words need at least, by the letters that only one of them has."""
    other = _letters(word)
    return max((letters & ~other).bit_count(), (other & ~letters).bit_count())


def find_fuzzy(value: Folded, words: TextWords) -> list[Span]:
    """Return where `value` nearly stands, in order; [] where nothing comes near enough."""
    letters = value.squeezed
    if not 3 <= len(letters) <= _LONGEST:
        return []
    found = (_compared(value, letters, words.text, place) for place in _likely(value, words))
    spans = {(s.start, s.end): s for s in found if s}
    return sorted(spans.values(), key=lambda s: s.start)


def _likely(value: Folded, words: TextWords) -> Iterator[int]:
    """The places in the text, as numbers of words, where most of the value's letters could start."""
    width = max(2, len(value.words))
    votes: Counter[int] = Counter()
    for i, word in enumerate(value.words):
        for other in words.similar(word):
            places = words.places[other]
            for place in places[:_COMMON]:
                votes[(place - i) // width] += len(word)
    both = Counter({bucket: n + votes.get(bucket + 1, 0) for bucket, n in votes.items()})
    yield from (bucket * width for bucket, _ in both.most_common(_PLACES))


def _compared(value: Folded, letters: str, text: Folded, place: int) -> Span | None:
    """The piece around `place` that is most like the value, if it is enough so."""
    width = max(2, len(value.words))
    first, past = max(0, place - width), min(len(text.words), place + 3 * width + 1)
    window = text.words[first:past]
    best = _overlap(letters, "".join(window))
    if best is None:
        return None
    edges = _edges(window)
    a, b = _nearest(edges, best[0]), _nearest(edges, best[1])
    pieces = (piece for x in (a - 1, a, a + 1) if x >= 0 for piece in _pieces(letters, window, x, b + 1))
    likeness, x, y = max((each for each in pieces if each[2] >= b - 1), default=(0.0, 0, 0))
    least = _LEAST if len(letters) > _SHORT else _LEAST_SHORT
    if likeness < least or _digits("".join(window[x:y])) != _digits(letters):
        return None
    start, end = text.starts[first + x], text.ends[first + y - 1]
    return Span(start, end, text.text[start:end], How.FUZZY, round(likeness * _SCORE, 3))


def _pieces(letters: str, window: tuple[str, ...], x: int, y: int) -> Iterator[tuple[float, int, int]]:
    """The words from the x-th on, as far as the y-th: how alike each piece of them is, in [0, 1]."""
    size = len(letters)
    for past, shared in enumerate(common(letters, window[x:y]), x + 1):
        size += len(window[past - 1])
        yield 2 * shared / size, x, past


def _overlap(letters: str, window: str) -> tuple[int, int] | None:
    """Return from where to where the window is most like the letters; None where it is in no part."""
    if len(window) > _WIDEST * len(letters) + 1000:
        return None
    start, end, edits = nearest(letters, window)
    return (start, end) if edits <= len(letters) // 2 else None


def _digits(letters: str) -> str:
    """The digits, which make another value where they differ."""
    return "".join(c for c in letters if c.isdigit())


def _edges(words: tuple[str, ...]) -> list[int]:
    edges = [0]
    for word in words:
        edges.append(edges[-1] + len(word))
    return edges


def _nearest(edges: list[int], place: int) -> int:
    return min(range(len(edges)), key=lambda i: abs(edges[i] - place))
