"""How the bytes of a model's file come together, from whichever of its sources has them.

All sources add to one growing file, whose name ends in ".part". What is right in it is not fetched again,
whichever source it came from. It gets its final name once all of its bytes hash to the pinned sum.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol, TypeAlias

from ..errors import ConfigError
from .pieces import ModelPiece

Report: TypeAlias = Callable[[str], None]
Progress: TypeAlias = Callable[[int, int], None]  # bytes so far, bytes in all
Watch: TypeAlias = Callable[[int], None]  # bytes so far

FULL = (errno.ENOSPC, errno.EDQUOT)  # no room on the disk, or none left for this user


class Unfetched(Exception):
    """A source did not give the bytes. broke_off: another try may."""

    def __init__(self, why: str, broke_off: bool = False) -> None:
        super().__init__(why)
        self.broke_off = broke_off


class ModelSource(Protocol):
    """Where the bytes may come from. name: what a person calls it; its `str` says more."""

    @property
    def name(self) -> str: ...  # noqa: D102

    def fetch(self, part: Path, watch: Watch) -> None:
        """Add to `part` what it lacks. Raises Unfetched, and OSError if it cannot be stored."""


def complete(
    part: Path,
    pieces: Sequence[ModelPiece],
    sha256: str,
    sources: Sequence[ModelSource],
    report: Report,
    watch: Watch,
) -> None:
    """Make `part` the whole file, with the first source that has the rest of it.

    pieces: all of the file, in order. report: called with the reason if a source is given up
    for another one. Raises ConfigError with what each source said, OSError if the bytes cannot be stored.
    """
    failures: list[str] = []
    for source in sources:
        if failures:
            report(f"{failures[-1]}. Trying {source}")
        try:
            source.fetch(part, watch)
            _check(part, pieces, sha256)
        except Unfetched as error:
            failures.append(f"{source.name}: {error}")
        else:
            return
    raise ConfigError("; ".join(failures))


def begun(part: Path, pieces: Sequence[ModelPiece]) -> int:
    """Return how many bytes are in `part`, once those are cut off that are certainly wrong.

    Half a piece at the end may be right: a source that can begin anywhere goes on from there.
    """
    have, good = size_of(part), verified(part, pieces)
    ends = accumulate(piece.size for piece in pieces)
    if have > good and have >= next((end for end in ends if end > good), good):
        os.truncate(part, good)
        return good
    return have


def verified(part: Path, pieces: Sequence[ModelPiece]) -> int:
    """Return how many bytes at the beginning of `part` are whole pieces with the right hash."""
    good = 0
    if part.exists():
        with part.open("rb") as file:
            for piece in pieces:
                if hashlib.sha256(file.read(piece.size)).hexdigest() != piece.sha256:
                    break
                good += piece.size
    return good


def size_of(path: Path) -> int:
    """Return the bytes of a file, 0 if there is none."""
    return path.stat().st_size if path.exists() else 0


def sha256_of(path: Path) -> str:
    """Return the hash of all of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(part: Path, pieces: Sequence[ModelPiece], sha256: str) -> None:
    if sha256_of(part) != sha256:
        os.truncate(part, verified(part, pieces))
        raise Unfetched("it sent another file than the pinned one: the SHA-256 differs")
    with part.open("rb+") as file:
        os.fsync(file.fileno())
