"""Record types that workers import by name, and what a local run makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Literal
from uuid import UUID

import pyarrow as pa
from pydantic import BaseModel, Field, NaiveDatetime

from extractor import Extractor, Run
from extractor.testing import ChatServer, shaped


class Unit(Enum):
    PIECE = "piece"
    HOUR = "hour"


class Line(BaseModel):
    what: str
    unit: Unit = Unit.PIECE
    price: Decimal = Field(max_digits=10, decimal_places=2)
    tags: list[str] = []


class Order(BaseModel):
    """A nested record with what engines find hard."""

    number: int
    placed: date | None
    lines: list[Line]
    notes: dict[str, int] = {}


class Every(BaseModel):
    """A member of each type that columns are made of."""

    text: str
    number: int
    share: float
    sure: bool
    price: Decimal = Field(max_digits=12, decimal_places=3)
    loose: Decimal
    at: datetime
    local: NaiveDatetime
    day: date
    hour: time
    span: timedelta
    data: bytes
    unit: Unit
    kind: Literal[1, 2]
    key: UUID
    points: list[tuple[int, str]]
    by_name: dict[str, list[float]]
    anything: Any
    either: int | str | None
    more: list[Unit] | None


EVERY = Every(
    text="two crates",
    number=7,
    share=0.25,
    sure=True,
    price=Decimal("3.125"),
    loose=Decimal("0.1"),
    at=datetime(2026, 3, 5, 10, 30, tzinfo=UTC),
    local=datetime(2026, 3, 5, 10, 30),
    day=date(2026, 3, 5),
    hour=time(10, 30),
    span=timedelta(days=1, hours=2),
    data=b"abc",
    unit=Unit.PIECE,
    kind=2,
    key=UUID("43270ffa-d196-43c7-9925-a635a2b991bf"),
    points=[(1, "a"), (2, "b")],
    by_name={"a": [0.5, 1.5]},
    anything={"a": [1, None, "x"]},
    either="b",
    more=list(Unit),
)


def orders(rows: int) -> pa.Table:
    """Return rows with a text, but for each fiftieth."""
    return pa.table({"id": range(rows), "body": [f"order {i}" if i % 50 else None for i in range(rows)]})


@cache
def enriched(rows: int) -> pa.Table:
    """Return the orders as a local run enriches them."""
    with ChatServer(shaped()) as server, Extractor("m", base_url=server.base_url) as ex:
        found: pa.Table = ex.frame(orders(rows), Order, text="body", run=Run(journal=False))
    return found
