"""Which process this is: what a forked child makes anew, and what it leaves to its parent."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from .errors import ConfigError

T = TypeVar("T")
_anew: WeakKeyDictionary[Any, Callable[[Any], object]] = WeakKeyDictionary()


def when_forked(thing: T, act: Callable[[T], object]) -> None:
    """Have `act(thing)` called in each child that is forked while there is the thing. It must not close what
    the parent goes on to use, nor wait for a lock that a thread of the parent's may have held.
    """
    _anew[thing] = act


def check_process(made_in: int, what: str) -> None:
    """Raise ConfigError where this is another process than the one that something was made in."""
    if os.getpid() != made_in:
        raise ConfigError(f"{what} can't be used in a forked child: make it in each process")


def leave_alone(thing: object) -> None:
    """Keep something of the parent's from ever being finalised in this forked child.

    To finalise an asyncio transport takes its socket out of the epoll set that both processes share; to
    close an SQLite connection may fold up the log that the parent writes.
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
