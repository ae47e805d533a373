"""Files with source text in them: whole or not at all, for their owner alone."""

from __future__ import annotations

import errno
import os
import pickle
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOBase
from pathlib import Path
from typing import IO, Any

import pytest

from extractor.cli.output import opened
from extractor.errors import ConfigError
from extractor.files import Unwritten, leads_to, make_folder
from extractor.processes import Process, this_process
from extractor.tables.output import binary_output


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
    with suppress(Unwritten), binary_output(str(tmp_path / "out.parquet")) as out:
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


# -- a disk that is full, and other errors of writing itself


def no_room(*_: object) -> int:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
@pytest.mark.parametrize("partly", [True, False])
def test_an_error_of_writing_leaves_the_file_as_it_was_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, partly: bool
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    if step != "write":
        monkeypatch.setattr(os, step, no_room)
    why = f"{path}: No space left.*has not changed"
    with pytest.raises(Unwritten, match=why), opened(str(path), partly) as out:
        written_until_full(out, is_full=step == "write")
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["out.jsonl"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_ctrl_c_while_a_file_is_put_in_its_place_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "out.jsonl"
    path.write_text("before")
    monkeypatch.setattr(os, step, interrupted)
    with pytest.raises(KeyboardInterrupt), opened(str(path)) as out:
        out.write("after")
    assert (path.read_text(), os.listdir(tmp_path)) == ("before", ["out.jsonl"])


def written_until_full(out: IO[Any], *others: IO[str], is_full: bool = True) -> None:
    """Write a line, to the others as well, and another one, for which the disk has no room."""
    for each in others:
        each.write("a row\n")
    out.write("a record\n" if isinstance(out, TextIOBase) else b"a record\n")
    out.flush()
    if is_full:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, out.fileno())
        os.close(full)
    out.write("another\n" * 10_000 if isinstance(out, TextIOBase) else b"another\n" * 10_000)


def test_what_was_paid_for_is_kept_beside_in_a_file_that_the_error_names(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    with pytest.raises(Unwritten) as caught, opened(str(path), aside=True) as out:
        written_until_full(out)
    assert path.read_text() == "before"
    assert Path(str(caught.value.partial)).read_text() == "a record\n"
    assert str(caught.value.partial) in str(caught.value)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_file_around_one_that_could_not_be_written_stays_as_it_was_too(tmp_path: Path) -> None:
    held, out = tmp_path / "held.jsonl", tmp_path / "out.jsonl"
    held.write_text("before")
    with pytest.raises(Unwritten), opened(str(held)) as around, opened(str(out)) as inner:
        written_until_full(inner, around)
    assert (held.read_text(), os.listdir(tmp_path)) == ("before", ["held.jsonl"])


def test_what_is_kept_beside_is_named_also_where_there_is_a_file_around(tmp_path: Path) -> None:
    held, out = str(tmp_path / "held"), str(tmp_path / "out")
    with pytest.raises(Unwritten) as caught, opened(held), opened(out, aside=True) as inner:
        written_until_full(inner)
    assert Path(str(caught.value.partial)).read_text() == "a record\n"


def test_parquet_is_safe_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "out.parquet"
    path.write_text("before")
    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(Unwritten), binary_output(str(path)) as out:
        parquet.write_table(pa.table({"a": [1]}), out)
    assert path.read_text() == "before"


def test_a_full_disk_under_parquet_is_told_as_that(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = pa.table({"a": [*range(10_000)]})

    def write(out: IO[bytes]) -> None:
        with parquet.ParquetWriter(out, rows.schema) as writer, suppress(Unwritten):
            written_until_full(out)
            writer.write_table(rows)

    with pytest.raises(Unwritten), binary_output(str(tmp_path / "out.parquet")) as out:
        write(out)
    assert os.listdir(tmp_path) == []


# -- what another user has put there


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_a_link_or_pipe_of_another_user_in_a_shared_folder_is_not_written_through(
    tmp_path: Path, kind: str
) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    shared.chmod(0o1777)
    mine.mkdir()
    (mine / "out.jsonl").write_text("before")
    theirs = shared / "there"
    if kind == "pipe":
        os.mkfifo(theirs)
    else:
        theirs.symlink_to(mine if kind == "folder" else mine / "out.jsonl")
    os.chown(theirs, 65534, 65534, follow_symlinks=False)
    path = theirs / "out.jsonl" if kind == "folder" else theirs
    with pytest.raises(ConfigError, match="of another user"), opened(str(path)) as out:
        out.write("secret")
    assert (mine / "out.jsonl").read_text() == "before"
    shared.chmod(0o755)  # where they alone may write, it is their business
    if kind == "link":
        with opened(str(path)) as out:
            out.write("after")
        assert (mine / "out.jsonl").read_text() == "after"


def test_a_link_of_ones_own_is_followed_also_over_others_and_upwards(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "up").symlink_to("../c")
    (tmp_path / "c").symlink_to(tmp_path / "a" / "b")
    assert leads_to(f"{tmp_path}/a/up/../x") == str(tmp_path / "a" / "x")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match="symbolic links"):
        leads_to(str(tmp_path / "loop"))


def test_new_folders_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (tmp_path / "a", tmp_path / "a" / "b")} == {0o700}


