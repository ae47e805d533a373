"""Files with source text in them: whole or not at all, for their owner alone."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from extractor.cli.output import opened
from extractor.cli.tables import binary_output
from extractor.errors import ConfigError


def test_a_file_is_there_once_it_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    path.chmod(0o644)
    with opened(str(path)) as out:
        out.write("after: 東京\n")
        out.flush()
        assert path.read_text() == "before"
    assert path.read_text("utf-8") == "after: 東京\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_what_was_written_before_an_error_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with suppress(KeyboardInterrupt), opened(str(path)) as out:
        out.write("one line\n")
        raise KeyboardInterrupt
    assert path.read_text() == "one line\n"


def test_an_error_before_anything_was_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    with pytest.raises(ConfigError), opened(str(path)):
        raise ConfigError("no such model")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.jsonl"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with opened(str(tmp_path / "link")) as out:
        out.write("x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "x"


def test_a_link_to_a_parquet_file_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.parquet").symlink_to(tmp_path / "disk" / "file")
    with binary_output(str(tmp_path / "out.parquet")) as out:
        out.write(b"x")
    assert (tmp_path / "out.parquet").is_symlink()
    assert (tmp_path / "disk" / "file").read_bytes() == b"x"


def test_a_file_that_cannot_take_its_place_is_left_nowhere(tmp_path: Path) -> None:
    with suppress(IsADirectoryError), binary_output(str(tmp_path / "out.parquet")) as out:
        out.write(b"x")
        (tmp_path / "out.parquet").mkdir()
    assert os.listdir(tmp_path) == ["out.parquet"]


def test_a_device_is_written_to_and_not_replaced() -> None:
    with opened("/dev/null") as out:
        out.write("x")
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize("path", ["no/such/folder/out.jsonl", "."])
def test_where_nothing_can_be_written_that_is_said_first(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"cannot write to .*; name another file with -o"), opened(path):
        pass
