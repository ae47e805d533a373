"""Records as Arrow columns: what each type becomes, and that no value is lost on the way through Parquet."""

from __future__ import annotations

import io
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, RootModel, TypeAdapter, computed_field
from typing_extensions import TypedDict

from extractor.schema.outline import snake_case
from tests.record_types import records_of
from tests.schema.corpus import CASES, Case
from tests.schema.test_random_types import TYPES, Typed
from tests.selecting import examples


class Currency(Enum):
    EUR = "EUR"
    CHF = "CHF"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Line(BaseModel):
    what: str
    price: Decimal = Field(max_digits=10, decimal_places=2)


class Point(NamedTuple):
    x: int
    y: float


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Option(TypedDict, total=False):
    key: str
    size: int


@dataclass
class Place:
    town: str
    code: int | None = None


class Nothing(BaseModel):
    pass


class Twins(BaseModel):
    name: str
    Name: str


class Aliased(BaseModel):
    net_price: float = Field(alias="netPrice")

    @computed_field
    def gross(self) -> float:
        return 1.2 * self.net_price


TEXT, INT = pa.string(), pa.int64()


@pytest.mark.parametrize(
    ("record_type", "expected"),
    [
        (int, INT),
        (Annotated[int, Field(ge=0)], INT),
        (float, pa.float64()),
        (int | float, pa.float64()),
        (bool, pa.bool_()),
        (None, TEXT),
        (UUID, TEXT),
        (Decimal, TEXT),
        (Annotated[Decimal, Field(max_digits=10, decimal_places=2)], pa.decimal128(10, 2)),
        (Annotated[Decimal, Field(decimal_places=2)], pa.decimal128(38, 2)),
        (Annotated[Decimal, Field(max_digits=60, decimal_places=2)], TEXT),
        (datetime, pa.timestamp("us", "UTC")),
        (NaiveDatetime, pa.timestamp("us")),
        (date, pa.date32()),
        (time, pa.time64("us")),
        (timedelta, pa.duration("us")),
        (bytes, pa.binary()),
        (Path, TEXT),
        (Currency, TEXT),
        (Rank, INT),
        (Literal["a", "b"], TEXT),
        (Literal[1, "b"], TEXT),
        (int | None, INT),
        (int | str, TEXT),
        (UUID | str, TEXT),
        (Any, TEXT),
        (list[int], pa.list_(INT)),
        (set[date], pa.list_(pa.date32())),
        (tuple[int, ...], pa.list_(INT)),
        (tuple[int, int], pa.list_(INT)),
        (tuple[int, str], pa.struct([("f0", INT), ("f1", TEXT)])),
        (Point, pa.struct([("f0", INT), ("f1", pa.float64())])),
        (dict[str, int], pa.map_(TEXT, INT)),
        (dict[int, Line], pa.map_(TEXT, pa.struct([("what", TEXT), ("price", pa.decimal128(10, 2))]))),
        (dict[str, Any], TEXT),
        (list[Any], TEXT),
        (Line | Point, TEXT),
        (RootModel[list[int]], pa.list_(INT)),
        (Option, pa.struct([("key", TEXT), ("size", INT)])),
        (Place, pa.struct([("town", TEXT), ("code", INT)])),
        (Open, pa.struct([("a", INT), ("extra", TEXT)])),
        (Tree, pa.struct([("value", INT), ("children", pa.list_(TEXT))])),
        (Nothing, TEXT),
        (Twins, TEXT),
        (Aliased, pa.struct([("netPrice", pa.float64()), ("gross", pa.float64())])),
    ],
)
def test_a_record_type_has_an_arrow_type(record_type: Any, expected: pa.DataType) -> None:
    assert records_of(record_type).type == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"type": "string", "format": "date-time"}, pa.timestamp("us", "UTC")),
        ({"type": "string", "format": "date"}, pa.date32()),
        ({"type": "string", "format": "time"}, TEXT),
        ({"type": ["integer", "null"]}, INT),
        ({"type": ["integer", "string"]}, TEXT),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#/$defs/b"}},
                "$defs": {"b": {"type": "integer"}},
            },
            pa.struct([("a", INT)]),
        ),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, pa.struct([("a", TEXT)])),
        ({"type": "object", "properties": {"a": {"$ref": "urn:a"}}}, pa.struct([("a", TEXT)])),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, pa.map_(TEXT, pa.bool_())),
        ({}, TEXT),
        ({"not": {}}, TEXT),
    ],
)
def test_a_json_schema_has_an_arrow_type(document: Any, expected: pa.DataType) -> None:
    assert records_of(document).type == expected


@pytest.mark.slow
def test_a_type_that_refers_to_itself_in_many_ways_stays_small() -> None:
    names = [f"d{i}" for i in range(30)]
    defs = {n: {"type": "object", "properties": {m: {"$ref": f"#/$defs/{m}"} for m in names}} for n in names}
    kind = records_of({"$defs": defs, "$ref": "#/$defs/d0"}).type
    assert isinstance(kind, pa.StructType)
    assert len(str(kind)) < 1_000_000


