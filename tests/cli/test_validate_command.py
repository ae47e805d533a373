"""`extractor validate`: records in files against their type, without a model."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ended import Cli, Ended
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Base64Bytes, BaseModel, Field
from visits import TYPES, Run, read, visit, write

from extractor.cli.records import Where, records_in
from extractor.cli.validate import FileFindings
from extractor.errors import Problem
from extractor.pointers import any_index
from extractor.schema import RecordType
from extractor.schema.outline.tabular import cell_reader
from extractor.testing import ChatServer, reply
from tests.record_types import checker_of, records_of
from tests.selecting import examples

ORDERS = """
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pydantic import Base64Bytes, BaseModel, Field
from extractor import Verbatim

class Order(BaseModel):
    id: int
    day: date
    total: Decimal
    paid: bool | None = None
    tags: list[str] = []
    note: str = ""

class Person(BaseModel, extra="forbid"):
    name: Verbatim[str]
"""
DOCUMENT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "day": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "paid": {"type": ["boolean", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "note": {"type": "string"},
    },
    "required": ["id", "day", "total"],
    "additionalProperties": False,
}
GOOD = {"id": 1, "day": "2026-05-03", "total": 2.5, "paid": True, "tags": ["a", "b"], "note": "x"}
ROWS: list[dict[str, Any]] = [
    GOOD,
    {**GOOD, "day": "never"},
    {**GOOD, "paid": None, "tags": [], "note": ""},
    {**GOOD, "id": -1, "day": "yesterday"},
    {**GOOD, "total": None},
]
KINDS = ["csv", "jsonl", "parquet"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    (tmp_path / "orders.py").write_text(ORDERS)
    (tmp_path / "order.json").write_text(json.dumps(DOCUMENT))
    write(tmp_path / "in.jsonl", ROWS)
    write(tmp_path / "in.parquet", ROWS)
    write(
        tmp_path / "in.csv",
        [{n: json.dumps(v) if n == "tags" else v for n, v in row.items()} for row in ROWS],
    )
    return tmp_path


def order(cli: Cli, *arguments: object) -> Ended:
    return cli("validate", *arguments, "-t", "orders.py:Order")


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_of_a_file_are_checked_against_a_type(kind: str, cli: Cli, folder: Path) -> None:
    end = order(cli, f"in.{kind}")
    assert end.status == 1, end.err
    first, day, total = end.out.splitlines()
    assert first == f"in.{kind}: 5 rows, 2 valid, 3 invalid."
    line = 3 if kind == "csv" else 2
    assert day.startswith("         2  /day: Input should be a valid date")
    assert day.endswith(f"(first on line {line})")
    assert "/total: " in total


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_of_a_file_are_checked_against_a_json_schema(kind: str, cli: Cli, folder: Path) -> None:
    end = cli("validate", f"in.{kind}", "--schema", "order.json")
    assert end.status == 1, end.err
    lines = end.out.splitlines()
    assert lines[0] == f"in.{kind}: 5 rows, 2 valid, 3 invalid."
    assert "2  /day: 'never' is not a 'date'" in lines[1]
    assert any("/id: -1 is less than the minimum of 0" in line for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_good_rows_and_bad_ones_go_to_files_of_their_own(kind: str, cli: Cli, folder: Path) -> None:
    end = order(cli, f"in.{kind}", "-o", f"good.{kind}", "--quarantine", "bad.jsonl")
    assert end.status == 1
    held = read(folder / "bad.jsonl")
    assert [line["index"] for line in held] == [1, 3, 4]
    assert held[0]["error"]["kind"] == "invalid"
    assert [(each["pointer"], each["value"]) for each in held[0]["error"]["problems"]] == [("/day", "never")]
    assert held[0]["input"]["day"] == "never"
    assert stat.S_IMODE((folder / f"good.{kind}").stat().st_mode) == 0o600
    assert order(cli, f"good.{kind}").out.startswith(f"good.{kind}: 2 rows, 2 valid")
    if kind == "parquet":
        assert pq.read_table(folder / "good.parquet") == pq.read_table(folder / "in.parquet").take([0, 2])
    else:
        lines = (folder / f"in.{kind}").read_text().splitlines(keepends=True)
        head = 1 if kind == "csv" else 0
        assert (folder / f"good.{kind}").read_bytes().decode() == "".join(
            [*lines[:head], lines[head], lines[head + 2]]
        ).replace("\n", "\r\n" if kind == "csv" else "\n")


@pytest.mark.parametrize("kind", KINDS)
def test_a_quarantine_is_checked_again_once_it_is_mended(kind: str, cli: Cli, folder: Path) -> None:
    order(cli, f"in.{kind}", "--quarantine", "bad.jsonl")
    held = read(folder / "bad.jsonl")
    mended = [{**line, "input": {**GOOD, "id": line["index"]}} for line in held]
    write(folder / "mended.jsonl", mended)
    end = order(cli, "mended.jsonl", "-o", "good.jsonl")
    assert (end.status, end.out) == (0, "mended.jsonl: 3 rows, 3 valid, 0 invalid.\n")
    assert [row["id"] for row in read(folder / "good.jsonl")] == [1, 3, 4]


def test_what_a_file_says_moves_no_cursor(cli: Cli, folder: Path) -> None:
    document = {"additionalProperties": {"type": "integer"}}
    (folder / "numbers.json").write_text(json.dumps(document))
    write(folder / "odd.jsonl", [{"\x1b]0;title\x07": "x"}])
    end = cli("validate", "odd.jsonl", "--schema", "numbers.json")
    assert end.status == 1
    assert "]0;title" in end.out
    assert "\x1b" not in end.out


def test_the_password_in_a_files_url_is_told_nowhere(cli: Cli, folder: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    url = "memory://ann:s3cret@host/in.jsonl"
    with fsspec.open(url, "wb") as stream:
        stream.write((folder / "in.jsonl").read_bytes())
    end = order(cli, url, "--quarantine", "bad.jsonl")
    assert end.out.startswith("memory://***@host/in.jsonl: 5 rows")
    assert [line["again"].split()[2] for line in read(folder / "bad.jsonl")] == [
        "'memory://***@host/in.jsonl'"
    ] * 3
    lost = order(cli, "nothing://ann:s3cret@host/in.jsonl")
    assert lost.status == 2
    assert "nothing://ann:***@host/in.jsonl" in lost.err
    for told in (end.out, end.err, (folder / "bad.jsonl").read_text(), lost.err):
        assert "s3cret" not in told


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_what_run_wrote_is_valid_in_its_column(kind: str, cli: Cli, folder: Path) -> None:
    (folder / "visits.py").write_text(TYPES)
    write(folder / "texts.csv", [{"body": "Basel"}, {"body": "Köln"}])
    with ChatServer(visit) as server:
        run = Run(cli, server)
        assert run("texts.csv", "-x", "body", "-o", f"nested.{kind}").status == 0
        assert run("texts.csv", "-x", "body", "-o", f"flat.{kind}", "--flatten").status == 0
    nested = cli("validate", f"nested.{kind}", "-t", "visits.py:Visit", "--column", "visit")
    assert (nested.status, nested.out) == (0, f"nested.{kind}: 2 rows, 2 valid, 0 invalid.\n")
    assert cli("validate", f"flat.{kind}", "-t", "visits.py:Visit").status == 0
    wrong = cli("validate", f"nested.{kind}", "-t", "visits.py:Visit", "--column", "vist")
    assert wrong.status == (1 if kind == "jsonl" else 2)
    assert "'vist'" in wrong.out + wrong.err


SHOPS = """
from pydantic import BaseModel, ConfigDict, Field, computed_field

