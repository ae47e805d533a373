"""What was done, a line each in a file that is only added to: safe on the disk before it is answered."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..errors import ConfigError
from ..files import DISK, Disk, leads_to
from .items import Decision, ReviewItem, ReviewState


@dataclass(frozen=True, slots=True)
class ReviewStep:
    """One thing that was done to the record `key`: it is now in this state; or the last step was undone."""

    key: str
    state: ReviewState | None

    def line(self) -> str:
        """Return the step as its line."""
        if self.state is None:
            return json.dumps({"key": self.key, "undo": True})
        told = self.state
        places = {where: [list(each) for each in some] for where, some in told.places.items()}
        return json.dumps(
            {
                "key": self.key,
                "decision": str(told.decision),
                "record": told.record,
                "places": places,
                "note": told.note,
                "by": told.by,
                "at": told.at,
            }
        )


def step_of(line: str) -> ReviewStep | None:
    """Return the step on a line; None for a line that is not whole, as one that a crash cut off."""
    try:
        match json.loads(line):
            case {"key": str(key), "undo": True}:
                return ReviewStep(key, None)
            case {
                "key": str(key),
                "decision": str(decision),
                "record": record,
                "places": dict(places),
                **rest,
            }:
                spans = {where: [(int(a), int(b)) for a, b in some] for where, some in places.items()}
                note, by, at = (str(rest.get(name) or "") for name in ("note", "by", "at"))
                return ReviewStep(key, ReviewState(Decision(decision), record, spans, note, by, at))
    except (ValueError, TypeError, RecursionError):
        pass
    return None


@dataclass(slots=True)
class History:
    """All steps so far. steps: by the key of the record, those that hold; done: keys in the order of what
    can be undone. damaged: lines that could not be read.
    """

    steps: dict[str, list[ReviewState]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    damaged: int = 0

    def take(self, step: ReviewStep) -> None:
        """Take in one more step."""
        self.versions[step.key] = self.versions.get(step.key, 0) + 1
        if step.state is not None:
            self.steps.setdefault(step.key, []).append(step.state)
            self.done.append(step.key)
        elif self.steps.get(step.key):
            self.steps[step.key].pop()
            self.done.reverse()
            self.done.remove(step.key)  # the last one
            self.done.reverse()

    def state(self, item: ReviewItem) -> ReviewState:
        """Return how far a record is."""
        some = self.steps.get(item.key)
        return replace(some[-1] if some else item.start, version=self.versions.get(item.key, 0))

    def decision(self, key: str) -> Decision:
        """Return what was decided on the record of a key."""
        some = self.steps.get(key)
        return some[-1].decision if some else Decision.OPEN

    def counts(self, keys: Mapping[str, int]) -> dict[str, int]:
        """Return how many of some records are in which state."""
        done = Counter(str(self.decision(key)) for key, some in self.steps.items() if some and key in keys)
        left = len(keys) - done.total()
        return {str(each): done[str(each)] + (left if each is Decision.OPEN else 0) for each in Decision}


def history_of(lines: Iterable[str]) -> History:
    """Return what lines tell."""
    history = History()
    for line in lines:
        step = step_of(line) if line.strip() else None
        if step is not None:
            history.take(step)
        elif line.strip():
            history.damaged += 1
    return history


class StepLog:
    """The file that steps are added to, for its owner alone."""

    def __init__(self, path: str, disk: Disk = DISK) -> None:
        self._disk = disk
        target = leads_to(path)
        existed = os.path.exists(target)
        self._handle = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        data = Path(target).read_bytes() if existed else b""
        self.history = history_of(data.decode("utf-8", "replace").split("\n"))
        if data and not data.endswith(b"\n"):  # a crash cut the last line off
            self._write(b"\n")

    def add(self, step: ReviewStep) -> None:
        """Return once the step is safe on the disk. Raises OSError if it can't be written: then it counts
        as not done.
        """
        self._write(step.line().encode() + b"\n")
        self.history.take(step)

    def close(self) -> None:
        """Close the file."""
        os.close(self._handle)

    def _write(self, data: bytes) -> None:
        size = os.fstat(self._handle).st_size
        try:
            left = data
            while left:
                left = left[self._disk.write(self._handle, left) :]
            self._disk.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, size)  # so that no half of a line stands before the next one
            raise


@contextmanager
def alone(path: str) -> Iterator[None]:
    """Keep other processes from reviewing the same records. Raises ConfigError if one does; a lock goes
    with its process, however that ends.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock", mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"another session is reviewing these records: {path}.lock is held") from None
    try:
        yield
    finally:
        lock.release()
