"""Record types that workers import by name."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, NaiveDatetime


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
