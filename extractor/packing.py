"""Several rows in one request: how it is asked, whose answer is whose, and what is asked next. Pure.

The answer is an object with a member for each row's id, so that a server that holds the model to the
schema writes each id once. What is not so answered goes on in smaller packs, at last alone: a row never
gets what stands under another's id.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Generic, TypeVar

from .dialogue import INPUT_CUT, MAX_TOKENS, Judge, Part, Verdict, judge_record, taken_by
from .dialogue.policy import is_hopeless
from .messages import JSON, Attempt, Completion, Failure, FailureKind, Message, Outcome, StrictSchema, Usage
from .pointers import step
from .reading import Reader, begun_json, listed
from .results import Extraction
from .schema import Target, fresh, not_json, size

M = TypeVar("M")
LONGEST = 4_000  # characters of a text that still shares a request
MOST = 16_000  # characters of all texts of one request together
LONG_ANSWER = 8_192  # tokens that an answer for several rows may have, where the model's bound is not known
NOTE = "asked together with other rows"
CUT_LATER = "the reply was cut off or broken after this record"
_NO_ANSWER = (None, 401, 402, 404, 405, 407, 429)  # statuses that have nothing to do with the texts

_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(slots=True)
class Packer(Generic[M]):
    """Rows that wait until so many are there as go into one request."""

    most: int
    waiting: list[M] = field(default_factory=list)
    characters: int = 0

    def add(self, row: M, characters: int) -> Iterator[tuple[M, ...]]:
        """Take a row; yield the packs that are full."""
        if self.characters + characters > MOST:
            yield from self.rest()
        self.waiting.append(row)
        self.characters += characters
        if len(self.waiting) == self.most:
            yield from self.rest()

    def rest(self) -> Iterator[tuple[M, ...]]:
        """Yield those that wait, though they are fewer."""
        if self.waiting:
            pack = tuple(self.waiting)
            self.waiting, self.characters = [], 0
            yield pack


# -- the question


def takes(text: Any) -> bool:
    """Whether a row with this text may share a request."""
    return isinstance(text, str) and len(text) <= LONGEST


def ids(count: int) -> tuple[str, ...]:
    """Return the ids of so many rows."""
    return tuple(f"t{number}" for number in range(1, count + 1))


def shown(texts: Sequence[str]) -> str:
    """Return the texts as one: a line of JSON each, out of which no text can break."""
    lines = ({"id": name, "text": text} for name, text in zip(ids(len(texts)), texts, strict=True))
    return "\n".join(json.dumps(line, ensure_ascii=False) for line in lines)


def example(pairs: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """Return pairs of a text and its record's JSON as a question for all of them, with its answer."""
    if not pairs:
        return ()
    members = (f"{json.dumps(name)}: {record}" for name, (_, record) in zip(ids(len(pairs)), pairs))  # noqa: B905
    said = Message("user", shown([text for text, _ in pairs]))
    return said, Message("assistant", "{" + ", ".join(members) + "}")


def together(strict: StrictSchema, count: int, target: Target) -> StrictSchema:
    """Return the strict schema of so many records, each under its id."""
    root = {key: value for key, value in strict.schema.items() if key != "$defs"}
    definitions = dict(strict.schema.get("$defs", {}))
    member: JSON = root
    if target.inlines is None:
        name = fresh("Record", definitions)
        definitions[name], member = root, {"$ref": f"#/$defs/{name}"}
    schema = {
        "type": "object",
        "properties": dict.fromkeys(ids(count), member),
        "required": list(ids(count)),
        "additionalProperties": False,
    }
    return StrictSchema(strict.name, schema | ({"$defs": definitions} if definitions else {}))


def most_rows(strict: StrictSchema, wanted: int, target: Target) -> int:
    """Return how many rows, at most `wanted`, the target takes in one schema."""

    def fits(count: int) -> bool:
        schema = together(strict, count, target).schema
        root = {key: value for key, value in schema.items() if key != "$defs"}
        return size({"": root, **schema.get("$defs", {})}).fits(target)

    return next((count for count in range(wanted, 1, -1) if fits(count)), 1)


def params_for(params: Mapping[str, Any], count: int, longest: int | None) -> dict[str, Any]:
    """Return the parameters for so many rows: what bounds the answer is meant for each of them."""

    def bound(given: Any) -> Any:
        return min(count * given, max(given, longest or LONG_ANSWER)) if isinstance(given, int) else given

    return {name: bound(value) if name in MAX_TOKENS else value for name, value in params.items()}


# -- the answer


def members(text: str) -> Iterator[tuple[str, str]]:
    """Yield name and JSON text of each member of the object that `text` begins with. It may end
    anywhere: a member is whole where a comma or the end of the object follows. Linear.
    """
    at, sign = _after_space(text, 0), "{"
    while text[at : at + 1] == sign:
        try:
            name, at = _decode(text, _after_space(text, at + 1))
            at = _after_space(text, at)
            if not isinstance(name, str) or text[at : at + 1] != ":":
                return
            start = _after_space(text, at + 1)
            _, end = _decode(text, start)
        except (ValueError, RecursionError):
            return
        at, sign = _after_space(text, end), ","
        if text[at : at + 1] not in (",", "}"):
            return
        yield name, text[start:end]


