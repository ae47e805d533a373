"""What is read: files of this machine, URLs that fsspec opens, and standard input."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from ..errors import ConfigError
from ..loading import SNIFFED, why_no_text


@contextmanager
def byte_stream(path: str) -> Iterator[IO[bytes]]:
    """Yield the bytes of a file, of a URL that fsspec opens, or of standard input. Raises ConfigError."""
    try:
        stream = (
            sys.stdin.buffer if path == "-" else _local(path) if "://" not in path else remote(path, "rb")
        )
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    with stream:
        yield stream


def _local(path: str) -> IO[bytes]:
    return open(path, "rb")


def remote(path: str, mode: str) -> Any:
    """Return the stream that fsspec opens. Raises ConfigError."""
    try:
        import fsspec
    except ImportError as error:
        raise ConfigError(f"{path} is a URL: pip install fsspec, and the driver for it") from error
    try:
        return fsspec.open(path, mode).open()
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"cannot open {path}: {error}") from error


@contextmanager
def kept_input() -> Iterator[str]:
    """Yield the name of a file that holds what comes from standard input, to be read more than once."""
    with tempfile.NamedTemporaryFile(prefix="extractor-", suffix=".jsonl") as file:  # mode 0600
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield file.name


@contextmanager
def text_lines(path: str) -> Iterator[io.TextIOWrapper]:
    """Yield the lines of a file in UTF-8, with their ends."""
    with byte_stream(path) as stream:
        yield io.TextIOWrapper(stream, "utf-8-sig", newline="")


def check_text(path: str) -> None:
    """Raise ConfigError where a file begins as no text in UTF-8 does."""
    with byte_stream(path) as stream:
        why = why_no_text(stream.read(SNIFFED))
    if why is not None:
        raise ConfigError(f"{path} can't be read: {why}")
