"""What lies in files instead of memory: requests within a batch's bounds, and rows to be read again."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor import ConfigError, JournalError
from extractor.bulk.journal.interface import key_of
from extractor.bulk.journal.spool import Bounds, Filling, Replayed


def read_twice(rows: Any) -> list[list[Any]]:
    async def twice() -> list[list[Any]]:
        replayed = Replayed(rows)
        with closing(replayed):
            first = [row async for row in replayed]
            again: Any = replayed.again
            return [first, [row async for row in again] if again is replayed else list(again)]

    return asyncio.run(twice())


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.binary(max_size=30), st.integers(0, 9)), max_size=40),
    st.integers(1, 9),
    st.integers(30, 99),
    st.none() | st.integers(9, 30),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_each_request_is_in_one_file_and_no_file_passes_a_bound(
    tmp_path: Path, requests: list[tuple[bytes, int]], most: int, size: int, worst: int | None
) -> None:
    bounds = Bounds(most, size, worst=None if worst is None else Decimal(worst))
    files: list[Filling] = []
    for number, (request, cost) in enumerate(requests):
        request = request.replace(b"\n", b" ")
        if not files or not files[-1].takes(request, Decimal(cost)):
            files.append(Filling(tmp_path / f"{number}.jsonl", bounds, b"\n"))
        files[-1].add(key_of(str(number)), request, Decimal(cost))
    for file in files:
        file.close()
    whole = [file.path.read_bytes() for file in files]
    assert b"\n".join(whole) == b"\n".join(request.replace(b"\n", b" ") for request, _ in requests)
    assert [key for file in files for key in file.keys] == [key_of(str(n)) for n in range(len(requests))]
    assert all(len(file.keys) <= most for file in files)
    assert all(len(content) <= size for content in whole)
    assert worst is None or all(file.worst <= worst for file in files)
    assert all(stat.S_IMODE(file.path.stat().st_mode) == 0o600 for file in files)


def test_a_file_that_can_not_be_written_is_told_of_with_what_to_do(tmp_path: Path) -> None:
    filling = Filling(tmp_path / "gone" / "x.jsonl", Bounds(9, 99), b"\n")
    with pytest.raises(JournalError, match="Make room, or name another file"):
        filling.add(key_of("a"), b"{}", Decimal(0))


def test_what_the_disk_had_no_room_for_is_discarded_all_the_same(tmp_path: Path) -> None:
    full = tmp_path / "x.jsonl"
    full.symlink_to("/dev/full")
    filling = Filling(full, Bounds(9, 99), b"\n")
    filling.add(key_of("a"), b"{}", Decimal(0))
    filling.discard()
    assert [*tmp_path.iterdir()] == []


def test_rows_of_an_iterator_are_read_once_and_given_twice() -> None:
    rows = [{"id": n, "text": f"text {n}"} for n in range(100)]
    assert read_twice(iter(rows)) == [rows, rows]
    assert read_twice(json.loads(json.dumps(row)) for row in rows) == [rows, rows]


def test_rows_of_an_async_iterator_too() -> None:
    async def rows() -> AsyncIterator[int]:
        for n in range(9):
            yield n

    assert read_twice(rows()) == [list(range(9))] * 2


def test_a_list_is_read_again_as_it_is() -> None:
    rows = [object(), object()]
    first, second = read_twice(rows)
    assert all(a is b is c for a, b, c in zip(first, second, rows, strict=True))


def test_rows_that_can_neither_be_read_again_nor_kept_are_an_error_that_says_so() -> None:
    with pytest.raises(ConfigError, match=r"reads the rows twice.*pass a list"):
        read_twice(iter([lambda: None]))
