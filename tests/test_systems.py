"""What other systems do otherwise, with their calls handed in: none of this needs Windows."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from extractor import ConfigError
from extractor.files import replacing
from extractor.loading import absolute, load_type
from extractor.systems import WAITS, check_name, keep_for_owner, own_user, replace, stop_signals, write_utf_8

WINDOWS = SimpleNamespace(SIGINT=2, SIGTERM=15, SIGBREAK=21)  # no fchmod, no geteuid


class InUse(PermissionError):
    """As Windows raises it."""

    winerror = 32


class Busy:
    """A move of a file that somebody has open for a while."""

    def __init__(self, times: int) -> None:
        self.times, self.moved, self.slept = times, 0, list[float]()

    def move(self, temporary: str, target: str) -> None:
        self.times -= 1
        if self.times >= 0:
            raise InUse(13, "The process cannot access the file", target)
        self.moved += 1


def test_a_file_that_another_program_has_open_on_windows_is_replaced_once_it_lets_go() -> None:
    busy = Busy(3)
    replace("a.tmp", "a", busy.move, busy.slept.append)
    assert (busy.moved, busy.slept) == (1, list(WAITS[:3]))


def test_a_file_that_stays_open_on_windows_is_given_up_after_two_seconds() -> None:
    busy = Busy(99)
    with pytest.raises(PermissionError, match="cannot access"):
        replace("a.tmp", "a", busy.move, busy.slept.append)
    assert 2 <= sum(busy.slept) < 3


def test_a_folder_without_rights_is_not_tried_again() -> None:
    def move(temporary: str, target: str) -> None:
        raise PermissionError(13, "Permission denied", target)

    slept = list[float]()
    with pytest.raises(PermissionError):
        replace("a.tmp", "a", move, slept.append)
    assert slept == []


def test_rights_are_set_where_the_system_has_them(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o644)
        keep_for_owner(file.fileno(), 0o600, WINDOWS)
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        keep_for_owner(file.fileno())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_windows_tells_no_number_of_a_user() -> None:
    assert own_user(WINDOWS) is None
    assert own_user() == os.geteuid()


def test_a_program_of_windows_is_stopped_by_ctrl_break_too() -> None:
    assert stop_signals(WINDOWS) == (2, 15, 21)
    assert stop_signals(SimpleNamespace(SIGINT=2, SIGTERM=15)) == (2, 15)


@pytest.mark.parametrize(
    "name", ["out:1.jsonl", r"C:\runs\out:1.jsonl", "C:/runs/12:30/out.jsonl", "nul", "a/Con.txt"]
)
def test_a_name_that_windows_takes_for_no_file_is_refused_there(name: str) -> None:
    with pytest.raises(OSError, match="Windows"):
        check_name(name, windows=True)
    check_name(name, windows=False)


@pytest.mark.parametrize(
    "name", ["out.jsonl", r"C:\runs\out.jsonl", r"\\host\share\a.jsonl", "console.txt", "C:a"]
)
def test_other_names_are_taken_on_windows(name: str) -> None:
    check_name(name, windows=True)


def test_pipes_of_windows_are_written_in_utf_8_with_plain_line_ends() -> None:
    kept = io.BytesIO()
    stream = io.TextIOWrapper(kept, encoding="cp1252", newline="\r\n")
    write_utf_8((stream, io.StringIO()), windows=True)
    stream.write("日本\n")
    stream.flush()
    assert kept.getvalue() == "日本\n".encode()


def test_pipes_of_other_systems_stay_as_they_are() -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    write_utf_8((stream,), windows=False)
    assert stream.encoding == "latin-1"


def test_a_record_type_may_stand_behind_a_drive_letter() -> None:
    for spec in (r"C:\types\a.py", r"C:\types\a.py:Invoice", "C:/types/a.py:Invoice"):
        with pytest.raises(ConfigError, match=r"there is no file C:.types.a\.py"):
            load_type(spec)
    assert absolute(r"C:\types\a.json").endswith(r"C:\types\a.json")


def test_a_file_with_windows_line_ends_reads_as_one_with_plain_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_bytes(b"from pydantic import BaseModel\r\n\r\n\r\nclass A(BaseModel):\r\n    n: int\r\n")
    assert load_type(f"{path}:A").model_fields.keys() == {"n"}


def test_a_file_is_replaced_by_the_call_that_waits(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with replacing(str(path)) as file:
        file.write(b"new")
    assert path.read_text() == "new"
