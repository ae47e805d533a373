"""What tokens cost."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extractor import Extractor, Price, Usage
from extractor.pricing import pricer
from extractor.testing import ChatServer, reply

USAGE = Usage(
    prompt_tokens=1_000_000, completion_tokens=100_000, cached_tokens=400_000, reasoning_tokens=50_000
)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        (Price(input=1, output=10), "2"),
        (Price(input=1, output=10, cached_input=0.5), "1.8"),
        (Price(input=Decimal("0.1"), output=0, cached_input=0), "0.06"),
    ],
)
def test_cached_tokens_cost_less_and_reasoning_tokens_are_output(price: Price, cost: str) -> None:
    assert price(USAGE) == Decimal(cost)


def test_the_callers_own_price_comes_first_also_for_a_dated_name_of_the_model() -> None:
    price = pricer("openai", "gpt-5-mini", {"gpt-5-mini": Price(1, 10)})
    assert price("gpt-5-mini-2025-08-07", USAGE) == 2


def test_public_prices_are_looked_up_by_provider_and_model() -> None:
    price = pricer("openai", "gpt-5-mini", {})
    known = price("gpt-5-mini", USAGE)
    assert known is not None
    assert known == price("gpt-5-mini-of-another-date", USAGE)  # by the name that was asked for
    assert 0 < known < price("gpt-5-mini", Usage(2_000_000, 200_000))  # type: ignore[operator]


@pytest.mark.parametrize(
    ("provider", "model"), [("openai", "no-such-model"), ("ollama", "qwen3:8b"), ("compatible", "m")]
)
def test_an_unknown_price_is_none(provider: str, model: str) -> None:
    assert pricer(provider, model, {})(model, USAGE) is None


def test_the_embedded_model_costs_nothing_unless_the_caller_gives_it_a_price() -> None:
    assert pricer("local", "smollm2", {})("smollm2", USAGE) == 0
    assert pricer("local", "smollm2", {"smollm2": Price(1, 10)})("smollm2", USAGE) == 2


def test_a_call_tells_its_cost() -> None:
    with (
        ChatServer(reply("1", usage=USAGE)) as server,
        Extractor("openai:gpt-5-mini", base_url=server.base_url, api_key="any") as ex,
    ):
        cost = ex.run(int, "one").cost
    assert cost is not None
    assert cost > 0
