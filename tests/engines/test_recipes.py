"""Engines for which the page has a recipe."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.engines.page import run_examples


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning:dask")
@pytest.mark.parametrize("engine", ["Dask", "Daft"])
def test_the_recipe_of_the_page_gives_each_row_its_record(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(engine.lower())
    monkeypatch.chdir(tmp_path)
    run_examples(engine)
    rows = sorted(pq.read_table("tickets").to_pylist(), key=lambda row: row["id"])
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert [row["ticket"] and sorted(row["ticket"]) for row in rows] == [
        ["product", "urgent"],
        None,
        ["product", "urgent"],
    ]
