"""A review under way: what the page asks for and does, as values. Knows nothing of HTTP."""

from __future__ import annotations

import json
import threading
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..evaluation.metrics import flatten
from ..messages import JSON
from ..report import EscalatedValue, units
from .documents import ReviewDocuments
from .gold import GoldFile
from .items import (
    Check,
    Decision,
    ReviewItem,
    ReviewState,
    item_added,
    item_removed,
    lists_in,
    selected,
    shapes_of,
    typed_in,
)
from .log import ReviewStep, StepLog

NO_DOCUMENTS = ReviewDocuments(lambda name: None)


class StaleRecord(Exception):
    """The record was changed meanwhile, as in another tab. Nothing was done."""


class NotDone(ValueError):
    """What was asked for cannot be done; the message says why. Nothing was done."""


class ReviewSession:
    """Records in the order in which they are looked at, and what was done to them. Safe to use from several
    threads.

    known: all records of the file, those that are not looked at too. gold: the file for accepted ones; lines
    that are there and of other records are kept. by: who reviews. now: tells the time as ISO 8601 has it.
    documents: those that the texts were read from.
    """

    def __init__(
        self,
        items: Sequence[ReviewItem],
        log: StepLog,
        check: Check,
        gold: str,
        by: str,
        now: Callable[[], str],
        known: Sequence[ReviewItem] = (),
        documents: ReviewDocuments = NO_DOCUMENTS,
    ) -> None:
        self._items, self._log, self._check = items, log, check
        self._gold = GoldFile(gold, known or items)
        self._by, self._now, self._documents = by, now, documents
        self._at = {item.key: n for n, item in enumerate(items)}
        self._lock = threading.Lock()
        self._shapes = shapes_of(known or items)
        self._doubts = [round(item.doubt, 3) for item in items]

    def overview(self) -> JSON:
        """Return all records in short: title, decision, how sure the least sure value is."""
        with self._lock:
            decisions = [str(self._log.history.decision(item.key)) for item in self._items]
            titles = [item.title for item in self._items]
            rows = [list(row) for row in zip(titles, decisions, self._doubts, strict=True)]
            return {"items": rows, "by": self._by}

    def item(self, number: int) -> JSON:
        """Return all of one record. Offsets are those of JavaScript, in UTF-16 units."""
        with self._lock:
            return self._shown(self._item(number))

    def pages(self, number: int) -> JSON:
        """Return the pages of one record's document with the places of its words; none without a document."""
        return self._documents.pages(self._item(number))

    def picture(self, number: int, page: int) -> bytes | None:
        """Return a page of one record's document as a WebP file; None if there is none."""
        return self._documents.picture(self._item(number), page)

    def act(self, number: int, asked: Mapping[str, Any]) -> JSON:
        """Do what the page asks for, and return the record as it is then.

        asked: `do` is type, select, add, remove, note, accept, reject or reopen; `version`, that of the
        record as the page shows it. Raises StaleRecord and NotDone.
        """
        with self._lock:
            item = self._item(number)
            state = self._log.history.state(item)
            if asked.get("version") != state.version:
                raise StaleRecord
            try:
                changed = self._changed(item, state, asked)
            except (ValueError, KeyError, TypeError) as error:
                raise NotDone(str(error)) from error
            self._add(ReviewStep(item.key, replace(changed, by=self._by, at=self._now())))
            return self._shown(item)

    def undo(self) -> JSON:
        """Undo the last step, and return the record that it was done to, with its number. Raises NotDone."""
        with self._lock:
            known = [key for key in self._log.history.done if key in self._at]
            if not known:
                raise NotDone("there is nothing to undo")
            self._add(ReviewStep(known[-1], None))
            return self._shown(self._items[self._at[known[-1]]])

    def save(self) -> int:
        """Write the gold file where it is behind, and return how many of these records it has."""
        return self._gold.save(self._accepted)

    def _accepted(self) -> list[tuple[ReviewItem, ReviewState]]:
        with self._lock:
            states = [(item, self._log.history.state(item)) for item in self._gold.items]
        return [(item, state) for item, state in states if state.decision is Decision.ACCEPTED]

    def _item(self, number: int) -> ReviewItem:
        if not 0 <= number < len(self._items):
            raise NotDone(f"there is no record {number}")
        return self._items[number]

    def _add(self, step: ReviewStep) -> None:
        self._log.add(step)
        self._gold.is_behind = True

    def _changed(self, item: ReviewItem, state: ReviewState, asked: Mapping[str, Any]) -> ReviewState:
        pointer = str(asked.get("pointer", ""))
        match asked.get("do"):
            case "type":
                return typed_in(state, item, pointer, str(asked["typed"]), self._check)
            case "select":
                place = _points(item.text, int(asked["start"])), _points(item.text, int(asked["end"]))
                return selected(state, item, pointer, place, self._check, bool(asked.get("value", True)))
            case "add":
                return item_added(state, pointer, self._shapes)
            case "remove":
                return item_removed(state, pointer)
            case "note":
                return replace(state, note=str(asked["note"]))
            case "accept":
                problems = self._check(state.record, item.text)
                if problems:
                    raise NotDone(f"the record is not valid yet: {problems[0]}")
                return replace(state, decision=Decision.ACCEPTED)
            case "reject":
                return replace(state, decision=Decision.REJECTED)
            case "reopen":
                return replace(state, decision=Decision.DRAFT)
        raise NotDone("the page sent an unknown request")

    def _shown(self, item: ReviewItem) -> JSON:
        state, unit, sure = self._log.history.state(item), units(item.text), item.sureness
        before = flatten(item.record)
        leaves: list[dict[str, Any]] = [
            {
                "pointer": pointer,
                "value": _written(value),
                "before": _written(before.get(pointer)),
                "sure": sure.get(pointer),
                "told": pointer in item.confidence,
                "escalated": [each.words, each.waits] if (each := item.escalated.get(pointer)) else None,
                "spans": [[unit(start), unit(end)] for start, end in state.places.get(pointer, ())],
            }
            for pointer, value in flatten(state.record).items()
        ]
        leaves.sort(key=lambda leaf: _urgency(leaf["sure"], item.escalated.get(leaf["pointer"])))
        problems = self._check(state.record, item.text)
        return {
            "number": self._at[item.key],
            "title": item.title,
            "text": item.text,
            "has_document": bool(item.document),
            "leaves": leaves,
            "empty": [pointer for pointer, _, some in lists_in(state.record) if not some],
            "decision": str(state.decision),
            "note": state.note,
            "version": state.version,
            "by": state.by,
            "counts": self._log.history.counts(self._at),
            "problems": [{"pointer": each.pointer, "reason": each.reason} for each in problems],
        }


def _points(text: str, unit: int) -> int:
    """Return the offset in code points that is JavaScript's in UTF-16 units."""
    return bisect_left(range(len(text) + 1), unit, key=units(text))


def _urgency(sure: float | None, escalated: EscalatedValue | None) -> tuple[bool, float]:
    waits = escalated is not None and escalated.waits
    return not waits, 1.0 if sure is None else sure


def _written(value: JSON) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)
