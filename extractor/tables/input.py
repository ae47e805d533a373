"""What is read: files of this machine, URLs that fsspec opens, and standard input."""

from __future__ import annotations

import gzip
import io
import shutil
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ..errors import ConfigError
from ..loading import SNIFFED, why_no_text


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read. rows: whether each of several files is a table, and not one text. encoding: None
    for UTF-8, and for what is found out of a file that is one text. delimiter: what stands between cells of
    CSV, None for what the header tells. sheet: of a workbook, None for the first.
    """

    rows: bool = False
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        if self.delimiter is not None and (len(self.delimiter) != 1 or self.delimiter in '"\r\n'):
            raise ConfigError(f"a delimiter must be one character, such as ';', not {self.delimiter!r}")
        try:
            "".encode(self.encoding or "utf-8")
        except LookupError as error:  # also of one that is not for text
            raise ConfigError(f"there is no encoding {self.encoding!r}") from error


AS_NAMED = ReadOptions()


@contextmanager
def byte_stream(path: str) -> Iterator[IO[bytes]]:
    """Yield the bytes of a file, of a URL that fsspec opens, or of standard input; what is packed as .gz is
    unpacked. Raises ConfigError.
    """
    try:
        stream = (
            sys.stdin.buffer if path == "-" else _local(path) if "://" not in path else remote(path, "rb")
        )
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    with stream:
        if not path.lower().endswith(".gz"):
            yield stream
            return
        try:
            with gzip.open(stream) as unpacked:
                yield cast(IO[bytes], unpacked)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ConfigError(f"{path} is damaged: {error}") from error


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
    with tempfile.TemporaryDirectory(prefix="extractor-") as folder:  # mode 0700
        path = str(Path(folder, "input.jsonl"))
        with open(path, "wb") as file:  # closed: Windows opens none twice
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


@contextmanager
def text_lines(path: str, encoding: str | None = None) -> Iterator[io.TextIOWrapper]:
    """Yield the lines of a file, with their ends. encoding: None for UTF-8."""
    with byte_stream(path) as stream:
        yield io.TextIOWrapper(stream, encoding or "utf-8-sig", newline="")


def check_text(path: str) -> None:
    """Raise ConfigError if a file begins as no text in UTF-8 does."""
    with byte_stream(path) as stream:
        why = why_no_text(stream.read(SNIFFED))
    if why is not None:
        more = ", or name its encoding (--encoding, encoding=)" if "iconv" in why else ""
        raise ConfigError(f"{path} can't be read: {why}{more}")
