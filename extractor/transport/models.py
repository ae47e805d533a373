"""The models that `local:` knows by name, what each is run with, and where their files are kept."""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from .. import files
from ..errors import ConfigError
from ..files import make_folder, replacing
from ..messages import Prompt
from ..systems import replace
from . import pieces
from .gguf import Header, read_header
from .pieces import ModelPiece
from .pulling import FULL, ModelSource, Progress, Report, begun, complete, sha256_of, size_of
from .sources import TEMPORARY, Registry, Web

_log = logging.getLogger(__name__)
_SETTLED = 2_000_000_000  # nanoseconds: a change within less may leave a file's times as they were


@dataclass(frozen=True, slots=True)
class Traits:
    """What a model is run with unless the caller says otherwise, and what it takes.

    context: tokens of one request and its reply. cache: bytes of memory for each of them. working: bytes
    besides those and the weights. threads: how many write; None for one a core. max_string,
    max_array: characters and items at which a value ends that the type does not bound. tools: whether it
    calls tools by itself; a chat template that knows of them is no proof. max_repairs: how often it is
    worth asking again for an invalid record. prompt: which instructions, see messages.Prompt. bare_decimals:
    whether it writes decimals as numbers of JSON, not as texts. lines: whether it writes nested objects over
    several lines. outlined: whether it is shown the shape of nested records, to which its grammar holds it
    anyway. weighs_nulls: whether a string of the text gives way to null where the model finds that
    likelier. runs_on: whether it repeats itself until a bound stops it, so that every request has
    penalties against it.
    """

    context: int
    cache: int
    working: int = 150_000_000
    threads: int | None = None
    max_string: int = 300
    max_array: int = 50
    tools: bool = False
    max_repairs: int = 2
    prompt: Prompt = Prompt.SMALL
    bare_decimals: bool = True
    lines: bool = True
    outlined: bool = True
    weighs_nulls: bool = True
    runs_on: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """A file in a repository of the Hugging Face Hub, at one of its revisions."""

    repository: str
    revision: str
    file: str

    def url(self, hub: str) -> str:
        """Return where the file is on a hub or a mirror of it."""
        return f"{hub.rstrip('/')}/{self.repository}/resolve/{self.revision}/{self.file}"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One GGUF file: a hash, and where its bytes can be had. published: where its publisher has it; None
    if that is another file. pieces: all of it, in order, in the package registry.
    """

    name: str
    sha256: str
    pieces: tuple[ModelPiece, ...]
    licence: str
    description: str
    traits: Traits
    published: Published | None = None

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(piece.size for piece in self.pieces)

    @property
    def file_name(self) -> str:
        """What the cache calls the file: the name tells the content, so versions never mix."""
        return f"{self.name}-{self.sha256[:12]}.gguf"

    @property
    def memory(self) -> int:
        """Bytes of memory that it takes as it is run by default."""
        return memory(self.size, self.traits)


def memory(size: int, traits: Traits, context: int | None = None, parallel: int = 1) -> int:
    """Return the bytes of memory that a model takes whose file has `size` bytes."""
    return size + (context or traits.context) * parallel * traits.cache + traits.working


# Sizes of caches: 2 bytes * 2 (keys, values) * layers * heads of them * their width. What else a model takes
# was measured: resident memory after a prompt, less the weights and the cache.
MODELS: Mapping[str, ModelFile] = MappingProxyType(
    {
        model.name: model
        for model in (
            ModelFile(
                name="smollm2",
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                pieces=pieces.SMOLLM2,
                licence="Apache-2.0",
                description="tiny (SmolLM2-135M-Instruct, 4 bit): for trying the library, for tests and "
                "offline CI; most values are wrong",
                # Its threads mostly wait for each other, and it does not learn from its errors
                traits=Traits(
                    context=8192,
                    cache=23_040,
                    working=85_000_000,
                    threads=1,
                    max_repairs=0,
                    prompt=Prompt.PLAIN,
                    bare_decimals=False,
                    lines=False,
                    weighs_nulls=False,
                    runs_on=True,
                ),
            ),
            ModelFile(
                name="qwen2.5-coder-0.5b",
                sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                pieces=pieces.CODER_05B,
                licence="Apache-2.0",
                description="very small (Qwen2.5-Coder-0.5B-Instruct, 4 bit): for simple records where "
                "memory is short; about half of the values are right",
                traits=Traits(context=16_384, cache=12_288, outlined=False),
                published=Published(
                    "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                    "ebb2015119c907b064c512bf053e945850b5875f",
                    "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                ),
            ),
            ModelFile(
                name="qwen2.5-coder-1.5b",
                sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
                pieces=pieces.CODER_15B,
                licence="Apache-2.0",
                description="small (Qwen2.5-Coder-1.5B-Instruct, 4 bit): for short texts without "
                "a network; most values are right",
                traits=Traits(context=16_384, cache=28_672),
                published=Published(
                    "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
                    "38f6bab61d341b23a6c00226f32c0d6148bf9f43",
                    "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
                ),
            ),
        )
    }
)
LONGEST_CONTEXT = 8192  # tokens, of a file that we do not know


def traits_of(spec: str) -> Traits:
    """Return what the model is run with: a known one's, or what its file says. Raises ConfigError."""
    return MODELS[spec].traits if spec in MODELS else _traits(read_header(_own_file(spec)))


