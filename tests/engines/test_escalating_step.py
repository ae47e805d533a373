"""Doubtful values of batches go to a second model, as they do in a frame."""

from __future__ import annotations

import pickle
from typing import Any

import pyarrow as pa
import pytest

from extractor import ConfigError, Extractor, Run
from extractor.confidence import Promise
from extractor.engines import ArrowStep
from extractor.testing import ChatServer
from tests.escalating.test_escalating import TOWNS, Visit, large, small, text_of

COUNT = 6
RUN = Run(journal=False)


def batch() -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"body": [text_of(i) for i in range(COUNT)]})


@pytest.mark.slow
@pytest.mark.parametrize("named", [True, False])
def test_a_worker_asks_the_second_model_about_doubtful_values(
    named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer(small) as first, ChatServer(large) as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.base_url)
        second: Any = "openai:large" if named else Extractor("large", base_url=other.base_url)
        step = ArrowStep(
            Visit, text="body", model="m", base_url=first.base_url, run=RUN, escalate=second, below=0.6
        )
        monkeypatch.setenv("OPENAI_API_KEY", "a worker's")
        sent = pickle.loads(pickle.dumps(step))
        (made,) = sent([batch()])
        assert len(other.requests) == COUNT // 2
    assert "visit_confidence" in made.schema.names
    second = [row and row[0]["choice"] for row in made["visit_escalation"].to_pylist()]
    assert second == ["second", None] * (COUNT // 2)
    assert [each["town"] for each in made["visit"].to_pylist()] == [TOWNS[i % 4] for i in range(COUNT)]


def test_the_key_of_the_second_model_is_a_workers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    step = ArrowStep(Visit, text="body", model="openai:small", escalate="anthropic:large", below=0.6)
    with pytest.raises(ConfigError, match="this worker can't start"):
        list(step([batch()]))


def test_a_promise_of_another_model_is_refused_before_a_worker_starts() -> None:
    promise = Promise(0.9, 0.95, "another", "fingerprint")
    with pytest.raises(ConfigError, match="the promise does not apply here"):
        ArrowStep(
            Visit, text="body", model="m", base_url="http://127.0.0.1:9", escalate="null", below=promise
        )
