"""A record under review, and each thing that a person can do to it. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from ..errors import Problem
from ..evaluation.gold import Place, Places, digest
from ..evaluation.metrics import flatten
from ..evidence import align
from ..evidence.leaves import value_at
from ..messages import JSON
from ..pointers import step, steps_of
from ..report import EscalatedValue

Check: TypeAlias = Callable[[JSON, str], Sequence[Problem]]  # a record and its text -> what is wrong
ESCALATED = ("review", "first", "second", "null", "both")  # choices, in the order of their need for a person
PLACED, UNPLACED = 0.9, 0.3  # how sure a value is of which nothing is told, with and without a place


class Decision(StrEnum):
    """How far a record is. A draft has been changed, and not decided on."""

    OPEN = "open"
    DRAFT = "draft"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class ReviewState:
    """What a person has made of a record. version: how many things were done to it, undone ones too."""

    decision: Decision
    record: JSON
    places: Places
    note: str = ""
    by: str = ""
    at: str = ""
    version: int = 0


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One record to look at. key: of its text and record, so that it is known again in any file.
    confidence: by the pointers of leaves, if it is known. document: the name of the file that the text was
    read from, "" for none or one without pages. escalated: what became of doubtful values, by pointer.
    """

    key: str
    title: str
    text: str
    record: JSON
    places: Places
    confidence: Mapping[str, float] = field(default_factory=dict)
    document: str = ""
    escalated: Mapping[str, EscalatedValue] = field(default_factory=dict)

    @property
    def start(self) -> ReviewState:
        """Where the review begins."""
        return ReviewState(Decision.OPEN, self.record, self.places)

    @property
    def sureness(self) -> dict[str, float]:
        """How sure each value is, by its pointer: its confidence, else whether it stands in the text."""
        told = {where: PLACED if self.places.get(where) else UNPLACED for where in flatten(self.record)}
        nulls = {where: PLACED for where, value in flatten(self.record).items() if value is None}
        return {**told, **nulls, **{k: v for k, v in self.confidence.items() if k in told}}

    @property
    def waits(self) -> bool:
        """Whether a value was left to a person, or the second model gave none for it."""
        return any(each.waits for each in self.escalated.values())

    @property
    def doubt(self) -> float:
        """How sure the least sure value is; 1 if there is none."""
        return min(self.sureness.values(), default=1.0)


def keyed(items: Iterable[ReviewItem]) -> list[ReviewItem]:
    """Return the items with keys and titles of their own; equal ones are distinguished by their number."""
    keys, titles, found = Counter[str](), Counter[str](), list[ReviewItem]()
    for item in items:
        key = digest(json.dumps([item.text, item.record], sort_keys=True))[:20]
        keys[key] += 1
        titles[item.title] += 1
        found.append(
            replace(
                item,
                key=key if keys[key] == 1 else f"{key}-{keys[key]}",
                title=item.title if titles[item.title] == 1 else f"{item.title} ({titles[item.title]})",
            )
        )
    return found