def _after_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]  # it matches everywhere


def answers(text: str, count: int) -> dict[int, str]:
    """Return the records' JSON text by position. What stands twice under one id is nobody's. If a record
    stands under another name, as under `t0` by a model that counts from 0, all may be shifted: none is taken.
    """
    found = list(members(text))
    times = Counter(name for name, _ in found)
    places = {name: at for at, name in enumerate(ids(count))}
    if any(name not in places and part[0] in "{[" for name, part in found):
        return {}
    return {places[name]: part for name, part in found if name in places and times[name] == 1}


def judge_for(count: int) -> Judge[dict[int, str]]:
    """Return the judge of an answer for so many rows; its record is what `answers` gives."""

    def decode(text: str) -> dict[int, str]:
        try:
            whole = isinstance(json.loads(text), dict)
        except (ValueError, RecursionError) as error:
            raise not_json(str(error), text) from None
        if not whole:
            raise not_json("it is not an object with the ids", text)
        return answers(text, count)

    plainly = Reader(taken_by(decode), slips=False)  # how a row's part is read is told of the row alone

    def judge(completion: Completion, patch: Part | None) -> Verdict[dict[int, str]]:
        verdict = judge_record(completion, patch, decode, reader=plainly)
        others = _strangers(verdict.text or "", count) if verdict.outcome is Outcome.OK else []
        return verdict.with_note(
            f"members that the schema does not have: {listed(others)}" if others else None
        )

    return judge


def _strangers(text: str, count: int) -> list[str]:
    """Return the pointers of members that stand under no row's id."""
    known = ids(count)
    return [step(name) for name, _ in members(text) if name not in known]


@dataclass(frozen=True, slots=True)
class Sorted:
    """What one reply settles, by the rows' positions in the pack. answered: the record's JSON. again: the
    packs to ask next; a row by itself is asked alone. Where both are empty all have failed.
    """

    answered: Mapping[int, str]
    again: tuple[tuple[int, ...], ...]


def sort(end: Extraction[dict[int, str]], count: int) -> Sorted:
    """Return what becomes of the rows of a pack whose dialogue has ended so. Each row stands in one place,
    and the packs in `again` are smaller.
    """
    everyone = tuple(range(count))
    last = end.attempts[-1]
    if last.failure is not None:
        return Sorted({}, halves(count) if _may_be_a_text(last.failure) else ())
    if end.record is not None:
        return Sorted(end.record, tuple((at,) for at in everyone if at not in end.record))
    cut = any(problem.type == INPUT_CUT for problem in last.problems)
    answered = _beginning(end.raw, count) if end.outcome in _TORN and not cut else {}
    if not answered:
        return Sorted({}, halves(count))
    left = tuple(at for at in everyone if at not in answered)
    return Sorted(answered, (left,) if left else ())


_TORN = (Outcome.TRUNCATED, Outcome.INVALID_JSON)


def note_of(last: Attempt) -> str | None:
    """Return what is to be known of each record out of a pack's reply; None if there is nothing."""
    torn = CUT_LATER if last.outcome in _TORN else None
    return "; ".join(filter(None, (last.note, torn))) or None


def _beginning(text: str | None, count: int) -> dict[int, str]:
    return answers(begun_json(text or "") or "", count)


def halves(count: int) -> tuple[tuple[int, ...], ...]:
    """Return the positions of a pack's rows as those of two smaller ones."""
    middle = (count + 1) // 2
    return tuple(range(middle)), tuple(range(middle, count))


def _may_be_a_text(failure: Failure) -> bool:
    """Whether it may be one of the texts that the service could not bear."""
    if failure.kind is not FailureKind.STATUS:
        return failure.kind is not FailureKind.CONNECT
    return failure.status not in _NO_ANSWER and not is_hopeless(failure)


# -- what it took


def shares(usage: Usage, prompts: Sequence[int], replies: Sequence[int]) -> list[Usage]:
    """Return the usage of each row: their sum is `usage`. prompts, replies: what to divide by, such as the
    lengths of texts and records.
    """
    prompt, completion = _divided(usage.prompt_tokens, prompts), _divided(usage.completion_tokens, replies)
    cached, reasoning = _divided(usage.cached_tokens, prompt), _divided(usage.reasoning_tokens, completion)
    cache_writes = _divided(usage.cache_write_tokens, prompt)
    return [Usage(*each) for each in zip(prompt, completion, cached, reasoning, cache_writes, strict=True)]


def _divided(total: int, weights: Sequence[int]) -> list[int]:
    """Return whole numbers near the proportions of the weights, whose sum is `total`."""
    whole = sum(weights)
    if not whole:
        weights, whole = [1] * len(weights), len(weights)
    ends = [0]
    for weight in weights:
        ends.append(ends[-1] + weight)
    marks = [total * end // whole for end in ends]
    return [after - before for before, after in pairwise(marks)]
