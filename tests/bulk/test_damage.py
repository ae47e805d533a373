"""A flipped bit in what is kept is never another record: the answer counts as absent, and is told of."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extractor.bulk.journal.address import JournalAddress
from extractor.bulk.journal.interface import GRANTED, Claim, Kept, checksum, key_of
from extractor.bulk.journal.sqlite import SqliteStore
from extractor.bulk.journal.store import Store, StoreWork
from extractor.errors import JournalError
from tests.bulk.servers import RedisServer
from tests.selecting import examples

SMALL = Kept(b'{"checksum": 1234567, "length": 41}', 200, "req-1", 0.25, model="any")
LARGE = Kept(json.dumps({"text": [*range(300)]}).encode(), 200, None, 1 / 3, model="any", share=0.5)
ANSWERS = {key_of(str(n)): SMALL._replace(body=b'{"checksum": %d}' % (1000 + n)) for n in range(40)}
KEY = key_of("a")


def flipped(data: bytes, bit: int) -> bytes:
    whole = bytearray(data)
    whole[bit // 8] ^= 1 << bit % 8
    return bytes(whole)


def plain(kept: Kept | None) -> Kept | None:
    return kept and kept._replace(at=0.0)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with answers."""
    file = tmp_path_factory.mktemp("whole") / "j"
    with closing(SqliteStore.open(file)) as store:
        store.do("me", StoreWork(puts={**ANSWERS, KEY: LARGE}))
    return file


@pytest.mark.slow
@settings(max_examples=examples(400), deadline=None)
@given(st.integers(0, 2**40))
def test_a_bit_of_a_journals_file_is_flipped_and_no_answer_is_another_one(journal: Path, place: int) -> None:
    whole = journal.read_bytes()
    bit = place % (8 * len(whole))
    with TemporaryDirectory() as folder:
        Path(folder, "j.sqlite").write_bytes(flipped(whole, bit))
        try:
            with closing(SqliteStore.open(Path(folder, "j.sqlite"))) as store:
                for key, said in {**ANSWERS, KEY: LARGE}.items():
                    assert plain(store.look([(key, 0)])[0]) in (said, None)
                for key, found in store.export():
                    assert plain(found) == {**ANSWERS, KEY: LARGE}[key]
        except JournalError:
            return  # it is damaged in a place where that is seen as a whole


CHANGES = {
    "body": b'{"checksum": 1235}',
    "status": 201,
    "request_id": None,
    "latency": 7.0,
    "model": "another",
    "share": 0.5,
    "sum": None,
}


