"""Where a journal is kept: the file or server, and its store."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ...files import cache_folder
from .address import JournalAddress, is_url
from .store import Clock, Store


def default_path() -> Path:
    """Return where the journal is kept unless a run names another: below EXTRACTOR_CACHE, else below
    the user's cache folder.
    """
    return cache_folder() / "journal" / "journal.sqlite"


def place_of(journal: Any) -> Path | JournalAddress:
    """Return the file or server that `journal=` names. Raises ConfigError."""
    if journal is None or journal is True:  # None if a command names none
        return default_path()
    if isinstance(journal, str) and is_url(journal):
        return JournalAddress.of(journal)
    return Path(journal).expanduser()


def open_store(place: Path | JournalAddress, clock: Clock = time.time) -> Store:
    """Return the store at a place, made if it is not there. Raises JournalError and ConfigError."""
    if isinstance(place, JournalAddress):
        from .redis import RedisStore

        return RedisStore.open(place)
    from .sqlite import SqliteStore

    return SqliteStore.open(place, clock)


def find_store(place: Path | JournalAddress) -> Store | None:
    """Return the store at a place, None if there is none. Raises JournalError and ConfigError."""
    if isinstance(place, JournalAddress):
        from .redis import RedisStore

        return RedisStore.find(place)
    return open_store(place) if place.is_file() else None
