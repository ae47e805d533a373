"""Files that hold what was read from a source: written whole or not at all, for the owner alone."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import IO, TextIO

from ..errors import ConfigError
from ..files import DISK, Disk, replacing
from .input import remote


@contextmanager
def opened(
    path: str, partly: bool = True, aside: bool = False, disk: Disk = DISK, hint: str = ""
) -> Iterator[TextIO]:
    """Yield what to write to: standard output for "-", else a file that stands at `path` afterwards.

    Until the block is left, `path` is as it was, and also where the block raises before anything
    was written; what was written before an exception is kept. partly: False if it is not. After an
    error of writing itself `path` is as it was: aside says whether what could be written is kept in
    another file. hint: how to name another file. Raises ConfigError if nothing can be written there,
    Unwritten where the disk is full.
    """
    if path == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    with opened_bytes(path, partly, aside, disk, hint) as stream:
        text = io.TextIOWrapper(stream, "utf-8")
        try:
            yield text
        finally:
            text.flush()
        text.detach()


@contextmanager
def opened_bytes(
    path: str, partly: bool = False, aside: bool = False, disk: Disk = DISK, hint: str = ""
) -> Iterator[IO[bytes]]:
    """Yield what writes bytes to a file of this machine, as `opened` does text."""
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(replacing(path, partly, aside, disk=disk))
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(f"cannot write to {path}: {reason}; name another file{hint}") from error
        yield stream


@contextmanager
def binary_output(path: str, disk: Disk = DISK) -> Iterator[IO[bytes]]:
    """Yield what writes to a file that stands at `path` once the block is left, if it raises nothing."""
    if "://" in path:
        with remote(path, "wb") as stream:
            yield stream
    else:
        with opened_bytes(path, disk=disk) as file:
            yield file


@contextmanager
def text_output(path: str, partly: bool, disk: Disk = DISK) -> Iterator[IO[str]]:
    """Yield what writes text to a file or a URL, as `opened` does."""
    if path.lower().endswith(".gz"):
        with (
            remote(path, "wb") if "://" in path else opened_bytes(path, partly, disk=disk) as stream,
            gzip.GzipFile("", "wb", fileobj=stream, mtime=0) as packed,
            io.TextIOWrapper(packed, "utf-8", newline="") as text,
        ):
            yield text
    elif "://" in path:
        with remote(path, "wb") as stream, io.TextIOWrapper(stream, "utf-8", newline="") as text:
            yield text
    else:
        with opened(path, partly, disk=disk) as text_stream:
            yield text_stream