class Line(BaseModel):
    model_config = ConfigDict(extra="forbid")
    sku: str = Field(serialization_alias="SKU")
    count: int = Field(validation_alias="howMany")
    config: int = Field(0, serialization_alias="setting")

    @computed_field(alias="isMany")
    @property
    def many(self) -> bool:
        return self.count > 1

class Shop(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lines: list[Line]
    first: Line | None
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_run_wrote_is_valid_under_the_names_that_it_is_written_with(
    kind: str, cli: Cli, folder: Path
) -> None:
    (folder / "visits.py").write_text(SHOPS.replace("Shop", "Visit"))
    write(folder / "texts.csv", [{"body": "Basel"}])
    line = {"sku": "a", "howMany": 2, "config": 1}
    with ChatServer([reply({"lines": [line, line], "first": None})]) as server:
        end = Run(cli, server)("texts.csv", "-x", "body", "-o", f"out.{kind}")
        assert end.status == 0, end.err
    end = cli("validate", f"out.{kind}", "-t", "visits.py:Visit", "--column", "visit")
    assert (end.status, end.out) == (0, f"out.{kind}: 1 rows, 1 valid, 0 invalid.\n")


def test_a_row_that_is_the_record_has_the_names_that_pydantic_reads(cli: Cli, folder: Path) -> None:
    (folder / "shops.py").write_text(SHOPS)
    as_written = {"SKU": "a", "count": 2, "setting": 0, "isMany": True}
    write(folder / "whole.jsonl", [as_written, {"sku": "a", "howMany": 2}])
    end = cli("validate", "whole.jsonl", "-t", "shops.py:Line")
    assert end.out.startswith("whole.jsonl: 2 rows, 1 valid, 1 invalid.")
    write(folder / "cell.jsonl", [{"line": as_written}, {"line": {**as_written, "count": "x"}}])
    end = cli("validate", "cell.jsonl", "-t", "shops.py:Line", "--column", "line")
    assert end.out.splitlines()[0] == "cell.jsonl: 2 rows, 1 valid, 1 invalid."
    assert "/count: Input should be a valid integer" in end.out


def test_a_record_that_is_json_text_in_its_column_is_read(cli: Cli, folder: Path) -> None:
    rows = [{"order": json.dumps(GOOD)}, {"order": GOOD}, {"order": "no JSON"}, {"order": None}]
    write(folder / "texts.jsonl", rows)
    end = order(cli, "texts.jsonl", "--column", "order", "--quarantine", "bad.jsonl")
    assert end.out.startswith("texts.jsonl: 4 rows, 2 valid, 2 invalid.")
    assert [line["input"] for line in read(folder / "bad.jsonl")] == rows[2:]


def test_verbatim_values_are_looked_for_in_the_text(cli: Cli, folder: Path) -> None:
    write(folder / "people.jsonl", [{"name": "Ada", "body": "Ada."}, {"name": "Ada", "body": "Grace."}])
    end = cli("validate", "people.jsonl", "-t", "orders.py:Person", "--text", "body")
    assert end.out.splitlines() == [
        "people.jsonl: 2 rows, 1 valid, 1 invalid.",
        "         1  /name: does not stand in the text (first on line 2)",
    ]
    write(folder / "names.jsonl", [{"name": "Ada"}])
    end = cli("validate", "names.jsonl", "-t", "orders.py:Person")
    assert end.status == 0
    assert "name its column with --text" in end.err


def test_lines_that_are_no_json_are_invalid_and_blank_ones_are_no_rows(cli: Cli, folder: Path) -> None:
    good = json.dumps(GOOD).encode()
    (folder / "odd.jsonl").write_bytes(b"\xef\xbb\xbf" + good + b"\n\n{\n\xff\n[]\n" + good)
    end = order(cli, "odd.jsonl", "-o", "good.jsonl", "--quarantine", "bad.jsonl")
    assert end.out.startswith("odd.jsonl: 5 rows, 2 valid, 3 invalid.")
    assert "is no JSON" in end.out
    assert len(read(folder / "good.jsonl")) == 2
    assert [line["input"] for line in read(folder / "bad.jsonl")] == ["{", "\ufffd", "[]"]


def test_a_number_that_jsonschema_cannot_reckon_with_is_invalid(cli: Cli, folder: Path) -> None:
    (folder / "halves.json").write_text('{"properties": {"n": {"type": "number", "multipleOf": 0.5}}}')
    (folder / "odd.jsonl").write_text('{"n": 1.5}\n{"n": 1e400}\n{"n": NaN}\n{"n": 1}\n')
    end = cli("validate", "odd.jsonl", "-s", "halves.json", "-o", "good.jsonl", "--quarantine", "bad.jsonl")
    assert end.status == 1, end.err
    assert [line["index"] for line in read(folder / "bad.jsonl")] == [1, 2]
    assert "it can't be checked" in end.out


def test_a_row_of_csv_with_too_many_cells_is_invalid(cli: Cli, folder: Path) -> None:
    (folder / "odd.csv").write_text("id,day,total\n1,2026-05-03,2.5,9\n2,2026-05-03,1\n")
    end = order(cli, "odd.csv", "--quarantine", "bad.jsonl")
    assert "there are 4 cells, but 3 columns (first on line 2)" in end.out
    assert read(folder / "bad.jsonl")[0]["input"] == ["1", "2026-05-03", "2.5", "9"]


def test_a_row_of_parquet_with_a_date_that_python_has_not_is_invalid(cli: Cli, folder: Path) -> None:
    days = pa.array([1, 2**31 - 1, 2], pa.int32()).cast(pa.date32())
    table = pa.table({"id": [1, 2, 3], "day": days, "total": [1.0, 2.0, 3.0]})
    pq.write_table(table, folder / "odd.parquet")
    end = order(cli, "odd.parquet", "-o", "good.parquet", "--quarantine", "bad.jsonl")
    assert end.status == 1
    assert "its 'day' can't be read" in end.out
    assert [row["id"] for row in read(folder / "good.parquet")] == [1, 3]
    assert [line["index"] for line in read(folder / "bad.jsonl")] == [1]


def test_semicolons_and_quoted_cells_stay_as_they_are(cli: Cli, folder: Path) -> None:
    (folder / "odd.csv").write_text('id;day;total;note\n1;2026-05-03;2.5;"a; ""b"""\n2;never;1;\n')
    assert order(cli, "odd.csv", "-o", "good.csv").out.startswith("odd.csv: 2 rows, 1 valid, 1 invalid.")
    assert (folder / "good.csv").read_text() == 'id;day;total;note\n1;2026-05-03;2.5;"a; ""b"""\n'


def test_limit_and_max_errors_end_it_early(cli: Cli, folder: Path) -> None:
    assert order(cli, "in.jsonl", "--limit", "1").out == "in.jsonl: 1 rows, 1 valid, 0 invalid.\n"
    end = order(cli, "in.jsonl", "--max-errors", "1")
    assert end.status == 1
    assert end.out.splitlines()[0] == "in.jsonl: 2 rows, 1 valid, 1 invalid."
    assert "--max-errors 1" in end.out


@pytest.mark.slow
def test_standard_input_is_json_lines_and_the_summary_gives_way_to_the_rows(folder: Path) -> None:
    command = [sys.executable, "-m", "extractor", "validate", "-", "-t", "orders.py:Order", "-o", "-"]
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    end = subprocess.run(command, input=lines, capture_output=True, text=True, check=False)
    assert end.returncode == 1
    assert [json.loads(line) for line in end.stdout.splitlines()] == [ROWS[0], ROWS[2]]
    assert "-: 5 rows, 2 valid, 3 invalid." in end.stderr


@pytest.mark.crash
def test_ctrl_c_tells_what_was_found_so_far(folder: Path) -> None:
    command = [sys.executable, "-m", "extractor", "validate", "-", "-t", "orders.py:Order"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    process.stdin.write((json.dumps(GOOD) + "\n") * 10_000)  # far more than a pipe holds
    process.stdin.flush()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "0 invalid." in out
    assert "Interrupted" in out
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("in.jsonl", "-o", "in.jsonl"), "must be different files"),
        (("in.jsonl", "-o", "a.csv"), "a file like in.jsonl"),
        (("in.jsonl", "--quarantine", "bad.csv"), "JSON Lines"),
        (("missing.jsonl",), "No such file"),
        (("in.xls",), "must end in one of .csv"),
        (("in.csv", "--text", "bdy"), "no column 'bdy'"),
        (("twice.csv",), "two columns 'id'"),
    ],
)
def test_what_cannot_work_is_said(arguments: tuple[str, ...], why: str, cli: Cli, folder: Path) -> None:
    (folder / "twice.csv").write_text("id,id,day,total\n0,1,2026-05-03,2.5\n")
    end = order(cli, *arguments)
    assert end.status == 2
    assert why in end.err


