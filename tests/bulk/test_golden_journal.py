"""A journal that an earlier state of the library wrote answers every row, and nothing is asked."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from extractor import Extractor
from tests.bulk.golden_journal import FILE, RUNS, TEXTS, URL, outcomes
from tests.loopback import Echo


@pytest.mark.parametrize(("model", "run"), [*(("m", run) for run in RUNS), ("old", "alone")])
def test_a_journal_written_before_is_read_after(tmp_path: Path, model: str, run: str) -> None:
    journal = tmp_path / "journal.sqlite"
    shutil.copy(FILE, journal)
    with Extractor(model, base_url=URL, max_retries=0) as ex:
        found = outcomes(ex, journal, run)
    assert [outcome.record for outcome in found] == [Echo.of(text) for text in TEXTS]
    assert all(outcome.from_cache for outcome in found)