def _traits(header: Header) -> Traits:
    context = min(header.context or LONGEST_CONTEXT, LONGEST_CONTEXT)
    return Traits(context=context, cache=header.cache, max_string=2000, max_array=500)


def demand_memory(spec: str, free: int | None, context: int | None = None, parallel: int = 1) -> None:
    """Raise ConfigError if the model needs more than the `free` bytes of memory. None: that is not known.

    The error names the largest known model that fits.
    """
    if free is None:
        return
    size = MODELS[spec].size if spec in MODELS else read_header(_own_file(spec)).size
    traits = traits_of(spec)
    needed = memory(size, traits, context, parallel)
    if needed > free:
        raise ConfigError(
            f"the model {spec!r} needs about {_gb(needed)} of memory with a context of "
            f"{context or traits.context} tokens for {parallel} request(s) at a time, but {_gb(free)} "
            f"are free: {_instead(min(free, needed - 1))}"
        )


def _instead(free: int) -> str:
    fitting = [model for model in MODELS.values() if model.memory <= free]
    if not fitting:
        return "no known model fits"
    largest = max(fitting, key=lambda model: model.memory)
    return f"take local:{largest.name}, which needs {_gb(largest.memory)}"


# -- where files are


def cache_folder() -> Path:
    """Return where model files are kept."""
    return files.cache_folder() / "models"


def cached(model: str | ModelFile, cache: Path | None = None, afresh: bool = False) -> Path | None:
    """Return the file of `model` where it is here and whole, else None. Raises ConfigError.

    Whole means: all of its bytes hash to the pinned SHA-256. That is remembered in a file beside it for as
    long as the file's size and times stay the same; afresh: it is hashed again in any case.
    """
    model = _known(model)
    path = (cache or cache_folder()) / model.file_name
    if size_of(path) != model.size:
        return None
    receipt = _receipt(path)
    if not afresh and _remembered(receipt, path, model):
        return path
    stamp = _stamp(path, model)
    right = sha256_of(path) == model.sha256
    with suppress(OSError):  # another user's folder: then it is hashed each time
        _remember(receipt, stamp) if right else receipt.unlink(missing_ok=True)
    return path if right else None


def _remember(receipt: Path, stamp: Mapping[str, str | int]) -> None:
    with replacing(str(receipt)) as file:
        file.write(json.dumps(stamp).encode())


def _receipt(path: Path) -> Path:
    return path.with_suffix(".checked.json")


