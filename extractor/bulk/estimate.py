"""The estimate of a run, before anything is sent. Pure."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from ..messages import JSON, Usage
from ..packing import Packer
from ..pricing import no_price
from ..results import Extraction

BYTES_A_TOKEN = 4  # of UTF-8, in prompts: the usual measure where the model's tokenizer is not at hand
ITEMS = 3  # assumed in a list
TEXT_TOKENS = 12  # assumed in a string without a bound
DEEPEST = 12
SHOWN = 10  # invalid rows that are named in words
ENOUGH = 20  # answers to learn from
NAMED = 100  # that an estimate names

PriceOf: TypeAlias = Callable[[Usage], Decimal | None]


@dataclass(frozen=True, slots=True, repr=False)
class Estimate:
    """An estimate of a run. Nothing was sent for it.

    - rows: how many the input has. Each counts once: rows = earlier + answered + to_ask + empty + bad.
    - earlier: rows that the output or its quarantine already has; held: those of them in the quarantine.
    - answered: rows whose answers come from the journal; to_ask: rows that the model is asked about.
    - empty: rows without text, which send no request.
    - bad: rows that are invalid; invalid: which ones and why, the first hundred of them.
    - distinct: different texts. Identical rows share an answer.
    - in_journal: texts whose first answer is in the journal.
    - again: texts that are asked again, since their answers in the journal gave no record.
    - requests: how many are needed for the others.
    - prompt_tokens, completion_tokens: of these requests, without repairs.
    - cost: US dollars; None if no price is known, and then `why_no_cost` says why.
    - assumption: how the completion tokens were estimated.
    - parts: how many requests each text needs.
    - second_requests, second_cost: the most that goes to the model of `escalate=`, in requests and US dollars
      beside `cost`; second: the same in words, and what it rests on. The requests are counted in full.
    - second_alone: US dollars if that model alone were asked about all these texts.
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
    earlier: int = 0
    held: int = 0
    answered: int = 0
    to_ask: int = 0
    again: int = 0
    invalid: tuple[str, ...] = ()
    second_requests: int = 0
    second_cost: Decimal | None = None
    second_alone: Decimal | None = None
    second: str = ""

    @property
    def sum(self) -> str:
        """The sum in which each row counts once, such as "4 rows = 3 to ask + 1 without text"."""
        held = f" ({self.held:,} of them in the quarantine)" if self.held else ""
        parts = {
            f"done before{held}": self.earlier,
            "from the journal": self.answered,
            "to ask": self.to_ask,
            "without text": self.empty,
            "invalid": self.bad,
        }
        told = " + ".join(f"{count:,} {name}" for name, count in parts.items() if count) or "0"
        return f"{self.rows:,} rows = {told}"

    def __repr__(self) -> str:
        price = "cost unknown" if self.cost is None else f"about ${self.cost:.4f}"
        second = f", at most {self.second_requests:,} more to a second model" if self.second_requests else ""
        tokens = self.prompt_tokens + self.completion_tokens
        requests = f"{self.requests:,} request{'' if self.requests == 1 else 's'}"
        return f"Estimate({self.sum}, {requests}{second}, {tokens:,} tokens, {price})"

    def __str__(self) -> str:
        price = f"about ${self.cost:.4f}" if self.cost is not None else f"cost unknown: {self.why_no_cost}"
        bad = f", {self.bad:,} invalid" if self.bad else ""
        split = f" ({self.parts} for each text)" if self.parts > 1 else ""
        again = f", {self.again:,} to ask again, since theirs gave no record" if self.again else ""
        told = (
            f"{self.rows:,} rows: {self.empty:,} without text{bad}; {self.distinct:,} different texts, "
            f"{self.in_journal:,} of them with an answer in the journal{again}. To send: "
            f"{self.requests:,} requests{split}, {self.prompt_tokens:,} prompt tokens and "
            f"{self.completion_tokens:,} completion tokens, {price}. ({self.assumption}.)"
        )
        shown = [f"  {each}" for each in self.invalid[:SHOWN]]
        more = [f"  and {self.bad - SHOWN:,} more"] if self.bad > SHOWN else []
        second = [f"Second model: {self.second}."] if self.second else []
        return "\n".join([told, f"{self.sum}.", *second, *shown, *more])


