"""Processes: which one lives, what a forked child makes anew, and what it leaves to its parent."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary
from zlib import crc32

from .errors import ConfigError

T = TypeVar("T")
_MARK = re.compile(r"[0-9a-f]{1,8}-[0-9a-f]{1,8}-[0-9a-f]{1,12}-[0-9a-f]{1,12}")
TICK = 0.05  # seconds by which two readings of one start may differ
_anew: WeakKeyDictionary[Any, Callable[[Any], object]] = WeakKeyDictionary()


class Process(NamedTuple):
    """The identity of one process. place: the machine, since its last start, and the namespace of the number.
    began: Unix time; after_boot: the same as seconds since the machine started. When its clock is set, one of
    the two stays as it was, which one depends on the system.
    """

    place: str
    pid: int
    began: float
    after_boot: float

    def is_same(self, other: Process) -> bool:
        """Whether two readings are of one process. A number that was given again has another start."""
        starts = ((self.began, other.began), (self.after_boot, other.after_boot))
        return self[:2] == other[:2] and any(abs(one - another) < TICK for one, another in starts)

    @property
    def mark(self) -> str:
        """A short text for the names of files, which `of_mark` reads."""
        starts = (round(1000 * each) for each in (self.began, self.after_boot))
        return "-".join(f"{each:x}" for each in (_told(self.place), self.pid, *starts))

    @classmethod
    def of_mark(cls, mark: str) -> Process | None:
        """Return the process that a mark is of, where it is one of this machine; else None."""
        if _MARK.fullmatch(mark) is None:
            return None
        told, pid, began, after_boot = (int(each, 16) for each in mark.split("-"))
        return cls(_place(), pid, began / 1000, after_boot / 1000) if told == _told(_place()) else None


def _told(place: str) -> int:
    return crc32(place.encode())


def this_process() -> Process:
    """Return this process."""
    found = found_process(os.getpid())
    assert found is not None  # noqa: S101
    return found


def lives(process: Process) -> bool | None:
    """Return whether a process is alive; None if that can't be seen from here, on another machine."""
    if process.place != _place():
        return None
    found = found_process(process.pid)
    return found is not None and process.is_same(found)


def found_process(pid: int) -> Process | None:
    """Return the living process of this machine that has a number, None if there is none."""
    import psutil

    try:
        found = psutil.Process(pid)
        began = found.create_time()
        if found.status() == psutil.STATUS_ZOMBIE:
            return None
    except (psutil.NoSuchProcess, ValueError, OverflowError, TypeError):  # the others of a damaged journal
        return None
    return Process(_place(), pid, began, began - psutil.boot_time())


@lru_cache(maxsize=1)
def _place() -> str:
    told = [socket.gethostname()]
    with suppress(OSError):  # Linux tells of these; containers may share a name
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        told.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(told)


def when_forked(thing: T, act: Callable[[T], object]) -> None:
    """Have `act(thing)` called in each child that is forked while there is the thing. It must not close what
    the parent goes on to use, nor wait for a lock that a thread of the parent's may have held.
    """
    _anew[thing] = act


def check_process(made_in: int, what: str) -> None:
    """Raise ConfigError if this is another process than the one that something was made in."""
    if os.getpid() != made_in:
        raise ConfigError(f"{what} can't be used in a forked child: create it in each process")


def leave_alone(thing: object) -> None:
    """Keep something of the parent's from ever being finalised in this forked child.

    Finalising an asyncio transport removes its socket from the epoll set that both processes share. Closing
    an SQLite connection may checkpoint the log that the parent writes.
    """
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(thing))


def held_over_forks(lock: Lock) -> Lock:
    """Return the lock; a child is forked only while nobody has it, so that it is free there, too."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=lock.acquire,
            after_in_parent=lock.release,
            after_in_child=lock.release,
        )
    return lock


def _begin_anew() -> None:
    for thing, act in list(_anew.items()):
        act(thing)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
