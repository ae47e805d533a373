"""Local files used in place of memory: requests for batches, and rows that are read twice."""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from ...errors import ConfigError, JournalError


def spool_of(journal: Path) -> Path:
    """Return the folder for the requests of batches that a journal's file keeps."""
    return journal.with_name(journal.name + ".batches")


def requests_of(spool: Path, batch: str) -> Path:
    """Return the file with the requests of a batch, by our own name for it."""
    return spool / f"{batch}.jsonl"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one batch may hold: requests, bytes as they are sent (`around` them stand so many), and US
    dollars in the worst case, None for no bound.
    """

    requests: int
    size: int
    around: int = 0
    between: int = 1
    worst: Decimal | None = None

    def hold(self, requests: int, size: int, worst: Decimal) -> bool:
        """Whether one batch takes all that."""
        whole = self.around + size + self.between * (requests - 1)
        return (
            requests <= self.requests and whole <= self.size and (self.worst is None or worst <= self.worst)
        )


@dataclass(slots=True)
class Filling:
    """A file that is being filled with requests, readable by its owner only."""

    path: Path
    bounds: Bounds
    between: bytes
    keys: list[bytes] = field(default_factory=list)
    size: int = 0
    worst: Decimal = Decimal(0)
    _file: IO[bytes] | None = None

    def takes(self, request: bytes, worst: Decimal) -> bool:
        """Whether there is room for a request."""
        return self.bounds.hold(len(self.keys) + 1, self.size + len(request), self.worst + worst)

    def add(self, key: bytes, request: bytes, worst: Decimal) -> None:
        """Write a request down. Raises JournalError, as `close` does."""
        with self._writing():
            if self._file is None:
                self._file = os.fdopen(os.open(self.path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb")
            self._file.write(self.between + request if self.keys else request)
        self.keys.append(key)
        self.size += len(request)
        self.worst += worst

    def close(self) -> None:
        """Have it safely on the disk."""
        if self._file is not None:
            with self._writing():
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
            self._file = None

    def discard(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with suppress(OSError):  # what could not be written is not wanted any more
                self._file.close()
        self.path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"requests for a batch can't be written to {self.path}: {error.strerror}. Make room, or "
                "name another file as journal="
            ) from error


class Replayed:
    """Rows that can be read again from the beginning: those of an iterator lie in a file meanwhile,
    which has no name.
    """

    def __init__(self, rows: Iterable[Any] | AsyncIterable[Any]) -> None:
        self._rows = rows
        self._once = not isinstance(rows, Collection)  # all else may be empty the second time
        self._file: IO[bytes] | None = None
        self._whole = False

    async def __aiter__(self) -> AsyncGenerator[Any]:
        if self._file is not None and self._whole:
            self._file.seek(0)
            for row in self._kept(self._file):
                yield row
            return
        if self._once:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115  it is read later
        async for row in read(self._rows):
            if self._file is not None:
                self._keep(row, self._file)
            yield row
        self._whole = True

    @property
    def again(self) -> Iterable[Any] | AsyncIterable[Any]:
        """What to read the next time: the rows as they were given, where they bear it."""
        return self if self._once else self._rows

    def close(self) -> None:
        """Give the file back."""
        if self._file is not None:
            self._file.close()

    def _keep(self, row: Any, file: IO[bytes]) -> None:
        try:
            pickle.dump(row, file, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise ConfigError(
                f"mode='batch' reads the rows twice, and these can't be stored in between ({error}): "
                "pass a list"
            ) from error

    def _kept(self, file: IO[bytes]) -> Iterable[Any]:
        while True:
            try:
                yield pickle.load(file)  # noqa: S301  written by this process, into a file without a name
            except EOFError:
                return


async def read(rows: Iterable[Any] | AsyncIterable[Any]) -> AsyncGenerator[Any]:
    """Yield the rows, however they come."""
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row