# -- what a cell is


@pytest.mark.parametrize(
    ("cell", "takes", "value"),
    [
        ("", {"string", "null"}, None),
        ("", {"string"}, ""),
        ("5", {"integer"}, 5),
        ("5", {"string", "integer"}, "5"),
        ("5.0", {"number"}, 5.0),
        ("007", {"integer"}, "007"),
        ("1_0", {"integer"}, "1_0"),
        ("True", {"boolean"}, True),
        ("yes", {"boolean"}, "yes"),
        ('["a"]', {"array"}, ["a"]),
        ("[a", {"array"}, "[a"),
        ("nan", {"number"}, "nan"),
    ],
)
def test_a_cell_is_what_the_type_takes(cell: str, takes: set[str], value: Any) -> None:
    found = cell_reader(frozenset(takes))(cell)
    assert (found, type(found)) == (value, type(value))


class Order(BaseModel):
    """As ORDERS has it."""

    id: int
    day: date
    total: Decimal
    paid: bool | None = None
    tags: list[str] = []
    note: str = ""


RECORDS = st.fixed_dictionaries(
    {
        "id": st.integers(-(2**62), 2**62),
        "day": st.dates(),
        "total": st.decimals(allow_nan=False, allow_infinity=False, places=2),
    },
    optional={
        "paid": st.none() | st.booleans(),
        "tags": st.lists(st.text(max_size=3), max_size=3),
        "note": st.text(max_size=5),
    },
)


