"""What a reply says: the one value in it that is the record, and how it was read. Pure.

Whether there is just one is judged by the strict schema that was sent, never by the record type.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..errors import Problem
from ..pointers import step
from .found import OUTSIDE, UNFINISHED, Found, Piece, found_json
from .inside import AsInText, Inside, listed, parsed
from .scalars import LONG_DIGITS
from .shape import Beside, RecordShape, distinct, folded
from .syntax import mended, whole_value, written

JSON: TypeAlias = Any
WORDS_FOR_IT = frozenset(
    {
        *("record", "records", "result", "results", "data", "output", "response", "answer", "json"),
        *("object", "item", "items", "list", "entries", "rows", "value", "properties"),
        *("functioncall", "toolcall", "toolcalls", "tooluses"),
    }
)
ARGUMENTS = ("arguments", "parameters", "params", "args", "input", "tool_input", "action_input")
BESIDE_ARGUMENTS = frozenset(
    {
        *("name", "type", "id", "index", "call_id", "tool_call_id"),
        *("tool", "tool_name", "recipient_name", "function", "action"),
    }
)
MOST_LAYERS = 3  # as of {"tool_calls": [{"name": ..., "arguments": {...}}]}
LINES = "one JSON value a line"
LONGEST_BEFORE = 2_000  # characters before a value that are looked at
_LABEL = re.compile(r"(?<![\w-])([\w-]++)[\"'*`]*+\s*+[:=]|<([\w-]++)>")
_AT_END = re.compile(r"[:=>][\s*]*\Z")


@dataclass(frozen=True, slots=True)
class Read:
    """text: the JSON of the one value that was read, None if there is none. slice: the same where it
    stands in the reply as it is. notes: how it was read, if it is not plain JSON in the schema's shape.
    problems: why nothing was read, or why what was read is no record, whatever the record type says of it.
    invalid: whether there was JSON though nothing was read. others: the pointers of members that the schema
    does not have. remarks: what is said of the values, if they make a record; passed_over: of what stands
    beside them. fits: whether it has the schema's shape.
    """

    text: str | None = None
    slice: str | None = None
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    invalid: bool = False
    others: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    fits: bool = True

    @property
    def problem(self) -> Problem | None:
        """The first problem."""
        return next(iter(self.problems), None)


@dataclass(frozen=True, slots=True)
class ReadingWay:
    """One way to read a value. as_it_is: it is the text of a piece."""

    value: JSON
    notes: tuple[str, ...]
    as_it_is: Piece | None = None

    @property
    def text(self) -> str:
        """The JSON text of the value."""
        return written(self.value) if self.as_it_is is None else self.as_it_is.text


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads replies of one shape. slips: whether what is not quite JSON, or not quite in shape, is read where
    it has one reading. values: whether values are read that are said otherwise than the schema has them.
    as_in_text: what reads those that are written as in the text, see Inside.
    """

    shape: RecordShape
    slips: bool = True
    values: bool = False
    as_in_text: AsInText | None = None

    def read(self, text: str) -> Read:
        """Return the one reading of a reply; why there is none, or more than one."""
        if not self.values and self._is_plainly_so(text):
            return Read(text, text)
        if self.slips and self.shape.takes_nothing and text.strip() != "{}" and says_nothing(text):
            return Read("{}", None, ("nothing in place of an object without members",))
        try:
            found = self._read(text)
            return found if self.slips else self._if_plain(found, text)
        except RecursionError:
            return _unread(_not_json("it is nested too deep", text))

    def _is_plainly_so(self, text: str) -> bool:
        if not self.shape.proves(text) or self.shape.repeats_a_name(text) or LONG_DIGITS.search(text):
            return False
        return not self.shape.may_be_doubtful(text)

    def _if_plain(self, found: Read, text: str) -> Read:
        """Return what was found, as none if it would be another record if it were read with tolerance."""
        if found.text is None or not found.others:
            return found
        other = replace(self, slips=True)._read(text)
        if other.text is None or other.text == found.text:
            return found
        reason = f"is not plainly the record: {'; '.join(other.notes)}"
        return replace(found, problems=(Problem("", reason, type="not_plain"),))

    def read_all(self, texts: Sequence[str]) -> Read:
        """Return the one reading of the calls in a reply: the lists of several are joined in their order."""
        if len(texts) == 1:
            return self.read(texts[0])
        reads = [self.read(text) for text in texts]
        unread = next((read for read in reads if read.text is None or read.problems), None)
        if unread is not None:
            return unread
        values = [whole_value(read.text or "") for read in reads]
        notes = tuple(note for read in reads for note in read.notes)
        name = self.shape.list_name
        if name is not None and all(
            isinstance(value, dict) and isinstance(value.get(name), list) for value in values
        ):
            joined = {name: [item for value in values for item in value[name]]}
            passed = tuple(remark for read in reads for remark in read.passed_over)
            how_joined = (*notes, f"the lists of {len(values)} calls were joined")
            return replace(self.checked(written(joined)), slice=None, notes=how_joined, passed_over=passed)
        readings = distinct(values)
        return _unread(_several(len(readings)), invalid=True) if len(readings) > 1 else reads[0]

    def of_items(self) -> Reader | None:
        """Return the reader of the items by themselves, where the record is a list."""
        shape = self.shape.of_items()
        return None if shape is None else replace(self, shape=shape)

    def checked(self, text: str) -> Read:
        """Return JSON text that was put together, as it is, with what is to be said of it."""
        if self._is_plainly_so(text):
            return Read(text, text)
        try:
            value = whole_value(text)
        except (ValueError, RecursionError) as error:
            return _unread(_not_json(str(error), text))
        return self._of(ReadingWay(value, (), Piece(value, text)), self.shape.fits(value))

    def _read(self, text: str) -> Read:
        whole, why = self._whole(text)
        found = Found([whole]) if whole else found_json(text, self.slips)
        if found.broken is not None:
            return _unread(_broken(found.broken, text))
        if any(map(self._stands_outside, found.pieces)):
            return _unread(_not_json(OUTSIDE, text))
        if not found.pieces:
            return _unread(_not_json(why, text))
        return self._chosen(found, text)

    def _whole(self, text: str) -> tuple[Piece | None, str]:
        """Return the text as one piece of JSON, if it is one; else why not."""
        try:
            return Piece(whole_value(text), text), ""
        except (ValueError, RecursionError) as error:
            why = str(error)
        if self.slips and text.lstrip().startswith('"'):
            said, slips = mended(text)
            try:
                return Piece(whole_value(said), said, slips), ""
            except (ValueError, RecursionError):
                pass
        return None, why

    def _stands_outside(self, piece: Piece) -> bool:
        """Whether a piece is a member of a record that is no JSON: another member stands before it."""
        before = piece.before[-LONGEST_BEFORE:]
        last = {tag or name for name, tag in _LABEL.findall(before)[-2:]}
        return len(last) == 2 and last <= self.shape.members.keys() and bool(_AT_END.search(before))

    def _chosen(self, found: Found, text: str) -> Read:
        pieces = [piece for piece in found.pieces if piece.value != {}] or found.pieces[:1]
        tests: Sequence[Callable[[JSON], bool]] = (self.shape.fits, self.shape.resembles, self.shape.knows)
        for test in tests:
            loosely = test == self.shape.knows
            by_piece = [(piece, self._ways(piece, test, loosely)) for piece in pieces]
            ways = [way for _, found_in in by_piece for way in found_in]
            passed = [piece for piece, found_in in by_piece if not found_in and _tells(piece.value)]
            if not ways and found.in_a_row and not loosely:
                ways, passed = self._lines(found.pieces, test), []
            readings = {written(way.value, sort=True): way for way in reversed(ways)}
            if len(readings) > 1:
                return _unread(_several(len(readings)), invalid=True)
            if readings:
                [way] = readings.values()
                read = self._of(way, test == self.shape.fits)
                return replace(read, passed_over=tuple(dict.fromkeys(map(_passed_over, passed))))
        if len({piece.text for piece in pieces}) > 1:
            return _unread(_several(len(pieces)), invalid=True)
        way = ReadingWay(pieces[0].value, pieces[0].slips, pieces[0])
        return self._of(way, False)

    def _of(self, way: ReadingWay, fits: bool) -> Read:
        said, notes = way.text, way.notes
        as_it_is = said if way.as_it_is and not notes else None
        if fits and not self.shape.may_be_doubtful(said):
            return Read(said, as_it_is, notes)
        beside = self.shape.beside(way.value)
        problems = _mistyped(beside) if fits else self._problems(way.value, beside)
        others, remarks = tuple(beside.members), _remarks(beside)
        return Read(said, as_it_is, notes, problems, others=others, remarks=remarks, fits=fits)

    def _problems(self, value: JSON, beside: Beside) -> tuple[Problem, ...]:
        """Return why a value that does not fit the schema is no record, though the type may take it."""
        if beside.strangers:
            return (_stranger(beside.strangers[0]),)
        if (inner := self._record_inside(value)) is not None:
            return (_inner(inner),)
        return (*(_misnamed(*each) for each in beside.misnamed), *_mistyped(beside))

    def _ways(self, piece: Piece, test: Callable[[JSON], bool], loosely: bool) -> list[ReadingWay]:
        """Return how a piece can be read so that it passes the test: as it is, or else in other ways."""
        plain = ReadingWay(piece.value, piece.slips, piece)
        if not self.values and test == self.shape.fits and test(piece.value):
            return [plain]
        mended = [self._mended_inside(plain)] if self.slips or self.values else [plain]
        ways = [way for way in mended if test(way.value)]
        layers: list[ReadingWay] = [] if loosely or not self.slips else [plain]
        for _ in range(MOST_LAYERS):
            if ways or not layers:
                break
            layers = [other for way in layers for other in self._without_layer(way)]
            ways = [way for way in map(self._mended_inside, layers) if test(way.value)]
        return ways

    def _mended_inside(self, way: ReadingWay) -> ReadingWay:
        """Return the way with the values inside read that are not as the schema has them."""
        value, notes = Inside(self.shape, self.slips, self.values, self.as_in_text).read(way.value)
        return ReadingWay(value, (*way.notes, *notes)) if notes else way

    def _without_layer(self, way: ReadingWay) -> Iterator[ReadingWay]:
        """Yield what stands in a layer around the record, or with the one that was left out."""
        value, members = way.value, self.shape.members
        if isinstance(value, str):
            value = parsed(value)
        if isinstance(value, dict) and len(value) == 1:
            [(name, inner)] = value.items()
            if name not in members and self._means_the_record(name):
                yield ReadingWay(inner, (*way.notes, f"the record stood under {name!r}"))
        if isinstance(value, dict) and (inner := self._arguments(value)) is not None:
            yield ReadingWay(inner, (*way.notes, "the record stood in the words of a call"))
        if isinstance(value, list) and len(value) == 1:
            yield ReadingWay(value[0], (*way.notes, "the record stood in a list of one"))
        if len(members) == 1 and value != {} and (isinstance(value, list) or "value" in members):
            [name] = members
            yield ReadingWay({name: value}, (*way.notes, f"its wrapper {name!r} was left out"))

    def _record_inside(self, value: JSON) -> str | None:
        """Return the name of a member that is no part of the record, and could be it; None if none is."""
        if not isinstance(value, dict):
            return None
        members = self.shape.members
        other = [name for name in value if name not in members]
        is_whole = self.shape.fits({name: item for name, item in value.items() if name in members})
        could_be = self.shape.fits if is_whole else self.shape.resembles
        found = next((name for name in other if value[name] and could_be(value[name])), None)
        if found is None and self._is_call(value):  # whose arguments are no record
            found = next((name for name in other if name in ARGUMENTS), "function")
        return found

    def _is_call(self, value: dict[str, JSON]) -> bool:
        """Whether it is a call that is written out."""
        inner = self._arguments(value)
        names_it = self.shape.name and folded(str(value.get("name"))) == folded(self.shape.name)
        return isinstance(inner, dict) or (inner is not None and bool(names_it))

    def _means_the_record(self, name: str) -> bool:
        names = {folded(known) for known in (self.shape.name, self.shape.item_name) if known}
        return name in ARGUMENTS or folded(name) in WORDS_FOR_IT | names | {f"{known}s" for known in names}

    def _arguments(self, value: dict[str, JSON]) -> JSON:
        """Return the arguments of a call that is written out; None if it is none."""
        if isinstance(function := value.get("function"), dict):
            value = function
        inner = [name for name in ARGUMENTS if name in value and name not in self.shape.members]
        beside = value.keys() - {*inner}
        if len(inner) != 1 or not beside or beside - BESIDE_ARGUMENTS:
            return None
        return value[inner[0]]

    def _lines(self, pieces: Sequence[Piece], test: Callable[[JSON], bool]) -> list[ReadingWay]:
        """Return the items that a list's were written as, one after another."""
        members = self.shape.members
        if len(members) != 1 or not self.slips or not all(piece.value for piece in pieces):
            return []
        [name] = members
        slips = [slip for piece in pieces for slip in piece.slips]
        way = self._mended_inside(
            ReadingWay({name: [piece.value for piece in pieces]}, (*dict.fromkeys(slips), LINES))
        )
        return [way] if test(way.value) else []


