"""Token log-probabilities -> how probable the model found each value of its JSON. Pure.

If alternatives of a token spell the same piece of the value, their probabilities are added to its own. For
instance, a grammar without white space forces `":"`, and the model may have preferred `": "`. The sum of the
log-probabilities is divided by the square root of their number. The sum itself is the probability of exactly
these words, which is small for any long text. In the mean, one doubtful token is lost among many sure ones.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Span: TypeAlias = tuple[int, int]  # start and end in a text, end exclusive
_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_ENDED = re.compile(rb"[\s,\]}]").match
LEAST = -30.0  # log-probabilities below are as good as never; some servers say -9999, or -inf


class TokenScore(NamedTuple):
    """What the tokens of a value tell. probability: in (0, 1], normalised by their number; mean_logprob: the
    plain mean of their log-probabilities, as the server says them.
    """

    probability: float
    mean_logprob: float


@dataclass(frozen=True, slots=True)
class _Token:
    start: int  # where it stands in all tokens' bytes
    data: bytes
    logprob: float
    others: tuple[tuple[bytes, float], ...]

    @property
    def end(self) -> int:
        return self.start + len(self.data)


def leaf_spans(text: str) -> dict[Path, Span]:
    """Return where the values that are no objects or arrays stand in valid JSON text, by their path."""
    spans: dict[Path, Span] = {}
    steps: list[str | int] = []
    key: str | None = None
    for word in _WORD.finditer(text):
        match word.group():
            case "{":
                steps.append("")
                key = None
            case "[":
                steps.append(0)
            case "}" | "]":
                steps.pop()
            case ":":
                steps[-1] = key or ""
            case ",":
                steps[-1] = steps[-1] + 1 if isinstance(steps[-1], int) else ""
                key = None
            case said if steps and steps[-1] == "" and key is None:
                key = json.loads(said)
            case _:
                spans[tuple(steps)] = word.span()
    return spans


def told_by_tokens(text: str, logprobs: Any) -> dict[Path, TokenScore]:
    """Return what the tokens tell of each value in the JSON text of a reply, by its path.

    logprobs: of a Choice. Nothing is returned unless the text stands in the tokens, once and byte for byte.
    """
    return {path: _told(tokens, place) for path, tokens, place in _by_value(text, logprobs)}


def odds_of_strings(text: str, logprobs: Any) -> dict[Path, float]:
    """Return the log-probability of each string in the JSON text less that of null in its place, by path.

    That of the string is normalised by the number of its tokens, as in TokenScore. Left out is a string whose
    first token has no null beside it. logprobs: of a Choice, as in `told_by_tokens`.
    """
    odds = dict[Path, float]()
    for path, tokens, place in _by_value(text, logprobs):
        null = _null(tokens[0], place[0])
        if null and tokens[0].data[place[0] - tokens[0].start :].startswith(b'"'):
            odds[path] = math.log(_told(tokens, place).probability / null)
    return odds


def _null(token: _Token, start: int) -> float:
    """The probability that null stands where a value begins, from the alternatives of its first token."""
    before = b"".join(token.data[: start - token.start].split())
    wanted = before + b"null"
    said = ((b"".join(data.split()), math.exp(log)) for data, log in token.others)
    return sum(
        p for data, p in said if data.startswith(wanted) and (data == wanted or _ENDED(data, len(wanted)))
    )


def _by_value(text: str, logprobs: Any) -> Iterator[tuple[Path, list[_Token], Span]]:
    """Yield the tokens of each value and where it stands in the bytes of all, if the text is in them once."""
    tokens = _tokens(logprobs)
    said = b"".join(token.data for token in tokens)
    wanted = text.encode("utf-8", "surrogatepass")
    offset = said.find(wanted)
    if offset < 0 or not wanted or said.find(wanted, offset + 1) >= 0:
        return
    try:
        spans = leaf_spans(text)
    except (ValueError, IndexError):
        return
    at, first = _byte_offsets(text, {place for span in spans.values() for place in span}), 0
    for path, (start, end) in spans.items():
        place = offset + at[start], offset + at[end]
        while tokens[first].end <= place[0]:
            first += 1
        yield path, list(_over(tokens, first, place)), place


def _byte_offsets(text: str, places: set[int]) -> dict[int, int]:
    offsets, last, count = dict[int, int](), 0, 0
    for place in sorted(places):
        count += len(text[last:place].encode("utf-8", "surrogatepass"))
        offsets[place], last = count, place
    return offsets


def _over(tokens: Sequence[_Token], first: int, place: Span) -> Iterator[_Token]:
    for i in range(first, len(tokens)):
        if tokens[i].start >= place[1]:
            return
        if tokens[i].data:
            yield tokens[i]


def _told(tokens: Sequence[_Token], place: Span) -> TokenScore:
    together = sum(_log(token, place) for token in tokens)
    mean = sum(token.logprob for token in tokens) / len(tokens)
    return TokenScore(math.exp(together / math.sqrt(len(tokens))), mean)


def _log(token: _Token, place: Span) -> float:
    """The log-probability of a token, with those alternatives that spell the same piece of the value."""
    begins, ends = token.start <= place[0], token.end >= place[1]

    def seen(data: bytes) -> bytes:  # white space before a value is no part of it
        return b"".join(data.split()) if begins else data

    head = seen(token.data[: place[1] - token.start])

    def same(data: bytes) -> bool:
        found = seen(data)
        return found == head or (ends and found.startswith(head) and bool(_ENDED(found, len(head))))

    together = math.exp(token.logprob) + sum(math.exp(log) for data, log in token.others if same(data))
    return max(LEAST, math.log(min(1.0, together)))


def _tokens(logprobs: Any) -> list[_Token]:
    """The tokens of a choice, in the form of chat completions or in the older one of parallel lists."""
    told = logprobs if isinstance(logprobs, Mapping) else {}
    content = told.get("content")
    if not isinstance(content, list):
        names, logs = told.get("tokens"), told.get("token_logprobs")
        pairs = zip(names, logs, strict=False) if isinstance(names, list) and isinstance(logs, list) else ()
        content = [{"token": name, "logprob": log} for name, log in pairs]
    tokens, start = list[_Token](), 0
    for one in content:
        data, logprob = _spelt(one)
        if data is None or logprob is None:
            return []
        listed = one.get("top_logprobs")
        others = [_spelt(other) for other in listed] if isinstance(listed, list) else []
        alternatives = tuple((o, log) for o, log in others if o not in (None, data) and log is not None)
        tokens.append(_Token(start, data, logprob, alternatives))
        start += len(data)
    return tokens


def _spelt(token: Any) -> tuple[bytes | None, float | None]:
    """A token's bytes, which may be a part of a character, and its log-probability."""
    if not isinstance(token, Mapping) or not isinstance(token.get("logprob"), int | float):
        return None, None
    logprob, known = max(LEAST, min(0.0, token["logprob"])), token.get("bytes")
    try:
        data = bytes(known) if isinstance(known, list) else str(token["token"]).encode()
    except (ValueError, TypeError, KeyError):
        return None, None
    return data, None if token["logprob"] != token["logprob"] else logprob  # NaN