@pytest.mark.slow
@settings(max_examples=examples(40))
@given(st.lists(RECORDS, min_size=1, max_size=5))
def test_valid_records_are_valid_in_each_kind_of_file(rows: list[dict[str, Any]]) -> None:
    plain = [Order.model_validate(row).model_dump(mode="json") for row in rows]
    check = checker_of(Order)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        write(path / "a.jsonl", plain)
        write(
            path / "a.csv",
            [{n: json.dumps(v) if n == "tags" else v for n, v in row.items()} for row in plain],
        )
        schema = pa.schema(
            [
                ("id", pa.int64()),
                ("day", pa.string()),
                ("total", pa.string()),
                ("paid", pa.bool_()),
                ("tags", pa.list_(pa.string())),
                ("note", pa.string()),
            ]
        )
        pq.write_table(pa.Table.from_pylist(plain, schema), path / "a.parquet")
        for kind in KINDS:
            found = list(records_in(str(path / f"a.{kind}"), Order, Where()).rows())
            assert len(found) == len(rows)
            for each, row in zip(found, plain, strict=True):
                assert isinstance(each.data, bytes)
                assert check(each.data) == ()
                read_back = Order.model_validate_json(each.data)
                assert read_back == Order.model_validate(row)


class Line(BaseModel):
    price: Decimal
    title: str | None = None


