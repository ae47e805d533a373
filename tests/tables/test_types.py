"""A union of types sorts documents: a column says which each record is of, or each type has a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass
from typing_extensions import TypeAliasType

from extractor import Columns, ConfigError, Extractor, Run, tables
from extractor.schema import place_of_type, types_in
from extractor.tables import Holding
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status
from tests.clients import client_in
from tests.tables.towns import asked, lines


class Invoice(BaseModel):
    number: str
    total: float


class Letter(BaseModel):
    sender: str


INBOX = {"a.txt": "invoice 1", "b.txt": "letter of Ada", "c.txt": "bad", "d.txt": "invoice 2", "e.txt": " "}


def sort(request: ReceivedRequest) -> Scripted:
    text = asked(request)
    if "bad" in text:
        return status(400, "I do not read that.")
    *_, last = text.split()
    return reply({"value": {"sender": last} if "letter" in text else {"number": last, "total": 5}})


@pytest.fixture
def ex(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Extractor]:
    (tmp_path / "inbox").mkdir()
    for name, text in INBOX.items():
        (tmp_path / "inbox" / name).write_text(text)
    with ChatServer(sort) as server, client_in(tmp_path, monkeypatch, server) as client:
        yield client


def test_each_type_has_its_table_and_what_has_none_the_quarantine(ex: Extractor) -> None:
    result = tables.run(
        "inbox",
        Invoice | Letter,
        into="{type}.parquet",
        quarantine="bad.jsonl",
        columns=Columns(flatten=True),
        model=ex,
    )
    assert result.sum == "5 rows = 3 ok + 1 failed + 1 empty"
    assert result.places == (
        Holding("invoice.parquet", 2, 2),
        Holding("letter.parquet", 1, 1),
        Holding("bad.jsonl", 2, 2),
    )
    invoices, letters = pq.read_table("invoice.parquet"), pq.read_table("letter.parquet")
    assert invoices.column_names == ["path", "number", "total", "invoice_error", "invoice_schema"]
    assert invoices.column("number").to_pylist() == ["1", "2"]
    assert letters.column("sender").to_pylist() == ["Ada"]
    assert [line["input"]["path"] for line in lines("bad.jsonl")] == ["inbox/c.txt", "inbox/e.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_run_over_types_is_resumed(ex: Extractor, suffix: str) -> None:
    how: dict[str, Any] = {"into": f"{{type}}.{suffix}", "quarantine": "bad.jsonl", "model": ex}
    tables.run("inbox", Invoice | Letter, limit=3, **how)
    result = tables.run("inbox", Invoice | Letter, resume=True, **how)
    assert result.sum == "5 rows = 3 done before + 1 ok + 1 empty"
    assert result.places == (
        Holding(f"invoice.{suffix}", 2, 1),
        Holding(f"letter.{suffix}", 1, 0),
        Holding("bad.jsonl", 2, 1),
    )


@pytest.mark.slow
def test_a_quarantine_is_mended_and_fed_to_the_tables_again(ex: Extractor) -> None:
    how: dict[str, Any] = {"into": "{type}.jsonl", "quarantine": "bad.jsonl", "model": ex}
    tables.run("inbox", Invoice | Letter, **how)
    assert lines("bad.jsonl")[0]["again"].startswith(
        "tables.run('bad.jsonl', Invoice | Letter, text=None, into='{type}.jsonl'"
    )
    Path("inbox/c.txt").write_text("letter of Bob")
    result = tables.run("bad.jsonl", Invoice | Letter, append=True, run=Run(retry="failed"), **how)
    assert result.places == (
        Holding("invoice.jsonl", 2, 0),
        Holding("letter.jsonl", 2, 1),
        Holding("bad.jsonl", 1, 0),
    )
    assert [row["letter"] for row in lines("letter.jsonl")] == [{"sender": "Ada"}, {"sender": "Bob"}]


@pytest.mark.slow
def test_in_one_table_a_column_says_which_type_each_record_is_of(ex: Extractor) -> None:
    tables.run("inbox", Invoice | Letter, into="all.jsonl", columns=Columns(name="found"), model=ex)
    rows = lines("all.jsonl")
    assert [row["found_type"] for row in rows] == ["Invoice", "Letter", None, "Invoice", None]
    assert rows[1]["found"] == {"sender": "Ada"}
    tables.run("inbox", Invoice | Letter, into="all.parquet", columns=Columns(name="found"), model=ex)
    assert pq.read_table("all.parquet").column("found_type").to_pylist()[:3] == ["Invoice", "Letter", None]


def test_a_frame_says_it_too(ex: Extractor) -> None:
    pl = pytest.importorskip("polars")
    frame = ex.frame(
        pl.DataFrame({"body": list(INBOX.values())}),
        Invoice | Letter,
        text="body",
        columns=Columns(name="found"),
    )
    assert frame["found_type"].to_list() == ["Invoice", "Letter", None, "Invoice", None]
    assert json.loads(frame["found"][1]) == {"sender": "Ada"}


def test_types_without_a_quarantine_are_refused(ex: Extractor) -> None:
    with pytest.raises(
        ConfigError, match="rows without a record have no type: name a file for them with quarantine="
    ):
        tables.run("inbox", Invoice | Letter, into="{type}.jsonl", model=ex)


def test_the_name_of_a_single_type_takes_its_place_too(ex: Extractor) -> None:
    assert tables.run("inbox/d.txt", Invoice, into="{type}.csv", model=ex).places[0].place == "invoice.csv"


@dataclass
class Note:
    text: str


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


Pets = TypeAliasType("Pets", Annotated[Cat | Dog, Field(discriminator="kind")])


@pytest.mark.parametrize(
    ("record_type", "types"),
    [
        (Invoice | Note, (Invoice, Note)),
        (Pets, (Cat, Dog)),
        (Annotated[Invoice, "x"] | Pets, (Invoice, Cat, Dog)),
        (Invoice, ()),
        (Invoice | None, ()),
        (Invoice | str, ()),
        (list[Invoice | Letter], ()),
        ({"anyOf": []}, ()),
        ({"anyOf": [{"type": "object", "title": "A"}, {"type": "string", "title": "B"}]}, ()),
        ({"anyOf": [{"type": "object"}, {"type": "object", "title": "B"}]}, ()),
        ({"anyOf": [{"type": "object", "title": "A"}, {"type": "null"}]}, ()),
    ],
)
def test_the_types_of_a_union_are_its_models(record_type: Any, types: tuple[type, ...]) -> None:
    assert types_in(record_type) == types


INVOICE_SCHEMA = {
    "type": "object",
    "properties": {"number": {"type": "string"}, "total": {"$ref": "#/$defs/Money"}},
    "required": ["number", "total"],
}
LETTER_SCHEMA = {"type": "object", "properties": {"sender": {"type": "string"}}, "required": ["sender"]}
KINDS: dict[str, Any] = {
    "$defs": {"Invoice": INVOICE_SCHEMA, "Money": {"type": "number"}},
    "oneOf": [{"$ref": "#/$defs/Invoice"}, {"title": "Letter", **LETTER_SCHEMA}],
}


def test_the_types_of_a_json_schema_are_its_named_objects() -> None:
    invoice, letter = types_in(KINDS)
    assert (invoice["title"], letter["title"]) == ("Invoice", "Letter")
    assert invoice["$defs"]["Money"] == {"type": "number"}
    assert place_of_type({"sender": "Ada"}, (invoice, letter)) == 1
    assert place_of_type({"number": "1", "total": 5}, (invoice, letter)) == 0
    assert place_of_type({"number": "1", "total": "much"}, (invoice, letter)) is None


@pytest.mark.slow
def test_a_json_schema_with_named_objects_is_an_inbox_too(ex: Extractor) -> None:
    result = tables.run(
        "inbox",
        KINDS,
        into="{type}.parquet",
        quarantine="bad.jsonl",
        columns=Columns(flatten=True),
        model=ex,
    )
    assert [(each.place, each.rows) for each in result.places] == [
        ("invoice.parquet", 2),
        ("letter.parquet", 1),
        ("bad.jsonl", 2),
    ]
    assert pq.read_table("invoice.parquet").column("total").to_pylist() == [5.0, 5.0]
    tables.run("inbox", KINDS, into="all.jsonl", columns=Columns(name="found"), model=ex)
    assert [row["found_type"] for row in lines("all.jsonl")] == ["Invoice", "Letter", None, "Invoice", None]
