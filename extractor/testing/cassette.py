"""Real traffic, recorded once without its keys, and replayed with no network.

```python
with cassette("tests/invoices.jsonl"):  # the first time it records, from then on it replays
    invoice = extract(Invoice, text)
```
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from extractor.errors import ConfigError
from extractor.files import replacing
from extractor.messages import JSON, Failure, FailureKind
from extractor.transport.exchange import Head, Piece, Post
from extractor.transport.tape import in_place

from ..pointers import step

# Everything else may be a key, an account, or a cookie. Of the request no header is kept at all.
KEPT_HEADERS = (
    "content-type",
    "retry-after",
    "request-id",
    "x-request-id",
    "x-ratelimit-",
    "anthropic-ratelimit-",
)
PLAIN_HEADERS = frozenset({"content-type", "accept", "user-agent", "anthropic-version"})
PLAIN_QUERY = ("alt=", "api-version=")
SHORTEST_KEY = 8  # characters; a shorter header value is a word
SHOWN_DIFFERENCES = 5
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request without its headers, and its reply.

    - pieces: the body as received; of a stream, in the pieces in which it came.
    """

    path: str
    body: JSON
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: tuple[str, ...] = ()
    failure: Mapping[str, str] | None = None

    @property
    def key(self) -> str:
        """What must be equal for a request to get this reply."""
        return json.dumps([self.path, self.body], sort_keys=True)

    def reply(self) -> Iterator[Piece]:
        """Yield the recorded reply."""
        if self.status is not None:
            yield Head(self.status, self.headers)
        for piece in self.pieces:
            yield piece.encode(errors="surrogateescape")
        if self.failure is not None:
            yield Failure(FailureKind(self.failure["kind"]), self.failure["message"])


class Cassette:
    """A file of recorded traffic. Within its `with` block it serves the whole process.

    If the file exists, its replies are replayed, in order for a request that was made more than once. Nothing
    is sent, and neither a key nor a network nor the embedded model is needed. An unknown request raises
    ConfigError, which says what differs. If the file does not exist, requests are sent, and the file is
    written at the end, unless an exception ends the block.

    - record: True records, and False replays, whether the file exists or not.

    Keys are not recorded: headers of requests are left out, and the values of keys are removed from the rest.
    The texts are recorded, so only the owner may read the file.
    """

    path: Path

    def __init__(self, path: str | os.PathLike[str], *, record: bool | None = None) -> None:
        self.path = Path(path)
        self._sends = record
        self._lock = threading.Lock()
        self._recorded: list[Exchange] = []
        self._left: dict[str, deque[Exchange]] = {}
        self._entered = ExitStack()

    @property
    def sends(self) -> bool:
        """Whether requests are sent and recorded."""
        return bool(self._sends)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All recorded exchanges."""
        return tuple(self._recorded)

    def __enter__(self) -> Self:
        if self._sends is None:
            self._sends = not self.path.exists()
        self._recorded = [] if self._sends else _read(self.path)
        self._left = defaultdict(deque)
        for exchange in self._recorded:
            self._left[exchange.key].append(exchange)
        self._entered.enter_context(in_place(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered.close()
        if self._sends and error is None:
            _write(self.path, self._recorded)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def replay(self, call: Post) -> Sequence[Piece]:
        """Return the recorded reply. Raises ConfigError if there is none, or no further one."""
        asked = _asked(call, _secrets(call))
        with self._lock:
            left = self._left.get(asked.key)
            if left:
                return list(left.popleft().reply())
        raise ConfigError(self._unknown(asked))

    def record(self, call: Post, pieces: Sequence[Piece]) -> None:
        """Record a request with its reply."""
        exchange = _exchange(call, pieces)
        with self._lock:
            self._recorded.append(exchange)

    def _unknown(self, asked: Exchange) -> str:
        again = f"Record it again: delete the file, or call cassette({str(self.path)!r}, record=True)."
        same = sum(exchange.key == asked.key for exchange in self._recorded)
        if same:
            return f"{self.path} has this request {same} times, but it was made once more. {again}"
        if not self._recorded:
            return f"{self.path} has no requests. {again}"
        nearest = min((list(_differences(known, asked)) for known in self._recorded), key=len)
        shown = "\n".join(f"  {line}" for line in nearest[:SHOWN_DIFFERENCES])
        more = f"\n  and {len(nearest) - SHOWN_DIFFERENCES} more" if len(nearest) > SHOWN_DIFFERENCES else ""
        return (
            f"{self.path} does not know this request, POST {asked.path}. The nearest of its "
            f"{len(self._recorded)} differs:\n{shown}{more}\n{again}"
        )


def cassette(path: str | os.PathLike[str], *, record: bool | None = None) -> Cassette:
    """Return a Cassette, for `with cassette("file.jsonl"):`."""
    return Cassette(path, record=record)


# -- from a request to what is kept of it


def _secrets(call: Post) -> tuple[str, ...]:
    """Return what may be a key in the headers and the query of a request, the longest first."""
    values = [value for name, value in call.headers.items() if name.lower() not in PLAIN_HEADERS]
    values += [part.partition("=")[2] for part in _query(call.url) if not part.startswith(PLAIN_QUERY)]
    words = {word for value in values for word in (value, *value.split())}
    return tuple(sorted((word for word in words if len(word) >= SHORTEST_KEY), key=len, reverse=True))


def _query(url: str) -> list[str]:
    return list(filter(None, urlsplit(url).query.split("&")))


def _asked(call: Post, secrets: Iterable[str]) -> Exchange:
    """Return a request as it is kept: where it went but not to whom, and its body."""
    query = "&".join(part for part in _query(call.url) if part.startswith(PLAIN_QUERY))
    path = urlsplit(call.url).path + (f"?{query}" if query else "")
    try:
        body = json.loads(call.body)
    except ValueError:
        body = call.body.decode(errors="surrogateescape")
    return Exchange(_hide(path, secrets), _hide(body, secrets))


def _hide(value: JSON, secrets: Iterable[str]) -> JSON:
    """Return a JSON value with the secrets in its texts hidden."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
        return value
    if isinstance(value, list):
        return [_hide(item, secrets) for item in value]
    if isinstance(value, dict):
        return {_hide(name, secrets): _hide(item, secrets) for name, item in value.items()}
    return value


