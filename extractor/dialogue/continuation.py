"""Going on with a list that was cut off: its complete items are kept, only the rest is asked for. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..confidence import Path, TokenScore
from ..errors import Problem
from ..messages import JSON, StrictSchema
from ..reading import RecordShape, value_at, whole_value, written
from .patch import closed, plain

BEGUN_AGAIN = (
    "when asked for the rest of a list, the model repeated items that had come: they count once; if "
    "they stand twice in the text, some are missing"
)
OVERLAPS = (
    "when asked for the rest of a list, the model began with an item that had come: from there on, items may "
    "stand twice"
)
_SPACE = re.compile(r"[ \t\n\r]*")
_FOLLOWS = re.compile(r"[ \t\n\r]*([,\]])")


@dataclass(frozen=True, slots=True)
class Continuation:
    """What to ask for after the items of a list that came whole. name: the list's member in the reply."""

    name: str
    items: tuple[JSON, ...]
    schema: StrictSchema

    @property
    def missing(self) -> tuple[Problem, ...]:
        """The problem of an answer that does not go on."""
        return (Problem("", "the rest of the list was not given when it was asked for", type="missing"),)

    def merge(self, text: str) -> str | None:
        """Return the whole as JSON text; None if `text` does not hold the rest of the list."""
        more = self._more(text)
        return None if more is None else written({self.name: self.with_more(more)})

    def remarks(self, text: str) -> tuple[str, ...]:
        """Return what the caller has to know of how an answer was put behind the items."""
        more = self._more(text) or []
        if self._begins_again(more):
            return (BEGUN_AGAIN,)
        return (OVERLAPS,) if more and more[0] in self.items else ()

    def within_whole(self, text: str) -> None:
        """Return that nothing but what `merge` takes goes on with the list."""

    def keeps(self, whole: JSON) -> bool:
        """Return that a whole says nothing of the items that had come."""
        return False

    def told_of(self, told: Mapping[Path, TokenScore]) -> dict[Path, TokenScore]:
        """Return nothing: what the tokens of a reply that was cut off tell is not kept."""
        return {}

    def with_more(self, items: list[JSON]) -> list[JSON]:
        """Return all items; some models begin again, though only the rest was asked for."""
        return items if self._begins_again(items) else [*self.items, *items]

    def _begins_again(self, items: list[JSON]) -> bool:
        return items[: len(self.items)] == list(self.items)

    def _more(self, text: str) -> list[JSON] | None:
        try:
            value = whole_value(text)
        except (ValueError, RecursionError):
            return None
        more = value.get(self.name) if isinstance(value, dict) else None
        return more if isinstance(more, list) else None


def rest(strict: StrictSchema, text: str, before: Continuation | None) -> Continuation | None:
    """Return how to go on with a reply that is one list; None if it is none, or has no more complete
    items than those of `before`.
    """
    name = RecordShape(strict.schema).list_name
    if name is None:
        return None
    items = complete_items(text, name)
    if before is not None:
        items = before.with_more(items)
    if len(items) <= (len(before.items) if before else 0):
        return None
    array = plain(strict.schema, strict.schema["properties"][name])
    unbounded = {key: value for key, value in array.items() if key not in ("minItems", "maxItems")}
    return Continuation(
        name, tuple(items), StrictSchema(strict.name, closed(strict.schema, {name: unbounded}))
    )


def complete_items(text: str, name: str) -> list[JSON]:
    """Return the items of the list that stands under `name` in JSON text that may end anywhere. An item
    is complete where the next one, or the end of the list, follows it. One with two values of one name ends
    them. Linear.
    """
    opening = re.match(rf"\s*{{\s*{re.escape(json.dumps(name, ensure_ascii=False))}\s*:\s*\[", text)
    items, at = list[JSON](), opening.end() if opening else len(text)
    while True:
        try:
            item, end = value_at(text, _SPACE.match(text, at).end())  # type: ignore[union-attr]
        except (ValueError, RecursionError):
            return items
        follows = _FOLLOWS.match(text, end)
        if follows is None:
            return items
        items.append(item)
        if follows[1] == "]":
            return items
        at = follows.end()
