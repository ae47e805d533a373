"""A cap is never passed, whatever the requests turn out to cost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import ConfigError, Message, Price, Usage
from extractor.batch.budget import Budget, worst_cost
from extractor.messages import Request


@given(
    st.decimals(0, 10, places=3),
    st.lists(st.tuples(st.decimals(0, 3, places=3), st.floats(0, 1), st.booleans()), max_size=100),
)
def test_no_order_of_reserving_and_settling_passes_the_cap(
    cap: Decimal, requests: list[tuple[Decimal, float, bool]]
) -> None:
    budget, open_ones = Budget(cap), list[tuple[Decimal, Decimal]]()
    for worst, share, settle_first in requests:
        if settle_first and open_ones:
            budget.settle(*open_ones.pop(0))
        if budget.reserve(worst):
            open_ones.append((worst, worst * Decimal(share)))
        assert budget.spent + budget.reserved <= cap
    for worst, cost in open_ones:
        budget.settle(worst, cost)
    assert budget.spent <= cap
    assert budget.hopeless


def priced(model: str, usage: Usage) -> Decimal | None:
    return Price(1, 10)(usage) if model == "known" else None


def test_the_worst_is_each_byte_a_token_and_the_longest_answer() -> None:
    request = Request("known", (Message("user", "?"),), {"max_tokens": 1000})
    assert worst_cost(request, 2000, priced) == Decimal("0.012")
    twice = Request("known", (), {"max_completion_tokens": 1000, "n": 2})
    assert worst_cost(twice, 0, priced) == Decimal("0.02")


def test_a_cap_needs_a_bound_on_answers_and_a_price() -> None:
    with pytest.raises(ConfigError, match="max_tokens="):
        worst_cost(Request("known", ()), 0, priced)
    with pytest.raises(ConfigError, match="prices="):
        worst_cost(Request("unknown", (), {"max_tokens": 1}), 0, priced)
