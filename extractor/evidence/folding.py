"""A text as words that compare equal however they are written, each with its place in the text.

Folding takes away what writing adds to a value: case, accents, punctuation, white space, compatibility
forms, soft hyphens, hyphenation at line ends. Where a script puts no space between words, each character
is a word.
"""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

_NO_SPACES = (  # Thai, Lao, Tibetan, Burmese, Hangul, Khmer, kana, Han: a word may start at any character
    *((0x0E00, 0x0EFF), (0x0F00, 0x109F), (0x1100, 0x115F), (0x1780, 0x17FF), (0x3005, 0x3007)),
    *((0x3040, 0x30FF), (0x31F0, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xA960, 0xA97F)),
    *((0xAC00, 0xD7A3), (0xF900, 0xFAFF), (0xFF66, 0xFF9D), (0x20000, 0x3FFFF)),
)
_JOINING = ((0x1160, 0x11FF), (0xFF9E, 0xFF9F))  # vowels and finals of Hangul, half-width voicing marks
_ACCENTS = (  # of Latin, Greek, Cyrillic, Hebrew and Arabic; those of other scripts make other letters
    *((0x0300, 0x036F), (0x0591, 0x05C7), (0x0610, 0x061A), (0x064B, 0x065F), (0x0670, 0x0670)),
    *((0x06D6, 0x06ED), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)),
)
_KINDS = {"M": "m", "L": "l", "N": "d", "S": "s", "C": " ", "P": " ", "Z": " "}  # by general category
_LETTER_NUMBERS = {"Nl": "l"}
_COMPARED = 1_000_000  # letters of tries
_MEANT = "#%@"  # punctuation that is part of a value: "C#", "7 %"
ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_LINE_END = re.compile(r"(?<=\w)[-\u2010]\W*\n\W*(?=\w)")
_WORD = re.compile(
    r"l(?:[lmf]|hf*[ \n]*\nf*(?=l))*"  # a word, also one hyphenated at the end of a line
    r"|d[dmf]*|i[mf]*|[sm][mf]*"
)


@lru_cache(maxsize=65536)
def _kind(char: str) -> str:
    """The class of a character: l(etter), d(igit), i(deograph and the like), m(ark), s(ymbol), f(ormat),
    h(yphen), a line's end or a space.
    """
    category = unicodedata.category(char)
    if char in "\n\r\x0b\x0c\x85\u2028\u2029":
        return "\n"
    if char in "-\u2010":
        return "h"
    if category == "Cf" or char == "\u0640":  # Arabic's kashida only stretches a word
        return "f"
    if category == "Cs" or char in _MEANT:
        return "s"
    if _within(char, _JOINING):
        return "m"
    if category[0] in "LN" and _within(char, _NO_SPACES) and category != "Nd":
        return "i"
    return " " if category == "Sk" else _LETTER_NUMBERS.get(category, _KINDS[category[0]])


@lru_cache(maxsize=16384)
def fold_word(word: str) -> str:
    """Return `word` without case, accents, compatibility forms and signs that are not seen."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", word).casefold())
    return "".join(map(_plain, plain))


@lru_cache(maxsize=65536)
def _plain(char: str) -> str:
    """A letter or digit as it is compared: European digits, nothing for accents and signs not seen."""
    if _within(char, _ACCENTS) or _kind(char) in "fh":
        return ""
    return str(unicodedata.decimal(char, char))


def _within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= ord(char) <= last for first, last in ranges)


@dataclass(frozen=True)
class Folded:
    """The words of a text: each folded, with where it starts and ends in the text."""

    text: str
    words: tuple[str, ...]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    @cached_property
    def spaced(self) -> str:
        """The words with a space around each."""
        return f" {' '.join(self.words)} " if self.words else ""

    @cached_property
    def squeezed(self) -> str:
        """The words with nothing between them."""
        return "".join(self.words)

    @cached_property
    def _spaced_at(self) -> list[int]:
        return _running(self.words, gap=1)

    @cached_property
    def _squeezed_at(self) -> list[int]:
        return _running(self.words, gap=0)

    def runs(self, words: tuple[str, ...]) -> Iterator[tuple[int, int]]:
        """Yield where just these words follow each other, as (first, past the last) numbers of words."""
        needle, at = f" {' '.join(words)} ", self._spaced_at
        hit = self.spaced.find(needle)
        while hit >= 0:
            first = bisect_left(at, hit)
            yield first, first + len(words)
            hit = self.spaced.find(needle, hit + len(needle) - 1)

    def squeezed_runs(self, letters: str, tries: int = 2000) -> Iterator[tuple[int, int]]:
        """Yield where words are spelt by just these letters, whatever the words; only `tries` are tried,
        and fewer where they are long.
        """
        at, hit = self._squeezed_at, -1
        for _ in range(min(tries, max(1, _COMPARED // max(1, len(letters))))):
            hit = self.squeezed.find(letters, hit + 1)
            if hit < 0:
                return
            first, past = bisect_left(at, hit), bisect_left(at, hit + len(letters))
            if at[first] == hit and at[past] == hit + len(letters):
                yield first, past


def _running(words: tuple[str, ...], gap: int) -> list[int]:
    """Where each word starts once all are joined, and where the next one would."""
    places, here = [0], 0
    for word in words:
        here += len(word) + gap
        places.append(here)
    return places


def fold(text: str) -> Folded:
    """Return the words of `text`; HTML's entities are what they stand for. Linear in the text."""
    return _with_entities(text) if "&" in text and ENTITY.search(text) else _folded(text)


