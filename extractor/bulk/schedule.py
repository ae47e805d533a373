"""Which rows are in flight, and which may be returned. Pure.

Rows begin in the order of the input, end in any order, and are handed out in the order of the input. A
row that takes long holds the handing out, but not the others: they go on until as many as `ahead`
wait behind it. Nothing is kept of a row that was handed out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Window(Generic[T]):
    """Rows begun and not yet handed out, at most `ahead` of them.

    A settled row has a ticket: it may be handed out once `durable` has come up to that, which says
    that its answers are on disk.
    """

    def __init__(self, ahead: int, ordered: bool = True) -> None:
        self.begun = self.settled = self.handed_out = 0
        self._ahead, self._ordered = ahead, ordered
        self._waiting: dict[int, tuple[int, T]] = {}  # settled, by index, with their tickets
        self._done: deque[tuple[int, T]] = deque()  # settled, where order does not matter

    @property
    def has_room(self) -> bool:
        """Whether another row may begin."""
        return self.begun - self.handed_out < self._ahead

    @property
    def open(self) -> int:
        """Rows begun that have not settled."""
        return self.begun - self.settled

    def begin(self) -> int:
        """Return the index of the row that begins now."""
        self.begun += 1
        return self.begun - 1

    def settle(self, index: int, outcome: T, ticket: int = 0) -> None:
        """Row `index` has come to its end. Raises ValueError if it did so before, or never began."""
        if index in self._waiting or not 0 <= index < self.begun:
            raise ValueError(f"row {index} can't settle: it is not open")
        self.settled += 1
        if self._ordered:
            if index < self.handed_out:
                raise ValueError(f"row {index} can't settle: it is not open")
            self._waiting[index] = ticket, outcome
        else:
            self._done.append((ticket, outcome))

    def ready(self, durable: int = 0) -> Iterator[T]:
        """Yield the outcomes that may be handed out now; what is yielded counts as handed out."""
        while (outcome := self._next(durable)) is not None:
            self.handed_out += 1
            yield outcome[1]

    def _next(self, durable: int) -> tuple[int, T] | None:
        if self._ordered:
            found = self._waiting.get(self.handed_out)
            return self._waiting.pop(self.handed_out) if found and found[0] <= durable else None
        return self._done.popleft() if self._done and self._done[0][0] <= durable else None

    def heads(self, index: int) -> bool:
        """Whether a row is the next to be handed out, so that its end is worth waking for."""
        return not self._ordered or index == self.handed_out
