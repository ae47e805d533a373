"""Batches cut to size, the last row of each key, and what lies behind a place in the input."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import ConfigError
from extractor.tables.databases.batches import SortedRows, behind, rebatched
from extractor.tables.databases.marks import BEGINNING, TableMark, places
from extractor.tables.databases.types import declared

Rows = list[tuple[int, str]]
rows_of = st.lists(st.tuples(st.integers(0, 4), st.text(max_size=3)), max_size=30)


def batch(rows: Rows) -> pa.RecordBatch:
    schema = pa.schema([("id", pa.int64()), ("text", pa.string())])
    return pa.RecordBatch.from_pylist([{"id": i, "text": text} for i, text in rows], schema=schema)


def cut(rows: Rows, cuts: list[int]) -> list[pa.RecordBatch]:
    ends = sorted({0, len(rows), *(each for each in cuts if each < len(rows))})
    return [batch(rows[start:end]) for start, end in pairwise(ends)] or [batch(rows)]


def read(batches: list[pa.RecordBatch]) -> Rows:
    return [(row["id"], row["text"]) for each in batches for row in each.to_pylist()]


@given(rows_of, st.lists(st.integers(0, 30)), st.integers(1, 7))
def test_batches_of_any_sizes_become_batches_of_one_size_with_the_same_rows(
    rows: Rows, cuts: list[int], size: int
) -> None:
    found = list(rebatched(cut(rows, cuts), size))
    assert read(found) == rows
    assert all(each.num_rows == size for each in found[:-1])
    assert all(0 < each.num_rows <= size for each in found[-1:])


@given(rows_of)
def test_of_each_key_the_last_row_is_left(rows: Rows) -> None:
    found = read(SortedRows.of(batch(rows)).latest(["id"]).batches)
    assert sorted(found) == sorted(dict(rows).items())


@given(rows_of, st.lists(st.integers(0, 30)), st.integers(0, 30))
def test_what_lies_behind_a_place_are_the_other_rows_however_the_input_is_cut(
    rows: Rows, cuts: list[int], done: int
) -> None:
    known = batch(rows[:done]).to_pylist()
    place = [BEGINNING, *places(BEGINNING, known)][-1]
    assert read(list(behind(place, cut(rows, cuts)))) == rows[done:]
    with pytest.raises(ConfigError, match="does not begin with"):
        list(behind(TableMark(place.rows + 1, "other"), cut(rows, cuts)))


def test_a_digest_tells_rows_their_order_and_their_borders_apart() -> None:
    inputs = [["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], ["a", None], [b"a", "b"], [1, "b"], [{"a": 1}]]
    found = [list(accumulate(rows, TableMark.after, initial=BEGINNING))[-1].digest for rows in inputs]
    assert len({*found}) == len(found)


@pytest.mark.parametrize(
    ("spelled", "family"),
    [
        ("bigint", "integer"), ("INT8", "integer"), ("UINTEGER", "integer"), ("point", "other"),
        ("character varying", "text"), ("VARCHAR(20)", "text"), ("timestamp without time zone", "timestamp"),
        ("timestamp with time zone", "instant"), ("TIMESTAMP WITH TIME ZONE", "instant"),
        ("time without time zone", "time"), ("time with time zone", "other"), ("interval", "duration"),
        ("double precision", "float"), ("numeric", "decimal"), ("DECIMAL(10,2)", "decimal"),
        ("bytea", "binary"),
        ("jsonb", "json"), ("STRUCT(a INTEGER)", "nested"), ("text[]", "nested"), ("INTEGER[3]", "nested"),
        ("uuid", "other"), ("", "any"), ("boolean", "boolean"), ("DATETIME", "timestamp"),
    ],
)  # fmt: skip
def test_types_of_databases_are_known_by_their_names(spelled: str, family: str) -> None:
    assert declared(spelled) == family