def least_sure_first(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """Return the items in the order in which they are looked at: those with a value that was left to a person
    before the others, by the least sure value.
    """
    return sorted(items, key=lambda item: (not item.waits, item.doubt))


def escalated_first(items: Sequence[ReviewItem]) -> list[ReviewItem]:
    """Return the items with doubtful values before the others: left to a person, from the second model, set
    to null, and such that both models gave; each by the least sure value.
    """
    return sorted(items, key=lambda item: (min(map(rank_of, (*item.escalated.values(), None))), item.doubt))


def rank_of(value: EscalatedValue | None) -> int:
    """Return how soon a person should look at a value that was escalated, or was not; 0 is at once."""
    choice = None if value is None else value.choice
    return ESCALATED.index(choice) if choice in ESCALATED else len(ESCALATED)


# -- changes


def typed_in(state: ReviewState, item: ReviewItem, pointer: str, typed: str, check: Check) -> ReviewState:
    """Return the state with what was typed for a leaf, as the kind of value that the type takes there; as
    text where it takes none. Its evidence is found anew.
    """
    changed = replace(state, decision=Decision.DRAFT, record=_fitting(state, item, pointer, typed, check))
    found = align(changed.record, item.text).get(pointer, ())
    return _placed(changed, pointer, [(span.start, span.end) for span in found])


def selected(
    state: ReviewState, item: ReviewItem, pointer: str, place: Place, check: Check, value: bool = True
) -> ReviewState:
    """Return the state with a piece of the text as the evidence of a leaf; and as its value, if so."""
    start, end = place
    if not 0 <= start < end <= len(item.text):
        raise ValueError(f"{place} is not a piece of the text")
    changed = replace(state, decision=Decision.DRAFT)
    if value:
        words = " ".join(item.text[start:end].split())
        changed = replace(changed, record=_fitting(state, item, pointer, words, check))
    return _placed(changed, pointer, [place])


def item_added(state: ReviewState, pointer: str, shapes: Mapping[str, JSON]) -> ReviewState:
    """Return the state with one more item at the end of the list that a place is in, or is: of the shape of
    the last one, its values null. shapes: of the items of lists that are empty, by field.
    """
    where = _list_around(state.record, pointer)
    record = deepcopy(state.record)
    some = value_at(record, where)
    some.append(_blank(some[-1]) if some else deepcopy(shapes.get(_field(record, where))))
    return replace(state, decision=Decision.DRAFT, record=record)


def item_removed(state: ReviewState, pointer: str) -> ReviewState:
    """Return the state without the item of a list that a place is in; the evidence of later ones moves up."""
    where = _list_around(state.record, pointer)
    at = int(pointer[len(where) + 1 :].split("/")[0])
    record = deepcopy(state.record)
    del value_at(record, where)[at]
    places: dict[str, Sequence[Place]] = {}
    for known, some in state.places.items():
        index, _, rest = known.removeprefix(f"{where}/").partition("/")
        if not known.startswith(f"{where}/") or not index.isdecimal() or int(index) < at:
            places[known] = some
        elif int(index) > at:
            places[f"{where}/{int(index) - 1}{'/' if rest else ''}{rest}"] = some
    return replace(state, decision=Decision.DRAFT, record=record, places=places)


def _placed(state: ReviewState, pointer: str, places: Sequence[Place]) -> ReviewState:
    return replace(state, places={**state.places, pointer: list(places)})


def _fitting(state: ReviewState, item: ReviewItem, pointer: str, typed: str, check: Check) -> JSON:
    """Return the record with the first reading of what was typed that the type takes at its place."""
    readings = list(_readings(typed, value_at(state.record, pointer)))
    for value in readings:
        record = with_value(state.record, pointer, value)
        if not any(_about(problem.pointer, pointer) for problem in check(record, item.text)):
            return record
    return with_value(state.record, pointer, readings[0])


def _about(problem: str, pointer: str) -> bool:
    return problem == pointer or problem.startswith(f"{pointer}/")


def _readings(typed: str, before: JSON) -> Iterator[JSON]:
    """Yield what was typed as JSON values, the likeliest first."""
    if not typed.strip():
        yield None
        yield ""
        return
    others: list[JSON] = []
    for text in (typed, typed.replace(",", "").replace("'", "").replace(" ", "")):
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, int | float) and value not in others:
            others.append(value)
    if isinstance(before, int | float):  # booleans too
        yield from others
        yield typed
    else:
        yield typed
        yield from others


def with_value(record: JSON, pointer: str, value: JSON) -> JSON:
    """Return a record with another value at a JSON pointer. Raises ValueError if it has no such place."""
    if pointer == "":
        return value
    changed = deepcopy(record)
    above, _, last = pointer.rpartition("/")
    parent, key = value_at(changed, above), steps_of(f"/{last}")[0]
    if isinstance(parent, list) and key.isdecimal() and int(key) < len(parent):
        parent[int(key)] = value
    elif isinstance(parent, dict) and key in parent:
        parent[key] = value
    else:
        raise ValueError(f"the record has no {pointer}")
    return changed


def _list_around(record: JSON, pointer: str) -> str:
    """Return the pointer of the innermost list that a place is in; of the place itself where it is one."""
    where = pointer
    while not isinstance(value_at(record, where), list):
        if not where:
            raise ValueError(f"{pointer} is in no list")
        where = where.rpartition("/")[0]
    return where


def lists_in(record: JSON) -> Iterator[tuple[str, str, list[JSON]]]:
    """Yield each list of a record: its pointer, its field with `*` for indexes, and itself."""
    yield from _lists(record, "", "")


def _lists(value: JSON, where: str, name: str) -> Iterator[tuple[str, str, list[JSON]]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _lists(below, where + step(key), name + step(key))
    elif isinstance(value, list):
        yield where, name, value
        for index, below in enumerate(value):
            yield from _lists(below, f"{where}/{index}", f"{name}/*")


def shapes_of(items: Iterable[ReviewItem]) -> dict[str, JSON]:
    """Return the shape of the items of each list, its values null, by the field of the list."""
    found: dict[str, JSON] = {}
    for item in items:
        for _, name, some in lists_in(item.record):
            if some and name not in found:
                found[name] = _blank(some[0])
    return found


def _field(record: JSON, where: str) -> str:
    return next((name for pointer, name, _ in lists_in(record) if pointer == where), where)


def _blank(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _blank(below) for key, below in value.items()}
    return [] if isinstance(value, list) else None


# -- as gold


def gold_line(item: ReviewItem, state: ReviewState) -> dict[str, JSON]:
    """Return the line of gold that an accepted record makes: who accepted it, when, and what it was."""
    evidence = [
        {"pointer": pointer, "start": start, "end": end}
        for pointer, places in state.places.items()
        for start, end in places
        if pointer in flatten(state.record)
    ]
    told: dict[str, Any] = {"by": state.by, "at": state.at, "key": item.key, "before": item.record}
    if state.note:
        told["note"] = state.note
    return {
        "id": item.title,
        "text": item.text,
        "record": state.record,
        "evidence": evidence,
        "review": told,
    }
