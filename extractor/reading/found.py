"""The JSON values in a reply, outside of its thoughts. One linear pass; nothing is guessed. Pure.

What is no JSON is never searched for JSON inside: a piece of a broken record is no record.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field, replace
from json import JSONDecodeError
from typing import Any

from .syntax import mended, unsearched, value_at, whole_value
from .thoughts import MARK, MARK_OR_BRACKET, thought_ends

UNFINISHED = "the reply ends inside a JSON value"
OUTSIDE = "a value stands outside of its object"
_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)
_ATTEMPT = re.compile(r'\{\s*+["“]|\[\s*+[\[{"]')  # what begins like this was meant as JSON
_BEGUN = re.compile(r"""\{\s*+(?:["'“{\[]|[\w$-]++["']?\s*+:|//|/\*|\Z)|\[\s*+(?:[\[{"]|\Z)""")
_CLOSED_BY = {"{": "}", "[": "]"}
_OPENED_BY = {closing: opening for opening, closing in _CLOSED_BY.items()}
_BEFORE_MEMBER = re.compile(r'(?:[,{\["}\]0-9]|null|true|false)\Z')
_IN_A_ROW = re.compile(r"\s*+[,;]?\s*+(?:[-*•]|[0-9]{1,9}[.)])?\s*+")
_FENCE = re.compile(r"```(?:json[lc5]?|ndjson)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """One JSON value of a text, an object or an array: its text, and the slips that it was written with.
    before: what stands between it and the value before.
    """

    value: Any
    text: str
    slips: tuple[str, ...] = ()
    before: str = ""


@dataclass(slots=True)
class Found:
    """The pieces in their order. broken: why some JSON in the text can't be read. broken_at: where it begins.
    in_a_row: whether nothing but white space, a comma or the mark of an item stands between the pieces.
    """

    pieces: list[Piece] = field(default_factory=list)
    broken: str | None = None
    broken_at: int | None = None
    in_a_row: bool = True
    _gap: str = ""  # what stands after the last piece
    _quotes: bool = False
    _closers: bool = False

    def outside(self, text: str) -> None:
        """Note what stands between values: remains of a broken one are recognised by their punctuation."""
        between = _FENCE.sub("", text)
        self._gap = self._gap or ("" if _IN_A_ROW.fullmatch(between) else between.strip()[:1])
        self._quotes = self._quotes or '"' in text
        self._closers = self._closers or "}" in text or "]" in text

    def take(self, piece: Piece) -> None:
        """Add the next piece."""
        self.in_a_row = self.in_a_row and not (self.pieces and self._gap)
        self._gap = ""
        self.pieces.append(piece)

    def skip(self) -> None:
        """Note that there is something that is no JSON."""
        self._gap = "no JSON"

    def check(self) -> None:
        """Say so where what was found are pieces of something broken."""
        if self._quotes and self._closers:
            self.spoil("brackets close that nothing has opened")

    def spoil(self, reason: str, start: int | None = None) -> None:
        """Note that some JSON in the text can't be read; the first that was found is named."""
        if self.broken is None:
            self.broken, self.broken_at = reason, start


def found_json(text: str, slips: bool = True) -> Found:
    """Return the JSON objects and arrays that stand in `text`, outermost only. slips: whether those
    count that are JSON but for a slip with one reading.
    """
    return _Search(text, slips).run()


def begun_json(text: str) -> str | None:
    """Return the JSON that a reply which is cut off ends in, or is broken in; None if it may not be the
    answer.
    """
    found = found_json(text)
    if found.broken_at is not None:
        return None if found.pieces else text[found.broken_at :]
    return found.pieces[0].text if len(found.pieces) == 1 and found.broken is None else None


def without_thoughts(text: str) -> str:
    """Return the text without the thoughts that some models write beside their answer. A thought without an
    end is removed too, and so is one whose beginning the server left out.
    """
    kept, at = list[str](), 0
    while mark := MARK.search(text, at):
        if mark["closing"]:
            kept, at = [], mark.end()
        else:
            kept.append(text[at : mark.start()])
            at = thought_ends(text, mark.end())
    return "".join((*kept, text[at:])) if kept or at else text


class _Search:
    def __init__(self, text: str, slips: bool) -> None:
        self._text = unsearched(text.rstrip().removesuffix("```").rstrip())
        self._slips = slips
        self._found = Found()
        self._ends: dict[int, int] | None = None  # of brackets, once one was seen that nothing closes
        self._marks: list[tuple[int, bool]] | None = None  # of thoughts: where, and whether it closes one

    def run(self) -> Found:
        text, at = self._text, 0
        while event := MARK_OR_BRACKET.search(text, at):
            start = event.start()
            if event["closing"]:
                self._found, at = Found(), event.end()  # all before was a thought
                continue
            before = text[at:start]
            self._found.outside(before)
            at = thought_ends(text, event.end()) if event["opening"] else self._value(start, before)
        self._found.outside(text[at:])
        self._found.check()
        return self._found

    def _value(self, start: int, before: str) -> int:
        """Take the value at `start`, if there is one; return where to go on."""
        try:
            value, end = value_at(self._text, start)
        except RecursionError:
            return self._broken_off(start, "it is nested too deep")
        except ValueError as error:
            return self._no_value(start, error, before)
        self._take(Piece(value, self._text[start:end], before=before))
        return end

    def _take(self, piece: Piece) -> None:
        if _names_a_member(piece.before):
            self._found.spoil(OUTSIDE)
        self._found.take(piece)

    def _no_value(self, start: int, error: ValueError, before: str) -> int:
        text, end = self._text, self._end(start)
        if end is not None and self._slips and (piece := _mended(text[start:end])):
            self._take(replace(piece, before=before))
            return end
        at = getattr(error, "pos", start)
        reason = f"{error.msg} at character {at}" if isinstance(error, JSONDecodeError) else str(error)
        if (closing := self._closing(start)) is not None:
            return closing
        if end is None:
            cut = at >= len(text) or reason.startswith("Unterminated string")
            if cut or _BEGUN.match(text, start):
                return self._broken_off(start, UNFINISHED if cut else reason)
            return max(at, start + 1)
        if _ATTEMPT.match(text, start):
            self._found.spoil(reason, start)
        self._found.skip()
        return end

    def _broken_off(self, start: int, reason: str) -> int:
        closing = self._closing(start)
        if closing is not None:
            return closing
        self._found.spoil(reason, start)
        return len(self._text)

    def _closing(self, start: int) -> int | None:
        """Where a thought ends that `start` stands in, though its beginning was left out."""
        if self._marks is None:
            self._marks = [(mark.start(), bool(mark["closing"])) for mark in MARK.finditer(self._text)]
        place = bisect_left(self._marks, (start, False))
        following = self._marks[place : place + 1]
        return following[0][0] if following and following[0][1] else None

    def _end(self, start: int) -> int | None:
        """Where what begins with a bracket ends; None if nothing closes it."""
        if self._ends is not None:
            return self._ends.get(start)
        ends, opened, count = dict[int, int](), list[tuple[str, int]](), Counter[str]()
        for word in _BRACKET.finditer(self._text, start):
            sign = word.group()
            if sign in _CLOSED_BY:
                opened.append((sign, word.start()))
                count[sign] += 1
            elif (opening := _OPENED_BY.get(sign)) and count[opening]:
                popped = ""
                while popped != opening:
                    popped, place = opened.pop()
                    count[popped] -= 1
                ends[place] = word.end()
                if not opened:
                    return ends.get(start)
        self._ends = ends
        return None


def _mended(text: str) -> Piece | None:
    said, slips = mended(text)
    try:
        return Piece(whole_value(said), said, slips) if slips else None
    except (ValueError, RecursionError):
        return None


def _names_a_member(before: str) -> bool:
    """Whether this text ends in the name of a member, as in the middle of an object."""
    name = before.rstrip()
    if not name.endswith(":") or not (name := name[:-1].rstrip()).endswith('"'):
        return False
    start = name.rfind('"', 0, -1)
    return start < 0 or bool(_BEFORE_MEMBER.search(name[max(0, start - 50) : start].rstrip()))
