"""A cap is never passed, whatever the requests turn out to cost."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import ConfigError, Price, Usage
from extractor.bulk.limits.budget import RunBudget, worst_cost


@pytest.mark.slow
@given(
    st.decimals(0, 10, places=3),
    st.lists(st.tuples(st.decimals(0, 3, places=3), st.floats(0, 1), st.booleans()), max_size=100),
)
def test_no_order_of_reserving_and_settling_passes_the_cap(
    cap: Decimal, requests: list[tuple[Decimal, float, bool]]
) -> None:
    budget, open_ones = RunBudget(cap), list[tuple[Decimal, Decimal]]()
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


def test_the_worst_is_each_token_at_its_price_and_needs_one() -> None:
    assert worst_cost("known", Usage(2000, 1000), priced) == Decimal("0.012")
    with pytest.raises(ConfigError, match="prices="):
        worst_cost("unknown", Usage(1, 1), priced)
