"""The file that accepted records go to, beside what is in it already."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import ConfigError
from ..files import replacing
from ..words import escaped
from .items import ReviewItem, ReviewState, gold_line


class GoldFile:
    """Gold of some records. Lines of others stay as they are. is_behind: whether it lacks what was done.

    Raises ConfigError if what is there cannot be read.
    """

    def __init__(self, path: str, items: Sequence[ReviewItem]) -> None:
        self.items, self.is_behind = items, True
        self._path, self._lock = path, threading.Lock()
        keys = {item.key for item in items}
        lines = [line for line in _text(path).split("\n") if line.strip()]
        told = [(line, *_identity(line)) for line in lines]
        self._others = [line for line, key, _ in told if key not in keys]
        self._taken = {name for _, key, name in told if key not in keys}

    def save(self, accepted: Callable[[], Sequence[tuple[ReviewItem, ReviewState]]]) -> int:
        """Write the file where it is behind, and return how many records are accepted. Raises OSError."""
        with self._lock:
            behind, self.is_behind = self.is_behind, False  # what is done from here on is for the next time
            found = accepted()
            if behind:
                try:
                    self._write([self._line(item, state) for item, state in found])
                except OSError:
                    self.is_behind = True
                    raise
            return len(found)

    def _write(self, lines: Sequence[str]) -> None:
        with replacing(self._path) as stream:
            for line in (*self._others, *lines):
                stream.write(f"{line}\n".encode())

    def _line(self, item: ReviewItem, state: ReviewState) -> str:
        line = gold_line(item, state)
        if line["id"] in self._taken:
            line["id"] = f"{item.title} {item.key}"
        return escaped(json.dumps(line, ensure_ascii=False))


def _text(path: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}, to which gold is added: {error}") from error


def _identity(line: str) -> tuple[str | None, str | None]:
    """Return the key of the review and the id on a line, None if there is none."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None, None
    told = told if isinstance(told, dict) else {}
    review = told.get("review")
    return review.get("key") if isinstance(review, dict) else None, told.get("id")
