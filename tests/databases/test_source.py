"""Tables and queries of real databases, read as streams of Arrow batches."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from extractor import ConfigError, DatabaseSource
from tests.databases.places import Place
from tests.postgres import PASSWORD, PASSWORD_IN_URL

ODD = 'Ma"ils; DROP TABLE x'


def read(source: DatabaseSource) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pa.table(source).to_pylist()
    return rows


def test_a_table_is_read_in_the_order_of_its_primary_key(server: Place) -> None:
    server.do(
        "CREATE TABLE mails (id BIGINT PRIMARY KEY, body TEXT)",
        *(f"INSERT INTO mails VALUES ({i}, 'mail {i}')" for i in range(1, 4)),
        "UPDATE mails SET body = 'changed' WHERE id = 1",  # it lies behind the others now
    )
    found = read(DatabaseSource(server.url, table="public.mails"))
    assert [tuple(row.values()) for row in found] == [(1, "changed"), (2, "mail 2"), (3, "mail 3")]


def test_a_query_is_read_whatever_its_names_are(place: Place) -> None:
    place.do(f"""CREATE TABLE "{ODD.replace('"', '""')}" ("the ""body" TEXT, n INTEGER)""")
    quoted = '"' + ODD.replace('"', '""') + '"'
    place.do(f"INSERT INTO {quoted} VALUES ('a', 1), ('b', 2)")
    assert read(DatabaseSource(place.url, table=quoted)) == [
        {'the "body': "a", "n": 1},
        {'the "body': "b", "n": 2},
    ]
    query = f"""SELECT "the ""body" AS text FROM {quoted} WHERE n > 1 ORDER BY n;"""
    assert read(DatabaseSource(place.url, query=query)) == [{"text": "b"}]


def test_a_query_may_end_with_a_comment(server: Place) -> None:
    query = "SELECT '1.50'::money::text AS text, '1.50'::money AS price -- as it is written there"
    (row,) = read(DatabaseSource(server.url, query=query))
    assert row["price"] == row["text"]


def test_without_rows_there_are_columns_all_the_same(place: Place) -> None:
    place.do("CREATE TABLE mails (id BIGINT, body TEXT)")
    assert pa.table(DatabaseSource(place.url, table="mails")).column_names == ["id", "body"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELECT 1 AS a, 2 AS a", "two columns 'a'"),
        ("SELECT * FROM nowhere", "nowhere"),
        ("SLECT 1", "syntax error|nowhere|SLECT"),
        ("CREATE TABLE made (a INTEGER)", "SELECT|read-only|readonly"),
    ],
)
def test_a_query_that_cannot_be_read_is_said_to_be_so(query: str, why: str, place: Place) -> None:
    place.do("CREATE TABLE mails (id BIGINT)")
    with pytest.raises(ConfigError, match=why) as error:
        read(DatabaseSource(place.url, query=query))
    assert PASSWORD not in str(error.value)
    assert place.count("made") == 0


def test_what_a_query_changes_is_undone(place: Place) -> None:
    place.do("CREATE TABLE mails (id BIGINT)", "INSERT INTO mails VALUES (1)")
    query = "DELETE FROM mails RETURNING id"
    if place.kind == "postgresql":
        assert read(DatabaseSource(place.url, query=query)) == [{"id": 1}]
    else:  # they are opened to be read only
        with pytest.raises(ConfigError, match=r"read-?only"):
            read(DatabaseSource(place.url, query=query))
    assert place.count("mails") == 1


@pytest.mark.parametrize("url", ["sqlite:///{}/none.db", "duckdb:///{}/none.db"])
def test_a_database_that_is_not_there_is_not_made_by_reading_it(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.db"):
        read(DatabaseSource(url.format(tmp_path), table="mails"))
    assert not list(tmp_path.iterdir())


def test_either_a_table_or_a_query_is_named() -> None:
    for given in ({}, {"table": "a", "query": "SELECT 1"}):
        with pytest.raises(ConfigError, match="Name a table or a query"):
            DatabaseSource("duckdb://", **given)


def test_duckdb_reads_files_without_a_database_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "mails.csv").write_text("id,body\n1,hello\n")
    query = f"SELECT * FROM '{tmp_path}/*.csv'"
    assert read(DatabaseSource("duckdb://", query=query)) == [{"id": 1, "body": "hello"}]


# -- types


def test_the_types_of_postgresql_that_arrow_lacks_are_read_as_it_writes_them(server: Place) -> None:
    server.do("CREATE TYPE mood AS ENUM ('good', 'bad')")
    query = """SELECT 1.50::numeric(10, 2) AS price, '0b7a2a7e-61bd-4b8a-8b6f-0f9c1f3f8b1a'::uuid AS id,
        '{"a": 1}'::jsonb AS payload, '10.0.0.1'::inet AS host, 'bad'::mood AS mood, '5'::money AS paid,
        interval '1 month 2 days' AS span, array['a', 'b'] AS tags, array[1.5::numeric] AS prices,
        timestamptz '2026-05-03 12:00+02' AS at, date '2026-05-03' AS day, true AS yes,
        '\\x00ff'::bytea AS raw"""
    (row,) = read(DatabaseSource(server.url, query=query))
    assert row == {
        "price": "1.50",
        "id": "0b7a2a7e-61bd-4b8a-8b6f-0f9c1f3f8b1a",
        "payload": '{"a": 1}',
        "host": "10.0.0.1/32",
        "mood": "bad",
        "paid": "$5.00",
        "span": "1 mon 2 days",
        "tags": ["a", "b"],
        "prices": "{1.5}",
        "at": datetime(2026, 5, 3, 10, tzinfo=UTC),
        "day": date(2026, 5, 3),
        "yes": True,
        "raw": b"\x00\xff",
    }


