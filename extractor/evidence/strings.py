"""Where a string stands in a text: as it is, or as the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from .folding import Folded, as_said, canonical, fold, same
from .spans import How, Span

_CASE, _WRITING, _SPACING = (
    0.97,
    0.93,
    0.9,
)  # scores of what differs in case, in punctuation or accents, in the words
_GLUED, _SHORT = 0.7, 0.8  # inside letters with digits, such as the 12 of B12; "us" for "US"
_MARKS = ".,'’٫٬"  # join digits to one number
_ELLIPSIS = re.compile(r"\[?(?:…|\.{3,})\]?")
MOST_PLACES = 10_000  # of one value that are looked at
_LOOKED_AT = 2_000  # ... where one is enough
_KEPT = 200  # characters of pieces whose comparison is kept
_SKIPPED = 3  # white space between a word and its punctuation


def find_verbatim(value: str, text: str | Folded) -> tuple[Span, ...]:
    """Return where `value` stands in `text` verbatim, in order. White space, hyphenation at line ends,
    equivalent Unicode spellings, and the kind of quotation marks and dashes may differ. Words are whole:
    "art" does not stand in "party".
    """
    return tuple(
        s for s in find(value, text if isinstance(text, Folded) else fold(text)) if s.how is How.EXACT
    )


def find_said(value: str, text: str | Folded) -> tuple[Span, ...]:
    """Return where the words of `value` stand in `text`, in order, first where they stand verbatim. Else they
    may differ in case, in quotation marks, and in an ellipsis or a mark at their ends. Nothing else may:
    not a sign within, an accent or a digit.
    """
    folded = text if isinstance(text, Folded) else fold(text)
    exact = find_verbatim(value, folded)
    if exact:
        return exact
    wanted = as_said(value)
    spans = find(value, folded) if wanted else []
    return tuple(s for s in spans if s.score > _GLUED and as_said(s.text) == wanted)


def first_said(value: str, text: Folded) -> Span | None:
    """Return the first place that `find_said` finds; where the words stand in very many, a verbatim one may
    be past those that are looked at.
    """
    wanted, best = fold(value), None
    for run in islice(text.runs(wanted.words), _LOOKED_AT) if wanted.words else ():
        if _whole(text, *run):
            span = _span(wanted, text, *run)
            if span.how is How.EXACT:
                return span
            said = best is None and span.score > _GLUED and as_said(span.text) == as_said(value)
            best = span if said else best
    return best or next(iter(find_said(value, text)), None)


def find_elided(quote: str, text: str | Folded) -> tuple[Span, ...]:
    """Return where the pieces of a quote with ellipses in it stand in `text`, one after the other; () where
    one of them does not.
    """
    folded = text if isinstance(text, Folded) else fold(text)
    found, here, said = list[Span](), 0, dict[str, Iterator[Span]]()
    for piece in filter(str.strip, _ELLIPSIS.split(quote)):
        if piece not in said:
            said[piece] = iter(find_said(piece, folded))
        span = next((each for each in said[piece] if each.start >= here), None)
        if span is None:
            return ()
        found.append(span)
        here = span.end
    return tuple(found)


def find(value: str, text: Folded, most: int = MOST_PLACES) -> list[Span]:
    """Return where the words of `value` stand in `text`, in order, in the first `most` places."""
    wanted = fold(value)
    if not wanted.words:
        return list(islice(_as_it_is(value.strip(), text.text), most))
    runs = islice(text.runs(wanted.words), most)
    spans = [_span(wanted, text, *run) for run in runs if _whole(text, *run)]
    if any(s.how is How.EXACT for s in spans):
        return spans
    others = (run for run in text.squeezed_runs(wanted.squeezed) if _whole(text, *run))
    found = {(s.start, s.end): s for s in (_span(wanted, text, *run, _SPACING) for run in others)}
    return sorted((found | {(s.start, s.end): s for s in spans}).values(), key=lambda s: s.start)


def _as_it_is(value: str, text: str) -> Iterator[Span]:
    at = text.find(value) if value else -1
    while at >= 0:
        yield Span(at, at + len(value), text[at : at + len(value)], How.EXACT)
        at = text.find(value, at + len(value))


def _whole(text: Folded, first: int, past: int) -> bool:
    """Whether these words are no part of a longer number."""
    start, end, source = text.starts[first], text.ends[past - 1], text.text
    before, after = source[max(start - 2, 0) : start], source[end : end + 2]
    joined_before = (
        len(before) == 2 and before[1] in _MARKS and before[0].isdigit() and source[start].isdigit()
    )
    joined_after = len(after) == 2 and after[0] in _MARKS and after[1].isdigit() and source[end - 1].isdigit()
    return not (joined_before or joined_after)


def _span(wanted: Folded, text: Folded, first: int, past: int, best: float = 1.0) -> Span:
    value, source = wanted.text, text.text
    start = _back(source, text.starts[first], value[: wanted.starts[0]])
    end = _forth(source, text.ends[past - 1], value[wanted.ends[-1] :])
    piece = source[start:end]
    how, score = _likeness(piece, value, best) if len(piece) <= _KEPT else _compared(piece, value, best)
    if _glued(text, first) or _glued(text, past):
        how, score = How.FOLDED, score * _GLUED
    return Span(start, end, piece, how, round(score, 3))


def _compared(piece: str, value: str, best: float) -> tuple[How, float]:
    """Return how a piece of the text is the value, and how sure that is."""
    if same(piece, value):
        return How.EXACT, 1.0
    if same(piece.casefold(), value.casefold()):
        return How.FOLDED, _CASE * (_SHORT if len(value) <= 3 else 1)
    return How.FOLDED, min(best, _WRITING)


_likeness = lru_cache(maxsize=4096)(_compared)  # a value stands at many places in few ways


def _glued(text: Folded, word: int) -> bool:
    """Whether nothing stands before this word but a letter or a digit of the same string of both."""
    if not 0 < word < len(text.words) or text.ends[word - 1] != text.starts[word]:
        return False
    left, right = text.text[text.ends[word - 1] - 1], text.text[text.starts[word]]
    return (left.isdecimal() and right.isalpha()) or (left.isalpha() and right.isdecimal())


def _forth(text: str, end: int, wanted: str) -> int:
    """Where the value ends, with the punctuation that closes it where it stands there."""
    rest = canonical(wanted).replace(" ", "")
    while rest:
        at = next((i for i in range(end, min(end + _SKIPPED, len(text))) if not text[i].isspace()), -1)
        sign = canonical(text[at]) if at >= 0 else ""
        if not sign or not rest.startswith(sign):
            break
        end, rest = at + 1, rest[len(sign) :]
    return end


def _back(text: str, start: int, wanted: str) -> int:
    """Where the value starts, with the punctuation that opens it where it stands there."""
    rest = canonical(wanted).replace(" ", "")
    while rest:
        at = next(
            (i for i in range(start - 1, max(start - 1 - _SKIPPED, -1), -1) if not text[i].isspace()), -1
        )
        sign = canonical(text[at]) if at >= 0 else ""
        if not sign or not rest.endswith(sign):
            break
        start, rest = at, rest[: -len(sign)]
    return start
