"""Where a database is: URLs, passwords that are never shown, and names of tables."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import ConfigError
from extractor.tables.databases.address import DatabaseAddress, Name, is_database, quoted, without_password

SECRET = "s3cr:t/@#%"
WRITTEN = "s3cr%3At%2F%40%23%25"


@pytest.mark.parametrize(
    ("url", "kind", "place"),
    [
        ("postgresql://me@db.example:5433/shop", "postgresql", "postgresql://me@db.example:5433/shop"),
        ("postgres://me@db/shop?sslmode=require", "postgresql", "postgresql://me@db/shop?sslmode=require"),
        ("postgresql+psycopg://db/shop", "postgresql", "postgresql://db/shop"),
        ("postgresql:///shop", "postgresql", "postgresql:///shop"),
        ("sqlite:///mails.db", "sqlite", "mails.db"),
        ("sqlite:////var/lib/a%20b.db", "sqlite", "/var/lib/a b.db"),
        ("duckdb:///mails.duckdb", "duckdb", "mails.duckdb"),
        ("duckdb://", "duckdb", ":memory:"),
    ],
)
def test_a_url_says_which_database_is_meant(url: str, kind: str, place: str) -> None:
    found = DatabaseAddress.of(url)
    assert (found.kind, found.place) == (kind, place)
    assert is_database(url)


@pytest.mark.parametrize("path", ["in.csv", "s3://bucket/in.parquet", "https://a/b.csv", "-", "sqlite.db"])
def test_files_and_other_urls_are_no_databases(path: str) -> None:
    assert not is_database(path)
    assert without_password(path) == path


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{WRITTEN}@db/shop",
        f"postgres://me:{WRITTEN}@db/shop?sslmode=require",
        f"postgresql://me@db/shop?password={WRITTEN}&sslmode=require",
        f"postgresql://me@db/shop?pass%77ord={WRITTEN}",
    ],
)
def test_a_password_is_handed_to_the_driver_and_shown_nowhere(url: str) -> None:
    address = DatabaseAddress.of(url)
    assert WRITTEN in address.place
    for shown in (str(address), repr(address), f"{address}", without_password(url)):
        assert "s3cr" not in shown
        assert "me@db/shop" in shown
    assert "s3cr" not in address.hide(f'no pg_hba.conf entry, "{SECRET}" or {WRITTEN}')
    assert b"s3cr" not in pickle.dumps(address)
    assert pickle.loads(pickle.dumps(address)) == address


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://me:s3cr@et/more@db/shop", "%40"),
        ("postgresql://me:s3cr#et@db/shop", "%23"),
        ("postgresql://me:s3cr/et@db/shop", "%2F"),
        ("postgresql://me:s3cr?et@db/shop", "%3F"),
        ("postgresql://me:s3cr/e?t@db/shop", "%3F"),
        ("postgresql://me:s3cr@[::1/shop", "not the URL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("duckdb://mails.duckdb", "duckdb:///mails.duckdb"),
        ("mysql://me:s3cr@db/shop", "postgresql://"),
    ],
)
def test_a_url_that_is_none_is_refused_without_saying_its_password(url: str, why: str) -> None:
    with pytest.raises(ConfigError) as error:
        DatabaseAddress.of(url)
    assert why in str(error.value)
    assert "s3cr" not in str(error.value)
    assert not is_database(url) or "s3cr" not in without_password(url)


@pytest.mark.parametrize(
    ("text", "name", "sql"),
    [
        ("mails", ("", "mails"), '"mails"'),
        ("Mails", ("", "Mails"), '"Mails"'),
        ("shop.mails", ("shop", "mails"), '"shop"."mails"'),
        ('"odd.name"', ("", "odd.name"), '"odd.name"'),
        ('shop."odd ""x"', ("shop", 'odd "x'), '"shop"."odd ""x"'),
        ("mails; DROP TABLE x", ("", "mails; DROP TABLE x"), '"mails; DROP TABLE x"'),
    ],
)
def test_a_table_is_named_as_in_sql_but_for_its_case(text: str, name: tuple[str, str], sql: str) -> None:
    assert Name.of(text) == name
    assert Name.of(text).sql == sql


@pytest.mark.parametrize("text", ["", "a.b.c", 'a"b', '"a', ".a", '""'])
def test_what_is_no_name_of_a_table_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="not the name of a table"):
        Name.of(text)


@given(st.text(min_size=1).filter(lambda name: "\0" not in name))
def test_a_quoted_name_is_one_name_whatever_is_in_it(name: str) -> None:
    assert Name.of(quoted(name)) == ("", name)
