"""Files that hold what was read from a source: written whole or not at all, for the owner alone."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TextIO

from ..errors import ConfigError
from ..files import DISK, Disk, replacing


@contextmanager
def opened(path: str, partly: bool = True, aside: bool = False, disk: Disk = DISK) -> Iterator[TextIO]:
    """Yield what to write to: standard output for "-", else a file that stands at `path` afterwards.

    Until the block is left, `path` is as it was, and also where the block raises before anything
    was written; what was written before an exception is kept. partly: False where it is not. After an
    error of writing itself `path` is as it was: aside says whether what could be written is kept in
    another file. Raises ConfigError where nothing can be written there, Unwritten where the disk is full.
    """
    if path == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    with opened_bytes(path, partly, aside, disk) as stream:
        text = io.TextIOWrapper(stream, "utf-8")
        try:
            yield text
        finally:
            text.flush()
        text.detach()


@contextmanager
def opened_bytes(
    path: str, partly: bool = False, aside: bool = False, disk: Disk = DISK
) -> Iterator[IO[bytes]]:
    """Yield what writes bytes to a file of this machine, as `opened` does text."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(replacing(path, partly, aside, disk=disk))
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"cannot write to {path}: {reason}; name another file with -o") from error
        yield stream
