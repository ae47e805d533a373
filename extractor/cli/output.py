"""Files that hold what was read from a source: written whole or not at all, for the owner alone."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from ..errors import ConfigError


@contextmanager
def opened(path: str, partly: bool = True) -> Iterator[TextIO]:
    """Yield what to write to: standard output for "-", else a file that stands at `path` afterwards.

    Until the block is left, `path` is as it was, and also where the block raises before anything
    was written; what was written before an exception is kept. partly: False where it is not. Raises
    ConfigError where nothing can be written there.
    """
    if path == "-":
        yield sys.stdout
        sys.stdout.flush()
    elif os.path.exists(path) and not os.path.isfile(path):
        with _open(path) as stream:  # a device or a pipe can't be replaced
            yield stream
    else:
        with _replacing(os.path.realpath(path), partly) as stream:
            yield stream


def _open(path: str) -> TextIO:
    try:
        return open(path, "w", encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def _replacing(path: str, partly: bool) -> Iterator[TextIO]:
    folder, name = os.path.split(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=folder)  # mode 0600
    except OSError as error:
        raise _unwritable(path, error) from error
    whole = False
    try:
        with open(handle, "w", encoding="utf-8") as stream:
            yield stream
            stream.flush()
            os.fsync(handle)
        whole = True
    finally:
        if whole or (partly and os.path.getsize(temporary)):
            os.replace(temporary, path)
        else:
            os.unlink(temporary)


def _unwritable(path: str, error: OSError) -> ConfigError:
    return ConfigError(f"cannot write to {path}: {error.strerror or error}; name another file with -o")