def _with_entities(text: str) -> Folded:
    """Return the words of a text with entities; their places are those in the text as it is."""
    pieces, places, here = list[str](), list[int](), 0
    for entity in ENTITY.finditer(text):
        meant = html.unescape(entity[0])
        if meant != entity[0]:
            pieces += [text[here : entity.start()], meant]
            places += [*range(here, entity.start()), *[entity.start()] * len(meant)]
            here = entity.end()
    places += range(here, len(text) + 1)
    plain = _folded("".join([*pieces, text[here:]]))
    starts, ends = (tuple(places[at] for at in each) for each in (plain.starts, plain.ends))
    return Folded(text, plain.words, starts, ends)


def _folded(text: str) -> Folded:
    kinds = text.translate({ord(c): _kind(c) for c in set(text)})
    spots = [m.span() for m in _WORD.finditer(kinds)]
    words = [
        (fold_word(text[a:b]) if "\n" not in text[a:b] else _unbroken(text[a:b]), a, b) for a, b in spots
    ]
    words = [w for w in words if w[0]]
    return Folded(text, *(tuple(column) for column in (zip(*words, strict=True) if words else ((), (), ()))))


def _unbroken(word: str) -> str:
    """Fold a word that is hyphenated at line ends."""
    return fold_word(_LINE_END.sub("", word))


_SAME = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′`´ʼ＇", "'"),
        **dict.fromkeys("“”„‟″«»＂", '"'),
        **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
        "⁄": "/",
    }
)


def canonical(text: str) -> str:
    """Return `text` in the form in which verbatim values are compared. Characters that Unicode can write in
    several ways have one spelling. There is one kind of quotation mark and of dash, and all spaces are
    single.
    """
    text = text.translate(_SAME)
    if text.isascii():
        return " ".join(text.split())
    plain = "".join(c for c in unicodedata.normalize("NFKC", text).translate(_SAME) if _kind(c) != "f")
    return unicodedata.normalize("NFKC", " ".join(plain.split()))


def same(text: str, value: str) -> bool:
    """Whether `text` is `value`, verbatim but for spelling, white space and hyphens at line ends."""
    if "&" in text or "&" in value:
        text, value = unescaped(text), unescaped(value)
    wanted = canonical(value)
    return (
        text == value
        or canonical(text) == wanted
        or ("\n" in text and wanted in map(canonical, _rejoined(text)))
    )


def unescaped(text: str) -> str:
    """Return a text with the characters that HTML's entities in it stand for."""
    return ENTITY.sub(lambda entity: html.unescape(entity[0]), text)


_QUOTED = re.compile(r"(?<!\w)['\"]+|['\"]+(?!\w)")


def as_said(text: str) -> str:
    """Return `text` as it is compared for being said: as for being verbatim, but without case, quotation
    marks, an ellipsis at either end, and the mark that ends a sentence.
    """
    plain = canonical(unescaped(text).replace("…", "...")).casefold()
    plain = " ".join(_QUOTED.sub("", plain).split())
    return plain.removeprefix("...").lstrip().rstrip(".,;:!? ")


def _rejoined(text: str) -> tuple[str, str]:
    """The text with its hyphens at line ends taken away, and with the line ends after them taken away."""
    return _LINE_END.sub("", text), _LINE_END.sub("-", text)