@pytest.mark.parametrize("column", [*CHANGES, "key", "text"])
def test_an_answer_with_another_value_in_any_column_is_absent_and_is_asked_for_again(
    tmp_path: Path, column: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(SqliteStore.open(tmp_path / "j")) as store:
        store.do("me", StoreWork(puts={KEY: SMALL, **ANSWERS}))
    with closing(sqlite3.connect(tmp_path / "j")) as connection:
        if column == "key":  # the answer to one request under the name of another
            connection.execute("DELETE FROM answers WHERE key = ?", (KEY,))
            other = next(iter(ANSWERS))
            connection.execute("UPDATE answers SET key = ? WHERE key = ?", (KEY, other))
        elif column == "text":
            connection.execute("UPDATE answers SET model = CAST(x'ff61' AS TEXT) WHERE key = ?", (KEY,))
        else:
            connection.execute(f"UPDATE answers SET {column} = ? WHERE key = ?", (CHANGES[column], KEY))
        connection.commit()
    with closing(SqliteStore.open(tmp_path / "j")) as store, caplog.at_level(logging.WARNING, "extractor"):
        store.enter("me", 20.0)
        for _ in range(3):
            assert store.look([(KEY, 0)]) == [None]
        assert store.do("me", StoreWork(claims=[(KEY, 0)])).claims == [GRANTED]
        assert not caplog.records
        store.do("me", StoreWork(puts={KEY: SMALL}))
        assert plain(store.look([(KEY, 0)])[0]) == SMALL
    (warned,) = caplog.records
    assert "1 answers in the journal" in warned.getMessage()


def redis_store(redis: RedisServer) -> Store:
    from extractor.bulk.journal.redis import RedisStore

    return RedisStore.open(JournalAddress.of(redis.url))


@pytest.mark.parametrize("said", [SMALL, LARGE], ids=["plain", "packed"])
def test_every_bit_of_an_answer_on_a_server_is_flipped_and_none_is_another_one(
    redis: RedisServer, said: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    name = b"{extractor}:answer:" + KEY
    with (
        closing(redis_store(redis)) as store,
        redis.client() as client,
        caplog.at_level(logging.WARNING, "extractor"),
    ):
        store.do("me", StoreWork(puts={KEY: said}))
        value = client.get(name)
        absent = 0
        for bit in range(8 * 17, 8 * len(value)):  # before them stands when it came
            client.set(name, flipped(value, bit))
            found = plain(store.look([(KEY, 0)])[0])
            assert found in (said, None)
            absent += found is None
        assert absent > 0.9 * 8 * (len(value) - 17)
        client.set(name, flipped(value, 8 * len(value) - 20))
        assert store.do("me", StoreWork(claims=[(KEY, 0), (key_of("b"), 0)])).claims == [GRANTED, GRANTED]
        assert client.get(name) is None
        store.do("me", StoreWork(puts={KEY: said}))
        (claim,) = store.do("you", StoreWork(claims=[(KEY, 0)])).claims
        assert plain(claim.kept) == said
        assert claim == Claim(claim.kept)
    assert sum("1 answers in the journal" in record.getMessage() for record in caplog.records) == 1


def test_an_answer_on_a_server_that_an_older_release_kept_is_read(redis: RedisServer) -> None:
    with closing(redis_store(redis)) as store, redis.client() as client:
        store.do("me", StoreWork(puts={KEY: SMALL}))
        client.set("{extractor}:version", 1)
        name = b"{extractor}:answer:" + KEY
        head, _, body = client.get(name).partition(b"\n")
        header: dict[str, Any] = json.loads(head[17:])
        assert header.pop("sum") == checksum(KEY, SMALL).hex()
        client.set(name, head[:17] + json.dumps(header).encode() + b"\n" + body)
    with closing(redis_store(redis)) as store, redis.client() as client:
        assert plain(store.look([(KEY, 0)])[0]) == SMALL
        assert client.get("{extractor}:version") == b"2"  # so that an older worker says that it is too old


@pytest.mark.slow
@given(st.builds(Kept, st.binary(), st.integers(100, 999), st.none() | st.text(), st.floats(0, 1e9)))
def test_a_checksum_is_the_same_for_the_same_answer_and_hangs_on_the_request(kept: Kept) -> None:
    assert checksum(KEY, kept) == checksum(KEY, Kept(*kept)._replace(at=9.0))
    assert checksum(KEY, kept) != checksum(key_of("b"), kept)
    assert checksum(KEY, kept) != checksum(KEY, kept._replace(body=kept.body + b" "))


def test_damage_that_is_told_in_words_out_of_the_file_is_no_surprise(journal: Path, tmp_path: Path) -> None:
    """SQLite's message quotes a name that is no text, and Python can't read the message."""
    whole, place = bytearray(journal.read_bytes()), tmp_path / "j.sqlite"
    name = whole.index(b"batch_keys_ofbatch_keys")
    whole[name : name + 2] = b"\xf0\xff"
    statement = whole.index(b"CREATE INDEX batch_keys_of")
    whole[statement : statement + 6] = b"CREATX"
    place.write_bytes(whole)
    with pytest.raises(UnicodeDecodeError), closing(sqlite3.connect(place)) as connection:
        connection.execute("SELECT * FROM answers")
    with closing(SqliteStore.open(place)) as store:
        assert list(store.look([(KEY, 0)])) == [None], "it is set aside, and another one begun"


@pytest.mark.parametrize("key", ["a text", 7, 0.5], ids=repr)
def test_an_answer_whose_key_is_of_another_kind_is_absent(journal: Path, tmp_path: Path, key: Any) -> None:
    place = tmp_path / "j.sqlite"
    place.write_bytes(journal.read_bytes())
    with closing(sqlite3.connect(place)) as connection:
        connection.execute("UPDATE answers SET key = ? WHERE key = ?", (key, KEY))
        connection.commit()
    with closing(SqliteStore.open(place)) as store:
        assert list(store.look([(KEY, 0)])) == [None]
        assert {found for found, _ in store.export()} == set(ANSWERS)
