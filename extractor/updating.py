"""A record that a new text changes: what is asked, and the changes put into the record. Pure.

The model gives changes alone, each with a quote of the text. They are held to a strict schema that is made
from the record type and the record: what no change names stays as it is.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from .dialogue import RejectedPart
from .errors import ConfigError, ExtractionError, ExtractorError, Invalid, Problem, Unjudged
from .evidence import Span, find_said
from .messages import JSON, Attempt, Outcome
from .parts import PartQuestion, PartRound
from .pointers import pointer
from .results import Extraction, Result
from .schema import RecordType, Share

T = TypeVar("T")
At: TypeAlias = tuple[str | None, ...]  # names of members, None for the index of an item
TASK: Final = (
    "The message has a record as JSON, and after it a new text. Give the changes that the new text makes to "
    "the record, and nothing else: no value that the record has already, and none that the text does not "
    "state. Indices count from 0, in the record as it is. If the text changes nothing, give no changes."
)
QUOTE: Final = "The words of the new text that say so, copied word for word."
UNTOLD = (dict, list, str, int, float, bool, tuple, set, frozenset, type(None))  # of which type they are
NAMED = 3  # problems in an error's message


@dataclass(frozen=True, slots=True)
class Change:
    """A change that a text makes to a record.

    - do: "set" a value, "add" an item or an entry, or "remove" one.
    - pointer: of the value in the new record; of what was removed, in the old one.
    - before, after: the values as plain JSON; None if there is none.
    - quote: the words of the text that say so; spans: where they stand in the text.
    """

    do: Literal["set", "add", "remove"]
    pointer: str
    before: JSON
    after: JSON
    quote: str
    spans: tuple[Span, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, repr=False)
class Update(Result[T]):
    """How the update of a record ended, as data.

    - record: the record with the changes; None unless `outcome` is ok or repaired. If nothing was changed, it
      is the record that you gave.
    - changes: what the text changed, in the order of the reply.
    - error: what `unwrap` raises.
    - attempts: every request with its result, in order.
    - source: the text.
    """

    outcome: Outcome
    attempts: tuple[Attempt, ...]
    record: T | None = None
    changes: tuple[Change, ...] = ()
    error: ExtractorError | None = None
    source: str = field(default="", repr=False)


@dataclass(frozen=True)
class Updating(Generic[T]):
    """A record, the text that may change it, and what is asked. places: by the text of `at` in a change, the
    way there. context: what the type's validators find.
    """

    record: T
    record_type: RecordType
    known: JSON
    text: str
    asked: Mapping[str, JSON]
    places: Mapping[str, At]
    context: Mapping[str, Any]

    @classmethod
    def of(cls, record: T, text: str, record_type: Any, context: Mapping[str, Any]) -> Updating[T]:
        """Return what to ask. record_type: None for the type of the record itself. Raises ConfigError,
        SchemaError, and Invalid for a record that is none of its type.
        """
        if record_type is None:
            record_type = type(record)
            if record_type in UNTOLD:
                raise ConfigError(
                    f"update: name the record type of this {record_type.__name__}: record_type=..."
                )
        kind = RecordType.of(record_type)
        if hidden := kind.hidden:
            told = ", ".join(filter(None, hidden)) or kind.name
            raise ConfigError(f"update: the record has secrets ({told}), which its JSON does not show")
        known = _plain(kind, record)
        patchable = _Patchable(kind.described())
        patchable.walk(patchable.root, known, ())
        return cls(record, kind, known, text, patchable.document(), patchable.places, context)

    @property
    def message(self) -> str:
        """What the model reads: the record, and the text."""
        told = json.dumps(self.known, ensure_ascii=False, indent=1)
        return f"The record so far, as JSON:\n{told}\n\nThe new text:\n{self.text}"

    def after(self, result: Extraction[Any], first: PartRound | None = None) -> Update[T] | PartRound:
        """Return how the update ended; or, if the changes do not fit and `first` is the first round, the
        round in which they are asked for once more.
        """
        if result.record is None:
            return Update(result.outcome, result.attempts, None, (), result.error, self.text)
        try:
            record, changes = self._changed(result.record["changes"])
        except Invalid as error:
            if first is not None and first.may_repeat and not isinstance(error, Unjudged):
                said = RejectedPart(result.raw, error.problems, result.attempts, first.began)
                return replace(first, questions=(PartQuestion(0, said),), may_repeat=False)
            return self._rejected(result, error)
        again = first is None
        outcome = Outcome.REPAIRED if again else result.outcome
        return Update(outcome, result.attempts, record, changes, None, self.text)

    def _rejected(self, result: Extraction[Any], error: Invalid) -> Update[T]:
        told = "; ".join(map(str, error.problems[:NAMED]))
        made: ExtractionError = type(error)(f"no update, invalid: {told}", error.problems, result.attempts)
        made.__cause__ = error.__cause__
        return Update(Outcome.INVALID, result.attempts, None, (), made, self.text)

    def _changed(self, told: Sequence[Mapping[str, JSON]]) -> tuple[T, tuple[Change, ...]]:
        """Return the record with changes. Raises Invalid."""
        edits = [_Edit.of(each, self.places[each["at"]]) for each in told]
        spans = [find_said(edit.quote, self.text) for edit in edits]
        problems = [
            *(
                Problem(f"/changes/{i}/quote", "does not stand in the new text", edit.quote, "quote")
                for i, edit in enumerate(edits)
                if not spans[i]
            ),
            *_misplaced(edits, self.known),
        ]
        if problems:
            raise Invalid("the changes do not fit", problems)
        changes = [
            Change(edit.do, *_apart(edit, edits, self.known), edit.value, edit.quote, found)
            for edit, found in zip(edits, spans, strict=True)
        ]
        kept = tuple(change for change in changes if change.do != "set" or change.before != change.after)
        if not kept:
            return self.record, ()
        return self.record_type.united((Share(((),)),), [_applied(edits, self.known)], self.context), kept


def _plain(kind: RecordType, record: Any) -> JSON:
    """Return a record as the plain JSON that its type reads."""
    compiled = kind.compiled("permissive")
    return compiled.codec.decode(json.loads(compiled.encode(record)))


# -- what may be changed


class _Patchable:
    """What of a record may be changed, by the schemas of its values."""

    def __init__(self, schema: Mapping[str, JSON]) -> None:
        whole = _with_nulls(schema)
        self.root = {key: value for key, value in whole.items() if key != "$defs"}
        self._defs = whole.get("$defs", {})
        self.places: dict[str, At] = {}
        self._found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._said: dict[str, str] = {}

    def walk(self, schema: JSON, value: JSON, at: At) -> None:
        """Find what may be changed at a place and below it."""
        node = self._resolved(schema)
        members = node.get("properties")
        if isinstance(value, dict) and members:
            for name, part in members.items():
                self.walk(part, value.get(name), (*at, name))
        elif isinstance(value, dict) and isinstance(node.get("additionalProperties"), dict):
            self._add("put", at, node["additionalProperties"])
            self._add("drop", at, None)
        elif isinstance(value, list) and isinstance(node.get("items"), dict):
            self._add("add", at, node["items"])
            if value:
                self._add("remove", at, None)
                self._walk_item(node["items"], (*at, None))
        else:
            self._add("set", at, schema)
            return
        if {"type": "null"} in self._bare(schema).get("anyOf", ()) and at:
            self._add("set", at, {"type": "null"})  # an optional object or list that is there

    def _walk_item(self, schema: JSON, at: At) -> None:
        members = self._resolved(schema).get("properties")
        for name, part in (members or {}).items():
            self._add("set_in", (*at, name), part)
        if not members:
            self._add("set_in", at, schema)

    def _add(self, do: str, at: At, schema: JSON) -> None:
        said = pointer("*" if each is None else each for each in at)
        self.places[said] = at
        words = {"title", "description", "default", "examples"}
        bare = {k: v for k, v in schema.items() if k not in words} if isinstance(schema, dict) else schema
        if isinstance(schema, dict) and schema.get("description"):
            self._said[said] = str(schema["description"])
        self._found[do, json.dumps(bare, sort_keys=True)].append(said)

    def _bare(self, schema: JSON) -> Mapping[str, JSON]:
        """Return what a schema refers to."""
        seen = set[str]()
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and schema["$ref"] not in seen:
            seen.add(schema["$ref"])
            schema = self._defs.get(schema["$ref"].removeprefix("#/$defs/"), {})
        return schema if isinstance(schema, dict) else {}

    def _resolved(self, schema: JSON) -> Mapping[str, JSON]:
        """Return what a schema refers to, of an optional one what it is where it is there."""
        node: Mapping[str, JSON] = self._bare(schema)
        branches = [each for each in node.get("anyOf", ()) if each != {"type": "null"}]
        if len(branches) == 1:
            return self._bare(branches[0])
        return node

    def document(self) -> dict[str, JSON]:
        """Return the JSON Schema of changes."""
        kinds = [self._kind(do, at, json.loads(schema)) for (do, schema), at in self._found.items()]
        changes = {"type": "array", "items": {"anyOf": kinds}}
        return {"title": "Changes", **_closed({"changes": changes}), "$defs": self._defs}

    def _kind(self, do: str, at: Sequence[str], schema: JSON) -> JSON:
        told = " ".join(f"{each}: {self._said[each]}" for each in at if each in self._said)
        members: dict[str, JSON] = {"do": {"const": do}, "at": {"enum": [*at]}}
        if told:
            members["at"]["description"] = told
        if do in ("set_in", "remove"):
            members["index"] = {"type": "integer", "minimum": 0}
        if do in ("put", "drop"):
            members["key"] = {"type": "string"}
        if schema is not None:
            members["value"] = schema
        return _closed({**members, "quote": {"type": "string", "description": QUOTE}})


def _with_nulls(schema: JSON) -> JSON:
    """Return a schema in which members that are null by default are given as null: else a target that wants
    all members would tell the two apart.
    """
    if isinstance(schema, list):
        return [_with_nulls(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _with_nulls(value) for key, value in schema.items()}
    members = schema.get("properties")
    if schema.get("type") == "object" and isinstance(members, dict):
        null = [
            k for k, v in members.items() if isinstance(v, dict) and "default" in v and v["default"] is None
        ]
        made["required"] = list(dict.fromkeys([*schema.get("required", ()), *null]))
    return made


def _closed(members: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(members),
        "additionalProperties": False,
    }


# -- the changes


Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class _Edit:
    """A change as the model gave it. place: in the record as it is; of an item to add, its list."""

    do: Literal["set", "add", "remove"]
    place: Place
    value: JSON
    quote: str

    @classmethod
    def of(cls, told: Mapping[str, JSON], at: At) -> _Edit:
        """Return the change that a reply tells."""
        index = int(told.get("index", 0))  # to a schema 1.0 is an integer, too
        place: Place = tuple(index if step is None else step for step in at)
        do: Literal["set", "add", "remove"] = "set"
        if told["do"] in ("remove", "drop"):
            do, place = "remove", (*place, index if told["do"] == "remove" else told["key"])
        elif told["do"] == "add":
            do = "add"
        elif told["do"] == "put":
            place = (*place, told["key"])
        return cls(do, place, told.get("value"), told["quote"])


_GONE: Final = object()


def _at(data: JSON, place: Place) -> Any:
    for step in place:
        if isinstance(data, list):
            data = data[step] if isinstance(step, int) and step < len(data) else _GONE
        else:
            data = data.get(step, _GONE) if isinstance(data, dict) else _GONE
    return data


def _misplaced(edits: Sequence[_Edit], known: JSON) -> Iterator[Problem]:
    """Yield a problem for each change of an item that is not there, and of what another one changes, too."""
    places = [edit.place for edit in edits if edit.do != "add"]
    for i, edit in enumerate(edits):
        inside = [step for step in edit.place if isinstance(step, int)]
        if edit.do != "add" and inside and _at(known, _upto_index(edit.place)) is _GONE:
            yield Problem(f"/changes/{i}/index", "the record has no item of that index", inside[-1], "index")
        elif edit.do == "remove" and _at(known, edit.place) is _GONE:
            yield Problem(f"/changes/{i}/key", "the record has no entry of that key", edit.place[-1], "key")
        elif not isinstance(_at(known, edit.place[:-1]), dict | list):
            yield Problem(
                f"/changes/{i}", "the record has nothing there to change", _pointer(edit.place), "at"
            )
        elif edit.do != "add" and any(edit.place[: len(at)] == at for at in _others(places, edit.place)):
            yield Problem(f"/changes/{i}", "is changed twice", _pointer(edit.place), "twice")


def _others(places: Sequence[Place], own: Place) -> list[Place]:
    others = list(places)
    others.remove(own)
    return others


def _upto_index(place: Place) -> Place:
    last = max(i for i, step in enumerate(place) if isinstance(step, int))
    return place[: last + 1]


def _apart(edit: _Edit, edits: Sequence[_Edit], known: JSON) -> tuple[str, JSON]:
    """Return the pointer of a change, in the new record unless something is removed, and the value before."""
    if edit.do == "remove":
        return _pointer(edit.place), _at(known, edit.place)
    if edit.do == "add":
        earlier = edits[: next(i for i, each in enumerate(edits) if each is edit)]
        added = sum(each.do == "add" and each.place == edit.place for each in earlier)
        gone = sum(each.do == "remove" and each.place[:-1] == edit.place for each in edits)
        return _pointer((*edit.place, len(_at(known, edit.place)) - gone + added)), None
    before = _at(known, edit.place)
    moved = tuple(
        step - _removed_below(edits, edit.place[:i], step) if isinstance(step, int) else step
        for i, step in enumerate(edit.place)
    )
    return _pointer(moved), None if before is _GONE else before


def _removed_below(edits: Sequence[_Edit], at: Place, index: int) -> int:
    removed = (each.place for each in edits if each.do == "remove" and each.place[:-1] == at)
    return sum(isinstance(place[-1], int) and place[-1] < index for place in removed)


def _applied(edits: Sequence[_Edit], known: JSON) -> JSON:
    """Return plain JSON with changes. Items are removed last, since indices count in the record as it is."""
    box = [deepcopy(known)]
    for edit in edits:
        *way, last = (0, *edit.place)
        if edit.do == "set":
            _at(box, tuple(way))[last] = deepcopy(edit.value)
        elif edit.do == "add":
            _at(box, (0, *edit.place)).append(deepcopy(edit.value))
    removals = [edit.place for edit in edits if edit.do == "remove"]
    for place in sorted(removals, key=lambda p: p[-1] if isinstance(p[-1], int) else 0, reverse=True):
        del _at(box, (0, *place[:-1]))[place[-1]]
    return box[0]


def _pointer(place: Place) -> str:
    return pointer(place)