class Decoded(RecordShape):
    """The shape of what a function takes, where no schema says more. is_json, decodes: whether it takes a
    text for JSON, and for a record.
    """

    def __init__(self, is_json: Callable[[str], bool], decodes: Callable[[str], bool]) -> None:
        super().__init__({}, prove=is_json)
        self._decodes = decodes

    def fits(self, value: JSON, node: Any = None) -> bool:
        """Return whether the function takes the value's text."""
        return self._decodes(written(value))

    def fitting(self) -> Callable[[JSON, Any], bool]:
        """The same, which is kept nowhere."""
        return self.fits

    def resembles(self, value: JSON, node: Any = None) -> bool:
        """The same."""
        return self.fits(value)


def how(notes: Sequence[str], remarks: Sequence[str] = ()) -> str | None:
    """Return what is said of a reply that was read in these ways; None if it was plain JSON in shape."""
    said = [f"read with tolerance: {'; '.join(dict.fromkeys(notes))}"] if notes else []
    return "; ".join((*said, *remarks)) or None


def _unread(problem: Problem, invalid: bool = False) -> Read:
    return Read(problems=(problem,), invalid=invalid)


def _mistyped(beside: Beside) -> tuple[Problem, ...]:
    return tuple(Problem(*each, type="mistyped") for each in beside.mistyped)


