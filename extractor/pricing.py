"""What tokens cost: by the caller's own prices, else by the package genai-prices where it is installed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .dialogue.policy import dollars
from .keywords import names_wrong_keywords
from .messages import Usage

MILLION = Decimal(1_000_000)
EMBEDDED = "local"
# Of tokens that are put into the cache, as a share of the price of input. Source:
# https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing, for five minutes.
CACHE_WRITE = Decimal("1.25")


@names_wrong_keywords({"prompt": "input", "completion": "output"})
@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a million tokens.

    - cached_input: for cached tokens; None if they cost as much as others.
    - cache_write: for tokens that are written to the cache; None for 1.25 times `input`, as at Anthropic.

    Raises ConfigError for an invalid price.
    """

    input: Decimal | float
    output: Decimal | float
    cached_input: Decimal | float | None = None
    cache_write: Decimal | float | None = None

    def __post_init__(self) -> None:
        for name in ("input", "output", "cached_input", "cache_write"):
            price = getattr(self, name)
            if price is not None or name in ("input", "output"):
                dollars(f"Price({name}=...)", price, least=Decimal(0))

    def __call__(self, usage: Usage) -> Decimal:
        """Return the cost of a usage in US dollars."""
        usual = Decimal(str(self.input))
        cached = usual if self.cached_input is None else Decimal(str(self.cached_input))
        write = usual * CACHE_WRITE if self.cache_write is None else Decimal(str(self.cache_write))
        plain = usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens
        tokens = (
            (plain, usual),
            (usage.cached_tokens, cached),
            (usage.cache_write_tokens, write),
            (usage.completion_tokens, Decimal(str(self.output))),
        )
        return sum((count * price for count, price in tokens), Decimal(0)) / MILLION


def pricer(provider: str, asked: str, prices: Mapping[str, Price]) -> Callable[[str, Usage], Decimal | None]:
    """Return what tells the cost of a usage of a model, in US dollars; None if no price is known.

    asked: the model's name in the request; replies often name a dated version of it. prices: the
    caller's own, by model; they come before those of genai-prices. The embedded model costs nothing, since
    nobody bills its tokens.
    """

    def price(model: str, usage: Usage) -> Decimal | None:
        own = prices.get(model) or prices.get(asked)
        if own is not None:
            return own(_within_prompt(usage))
        if provider == EMBEDDED:
            return Decimal(0)
        return _public_price(provider, model, usage) or _public_price(provider, asked, usage)

    return price


def no_price(model: str) -> str:
    """Return what to do where the price of a model is needed, and not known."""
    lacks = ", or install genai-prices" if _genai_prices() is None else "; genai-prices has none for it there"
    return (
        f"give prices={{{model!r}: Price(input=..., output=...)}}, in the shell --price INPUT,OUTPUT, in US "
        f"dollars for a million tokens{lacks}"
    )


def _public_price(provider: str, model: str, usage: Usage) -> Decimal | None:
    if not _is_listed(provider, model):
        return None
    return _listed_price(provider, model, _within_prompt(usage))


def _within_prompt(usage: Usage) -> Usage:
    """Return a usage whose cached tokens are no more than the prompt's, whatever a server counted."""
    written = min(usage.cache_write_tokens, usage.prompt_tokens)
    cached = min(usage.cached_tokens, usage.prompt_tokens - written)
    return replace(usage, cached_tokens=cached, cache_write_tokens=written)


@lru_cache(maxsize=256)
def public_window(provider: str, model: str) -> int:
    """Return a model's context window in tokens, as genai-prices has it; 0 if it is not known."""
    if not _is_listed(provider, model):
        return 0
    from genai_prices.data_snapshot import get_snapshot

    return get_snapshot().find_provider_model(model, None, provider, None)[1].context_window or 0


@lru_cache(maxsize=1024)
def _is_listed(provider: str, model: str) -> bool:
    """Whether genai-prices knows the model: it remembers what it finds, but not what it does not find."""
    if _genai_prices() is None or provider in (EMBEDDED, "compatible"):
        return False
    try:
        _listed_price(provider, model, Usage(1, 1))
    except (LookupError, ValueError):
        return False
    return True


def _listed_price(provider: str, model: str, usage: Usage) -> Decimal:
    package = _genai_prices()
    counts = package.Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    return Decimal(package.calc_price(counts, model_ref=model, provider_id=provider).total_price)


@lru_cache(maxsize=1)
def _genai_prices() -> Any:
    try:
        import genai_prices
    except ImportError:
        return None
    return genai_prices