@pytest.mark.parametrize(
    ("record_type", "record", "why"),
    [
        (int, 2**63, "too large"),
        (int | float, 2**53 + 1, "no 64-bit float"),
        (Annotated[Decimal, Field(decimal_places=2)], Decimal("1E+40"), ""),
    ],
)
def test_a_value_that_no_column_holds_is_a_fault_of_its_record_alone(
    record_type: Any, record: Any, why: str
) -> None:
    array, faults = records_of(record_type).array([1, record, None, 2])
    assert [value is None for value in array.to_pylist()] == [False, True, True, False]
    assert list(faults) == [1]
    assert why in faults[1]


# -- no value is lost


def through_parquet(array: pa.Array) -> list[Any]:
    file = io.BytesIO()
    pq.write_table(pa.table({"record": array}), file)
    return pq.read_table(file).column("record").to_pylist(maps_as_pydicts="strict")


def through_duckdb(array: pa.Array) -> list[Any]:
    found = pa.table({"record": array})  # noqa: F841  (DuckDB finds it by its name)
    return duckdb.sql("from found").to_arrow_table().column("record").to_pylist(maps_as_pydicts="strict")


def through_polars(array: pa.Array) -> list[Any]:
    frame = pl.from_arrow(pa.table({"record": array}))
    return frame.to_arrow().column("record").to_pylist(maps_as_pydicts="strict")


def same(cell: Any, view: Any) -> bool:
    """Whether a cell says what the JSON view of a record says."""
    match cell, view:
        case dict(), dict():
            return same_members(cell, view)
        case dict(), list():
            return len(cell) == len(view) and all(map(same, cell.values(), view))
        case list(), list():
            return len(cell) == len(view) and all(map(same, cell, view))
        case datetime(), str():
            return (
                cell.astimezone(UTC) == instant(view)
                if cell.tzinfo
                else str(cell) == str(instant(view, None))
            )
        case date(), str():
            return cell == date.fromisoformat(view)
        case time(), str():
            found = instant(f"2000-01-02T{view}").astimezone(UTC)
            return cell == found.time()
        case pa.MonthDayNano(), str():  # how DuckDB gives back a span of time
            days_and_more = timedelta(days=cell.days, microseconds=cell.nanoseconds // 1000)
            return cell.months == 0 and same(days_and_more, view)
        case timedelta(), str():
            return cell == TypeAdapter(timedelta).validate_python(view)
        case Decimal(), str():
            return cell == Decimal(view)
        case bytes(), str():
            return urlsafe_b64encode(cell).decode() == view.replace("+", "-").replace("/", "_")
        case str(), str():
            return cell == view or json.loads(cell) == view
        case str(), _:
            return nearly(json.loads(cell), view)
    return nearly(cell, view)


def same_members(cell: dict[str, Any], view: dict[str, Any]) -> bool:
    """What is absent in the view is null in the cell; what has no column stands in `extra`."""
    if not view.keys() <= cell.keys():
        extra = json.loads(cell.pop("extra"))
        return {k: v for k, v in view.items() if k not in cell} == extra and same_members(
            cell, {k: v for k, v in view.items() if k in cell}
        )
    return all(same(cell[k], view[k]) if k in view else cell[k] is None for k in cell)


def instant(text: str, zone: tzinfo | None = UTC) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=zone)


def nearly(a: Any, b: Any) -> bool:
    names = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}
    return a == b or repr(a) == repr(b) or a == names.get(repr(b))


NO_COLUMN = {  # values that are faults of their records, and why
    "int": "too large",
    "exclusive int": "too large",
    "dict by frozenset": "not valid as object key",
}


@pytest.mark.filterwarnings("ignore:.*ReadOnly")
@pytest.mark.parametrize("way", [through_parquet, through_duckdb, through_polars])
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_value_of_the_corpus_survives(case: Case, way: Callable[[pa.Array], list[Any]]) -> None:
    records = records_of(case.record_type)
    array, faults = records.array(case.values)
    assert all(NO_COLUMN.get(case.name, "no fault is known") in fault for fault in faults.values())
    assert len(faults) < len(case.values) or case.name == "dict by frozenset"
    for i, (value, cell) in enumerate(zip(case.values, way(array), strict=True)):
        if i not in faults and value is not None:
            view = records.dump(value)
            assert same(cell, view), (records.type, cell, view)


@pytest.mark.slow
@settings(max_examples=examples(60), derandomize=True, suppress_health_check=list(HealthCheck))
@given(TYPES, st.data())
def test_a_random_value_of_a_random_type_survives_or_is_a_fault(typed: Typed, data: st.DataObject) -> None:
    record_type, strategy = typed
    values = data.draw(st.lists(strategy, max_size=3))
    records = records_of(record_type)
    array, faults = records.array(values)
    for i, (value, cell) in enumerate(zip(values, through_parquet(array), strict=True)):
        if i in faults or value is None:
            assert cell is None
        else:
            assert same(cell, records.dump(value))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Invoice", "invoice"),
        ("JobAd", "job_ad"),
        ("HTTPLog", "http_log"),
        ("list[Tag]", "list_tag"),
        ("", "record"),
    ],
)
def test_a_column_is_named_after_its_type(name: str, column: str) -> None:
    assert snake_case(name) == column