def test_a_column_of_sqlite_may_hold_anything_anywhere(tmp_path: Path) -> None:
    place = Place("sqlite", f"sqlite:///{tmp_path}/mails.db")
    place.do("CREATE TABLE mails (late, mixed, n, x REAL, raw BLOB)")
    place.do(
        "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 3000) "
        "INSERT INTO mails SELECT NULL, i, i, i, NULL FROM s",
        "INSERT INTO mails VALUES ('text', 'zwölf', 2.5, 7, x'00ff')",
    )
    table = pa.table(DatabaseSource(place.url, table="mails"))
    assert dict(zip(table.column_names, map(str, table.schema.types), strict=True)) == {
        "late": "string",
        "mixed": "string",
        "n": "double",
        "x": "double",
        "raw": "binary",
    }
    assert table.num_rows == 3001
    assert table.to_pylist()[-1] == {"late": "text", "mixed": "zwölf", "n": 2.5, "x": 7.0, "raw": b"\x00\xff"}
    assert table["mixed"][0].as_py() == "1"


def test_the_types_of_duckdb_are_kept(tmp_path: Path) -> None:
    query = (
        "SELECT {'a': 1, 'b': ['x']} AS s, MAP {'k': 1} AS m, 'a'::ENUM('a') AS e, 1.5::DECIMAL(10, 2) AS d"
    )
    table = pa.table(DatabaseSource("duckdb://", query=query))
    assert table.to_pylist(maps_as_pydicts="strict")[0].keys() == {"s", "m", "e", "d"}
    assert table["s"][0].as_py() == {"a": 1, "b": ["x"]}
    assert table.schema.field("e").type == pa.string()


def test_what_duckdb_has_and_files_have_not_is_read_as_text_wherever_it_stands() -> None:
    query = (
        "SELECT INTERVAL 1 HOUR AS i, {'n': 1, 'took': INTERVAL 1 HOUR, 'l': [INTERVAL 2 DAY]} AS s, "
        "MAP {'k': INTERVAL 1 MONTH} AS m, union_value(n := 7) AS u"
    )
    (row,) = pa.table(DatabaseSource("duckdb://", query=query)).to_pylist(maps_as_pydicts="strict")
    assert row == {
        "i": "01:00:00",
        "s": {"n": 1, "took": "01:00:00", "l": ["2 days"]},
        "m": {"k": "1 month"},
        "u": "7",
    }


# -- passwords


def test_a_password_may_come_from_the_environment_or_a_file(
    server: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bare = server.url.replace(f":{PASSWORD_IN_URL}", "")
    with pytest.raises(ConfigError, match="password"):
        read(DatabaseSource(bare, query="SELECT 1 AS a"))
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    (tmp_path / "pgpass").write_text(f"127.0.0.1:*:*:*:{escaped}\n")
    (tmp_path / "pgpass").chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setenv("PGPASSFILE", str(tmp_path / "pgpass"))
        assert read(DatabaseSource(bare, query="SELECT 1 AS a")) == [{"a": 1}]
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    sent = pickle.loads(pickle.dumps(DatabaseSource(server.url, query="SELECT 1 AS a")))
    assert read(sent) == [{"a": 1}], "a pickled source finds its password where it wakes up"


def test_a_wrong_password_is_not_shown(server: Place) -> None:
    wrong = server.url.replace(PASSWORD_IN_URL, "gar%20kein")
    with pytest.raises(ConfigError, match="password authentication failed") as error:
        read(DatabaseSource(wrong, query="SELECT 1 AS a"))
    assert "kein" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


# -- memory

READING = """
import resource, sys
from extractor import DatabaseSource
rows = 0
for batch in DatabaseSource(sys.argv[1], query=sys.argv[2]).batches():
    rows += batch.num_rows
print(rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
SERIES = {
    "postgresql": "SELECT i AS id, repeat(md5(i::text), 30) AS body FROM generate_series(1, {}) i",
    "duckdb": "SELECT i AS id, repeat(md5(i::text), 30) AS body FROM range(1, {} + 1) t(i)",
    "sqlite": "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {}) "
    "SELECT i AS id, hex(zeroblob(480)) AS body FROM s",
}


@pytest.mark.slow
@pytest.mark.sampled(1)
def test_memory_does_not_grow_with_the_rows(place: Place) -> None:
    place.do("CREATE TABLE any_table (id INTEGER)")
    peaks = []
    for rows in (10_000, 150_000):
        command = [sys.executable, "-c", READING, place.url, SERIES[place.kind].format(rows)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found, peak = map(int, json.loads(f"[{said.replace(' ', ',')}]"))
        assert found == rows
        peaks.append(peak / 1024)
    assert peaks[1] - peaks[0] < 70, f"150,000 rows are 145 MB; the peaks are {peaks}"


@pytest.mark.slow
def test_a_view_in_a_file_of_duckdb_reads_no_other_file(tmp_path: Path) -> None:
    (tmp_path / "private.csv").write_text("secret\nx\n")
    place = Place("duckdb", f"duckdb:///{tmp_path}/a.db")
    place.do(
        f"CREATE VIEW mails AS FROM read_csv('{tmp_path}/private.csv')", "CREATE TABLE own AS SELECT 1 AS a"
    )
    with pytest.raises(ConfigError, match=r"private\.csv"):
        read(DatabaseSource(place.url, table="mails"))
    assert read(DatabaseSource(place.url, table="own")) == [{"a": 1}]
