"""Schemas, records and texts that once took minutes: each is done, or refused by name, within its bound."""

from __future__ import annotations

from typing import Any

import pytest

from extractor.errors import SchemaError
from extractor.schema.types.documents.library import load

from .conftest import Bounded
from .growing import CASES


def worked(name: str) -> str:
    case = CASES[name]
    return repr(case.make(4 * case.n)())[:200]


@pytest.mark.parametrize("name", CASES)
def test_work_ends_within_its_bound(name: str, bounded: Bounded) -> None:
    outcome = bounded(worked, name, seconds=30, megabytes=1000)
    assert not outcome.error or outcome.error.startswith("SchemaError"), outcome


def test_a_schema_that_unfolds_to_endlessly_many_values_is_refused() -> None:
    wide: dict[str, Any] = {}
    for _ in range(40):
        wide = {"anyOf": [wide, wide]}
    with pytest.raises(SchemaError, match="2,000,000 values large"):
        load(wide)