def _stamp(path: Path, model: ModelFile) -> dict[str, str | int]:
    stat = path.stat()
    return {
        "sha256": model.sha256,
        "size": stat.st_size,
        "modified": stat.st_mtime_ns,
        "changed": stat.st_ctime_ns,
    }


def _remembered(receipt: Path, path: Path, model: ModelFile) -> bool:
    stamp = _stamp(path, model)
    try:
        written, said = receipt.stat().st_mtime_ns, json.loads(receipt.read_bytes())
    except (OSError, ValueError):
        return False
    return said == stamp and written > max(path.stat().st_mtime_ns, path.stat().st_ctime_ns) + _SETTLED


def half_here(model: str | ModelFile, cache: Path | None = None) -> int:
    """Return how many bytes a pull that broke off has left, for the next to go on from."""
    model = _known(model)
    return size_of(_part((cache or cache_folder()) / model.file_name))


def _part(path: Path) -> Path:
    return path.with_suffix(".gguf.part")


def resolve(spec: str, cache: Path | None = None) -> Path:
    """Return the GGUF file that `spec` means: a known model's name, or a path.

    A known model that is not here is pulled, unless EXTRACTOR_OFFLINE is set. Raises ConfigError for
    an unknown name, and for a path that is no GGUF file.
    """
    if spec not in MODELS:
        return _own_file(spec)
    if os.environ.get("EXTRACTOR_OFFLINE", "0") in ("", "0"):
        return pull(spec, cache)
    path = cached(spec, cache)
    if path is None:
        raise ConfigError(
            f"the model {spec!r} is not on this machine, and EXTRACTOR_OFFLINE is set: run `extractor "
            f"models pull {spec}` with a network"
        )
    return path


def check(spec: str) -> None:
    """Raise ConfigError unless `spec` is a known model's name or the path of a GGUF file. Fetches nothing."""
    if spec not in MODELS:
        _own_file(spec)


def _own_file(spec: str) -> Path:
    if not (spec.endswith(".gguf") or "/" in spec or os.sep in spec):
        raise _unknown(spec)
    path = Path(spec).expanduser()
    read_header(path)
    return path.resolve()


def _known(model: str | ModelFile) -> ModelFile:
    if isinstance(model, ModelFile):
        return model
    if model not in MODELS:
        raise _unknown(model)
    return MODELS[model]


def _unknown(spec: str) -> ConfigError:
    return ConfigError(
        f"there is no local model {spec!r}: known are {', '.join(MODELS)}; for your own file write its "
        f"path, such as local:./{spec}.gguf"
    )


# -- getting them, and getting rid of them


def sources_of(model: ModelFile) -> list[ModelSource]:
    """Return where the model can be had, in the order to try. HF_ENDPOINT names a mirror of the hub."""
    registry: list[ModelSource] = [Registry(model.pieces)]
    if model.published is None:
        return registry
    hub = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return [Web(model.published.url(hub), model.size), *registry]


def pull(
    model: str | ModelFile,
    cache: Path | None = None,
    report: Report = _log.warning,
    progress: Progress = lambda done, total: None,
    sources: Sequence[ModelSource] | None = None,
    afresh: bool = False,
) -> Path:
    """Return the file of `model`, downloaded first unless it is here and whole.

    report: called with what is downloaded, how much and from where, before that starts. progress: is called
    with the bytes so far and in all. sources: in place of the model's own. afresh: a file that is here is
    hashed again, whatever is remembered of it. Raises ConfigError if the model is unknown, or cannot be
    fetched, checked or stored. What a broken line has left is kept, and the next pull goes on from there.
    """
    model = _known(model)
    folder = cache or cache_folder()
    if path := cached(model, folder, afresh):
        return path
    with _storing(model, folder), _alone(model, folder, report, progress):
        if path := cached(model, folder):  # another process was quicker
            return path
        return _fetch(model, folder, report, progress, sources_of(model) if sources is None else sources)


