"""The journal on a Redis or Valkey server, for workers on many hosts. Time is the server's.

Below a prefix there are these keys. `version`. `answer:KEY` is an answer, after the time when it came. `at`
is a sorted set of the keys by that time. `claims` is a hash from a key to the owner of its claim. `owners` is
a sorted set of the workers by the time until which they count as alive. `limits:ENDPOINT` is the shared state
of a quota. Keys are raw SHA-256. What is done in one trip is one script, so that nothing comes between.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import random
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha1
from importlib.resources import files
from typing import Any, TypeVar

from ...errors import ConfigError, JournalError
from ...quotas import LimitGrant
from ...words import one_line
from ..limits.rates import Bucket
from ..limits.sharing import SHARED_MINUTE, LimitRequest
from .address import JournalAddress
from .interface import BUSY, GRANTED, Claim, Kept, checksum, key_of, sound
from .store import DAMAGED, Clock, Done, Stats, StoreWork, Wanted

VERSION = 2  # of the names and what is kept under them; that of before had no checksums, and is read
PATIENCE = 15.0  # seconds for which a server that is away is tried again, in the middle of a run
_LARGE = 512  # bytes of a body from which on compressing pays
_AT_ONCE = 500  # answers in one trip
_HEAD = 1000  # bytes of an answer, which tell its model
_CLAIMS = (BUSY, GRANTED, Claim(granted=True, lost=True))
V = TypeVar("V")
_log = logging.getLogger("extractor")


def _script(name: str) -> tuple[str, str]:
    """Return a script, and what the server knows it by once it is loaded."""
    text = (files(__package__) / f"{name}.lua").read_text("utf-8")
    return text, sha1(text.encode(), usedforsecurity=False).hexdigest()


_DO, _LIMIT, _PRUNE, _DROP = map(_script, ("do", "limit", "prune", "drop"))


class RedisStore:
    """An open journal on a server. Every method may raise JournalError."""

    def __init__(self, address: JournalAddress, clock: Clock | None, patience: float) -> None:
        self._address, self._clock, self._patience = address, clock, patience
        self._base = f"{{{address.prefix}}}:"
        self._errors, self._redis = _errors(), _client(address)
        self._ahead = 0.0  # seconds by which the server's clock is ahead of ours, or a little less
        self._sign: tuple[Any, ...] | None = None  # the last sign of life
        self._damaged = set[bytes]()

    @classmethod
    def open(
        cls, address: JournalAddress, clock: Clock | None = None, patience: float = PATIENCE
    ) -> RedisStore:
        """Return the journal on a server. clock: Unix time instead of the server's. patience: seconds for
        which a server that went away is tried again.
        """
        store = cls(address, clock, patience)
        store.start(make=True)
        return store

    @classmethod
    def find(cls, address: JournalAddress) -> RedisStore | None:
        """Return the journal on a server, None if there is none."""
        store = cls(address, None, PATIENCE)
        return store if store.start(make=False) else None

    def start(self, make: bool) -> bool:
        """Connect; return whether there is a journal, or one was made, where `make` says so."""
        with self._named():
            self._connect()
            if not make and self._redis.get(self._name("version")) is None:
                return False
            self._begin()
            if make:
                self._warn()
        return True

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
        if self._damaged:
            _log.warning(DAMAGED, len(self._damaged), self._address)

    # -- who is at work

    def enter(self, owner: str, lease: float) -> None:
        """Sign in. lease: seconds that the owner counts as alive after its last heartbeat."""
        self.beat(owner, lease)

    def beat(self, owner: str, lease: float) -> None:
        """Give a sign of life."""
        self._sign = (_DO, self._base, owner, lease, self._now(), 0, 0, 0, 0)
        self._trip(self._sign)

    def leave(self, owner: str) -> None:
        """Sign out. Claims that are still held count as lost."""
        self._sign = None
        self._tried(lambda: self._redis.zrem(self._name("owners"), owner))

    # -- what is asked and answered

    def do(self, owner: str, work: StoreWork) -> Done:
        """Keep answers, give claims back, claim, look, and run the limit_requests, in one trip."""
        scripts = [self._limit(request) for request in work.limit_requests]
        if work.puts or work.released or work.claims or work.looks:
            lists = (
                len(work.puts),
                *(part for key, kept in work.puts.items() for part in (key, _packed(key, kept))),
                len(work.released),
                *work.released,
                *self._wanted(work.claims),
                *self._wanted(work.looks),
            )
            scripts.insert(0, (_DO, self._base, owner, 0, self._now(), *lists))
        if not scripts:
            return Done()
        said = self._trip(*scripts)
        claimed, found = said.pop(0) if len(scripts) > len(work.limit_requests) else ((), ())
        return Done(
            [self._claim(owner, *asked, each) for asked, each in zip(work.claims, claimed, strict=True)],
            [self._found(key, each) for (key, _), each in zip(work.looks, found, strict=True)],
            [LimitGrant(granted, float(wait), float(pause)) for granted, wait, pause in said],
        )

    def _claim(self, owner: str, key: bytes, since: float, said: int | bytes) -> Claim:
        """Return what a claim gave; for a damaged answer, what it gives once that is dropped."""
        if isinstance(said, int):
            return _CLAIMS[said]
        kept = self._found(key, said)
        return self.do(owner, StoreWork(claims=[(key, since)])).claims[0] if kept is None else Claim(kept)

    def _found(self, key: bytes, said: bytes) -> Kept | None:
        """Return an answer as it was kept; None if there is none. One that is damaged is dropped."""
        kept = _unpacked(key, said) if said else None
        if said and kept is None:
            self._damaged.add(key)
            self._trip((_DROP, self._base, key, said))
        return kept

    def look(self, wanted: Wanted) -> Sequence[Kept | None]:
        """Return the answers that there are, in the order of `wanted`."""
        return self.do("", StoreWork(looks=wanted)).found

    def _wanted(self, wanted: Wanted) -> Iterator[Any]:
        yield len(wanted)
        for key, since in wanted:
            yield key
            yield repr(since + self._ahead if since > 0 else 0.0)

    def _limit(self, request: LimitRequest) -> tuple[Any, ...]:
        told = {
            "given": {name: _bucket(limit) for name, limit in request.given.items()},
            "requests": request.requests,
            "tokens": request.tokens,
            "pause": request.pause,
            "quotas": [(q.dimension, q.limit, q.remaining, q.per_second) for q in request.quotas.values()],
            "wanted": request.wanted,
        }
        name = self._name("limits:" + key_of(request.endpoint).hex())
        return _LIMIT, name, self._now(), json.dumps(told)

    # -- for the command line

    def stats(self) -> Stats:
        """Return what the journal holds."""
        with self._named():
            keys: list[bytes] = self._redis.zrange(self._name("at"), 0, -1)
            ends = [self._redis.zrange(self._name("at"), nth, nth, withscores=True) for nth in (0, -1)]
            oldest, newest = (end[0][1] if end else None for end in ends)
            models: Counter[str] = Counter()
            size = 0
            for head, length in self._heads(keys):
                with contextlib.suppress(LookupError, TypeError, ValueError):  # of a damaged answer
                    models[_header(head)[0]["model"]] += 1
                size += length
            living = {*self._redis.zrangebyscore(self._name("owners"), f"({self._time()}", "+inf")}
            held = [owner in living for owner in self._redis.hvals(self._name("claims"))]
        return Stats(
            len(keys), size, oldest, newest, dict(models.most_common()), sum(held), len(held) - sum(held)
        )

    def export(self) -> Iterator[tuple[bytes, Kept]]:
        """Yield each key with its answer, oldest first."""
        with self._named():
            for some in _chunks(self._redis.zrange(self._name("at"), 0, -1)):
                values = self._redis.mget([self._answer(key) for key in some])
                for key, value in zip(some, values, strict=True):
                    if value and (kept := _unpacked(key, value)) is not None:
                        yield key, kept

    def prune(self, before: float) -> int:
        """Forget the answers that came before a Unix time, and lost claims; return how many answers."""
        forgotten, some = 0, _AT_ONCE
        while some == _AT_ONCE:
            (some,) = self._trip((_PRUNE, self._base, before + self._ahead, self._now(), _AT_ONCE))
            forgotten += some
        return forgotten

    def _heads(self, keys: Sequence[bytes]) -> Iterator[tuple[bytes, int]]:
        """Yield the beginning of each answer, and how many bytes it takes."""
        for some in _chunks(keys):
            pipe = self._redis.pipeline(transaction=False)
            for key in some:
                pipe.getrange(self._answer(key), 0, _HEAD)
                pipe.strlen(self._answer(key))
            said = pipe.execute()
            yield from ((head, length) for head, length in zip(said[::2], said[1::2], strict=True) if length)

    # -- the server

    def _name(self, what: str) -> str:
        return self._base + what

    def _answer(self, key: bytes) -> bytes:
        return self._name("answer:").encode() + key

    def _now(self) -> str:
        return "" if self._clock is None else repr(self._clock())

    def _time(self) -> float:
        if self._clock is not None:
            return self._clock()
        seconds, microseconds = self._redis.time()
        return float(seconds + microseconds / 1e6)

    def _connect(self) -> None:
        try:
            self._redis.ping()
        except (TypeError, ValueError) as error:  # redis-py's, of an option in the URL
            raise ConfigError(f"the journal {self._address} can't be used: {error}") from None

    def _begin(self) -> None:
        """Have the server know the scripts, and see that it holds nothing of another release."""
        name = self._name("version")
        if self._redis.get(name) is None:
            self._redis.set(name, VERSION, nx=True)
        version = int(self._redis.get(name) or VERSION)
        if version > VERSION:
            raise JournalError(
                f"the journal {self._address} has version {version}, of a later release (this one reads "
                f"version {VERSION}): upgrade, or start another journal with ?prefix=NAME"
            )
        if version < VERSION:
            self._redis.set(name, VERSION)
        for text, _ in (_DO, _LIMIT, _PRUNE, _DROP):
            self._redis.script_load(text)
        if self._clock is None:
            self._ahead = self._time() - time.time()

    def _warn(self) -> None:
        """Say so where the server may forget answers by itself."""
        with contextlib.suppress(self._errors.ResponseError):  # it need not tell us
            memory = self._redis.info("memory")
            policy = memory.get("maxmemory_policy", "noeviction")
            if memory.get("maxmemory") and policy != "noeviction":
                _log.warning(
                    "the journal %s may lose answers, which are then paid for again: its server has "
                    "maxmemory-policy %s. Set it to noeviction",
                    self._address,
                    policy,
                )

    def _trip(self, *scripts: tuple[Any, ...]) -> list[Any]:
        """Run scripts, each with its key and arguments, in one trip; return what they return."""
        return self._tried(lambda: self._run(scripts))

    def _run(self, scripts: Sequence[tuple[Any, ...]]) -> list[Any]:
        pipe = self._redis.pipeline(transaction=False)
        for (_, known_by), key, *arguments in scripts:
            pipe.evalsha(known_by, 1, key, *arguments)
        said: list[Any] = pipe.execute()
        return said

    def _tried(self, act: Callable[[], V]) -> V:
        """Do something, again while the server is away, as long as patience lasts. All may be done twice."""
        delay, ends = 0.0, time.monotonic() + self._patience
        while True:
            try:
                with self._named():
                    if delay:
                        self._come_back()
                    return act()
            except JournalError as error:
                if not self._is_away(error.__cause__) or time.monotonic() >= ends:
                    raise
                if not delay:
                    _log.warning("%s. Trying again for %.0f s", one_line(str(error)), self._patience)
            delay = min(2 * delay or 0.05, 1.0)
            time.sleep(delay * random.uniform(0.5, 1))

    def _come_back(self) -> None:
        """Go on where the server was away: it may be another one, and this worker may count as dead."""
        self._begin()
        if self._sign:
            self._run([self._sign])

    def _is_away(self, error: BaseException | None) -> bool:
        """Whether an error may pass by itself."""
        errors = self._errors
        gone = (OSError, errors.ConnectionError, errors.TimeoutError)
        anew = (errors.NoScriptError, errors.TryAgainError, errors.MasterDownError, errors.ReadOnlyError)
        barred = (errors.AuthenticationError, errors.AuthorizationError)
        return isinstance(error, (*gone, *anew)) and not isinstance(error, barred)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say what went wrong, where, and what to do about it."""
        try:
            yield
        except (OSError, self._errors.RedisError) as error:
            reason, advice = str(error).rstrip("."), self._advice(error)
            raise JournalError(
                f"the journal {self._address} can't be used: {reason}; {advice}. Its answers are kept. "
                "Run it again to resume"
            ) from error

    def _advice(self, error: Exception) -> str:
        errors = self._errors
        if isinstance(
            error, errors.AuthenticationError | errors.AuthorizationError | errors.NoPermissionError
        ):
            return "give a user and a password with access, redis://USER:${PASSWORD}@HOST"
        if isinstance(error, errors.OutOfMemoryError):
            return "give it more memory (maxmemory), or forget old answers: extractor journal prune"
        if isinstance(error, errors.ReadOnlyError):
            return "name the primary server, not its replica"
        if isinstance(error, OSError | errors.ConnectionError | errors.TimeoutError):
            return "start the server, or repair the connection to it"
        return "read its log"


