"""Whether a second model is better than the first, on the texts that it is asked about."""

from __future__ import annotations

from typing import Any

import pytest

from extractor import Extractor, Run
from extractor.evaluation import evaluate_escalation
from extractor.testing import ChatServer
from tests.escalating.test_escalating import TOWNS, Visit, large, small, text_of

COUNT = 20


def cases(town: int = 0) -> list[dict[str, Any]]:
    right = [{"town": TOWNS[(i + town) % 4], "guests": i, "code": None} for i in range(COUNT)]
    return [{"text": text_of(i), "record": record} for i, record in enumerate(right)]


def gain(model: Any, gold: list[dict[str, Any]], below: float = 0.6) -> Any:
    with ChatServer(small) as first, ChatServer(model) as other:
        second = Extractor("large", base_url=other.base_url)
        with second, Extractor("small", base_url=first.base_url, escalate=second, below=below) as ex:
            return evaluate_escalation(ex, Visit, gold, run=Run(journal=False))


@pytest.mark.slow
def test_a_better_second_model_gains_on_the_texts_with_doubtful_values() -> None:
    found = gain(large, cases())
    assert (found.model, found.texts, found.escalated, found.requests) == ("large", COUNT, 10, 10)
    assert (found.before.value, found.after.value) == (0.5, 1.0)  # the town is wrong, the guests are right
    assert found.is_better
    assert str(found) == (
        "10 of 20 texts have doubtful values; there large is better: value F1 50.0% before, 100.0% after, "
        "difference +50.0% (+50.0% to +50.0%)"
    )


@pytest.mark.slow
def test_a_second_model_that_says_the_same_is_no_better() -> None:
    found = gain(small, cases())
    assert (found.gain.value, found.is_better) == (0.0, False)
    assert "large is not better beyond chance" in str(found)


@pytest.mark.slow
def test_where_nothing_is_doubtful_nothing_is_told() -> None:
    found = gain(large, cases(), below=0.1)
    assert (found.escalated, found.requests, found.is_better) == (0, 0, False)
    assert str(found) == "no doubtful values in 20 texts, so nothing tells of a second model"