class Node(BaseModel):
    value: int
    next: Node | None = None


class Rich(BaseModel):
    """What tables have no type for, or another one."""

    counts: dict[str, int] = {}
    lines: dict[str, Line] = {}
    pair: tuple[int, str] = (1, "a")
    point: tuple[float, float] = (1.0, 2.0)
    many: int | list[str] = 1
    perhaps: Line | None = None
    raw: bytes = b"ab"
    encoded: Base64Bytes = b"YWI="
    anything: Any = None
    node: Node = Node(value=1)
    numbers: set[int] = set()
    choice: Literal[1, 2] = 1
    span: timedelta = timedelta(days=1)
    at: datetime = datetime(2020, 1, 1, tzinfo=UTC)
    clock: time = time(1, 2)
    text: str = Field("x", alias="Text")


RICH = [
    Rich(),
    Rich(
        counts={"a": 1},
        lines={"x": Line(price=Decimal("1.5"))},
        many=["q"],
        perhaps=Line(price=Decimal(2), title="t"),
        anything={"z": [1]},
        node=Node(value=1, next=Node(value=2)),
        numbers={1, 2},
        Text="[no JSON",
    ),
    Rich(anything="a text", raw=b"", Text=""),
]
OPTIONAL = {
    "type": "object",
    "properties": {
        "a": {"type": "string"},
        "b": {"type": "object", "properties": {"c": {"type": "integer"}, "d": {"type": "string"}}},
        "e": {"type": "array", "items": {"type": "object", "properties": {"f": {"type": "number"}}}},
    },
    "required": ["a"],
    "additionalProperties": False,
}
SPARSE = [{"a": "x"}, {"a": "y", "b": {"c": 1}}, {"a": "z", "b": {}, "e": [{}, {"f": 1.5}]}]


