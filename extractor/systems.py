"""How Windows and macOS differ from Linux: rights, files in use, names, signals, texts in pipes.

Each function is handed the calls of the system that it makes, so that every branch runs on every system.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import PureWindowsPath
from typing import Any, TextIO

WINDOWS = os.name == "nt"
WAITS = (0.01, 0.03, 0.1, 0.3, 0.6, 1.0)  # seconds; virus scanners and indexers let go of a file in that time
IN_USE = frozenset({5, 32})  # ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION


def keep_for_owner(handle: int, mode: int = 0o600, system: Any = os) -> None:
    """Give an open file its rights. Windows has no such rights: a file has those of its folder."""
    if hasattr(system, "fchmod"):
        system.fchmod(handle, mode)


def own_user(system: Any = os) -> int | None:
    """Return the number of the user; None on Windows, where files tell no such number."""
    return int(system.geteuid()) if hasattr(system, "geteuid") else None


def replace(
    temporary: str,
    target: str,
    move: Callable[[str, str], None] | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Move a file to where another one is. Windows moves none to where another program has a file open: it
    is tried again for two seconds. Raises OSError.
    """
    move = move or os.replace
    for wait in WAITS:
        try:
            return move(temporary, target)
        except PermissionError as error:
            if getattr(error, "winerror", None) not in IN_USE:
                raise
            sleep(wait)
    return move(temporary, target)


def check_name(path: str, windows: bool = WINDOWS) -> None:
    """Raise OSError for a name that Windows does not take for a file. A name after a colon is that of a
    stream inside of a file, and names such as NUL are devices.

    Source: https://learn.microsoft.com/windows/win32/fileio/naming-a-file
    """
    if not windows:
        return
    parts = PureWindowsPath(path)
    if any(":" in part for part in parts.parts[bool(parts.anchor) :]):
        raise OSError(errno.EINVAL, "Windows does not allow a colon in the name of a file", path)
    if parts.name.partition(".")[0].rstrip().upper() in _DEVICES:
        raise OSError(errno.EINVAL, "this is the name of a Windows device", path)


_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}


def stop_signals(system: Any = signal) -> tuple[signal.Signals, ...]:
    """Return the signals that ask a program to end. Windows sends SIGBREAK, for Ctrl-Break and a closed
    window, and no SIGTERM.
    """
    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    return tuple(getattr(system, name) for name in names if hasattr(system, name))


def write_utf_8(streams: Sequence[TextIO], windows: bool = WINDOWS) -> None:
    r"""Have standard output and its like write UTF-8, and "\n" as it is. Windows has a code page and "\r\n"
    for pipes and files, and no reader of JSON Lines expects either.
    """
    for stream in streams if windows else ():
        reconfigure = getattr(stream, "reconfigure", None)  # what a test or a notebook puts there has none
        if reconfigure is not None:
            reconfigure(encoding="utf-8", newline="\n")