def _fetch(
    model: ModelFile, folder: Path, report: Report, progress: Progress, sources: Sequence[ModelSource]
) -> Path:
    _sweep(folder, model)
    target = folder / model.file_name
    part = _part(target)
    have = begun(part, model.pieces)
    _demand_space(model, folder, model.size - have)
    report(_announced(model, folder, have, sources[0]))
    try:
        complete(part, model.pieces, model.sha256, sources, report, lambda done: progress(done, model.size))
    except ConfigError as error:
        raise ConfigError(f"could not download {model.name}: {error}. {_left(model, part)}") from error
    except OSError as error:
        if error.errno in FULL:
            part.unlink(missing_ok=True)  # it would keep all else from being stored
        raise
    replace(str(part), str(target))
    return target


def _announced(model: ModelFile, folder: Path, have: int, source: ModelSource) -> str:
    size = f"the other {_mb(model.size - have)} of {_mb(model.size)}" if have else _mb(model.size)
    return (
        f"Downloading {model.name} once, {size}, into {folder}. Licence {model.licence}, "
        f"SHA-256 {model.sha256}, from {source}"
    )


def _left(model: ModelFile, part: Path) -> str:
    have = begun(part, model.pieces)
    if not have:
        part.unlink(missing_ok=True)
        return "Nothing was kept"
    return (
        f"{_mb(have)} of {_mb(model.size)} are kept: `extractor models pull {model.name}` resumes, "
        f"`extractor models remove {model.name}` deletes them"
    )


def remove(model: str | ModelFile, cache: Path | None = None) -> int:
    """Delete all that is here of `model`, half or whole, of whatever version. Return the bytes set free.

    Raises ConfigError if the model is unknown or cannot be deleted.
    """
    model = _known(model)
    folder = cache or cache_folder()
    if not folder.exists():
        return 0
    with _storing(model, folder), _alone(model, folder, _log.warning):
        _sweep(folder, model)
        form = re.compile(re.escape(model.name) + r"-[0-9a-f]{12}\.(gguf|gguf\.part|checked\.json)")
        here = [path for path in folder.iterdir() if form.fullmatch(path.name)]
        freed = sum(map(size_of, here))
        for path in here:
            path.unlink()
        return freed


def _sweep(folder: Path, model: ModelFile) -> None:
    """Remove what killed pulls left behind; with the lock held, nobody else is at work on the model."""
    for left in folder.glob(f"{TEMPORARY}{model.file_name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def _demand_space(model: ModelFile, folder: Path, missing: int) -> None:
    needed = missing + 2 * max(piece.size for piece in model.pieces)  # pip copies a wheel once
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ConfigError(
            f"the model {model.name!r} needs {_mb(needed)} of free disk in {folder}, which has {_mb(free)}: "
            f"make room, or name another folder in EXTRACTOR_CACHE"
        )


@contextmanager
def _storing(model: ModelFile, folder: Path) -> Iterator[None]:
    try:
        make_folder(folder)
        yield
    except OSError as error:
        raise ConfigError(
            f"cannot store the model {model.name!r} in {folder}: {error.strerror or error}; "
            f"make room, or name another folder in EXTRACTOR_CACHE"
        ) from error


@contextmanager
def _alone(
    model: ModelFile, folder: Path, report: Report, progress: Progress = lambda done, total: None
) -> Iterator[None]:
    """Keep other processes from pulling the model: they wait, and then find the file."""
    from filelock import FileLock, Timeout

    lock, told = FileLock(folder / f".{model.name}.lock"), False
    while True:
        try:
            lock.acquire(timeout=0.2, poll_interval=0.05)
            break
        except Timeout:
            if not told:
                report(f"Another process is downloading {model.name}: waiting for it")
                told = True
            progress(half_here(model, folder), model.size)
    try:
        yield
    finally:
        lock.release()


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
