"""A run by batches that is killed at each stage, and started again, sends nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from extractor.testing import Delivery
from tests.bulk.batch_crash import ANTHROPIC, OPENAI, Kill, killed_at_each_stage

pytestmark = pytest.mark.crash

ROWS = 1200


@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    ("model", "kills", "sent"),
    [
        ("openai:gpt-5-mini", OPENAI, {"/files": 1, "/batches": 1}),
        ("anthropic:claude-haiku-4-5", ANTHROPIC, {"/messages/batches": 1}),
    ],
)
def test_killed_at_each_stage_it_goes_on_and_uploads_nothing_twice(
    tmp_path: Path, model: str, kills: Sequence[Kill], sent: dict[str, int]
) -> None:
    slow = Delivery(split=20_000, chunk_delay=0.02)
    provider, said = killed_at_each_stage(tmp_path, ROWS, model, kills, slow, lambda line: None)
    assert len(provider.killed) == len(kills)
    assert {name: provider.done[name] for name in sent} == sent
    assert provider.done["ordinary"] == 0
    assert len(provider.sent) == provider.once == ROWS
    assert (said["done"], said["wrong"]) == (ROWS, [])