@pytest.mark.parametrize(("record_type", "records"), [(Rich, RICH), (OPTIONAL, SPARSE)])
def test_records_of_any_type_come_out_of_a_table_as_they_went_in(
    record_type: Any, records: list[Any], tmp_path: Path
) -> None:
    array, faults = records_of(record_type).array(records)
    assert not faults
    dump, check = RecordType.of(record_type).dump, checker_of(record_type)
    plain = [dump(record) for record in records]
    pq.write_table(pa.table({"it": array}), tmp_path / "nested.parquet")
    flat = pa.Table.from_arrays(array.flatten(), [each.name for each in array.type])
    pq.write_table(flat, tmp_path / "flat.parquet")
    write(tmp_path / "nested.jsonl", [{"it": each} for each in plain])
    write(tmp_path / "nested.csv", [{"it": json.dumps(each)} for each in plain])
    for name, column in (
        ("nested.parquet", "it"),
        ("flat.parquet", None),
        ("nested.jsonl", "it"),
        ("nested.csv", "it"),
    ):
        found = list(records_in(str(tmp_path / name), record_type, Where(column)).rows())
        for each, record in zip(found, records, strict=True):
            assert isinstance(each.data, bytes)
            assert check(each.data) == (), name
            again = json.loads(each.data) if record_type is OPTIONAL else Rich.model_validate_json(each.data)
            assert again == record, name


def test_findings_are_counted_by_place_and_kind_and_stay_bounded() -> None:
    findings = FileFindings()
    for line in range(1, 3001):
        findings.add(
            line,
            [
                Problem("/lines/3/price", "no number", type="float"),
                Problem(f"/{'x' * line}", "odd", type="odd"),
            ],
        )
    assert (findings.rows, findings.invalid) == (3000, 3000)
    assert len(findings.kinds) == 1000
    lines = list(findings.lines())
    assert lines[0] == "     3,000  /lines/*/price: no number (first on line 1)"
    assert len(lines) == 21
    assert sum(int(line.split()[0].replace(",", "")) for line in lines) == 6000


def test_the_items_of_lists_are_one_place() -> None:
    assert any_index("/a/0/b/12") == "/a/*/b/*"
    assert any_index("/a1/2b") == "/a1/2b"