# -- what killed processes leave behind


WRITER = """
import sys
from extractor.cli.output import opened
with opened(sys.argv[1]) as out:
    out.write("half")
    out.flush()
    print("begun", flush=True)
    sys.stdin.read()
"""


@contextmanager
def writing(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process


@pytest.mark.crash
def test_what_a_killed_process_has_left_is_removed_by_the_next_one_and_what_a_living_one_writes_is_not(
    tmp_path: Path,
) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before")
    with writing(path) as killed:
        killed.kill()
    assert len(os.listdir(tmp_path)) == 2
    assert path.read_text() == "before"
    with writing(path) as living:
        (temporary,) = (each for each in os.listdir(tmp_path) if each != "out.jsonl")
        with opened(str(path)) as out:
            out.write("mine")
        assert sorted(os.listdir(tmp_path)) == [temporary, "out.jsonl"]
        living.communicate(b"")
    assert os.listdir(tmp_path) == ["out.jsonl"]
    assert path.read_text() == "half"


def test_only_what_is_ours_by_its_name_and_its_dead_writer_is_removed(tmp_path: Path) -> None:
    mine = this_process()
    dead = mine._replace(pid=2**31 - 1).mark
    far = dead.replace(dead.partition("-")[0], "0", 1)
    names = [
        f".out.jsonl.abcdefgh.{mine.mark}.tmp",  # of a process that lives
        f".out.jsonl.abcdefgh.{far}.tmp",  # of another machine
        f".other.jsonl.abcdefgh.{dead}.tmp",  # of another output
        f".out.jsonl.abcdefgh.{dead}.tmp2",
        f".out.jsonl.abc.{dead}.tmp",
        f"out.jsonl.abcdefgh.{dead}.tmp",
        ".out.jsonl.abcdefgh",
        ".out.jsonl.tmp",
        "out.jsonl.tmp",
    ]
    for name in [*names, f".out.jsonl.abcdefgh.{dead}.tmp"]:
        (tmp_path / name).touch()
    (tmp_path / f".out.jsonl.hgfedcba.{dead}.tmp").mkdir()
    with opened(str(tmp_path / "out.jsonl")) as out:
        out.write("x")
    left = {*os.listdir(tmp_path)} - {"out.jsonl", f".out.jsonl.hgfedcba.{dead}.tmp"}
    assert left == {*names}


def test_a_mark_is_read_as_it_was_written() -> None:
    mine = this_process()
    found = Process.of_mark(mine.mark)
    assert found is not None
    assert found.is_same(mine)
    assert Process.of_mark("x") is None


@pytest.mark.parametrize("letter", ["a", "é", "東"])
def test_a_file_may_have_the_longest_name_that_there_is(tmp_path: Path, letter: str) -> None:
    path = tmp_path / (letter * (255 // len(letter.encode())))
    with opened(str(path)) as out:
        out.write("x")
    assert os.listdir(tmp_path) == [path.name]