class Asked(NamedTuple):
    """A row's request: bytes of its body, were it asked alone. together: the journal's key for its answer
    out of a pack, None for a row that shares no request; there it has so many characters and bytes.
    first: whether it is the text's first one, and asks not for a further part of its record.
    earlier: the journal's keys for its answers in modes that were tried first before.
    again: whether it is asked whatever the journal has, which gave no record.
    """

    size: int
    together: bytes | None = None
    characters: int = 0
    line: int = 0
    earlier: tuple[bytes, ...] = ()
    first: bool = True
    again: bool = False


class Learned(NamedTuple):
    """What answers of the journal tell. answer: completion tokens of one. prompt: how many times the tokens
    that a body's size tells its prompt has. assumption: what they rest on.
    """

    answer: float
    prompt: float
    assumption: str


@dataclass(frozen=True, slots=True)
class Counted:
    """Rows, counted. invalid: the first of the bad ones, and why they are. asked: each different request, by
    its key. texts: how many rows have the text that is asked of by such requests. seen: answers of the
    journal that were judged; doubtful: how many of them have values for a second model.
    """

    rows: int
    empty: int
    bad: int
    invalid: tuple[str, ...]
    asked: Mapping[bytes, Asked]
    texts: Mapping[tuple[bytes, ...], int]
    seen: int = 0
    doubtful: int = 0


@dataclass(frozen=True, slots=True)
class SecondModel:
    """A model that doubtful values are put to. is_asked: whether a first answer has such values."""

    name: str
    price: PriceOf
    is_asked: Callable[[Extraction[Any]], bool]


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
    left = {
        key: row
        for key, row in counted.asked.items()
        if row.again or not any(each in paid for each in (key, row.together, *row.earlier))
    }
    answered = sum(rows for keys, rows in counted.texts.items() if not any(key in left for key in keys))
    texts = sum(row.first for row in counted.asked.values())
    to_send = [*together.sizes(left.values())]
    prompt = sum(map(prompt_tokens, to_send))
    usage = Usage(round(prompt * learned.prompt), round(learned.answer * len(left)))
    cost = price(usage)
    return Estimate(
        counted.rows,
        counted.empty,
        counted.bad,
        texts,
        texts - sum(row.first and not row.again for row in left.values()),
        len(to_send),
        usage.prompt_tokens,
        usage.completion_tokens,
        cost,
        None if cost is not None else _why_no_cost(model),
        learned.assumption,
        answered=answered,
        to_ask=counted.rows - counted.empty - counted.bad - answered,
        again=sum(row.first and row.again for row in left.values()),
        invalid=counted.invalid,
    )


def with_second(first: Estimate, counted: Counted, learned: Learned, second: SecondModel) -> Estimate:
    """Return an estimate with what a second model may cost, which is shown each text with doubtful values.

    The share of these is that of the journal's answers. Before there are enough of them, it may be all.
    """
    share = counted.doubtful / counted.seen if counted.seen >= ENOUGH else 1.0
    sizes = [row.size for row in counted.asked.values() if row.first]
    number = round(share * len(sizes))
    prompt = sum(map(prompt_tokens, sizes)) * learned.prompt / max(1, len(sizes))
    cost = second.price(Usage(round(prompt * number), round(learned.answer * number)))
    alone = second.price(Usage(round(prompt * len(sizes)), round(learned.answer * len(sizes))))
    price = _why_no_cost(second.name)
    if cost is not None and alone is not None:
        price = f"about ${cost:.4f} more; {second.name} alone, asked for all of them, about ${alone:.4f}"
    if counted.seen >= ENOUGH:
        told = f"of {counted.seen:,} answers in the journal {counted.doubtful:,} are doubtful"
        says = f"{told}: up to {number:,} requests to {second.name}, {price}"
    else:
        says = (
            f"how many answers are doubtful is not known before {ENOUGH} are in the journal: at most "
            f"{number:,} requests to {second.name}, {price}"
        )
    return replace(first, second_requests=number, second_cost=cost, second_alone=alone, second=says)


def prompt_tokens(size: int) -> int:
    """Return the tokens of a request's body of `size` bytes, about."""
    return -(-size // BYTES_A_TOKEN)


def _why_no_cost(model: str) -> str:
    return f"the price of {model!r} is not known; {no_price(model)}"


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