def _exchange(call: Post, pieces: Sequence[Piece]) -> Exchange:
    secrets = _secrets(call)
    asked = _asked(call, secrets)
    head = next((piece for piece in pieces if isinstance(piece, Head)), None)
    failure = next((piece for piece in pieces if isinstance(piece, Failure)), None)
    told = None if failure is None else {"kind": failure.kind.value, "message": failure.message}
    return Exchange(
        asked.path,
        asked.body,
        None if head is None else head.status,
        {} if head is None else _hide(_kept(head.headers), secrets),
        _hidden_pieces([piece for piece in pieces if isinstance(piece, bytes)], secrets),
        _hide(told, secrets),
    )


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith(KEPT_HEADERS)}


def _hidden_pieces(pieces: Sequence[bytes], secrets: Iterable[str]) -> tuple[str, ...]:
    """Return the body as texts. If a secret stands in it, maybe across pieces, it becomes one."""
    whole = b"".join(pieces).decode(errors="surrogateescape")
    escaped = [json.dumps(secret)[1:-1] for secret in secrets]
    hidden = _hide(whole, [*secrets, *escaped])
    return (hidden,) if hidden != whole else tuple(p.decode(errors="surrogateescape") for p in pieces)


# -- the file


def _read(path: Path) -> list[Exchange]:
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"cannot read the cassette {path}: {error.strerror or error}") from error
    exchanges = []
    for number, line in enumerate(lines, 1):
        try:
            told = json.loads(line)
            _check(told, told.pop("sum", None))
            exchanges.append(Exchange(**{**told, "pieces": tuple(told.get("pieces", ()))}))
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"line {number} of the cassette {path} is not an exchange: {error}") from error
    return exchanges


def _write(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Write the whole file or nothing; its owner alone may read it."""
    text = "".join(f"{json.dumps(_line(exchange))}\n" for exchange in exchanges)
    try:
        with replacing(str(path)) as file:
            file.write(text.encode())
    except OSError as error:
        raise ConfigError(f"cannot write the cassette {path}: {error.strerror or error}") from error


def _line(exchange: Exchange) -> dict[str, Any]:
    told = {name: getattr(exchange, name) for name in Exchange.__slots__}
    line = {name: value for name, value in told.items() if value not in (None, {}, ())}
    return {**line, "sum": _sum_of(line)}


def _sum_of(line: JSON) -> str:
    return blake2b(json.dumps(line, sort_keys=True).encode(), digest_size=8).hexdigest()


def _check(line: JSON, told: JSON) -> None:
    """Raise ValueError for a line that is not as it was written; one without a checksum may be any."""
    if told is not None and told != _sum_of(line):
        raise ValueError("it was changed since it was recorded; if this is intended, remove its `sum`")


# -- what differs


def _differences(known: Exchange, asked: Exchange) -> Iterator[str]:
    if known.path != asked.path:
        yield f"the path: recorded {known.path}, now {asked.path}"
    yield from _changes(known.body, asked.body, "")


def _changes(known: JSON, asked: JSON, pointer: str) -> Iterator[str]:
    """Yield each place where two JSON values differ, by JSON pointer."""
    if isinstance(known, dict) and isinstance(asked, dict):
        for name in dict.fromkeys([*known, *asked]):
            at = pointer + step(name)
            yield from _change(known, asked, name, name in known, name in asked, at)
    elif isinstance(known, list) and isinstance(asked, list):
        for i in range(max(len(known), len(asked))):
            yield from _change(known, asked, i, i < len(known), i < len(asked), f"{pointer}/{i}")
    elif json.dumps(known) != json.dumps(asked):
        yield f"{pointer or 'the body'}: recorded {_shown(known, asked)}, now {_shown(asked, known)}"


def _change(known: Any, asked: Any, at: Any, was: bool, is_now: bool, pointer: str) -> Iterator[str]:
    if was and is_now:
        yield from _changes(known[at], asked[at], pointer)
    elif was:
        yield f"{pointer}: recorded {_shown(known[at])}, now absent"
    else:
        yield f"{pointer}: not recorded, now {_shown(asked[at])}"


def _shown(value: JSON, other: JSON = None, width: int = 60) -> str:
    """Return a value, a long text from a little before where it differs from the other."""
    if not isinstance(value, str):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= width else text[:width] + "…"
    pairs = zip(value, other if isinstance(other, str) else "", strict=False)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = max(0, same - 20)
    cut = value[start : start + width]
    return f"{'…' if start else ''}{cut!r}{'…' if start + width < len(value) else ''}"
