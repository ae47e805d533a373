"""What a run will come to, told before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from ..messages import JSON, Usage
from ..packing import Packer

BYTES_A_TOKEN = 4  # of UTF-8, in prompts: the usual measure where the model's tokenizer is not at hand
ITEMS = 3  # assumed in a list
TEXT_TOKENS = 12  # assumed in a string without a bound
DEEPEST = 12

PriceOf: TypeAlias = Callable[[Usage], Decimal | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate of a run. Nothing was sent for it.

    - rows: how many the input has.
    - empty: rows without text, which send no request.
    - bad: rows that are invalid.
    - distinct: different texts. Identical rows share an answer.
    - in_journal: texts whose first answer is in the journal.
    - requests: how many are needed for the others.
    - prompt_tokens, completion_tokens: of these requests, without repairs.
    - cost: US dollars; None if no price is known, and then `why_no_cost` says why.
    - assumption: how the completion tokens were estimated.
    - parts: how many requests each text needs.
    """

    rows: int
    empty: int
    bad: int
    distinct: int
    in_journal: int
    requests: int
    prompt_tokens: int
    completion_tokens: int
    cost: Decimal | None
    why_no_cost: str | None
    assumption: str
    parts: int = 1

    def __str__(self) -> str:
        price = f"about ${self.cost:.4f}" if self.cost is not None else f"cost unknown: {self.why_no_cost}"
        bad = f", {self.bad:,} invalid" if self.bad else ""
        split = f" ({self.parts} for each text)" if self.parts > 1 else ""
        return (
            f"{self.rows:,} rows: {self.empty:,} without text{bad}; {self.distinct:,} different texts, "
            f"{self.in_journal:,} of them with an answer in the journal. To send: "
            f"{self.requests:,} requests{split}, {self.prompt_tokens:,} prompt tokens and "
            f"{self.completion_tokens:,} completion tokens, {price}. ({self.assumption}.)"
        )


class Asked(NamedTuple):
    """A row's request: bytes of its body, were it asked alone. together: the journal's key for its answer
    out of a pack, None for a row that shares no request; there it has so many characters and bytes.
    first: whether it is the text's first one, and asks not for a further part of its record.
    earlier: the journal's keys for its answers in modes that were tried first before.
    """

    size: int
    together: bytes | None = None
    characters: int = 0
    line: int = 0
    earlier: tuple[bytes, ...] = ()
    first: bool = True


class Learned(NamedTuple):
    """What answers of the journal tell. answer: completion tokens of one. prompt: how many times the tokens
    that a body's size tells its prompt has. assumption: what they rest on.
    """

    answer: float
    prompt: float
    assumption: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows, counted: `asked` has each different request, by its key."""

    rows: int
    empty: int
    bad: int
    asked: Mapping[bytes, Asked]


@dataclass(frozen=True, slots=True)
class PackEstimate:
    """How rows share requests. most: rows of one. rest: bytes of a request for so many, the texts apart."""

    most: int
    rest: Callable[[int], int]

    def sizes(self, rows: Iterable[Asked]) -> Iterator[int]:
        """Yield the bytes of each request."""
        packer: Packer[Asked] = Packer(self.most)
        for row in rows:
            if row.together is None:
                yield row.size
            else:
                yield from map(self._size, packer.add(row, row.characters))
        yield from map(self._size, packer.rest())

    def _size(self, pack: Sequence[Asked]) -> int:
        if len(pack) == 1:
            return pack[0].size
        return self.rest(len(pack)) + sum(row.line for row in pack)


def estimate(
    counted: Counted,
    paid: Container[bytes],
    learned: Learned,
    price: PriceOf,
    model: str,
    together: PackEstimate,
) -> Estimate:
    """Return the estimate. paid: keys of requests whose answers the journal has."""
    left = [
        row
        for key, row in counted.asked.items()
        if not any(each in paid for each in (key, row.together, *row.earlier))
    ]
    texts = sum(row.first for row in counted.asked.values())
    to_send = [*together.sizes(left)]
    prompt = sum(map(prompt_tokens, to_send))
    usage = Usage(round(prompt * learned.prompt), round(learned.answer * len(left)))
    cost = price(usage)
    return Estimate(
        counted.rows,
        counted.empty,
        counted.bad,
        texts,
        texts - sum(row.first for row in left),
        len(to_send),
        usage.prompt_tokens,
        usage.completion_tokens,
        cost,
        None if cost is not None else no_price(model),
        learned.assumption,
    )


def prompt_tokens(size: int) -> int:
    """Return the tokens of a request's body of `size` bytes, about."""
    return -(-size // BYTES_A_TOKEN)


def no_price(model: str) -> str:
    """Return why there is no cost."""
    return (
        f"the price of {model!r} is not known; give the client prices={{{model!r}: Price(input=..., "
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