def _errors() -> Any:
    try:
        return importlib.import_module("redis.exceptions")
    except ImportError:
        raise ConfigError(
            "a journal on a server needs redis-py: pip install 'typed-extractor[redis]'"
        ) from None


def _client(address: JournalAddress) -> Any:
    redis = importlib.import_module("redis")
    once = importlib.import_module("redis.retry").Retry(
        importlib.import_module("redis.backoff").NoBackoff(), 0
    )
    return redis.Redis.from_url(address.url, socket_connect_timeout=5, socket_timeout=10, retry=once)


def _bucket(limit: float) -> tuple[float, float, float]:
    bucket = Bucket.of_minute(limit, 0.0, SHARED_MINUTE)
    return limit, bucket.capacity, bucket.per_second


def _packed(key: bytes, kept: Kept) -> bytes:
    """Return an answer as it is kept, after the time that the server puts before it."""
    small = len(kept.body) < _LARGE
    header = {name: value for name, value in kept._asdict().items() if name not in ("body", "at")}
    told = json.dumps({**header, "packed": None if small else "zlib", "sum": checksum(key, kept).hex()})
    return told.encode() + b"\n" + (kept.body if small else zlib.compress(kept.body, 1))


def _unpacked(key: bytes, value: bytes) -> Kept | None:
    """Return an answer as it was kept, None for one that is damaged. Older releases kept no checksum."""
    try:
        header, body = _header(value)
        whole, told = zlib.decompress(body) if header.pop("packed") else body, header.pop("sum", None)
        kept = sound(Kept(whole, at=float(value[:17]), **header))
    except (LookupError, TypeError, ValueError, zlib.error):
        return None
    return kept if kept is not None and told in (None, checksum(key, kept).hex()) else None


def _header(value: bytes) -> tuple[dict[str, Any], bytes]:
    header, _, body = value[17:].partition(b"\n")
    return json.loads(header), body


def _chunks(values: Sequence[V]) -> Iterator[Sequence[V]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]
