"""Arrow batches into tables of real databases: types, what does not fit, upserts, refused rows, runs."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from extractor import ConfigError, DatabaseSink, DatabaseSource, RunStopped, Written
from extractor.tables.databases.connection import MASK
from tests.databases.places import NESTED, Place, duckdb
from tests.postgres import PASSWORD, PASSWORD_IN_URL
from tests.selecting import examples

HOSTILE = 'T"able"; DROP TABLE x; --'
IN_SQL = '"' + HOSTILE.replace('"', '""') + '"'


def visits(*rows: tuple[int | None, str | None]) -> pa.Table:
    """A table of ids and towns, the town within a struct too."""
    return pa.table(
        {
            "id": pa.array([i for i, _ in rows], pa.int64()),
            "town": pa.array([town for _, town in rows], pa.string()),
            "visit": pa.array(
                [None if town is None else {"town": town} for _, town in rows],
                pa.struct([("town", pa.string())]),
            ),
        }
    )


def towns(place: Place, table: str = "visits") -> list[tuple[Any, ...]]:
    return place.rows(f"SELECT id, town FROM {table} ORDER BY id, town")


# -- what is made


def test_a_table_is_made_where_there_is_none_and_added_to_where_there_is(place: Place) -> None:
    sink = DatabaseSink(place.url, "visits")
    assert sink.write(visits((1, "Basel"), (2, None))) == Written(2)
    assert sink.write(visits((2, "Bonn"))) == Written(1)
    assert [row for row in towns(place) if row[1]] == [(1, "Basel"), (2, "Bonn")]
    assert place.count("visits") == 3


def test_names_may_look_like_parameters(place: Place) -> None:
    sink = DatabaseSink(place.url, '"we$1ird"', "upsert", key="$2")
    for _ in range(2):
        sink.write(pa.table({"$2": ["x"], "$1": ["y"]}), run="$1")
    assert sink.differing("$1", "y") is None
    assert sink.differing("$1", "x") == "y"


@pytest.mark.parametrize("table", ["_extractor_stage", "shop._extractor_runs", "_Extractor_Stage"])
def test_the_tables_that_rows_come_through_are_not_written_to(table: str) -> None:
    with pytest.raises(ConfigError, match="reserved for our own tables"):
        DatabaseSink("sqlite:///mails.db", table)


def test_names_may_be_hostile(place: Place) -> None:
    odd = pa.table({'a"b; --': [1], "Ä €": ["x"], "select": ["y"], "UPPER": ["z"]})
    sink = DatabaseSink(place.url, IN_SQL, "upsert", 'a"b; --')
    sink.write(odd)
    sink.write(odd)
    assert place.rows(f'SELECT "a""b; --", "Ä €", "select", "UPPER" FROM {IN_SQL}') == [(1, "x", "y", "z")]


def test_a_table_may_be_in_another_schema(server: Place) -> None:
    server.do('CREATE SCHEMA "Shop"')
    sink = DatabaseSink(server.url, "Shop.visits", "upsert", "id")
    sink.write(visits((1, "Basel")), run="a")
    sink.write(visits((1, "Basel"), (2, "Bonn")), run="a")
    assert towns(server, '"Shop".visits') == [(1, "Basel"), (2, "Bonn")]
    assert server.count('"Shop"._extractor_runs') == 1


def test_threads_that_write_at_once_leave_the_process_as_it_was() -> None:
    with ExitStack() as one:
        one.enter_context(MASK.with_more(0o077))
        with ExitStack() as other:
            other.enter_context(MASK.with_more(0o022))
            one.close()
            assert os.umask(0o077) == 0o077, "what the other one makes is still for its owner alone"
    assert os.umask(0o022) == 0o022


@pytest.mark.parametrize("place", ["sqlite", "duckdb"], indirect=True)
def test_files_are_for_their_owner_alone(place: Place) -> None:
    DatabaseSink(place.url, "visits").write(visits((1, "Basel")))
    for file in place.file.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    place.file.chmod(0o644)
    DatabaseSink(place.url, "visits").write(visits((1, "Basel")))
    assert stat.S_IMODE(place.file.stat().st_mode) == 0o644
    assert os.umask(0o022) == 0o022, "the process makes its files as before"


EVERY: dict[str, Any] = {
    "integer": pa.array([2**62, None]),
    "small": pa.array([1, None], pa.int8()),
    "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
    "float": pa.array([0.1, None]),
    "yes": pa.array([True, None]),
    "text": pa.array(["zwölf 🙂", None]),
    "view": pa.array(["x", None], pa.string_view()),
    "kind": pa.array(["a", None]).dictionary_encode(),
    "raw": pa.array([b"\x00\xff", None]),
    "day": pa.array([date(2026, 5, 3), None]),
    "hour": pa.array([time(12, 30, 1, 5), None], pa.time64("us")),
    "local": pa.array([datetime(2026, 5, 3, 12), None], pa.timestamp("us")),
    "instant": pa.array([datetime(2026, 5, 3, 12, tzinfo=UTC), None], pa.timestamp("us", "UTC")),
    "span": pa.array([timedelta(days=1, seconds=3), None], pa.duration("us")),
    "price": pa.array([Decimal("1.50"), None], pa.decimal128(10, 2)),
    "struct": pa.array([{"a b": 1, 'c"': date(2026, 5, 3)}, None]),
    "numbers": pa.array([[1, 2], None]),
    "items": pa.array([[{"x": Decimal("1.1")}], None]),
    "map": pa.array([[("k", 1)], None], pa.map_(pa.string(), pa.int64())),
    "nothing": pa.nulls(2),
}


def test_every_type_of_arrow_has_a_place_and_takes_no_value(place: Place) -> None:
    sink = DatabaseSink(place.url, "every")
    assert sink.write(pa.table(EVERY)) == Written(2)
    assert sink.write(pa.table(EVERY)) == Written(2), "what was made fits what it was made for"
    first, second = pa.table(DatabaseSource(place.url, table="every")).to_pylist(maps_as_pydicts="strict")[:2]
    assert set(second.values()) == {None}
    expected = {name: column[0].as_py() for name, column in EVERY.items()} | {"map": {"k": 1}}
    kept = {"integer", "small", "float", "text", "view", "kind", "raw", "nothing"}
    if place.kind != "sqlite":
        kept |= {"yes", "day", "hour", "local", "instant"}
    if place.kind == "duckdb":
        kept |= {"unsigned", "price", "struct", "numbers", "items", "map"}
    assert {name: first[name] for name in kept} == {name: expected[name] for name in kept}
    assert Decimal(first["price"]) == Decimal("1.50")
    assert Decimal(first["unsigned"]) == 2**64 - 1
    if place.kind != "duckdb":
        assert json.loads(first["struct"]) == {"a b": 1, 'c"': "2026-05-03"}
        assert json.loads(first["items"]) == [{"x": "1.1"}]
        assert json.loads(first["map"]) == {"k": 1}
    if place.kind == "sqlite":
        assert first["yes"] == 1
        assert [first[name] for name in ("day", "hour", "local", "instant", "span")] == [
            *("2026-05-03", "12:30:01.000005", "2026-05-03T12:00:00", "2026-05-03T12:00:00Z", "P1DT3S")
        ]


def test_nested_values_can_be_asked_for_their_members(place: Place) -> None:
    DatabaseSink(place.url, "visits").write(visits((1, "Basel")))
    member = {"postgresql": "visit ->> 'town'", "sqlite": "visit ->> '$.town'", "duckdb": "visit.town"}
    assert place.rows(f"SELECT {member[place.kind]} FROM visits") == [("Basel",)]


def test_a_table_of_postgresql_keeps_its_types_on_the_way_into_another(server: Place) -> None:
    server.do(
        "CREATE TABLE here (id uuid, price numeric, payload jsonb, at timestamptz, host inet, span interval)",
        "INSERT INTO here VALUES (gen_random_uuid(), 1.5, '{}', now(), '10.0.0.1', interval '1 month')",
    )
    DatabaseSink(server.url, "there").write(DatabaseSource(server.url, table="here"))
    types = "SELECT attname::text, atttypid::regtype::text FROM pg_attribute WHERE attnum > 0 AND attrelid = "
    assert server.rows(f"{types} 'here'::regclass") == server.rows(f"{types} 'there'::regclass")
    assert server.count("(SELECT * FROM here EXCEPT SELECT * FROM there) AS other") == 0


# -- what fits


def test_a_table_that_does_not_fit_is_refused_before_anything_is_written(place: Place) -> None:
    place.do(
        f"CREATE TABLE visits (id BIGINT, town INTEGER, visit {NESTED[place.kind]}, no INTEGER NOT NULL)"
    )
    with pytest.raises(ConfigError) as error:
        DatabaseSink(place.url, "visits").write(visits((1, "Basel")))
    said = str(error.value).lower()
    assert "'town' is integer, but" in said
    assert "'no' is required, but the records do not fill it" in said
    place.do("CREATE TABLE other (id BIGINT)")
    with pytest.raises(ConfigError, match="it has no column 'town'; it has no column 'visit'"):
        DatabaseSink(place.url, "other").write(visits((1, "Basel")))
    assert place.count("visits") == place.count("other") == 0


def test_a_table_of_your_own_may_have_narrower_types_and_more_columns(place: Place) -> None:
    place.do(
        "CREATE TABLE visits (id SMALLINT, town VARCHAR(5) CHECK (length(town) < 6), "
        f"visit {NESTED[place.kind]}, since TIMESTAMP, note TEXT NOT NULL DEFAULT 'none')"
    )
    written = DatabaseSink(place.url, "visits").write(visits((1, "Basel"), (2, "Winterthur"), (3, "Bonn")))
    assert written.rows == 2
    assert list(written.refused) == [1]
    assert towns(place) == [(1, "Basel"), (3, "Bonn")], "and nothing was cut off"


def test_text_becomes_what_the_column_is(server: Place) -> None:
    server.do("CREATE TYPE mood AS ENUM ('good')", "CREATE TABLE rows (id uuid, mood mood, payload jsonb)")
    good = {"id": "0b7a2a7e-61bd-4b8a-8b6f-0f9c1f3f8b1a", "mood": "good", "payload": '{"a": 1}'}
    bad = [{**good, "id": "7"}, {**good, "mood": "bad"}, {**good, "payload": "{"}]
    written = DatabaseSink(server.url, "rows").write(pa.Table.from_pylist([*bad, good]))
    assert written.rows == 1
    assert "uuid" in written.refused[0]
    assert "mood" in written.refused[1]
    assert "json" in written.refused[2]
    assert server.rows("SELECT payload ->> 'a' FROM rows") == [("1",)]


def test_a_view_or_a_table_of_somebody_else_is_refused_at_once(server: Place) -> None:
    server.do(
        "CREATE ROLE reader LOGIN PASSWORD 'open sesame'",
        "CREATE TABLE visits (id bigint, town text, visit jsonb)",
        "GRANT SELECT ON visits TO reader",
    )
    _, _, place = server.url.partition("@")
    with pytest.raises(ConfigError, match="permission denied"):
        DatabaseSink(f"postgresql://reader:open%20sesame@{place}", "visits").write(visits((1, "Basel")))


@pytest.mark.parametrize(
    ("options", "table", "why"),
    [
        ({"mode": "upsert"}, visits(), "mode='upsert' needs key="),
        ({"key": "id"}, visits(), "mode='append' takes no key="),
        ({"mode": "replace"}, visits(), "'append' or 'upsert'"),
        ({"batch_rows": 0}, visits(), "above 0"),
        ({"mode": "upsert", "key": "nr"}, visits(), "the key 'nr' is not one of the columns id, town, visit"),
        ({"mode": "upsert", "key": "visit"}, visits(), "nested"),
        ({}, [], "non-empty"),
        ({}, ["text"], "RecordBatches"),
        ({}, pa.table([[1], [2]], ["a", "A"]), "two columns"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    options: dict[str, Any], table: Any, why: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=why):
        DatabaseSink(f"sqlite:///{tmp_path}/a.db", "visits", **options).write(table)
    assert (
        not (tmp_path / "a.db").exists() or Place("sqlite", f"sqlite:///{tmp_path}/a.db").count("visits") == 0
    )


def test_names_that_postgresql_would_cut_off_are_refused(server: Place) -> None:
    with pytest.raises(ConfigError, match="63 bytes"):
        DatabaseSink(server.url, "visits").write(pa.table({"ä" * 32: [1]}))


def test_a_database_in_memory_is_nothing_to_write_into() -> None:
    with pytest.raises(ConfigError, match="is lost when the process ends"):
        DatabaseSink("duckdb://", "visits")


@pytest.mark.parametrize("place", ["sqlite", "duckdb"], indirect=True)
def test_what_this_process_writes_into_the_file_meanwhile_is_kept_too(place: Place) -> None:
    rows = visits((1, "Basel"), (2, "Bonn"))
    library: Any = duckdb if place.kind == "duckdb" else sqlite3
    own = library.connect(str(place.file))
    try:
        own.execute("CREATE TABLE mine (id INTEGER)")
        own.commit()
        DatabaseSink(place.url, "visits").write(rows)
        assert own.execute("SELECT count(*) FROM visits").fetchone() == (2,)
        own.execute("INSERT INTO mine VALUES (1)")
        own.commit()
        assert pa.table(DatabaseSource(place.url, table="mine")).num_rows == 1
    finally:
        own.close()
    assert (place.count("visits"), place.count("mine")) == (2, 1)


# -- frames


@pytest.mark.slow
def test_frames_and_streams_of_any_library_are_written(place: Place) -> None:
    rows = [{"id": i, "town": "Basel"} for i in range(3)]
    sink = DatabaseSink(place.url, "visits", batch_rows=2)
    for frame in (
        pl.DataFrame(rows),
        pd.DataFrame(rows),
        pa.Table.from_pylist(rows),
        pa.RecordBatch.from_pylist(rows),
        [pa.RecordBatch.from_pylist(rows[:1]), pa.RecordBatch.from_pylist(rows[1:])],
    ):
        assert sink.write(frame) == Written(3)
    assert place.count("visits") == 15


def test_a_sink_is_pickled_without_its_password(server: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = DatabaseSink(server.url, "visits", "upsert", ("id",), batch_rows=7)
    sent = pickle.dumps(sink)
    for shown in (sent, repr(sink).encode(), str(sink).encode()):
        assert PASSWORD.encode() not in shown
        assert PASSWORD_IN_URL.encode() not in shown
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert pickle.loads(sent) == sink
    assert pickle.loads(sent).write(visits((1, "Basel"))) == Written(1)


@pytest.mark.slow
def test_a_table_goes_into_another_of_the_same_database_as_a_stream(place: Place) -> None:
    rows = [(i, f"town {i}") for i in range(5_000)]
    DatabaseSink(place.url, "here").write(visits(*rows))
    source = DatabaseSource(place.url, query="SELECT id, town FROM here ORDER BY id")
    sink = DatabaseSink(place.url, "there", batch_rows=700)
    with closing(source.batches()) as batches:
        if place.kind == "duckdb":
            with pytest.raises(ConfigError, match="read it whole first"):
                sink.write(batches)
        else:
            assert sink.write(batches, run="copy") == Written(5_000)
            assert towns(place, "there") == rows


# -- upsert


@pytest.mark.slow
def test_upsert_keeps_one_row_a_key_the_last_one(place: Place) -> None:
    sink = DatabaseSink(place.url, "visits", "upsert", "id", batch_rows=3)
    sink.write(visits((1, "a"), (2, "b"), (1, "c"), (3, "d"), (1, "e"), (1, "f")))
    assert towns(place) == [(1, "f"), (2, "b"), (3, "d")]
    sink.write(visits((2, "g"), (4, "h")))
    assert towns(place) == [(1, "f"), (2, "g"), (3, "d"), (4, "h")]


@pytest.mark.slow
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(st.integers(0, 5), st.text("abü'\"\\%$", max_size=5))),
    batch_rows=st.integers(1, 4),
)
def test_after_upserts_a_table_is_the_dict_of_its_rows(
    rows: list[tuple[int, str]], batch_rows: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = Place("duckdb", f"duckdb:///{tmp_path_factory.mktemp('upsert')}/a.db")
    DatabaseSink(place.url, "visits", "upsert", "id", batch_rows=batch_rows).write(visits(*rows))
    assert towns(place) == sorted(dict(rows).items())


def test_a_key_may_be_of_several_columns_and_of_nothing_else(place: Place) -> None:
    sink = DatabaseSink(place.url, "pairs", "upsert", ["a", "b"])
    pairs = pa.table({"a": [1, 1, 1], "b": ["x", "y", "x"]})
    sink.write(pairs)
    sink.write(pairs)
    assert place.rows("SELECT a, b FROM pairs ORDER BY b") == [(1, "x"), (1, "y")]


def test_a_row_without_a_key_is_refused(place: Place) -> None:
    written = DatabaseSink(place.url, "visits", "upsert", "id").write(visits((1, "a"), (None, "b"), (2, "c")))
    assert written == Written(2, {1: "its key is empty: id"})
    assert towns(place) == [(1, "a"), (2, "c")]


def test_upsert_needs_a_unique_constraint_on_its_key(place: Place) -> None:
    columns = f"id BIGINT, town TEXT, visit {NESTED[place.kind]}"
    place.do(f"CREATE TABLE visits ({columns})", f"CREATE TABLE other ({columns}, UNIQUE (town, id))")
    with pytest.raises(ConfigError, match=r"no unique constraint on \(id\).*ADD UNIQUE"):
        DatabaseSink(place.url, "visits", "upsert", "id").write(visits((1, "Basel")))
    sink = DatabaseSink(place.url, "other", "upsert", ("id", "town"))
    assert sink.write(visits((1, "Basel"), (1, "Basel"))).rows == 2
    assert place.count("other") == 1


# -- rows that are refused


def test_a_text_that_postgresql_cannot_hold_is_refused_and_the_others_are_written(server: Place) -> None:
    rows = visits(*((i, "Ba\0sel" if i in (3, 4, 17) else "Basel") for i in range(20)))
    written = DatabaseSink(server.url, "visits", batch_rows=8).write(rows)
    assert written.rows == 17
    assert {*written.refused} == {3, 4, 17}
    assert "0x00" in written.refused[3]
    assert [i for i, _ in towns(server)] == [i for i in range(20) if i not in (3, 4, 17)]


def test_rows_that_break_a_constraint_are_refused_and_the_others_are_written(place: Place) -> None:
    columns = f"id INTEGER CHECK (id < 9) UNIQUE, town TEXT NOT NULL, visit {NESTED[place.kind]}"
    place.do(f"CREATE TABLE visits ({columns})")
    rows = visits((1, "a"), (2**40, "b"), (3, None), (1, "d"), (5, "e"))
    written = DatabaseSink(place.url, "visits").write(rows)
    assert written.rows == 2
    assert {*written.refused} == {1, 2, 3}
    assert towns(place) == [(1, "a"), (5, "e")]


# -- runs


@pytest.mark.slow
def test_a_run_writes_its_rows_once_however_often_it_is_begun(place: Place) -> None:
    sink = DatabaseSink(place.url, "visits", batch_rows=2)
    rows = [(i, f"town {i}") for i in range(5)]
    assert sink.write(visits(*rows[:3]), run="may") == Written(3)
    assert sink.write(visits(*rows), run="may") == Written(2)
    assert sink.write(visits(*rows), run="may") == Written(0)
    assert towns(place) == rows
    assert sink.write(visits(*rows[:1]), run="june") == Written(1), "another run is another one"
    assert DatabaseSink(place.url, "other").write(visits(*rows), run="may") == Written(5)


@pytest.mark.slow
def test_a_run_over_other_rows_than_before_is_refused(place: Place) -> None:
    sink = DatabaseSink(place.url, "visits", batch_rows=2)
    sink.write(visits((1, "a"), (2, "b"), (3, "c")), run="may")
    for other in (
        visits((2, "b"), (1, "a"), (3, "c"), (4, "d")),
        visits((1, "a"), (2, "b"), (3, "changed")),
        visits((1, "a"), (2, "b")),
    ):
        with pytest.raises(ConfigError, match="does not begin with the 3 rows"):
            sink.write(other, run="may")
    assert place.count("visits") == 3


def test_a_run_into_a_table_that_is_gone_begins_anew(place: Place) -> None:
    sink = DatabaseSink(place.url, "visits")
    sink.write(visits((1, "a")), run="may")
    place.do("DROP TABLE visits")
    assert sink.write(visits((1, "a")), run="may") == Written(1)


def test_refused_rows_count_as_done(place: Place) -> None:
    sink = DatabaseSink(place.url, "visits", "upsert", "id", batch_rows=2)
    rows = visits((1, "a"), (None, "b"), (3, "c"), (4, "d"))
    assert sink.write(rows.slice(0, 2), run="may") == Written(1, {1: "its key is empty: id"})
    assert sink.write(rows, run="may") == Written(2)


def test_two_processes_that_write_one_run_do_not_both_write_it(place: Place) -> None:
    rows = visits((1, "a"), (2, "b"), (3, "c"), (4, "d"))
    sink = DatabaseSink(place.url, "visits", batch_rows=2)

    def with_a_rival() -> Iterator[pa.RecordBatch]:
        yield rows.to_batches()[0].slice(0, 2)
        sink.write(rows, run="may")
        yield rows.to_batches()[0].slice(2)

    with pytest.raises(RunStopped, match="another process"):
        sink.write(with_a_rival(), run="may")
    assert towns(place) == [(1, "a"), (2, "b"), (3, "c"), (4, "d")]


def lost(server: Place) -> list[str]:
    """What ends all connections to a database."""
    return [f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{server.database}'"]


ROWS = [(i, f"town {i}") for i in range(6)]


def batches_and_then(server: Place, *statements: str) -> Iterator[pa.RecordBatch]:
    """Two rows; statements on another database of the server; and four rows more."""
    batch = visits(*ROWS).to_batches()[0]
    yield batch.slice(0, 2)
    Place("postgresql", server.url.removesuffix(server.database) + "postgres").do(*statements)
    yield batch.slice(2)


def test_a_connection_that_is_lost_meanwhile_is_made_anew(server: Place) -> None:
    sink = DatabaseSink(server.url, "visits", batch_rows=2)
    assert sink.write(batches_and_then(server, *lost(server)), run="may") == Written(6)
    assert towns(server) == ROWS


def test_a_database_that_goes_away_stops_the_run_which_can_be_gone_on_with(server: Place) -> None:
    sink = DatabaseSink(server.url, "visits", batch_rows=2)
    allow = f"ALTER DATABASE {server.database} ALLOW_CONNECTIONS"
    with pytest.raises(RunStopped, match="not currently accepting connections") as error:
        sink.write(batches_and_then(server, f"{allow} false", *lost(server)), run="may")
    assert PASSWORD not in str(error.value)
    Place("postgresql", server.url.removesuffix(server.database) + "postgres").do(f"{allow} true")
    assert towns(server) == ROWS[:2]
    assert sink.write(visits(*ROWS), run="may") == Written(4)
    assert towns(server) == ROWS


def test_without_a_run_nothing_is_tried_again(server: Place) -> None:
    sink = DatabaseSink(server.url, "visits", batch_rows=2)
    with pytest.raises(RunStopped, match=r"terminat|connection|closed"):
        sink.write(batches_and_then(server, *lost(server)))
    assert towns(server) == ROWS[:2]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_link_of_another_user_in_a_shared_folder_is_not_written_through(tmp_path: Path, kind: str) -> None:
    (tmp_path / "there.db").symlink_to(tmp_path / "mine.db")
    os.chown(tmp_path / "there.db", 65534, 65534, follow_symlinks=False)
    tmp_path.chmod(0o1777)
    with pytest.raises(ConfigError, match="of another user"):
        DatabaseSink(f"{kind}:///{tmp_path}/there.db", "visits").write(pa.table({"a": [1]}))
    assert not (tmp_path / "mine.db").exists()
