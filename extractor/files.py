"""Files and folders are made whole or not at all, for their owner alone, not where a stranger points."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import IO, Any

from .processes import Process, lives, this_process
from .systems import check_name, keep_for_owner, own_user, replace

LONGEST = 190  # bytes of a name that stand in that of a temporary file, which has 255 at most
_LEFT = re.compile(r"\w{8}\.([0-9a-f-]+)\.tmp")  # what follows on that name
MOST_LINKS = 40  # as Linux follows
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Unwritten(OSError):
    """A file could not be written. What stood at its path before stands there still.

    partial: the file that keeps what could be written, None if there is none.
    """

    def __init__(self, code: int | None, reason: str, path: str, partial: str | None = None) -> None:
        super().__init__(code, reason, path)
        self.partial = partial

    def __str__(self) -> str:
        kept = "" if self.partial is None else f"; the part that was written is in {self.partial}"
        return f"cannot write to {self.filename}: {self.strerror}; the file has not changed{kept}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errno, self.strerror, self.filename, self.partial)


class Abandoned(Exception):
    """What has been written is not to take the place of a file, not even partly."""


class Halted(BaseException):
    """The process is to end at once. It may come in the middle of anything: no file is replaced any more."""


class Disk:
    """What is done to the file that takes the place of another; tests hand in disks that fail."""

    def write(self, handle: int, data: Any) -> int:
        """Write some of the bytes, and return how many."""
        return os.write(handle, data)

    def fsync(self, handle: int) -> None:
        """Return once a file or folder is safe."""
        os.fsync(handle)

    def replace(self, temporary: str, target: str) -> None:
        """Move a file to where another one is."""
        replace(temporary, target)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)


DISK = Disk()


@contextmanager
def replacing(
    path: str, partly: bool = False, aside: bool = False, mode: int = 0o600, disk: Disk = DISK
) -> Iterator[IO[bytes]]:
    """Yield what takes the place of the file at `path` once the block is left.

    Before it does it is safe on the disk. A link stays, and what it leads to is replaced; a device or a pipe
    is written to. partly: whether what was written before an exception takes the place too. It never does
    after an error of writing itself, or after Abandoned or Halted. aside: whether it is kept beside the file
    after an error of writing, in a file that the error names. Raises Unwritten, and OSError if nothing can
    be written there at all.
    """
    check_name(path)
    target = leads_to(path)
    if os.path.exists(path) and not os.path.isfile(path):
        with _unreplaced(path) as direct:
            yield direct
        return
    folder, name = os.path.split(target)
    sweep(folder, name)
    handle, temporary = tempfile.mkstemp(f".{this_process().mark}.tmp", _beginning(name), folder)  # mode 0600
    try:
        with io.BufferedWriter(_Told(handle, path, disk)) as stream:
            keep_for_owner(handle, mode)
            try:
                yield stream
            except (Unwritten, Abandoned, Halted):
                raise
            except BaseException:
                stream.flush()
                if partly and stream.tell():
                    _put(stream, temporary, target, path, disk)
                raise
            _put(stream, temporary, target, path, disk)
    except Unwritten as error:
        if aside:
            error.partial = _kept_aside(temporary, target)
        raise
    finally:
        with suppress(OSError):
            disk.unlink(temporary)


def sweep(folder: str, name: str) -> None:
    """Remove what killed processes of this machine have left of a file that they were to replace."""
    beginning = _beginning(name)
    with suppress(OSError):
        for each in os.scandir(folder):
            left = _LEFT.fullmatch(each.name[len(beginning) :]) if each.name.startswith(beginning) else None
            writer = Process.of_mark(left[1]) if left else None
            if writer is not None and lives(writer) is False and each.is_file(follow_symlinks=False):
                os.unlink(each)


def _beginning(name: str) -> str:
    """Return how the name of a temporary file begins."""
    return f".{name.encode()[:LONGEST].decode(errors='ignore')}."


def leads_to(path: str) -> str:
    """Return the absolute path without links. Raises PermissionError for a link or a pipe of another user
    in a folder where others may write: they would choose what is written to.

    Source: proc_sys_fs(5), protected_symlinks and protected_fifos.
    """
    if own_user() is None:  # Windows, where making links takes a privilege
        return os.path.realpath(path)
    place, links = os.sep, 0
    steps = os.path.join(os.getcwd(), path).split(os.sep)[::-1]
    while steps:
        step = steps.pop()
        if step == os.pardir:
            place = os.path.dirname(place)
        elif step not in ("", os.curdir):
            here = os.path.join(place, step)
            if not os.path.islink(here):
                place = here
                continue
            _check_owner(here, os.lstat(here))
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            told = os.readlink(here)
            place = os.sep if os.path.isabs(told) else place
            steps += told.split(os.sep)[::-1]
    return place


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make a folder, and those that it is in, with a mode that does not hang on the umask alone."""
    for each in reversed([*takewhile(lambda folder: not folder.exists(), path.parents)]):
        each.mkdir(mode=mode, exist_ok=True)
    path.mkdir(mode=mode, exist_ok=True)


def cache_folder() -> Path:
    """Return what EXTRACTOR_CACHE names, else the user's cache folder."""
    from platformdirs import user_cache_path

    root = os.environ.get("EXTRACTOR_CACHE")
    return Path(root).expanduser() if root else user_cache_path("extractor", appauthor=False)


class _Told(io.FileIO):
    """A file whose errors of writing are Unwritten."""

    def __init__(self, handle: int, path: str, disk: Disk) -> None:
        super().__init__(handle, "w")
        self._path, self._disk = path, disk

    def write(self, data: Any) -> int:
        """Write some of the bytes, and return how many."""
        with _telling(self._path):
            return self._disk.write(self.fileno(), data)


@contextmanager
def _telling(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritten(error.errno, error.strerror or str(error), path) from error


def _put(stream: IO[bytes], temporary: str, target: str, path: str, disk: Disk) -> None:
    """Move a file to where it belongs, once it is safe on the disk."""
    stream.flush()
    with _telling(path):
        disk.fsync(stream.fileno())
        stream.close()  # Windows renames no file that is open
        disk.replace(temporary, target)
    with suppress(OSError):  # some file systems can't; the file is whole in any case
        _sync_folder(os.path.dirname(target), disk)


def _sync_folder(folder: str, disk: Disk) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        disk.fsync(handle)
    finally:
        os.close(handle)


def _kept_aside(temporary: str, target: str) -> str | None:
    """Rename what could be written to a name that says so, and return that; None if there is nothing."""
    if not os.path.exists(temporary) or not os.path.getsize(temporary):
        return None
    partial = f"{target}.{temporary.removesuffix('.tmp').rpartition('.')[0].rpartition('.')[2]}.partial"
    try:
        os.rename(temporary, partial)
    except OSError:
        return None
    return partial


@contextmanager
def _unreplaced(path: str) -> Iterator[IO[bytes]]:
    _check_owner(os.path.realpath(path), os.stat(path))
    handle = os.open(path, os.O_WRONLY)
    with open(handle, "wb") as stream:
        _check_owner(os.path.realpath(path), os.fstat(handle))  # another may have come in between
        yield stream


def _check_owner(path: str, found: os.stat_result) -> None:
    if own_user() in (None, found.st_uid) or found.st_uid == 0:
        return
    with suppress(FileNotFoundError):  # what has no folder, such as the pipe to another process
        if os.stat(os.path.dirname(path)).st_mode & _OTHERS_WRITE:
            reason = (
                "its path leads through a link or pipe of another user, in a folder that others may write to"
            )
            raise PermissionError(errno.EPERM, reason, path)