def _remarks(beside: Beside) -> tuple[str, ...]:
    places = {
        "values of another type than asked for": beside.converted,
        "members that are missing": beside.absent,
        **beside.doubtful,
        "members that the schema does not have": beside.members,
    }
    return tuple(f"{what}: {listed(where)}" for what, where in places.items() if where)


def _tells(value: JSON) -> bool:
    """Whether a value beside the record may be meant for a record: an object, or a list of them."""
    items = value if isinstance(value, list) else [value]
    return any(isinstance(item, dict) and item for item in items)


def _passed_over(piece: Piece) -> str:
    """Return what is said of a value that is left out beside the record: its members, not their values."""
    items = piece.value if isinstance(piece.value, list) else [piece.value]
    names = dict.fromkeys(name for item in items if isinstance(item, dict) for name in item)
    what = "a list of objects" if isinstance(piece.value, list) else "an object"
    return f"{what} beside the record was left out, with {listed(list(names))}"


def _several(count: int) -> Problem:
    reason = f"the reply holds {count} different answers, and nothing tells which is meant: give one"
    return Problem("", reason, type="ambiguous")


def _stranger(pointer: str) -> Problem:
    return Problem(pointer, "has none of the members that it should have, but others", type="extra_forbidden")


def _misnamed(pointer: str, name: str) -> Problem:
    return Problem(pointer, f"was given under another name: {listed([name])}", type="misnamed")


def _inner(name: str) -> Problem:
    reason = "could be the record by itself: give one record alone"
    return Problem(step(name), reason, type="ambiguous")


def _not_json(reason: str, text: str) -> Problem:
    return Problem("", f"is no JSON: {reason}", text[:200], "json_invalid")


def _broken(reason: str, text: str) -> Problem:
    if reason == UNFINISHED:
        return Problem("", UNFINISHED, type="unfinished")
    return _not_json(reason, text)


def says_nothing(arguments: str) -> bool:
    """Return whether a call's arguments are empty, null, or the text of such."""
    said = arguments.strip()
    for _ in range(3):
        if said in ("", "null", "{}"):
            return True
        try:
            inner = json.loads(said)
        except (ValueError, RecursionError):
            return False
        if not isinstance(inner, str):
            return False
        said = inner.strip()
    return False
