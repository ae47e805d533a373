"""What a run will come to, told before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from ..messages import JSON, Usage

BYTES_A_TOKEN = 4  # of UTF-8, in prompts: the usual measure where the model's tokenizer is not at hand
ITEMS = 3  # assumed in a list
TEXT_TOKENS = 12  # assumed in a string without a bound
DEEPEST = 12

PriceOf: TypeAlias = Callable[[Usage], Decimal | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will come to. Nothing was sent for it.

    rows: of the input. empty: those with no text, of which nothing is asked. bad: those that can't be
    asked of. distinct: different requests; rows that are alike share one. in_journal: those of them
    whose first answer is paid for already. prompt_tokens, completion_tokens: of the others, without
    repairs. cost: US dollars for these; None where no price is known, and then `why_no_cost` says why.
    assumption: what the completion tokens rest on.
    """

    rows: int
    empty: int
    bad: int
    distinct: int
    in_journal: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    why_no_cost: str | None
    assumption: str

    def __str__(self) -> str:
        price = f"about ${self.cost:.4f}" if self.cost is not None else f"cost unknown: {self.why_no_cost}"
        bad = f", {self.bad:,} that can't be asked of" if self.bad else ""
        return (
            f"{self.rows:,} rows: {self.empty:,} without text{bad}; {self.distinct:,} different requests, "
            f"{self.in_journal:,} of them answered in the journal. To send: {self.prompt_tokens:,} prompt "
            f"tokens and {self.completion_tokens:,} completion tokens, {price}. ({self.assumption}.)"
        )


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows, counted: `sizes` has the bytes of each different request, by its key."""

    rows: int
    empty: int
    bad: int
    sizes: Mapping[bytes, int]


def estimate(
    counted: Counted, paid: Iterable[bytes], answer: int, assumption: str, price: PriceOf, model: str
) -> Estimate:
    """Return the estimate. paid: keys of requests whose answers the journal has. answer: tokens of one."""
    in_journal = counted.sizes.keys() & {*paid}
    to_send = [size for key, size in counted.sizes.items() if key not in in_journal]
    usage = Usage(sum(map(prompt_tokens, to_send)), answer * len(to_send))
    cost = price(usage)
    return Estimate(
        counted.rows,
        counted.empty,
        counted.bad,
        len(counted.sizes),
        len(in_journal),
        usage.prompt_tokens,
        usage.completion_tokens,
        cost,
        None if cost is not None else no_price(model),
        assumption,
    )


def prompt_tokens(size: int) -> int:
    """Return the tokens of a request's body of `size` bytes, about."""
    return -(-size // BYTES_A_TOKEN)


def no_price(model: str) -> str:
    """Return why there is no cost."""
    return (
        f"no price of {model!r} is known; give the client prices={{{model!r}: Price(input=..., "
        "output=...)}, in US dollars for a million tokens, or install genai-prices"
    )


def answer_tokens(schema: JSON) -> int:
    """Return the tokens that a record of a strict schema takes, about: strings of a dozen tokens, lists
    of three items, the first choice of a union.
    """
    defs = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}

    def of(part: JSON, depth: int) -> int:
        if not isinstance(part, Mapping) or depth > DEEPEST:
            return 1
        if "$ref" in part:
            return of(defs.get(str(part["$ref"]).rpartition("/")[2]), depth + 1)
        if choices := part.get("anyOf") or part.get("oneOf"):
            return max(of(choice, depth + 1) for choice in choices[:2])
        if "enum" in part or "const" in part:
            return TEXT_TOKENS // 4
        kinds = part.get("type")
        match kinds[0] if isinstance(kinds, list) and kinds else kinds:
            case "object":
                members = part.get("properties", {})
                return 2 + sum(3 + len(name) // 4 + of(each, depth + 1) for name, each in members.items())
            case "array":
                return 2 + ITEMS * of(part.get("items"), depth + 1)
            case "string":
                return min(TEXT_TOKENS, 2 + int(part.get("maxLength", 4 * TEXT_TOKENS)) // 4)
            case "integer" | "number":
                return TEXT_TOKENS // 4
        return 1

    return of(schema, 0)
