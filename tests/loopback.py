"""A chat-completions server for load: one asyncio process on 127.0.0.1, one raw Protocol, a few dozen
microseconds a request. `python -m tests.loopback --latency 0.02` prints its port and serves until it
is killed.

The record that it answers with is `Echo`, made from the first user message of the request, so the
same text gets the same record; of several texts in one message each gets its own, under its id.
GET /stats tells what it saw, as JSON; POST /reset forgets that;
POST /weather changes the weather, with a body of `Weather`'s fields.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import subprocess
import sys
import time
import urllib.request
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from email.utils import formatdate
from functools import partial
from typing import Any

from pydantic import BaseModel

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
GRACE = 0.75  # the share of a pause in which a busy client may not know of it yet


class Echo(BaseModel):
    """What the server makes of a text."""

    checksum: int
    length: int

    @classmethod
    def of(cls, text: str) -> Echo:
        return cls(checksum=zlib.crc32(text.encode()), length=len(text))


@dataclass(frozen=True, slots=True)
class Weather:
    """How the server behaves. latency: seconds before each answer. throttled, failing, dropped,
    truncated, invalid: shares of the requests that get a 429, a 503, a closed connection, half of a
    body, a text that is no JSON. retry_after: what the 429s carry, in turn: seconds, "date" (two
    seconds ahead) or None. capacity: requests in flight above which all get a 429, 0 for no end.
    longest: whether each answer takes the tokens that the request allows. headers: sent with all.
    patience: answers after which requests wait until the weather changes, 0 for no end.
    """

    latency: float = 0.0
    throttled: float = 0.0
    failing: float = 0.0
    dropped: float = 0.0
    truncated: float = 0.0
    invalid: float = 0.0
    retry_after: Sequence[float | str | None] = (None,)
    capacity: int = 0
    longest: bool = False
    patience: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    seed: int = 1


STORM = Weather(throttled=0.3, failing=0.05, dropped=0.03, truncated=0.03, invalid=0.03)


class State:
    """What all connections share."""

    def __init__(self, weather: Weather) -> None:
        self.weather = weather
        self.reset()

    def reset(self) -> None:
        self.chance = random.Random(self.weather.seed)
        self.counts: Counter[str] = Counter()
        self.bodies: Counter[int] = Counter()
        self.answered: Counter[int] = Counter()
        self.texts: Counter[int] = Counter()
        self.in_flight = self.peak = self.throttles = self.tokens = 0
        self.paused: deque[tuple[float, float]] = deque()  # from, until
        self.minute: deque[float] = deque()  # when the requests of the last minute came
        self.busiest = 0  # the most that came in one minute
        self.began = 0  # requests that will be answered
        self.held: list[Callable[[], None]] = []  # begin the answers to those that wait for other weather

    def stats(self) -> dict[str, Any]:
        """Return the counts. repeated: requests beyond the first with the same body; answered_again:
        whole answers beyond the first to the same body; texts, texts_again: different texts that were
        asked about, and how often beyond the first; in_pauses: requests that came in the
        last quarter of a Retry-After; busiest_minute: the most that came in any minute; tokens: of all
        answers together.
        """
        return {
            "requests": self.bodies.total(),
            "distinct": len(self.bodies),
            "repeated": self.bodies.total() - len(self.bodies),
            "answered_again": self.answered.total() - len(self.answered),
            "texts": len(self.texts),
            "texts_again": self.texts.total() - len(self.texts),
            "in_flight": self.in_flight,
            "peak": self.peak,
            "busiest_minute": self.busiest,
            "tokens": self.tokens,
            **{name: self.counts[name] for name in ("answered", "429", "503", "dropped", "truncated")},
            **{name: self.counts[name] for name in ("invalid", "in_pauses", "abandoned")},
        }

    def begin(self, answer: Callable[[], None]) -> None:
        """Begin an answer, or hold the request back where the weather's patience is at its end."""
        if self.weather.patience and self.began >= self.weather.patience:
            self.held.append(answer)
            return
        self.began += 1
        asyncio.get_running_loop().call_later(self.weather.latency, answer)

    def change(self, weather: Weather) -> None:
        """Change the weather, and begin the answers that waited for it."""
        self.weather, waiting, self.held = weather, self.held, []
        for answer in waiting:
            self.begin(answer)

    def fate(self) -> str:
        """Draw what happens to the next request."""
        weather, drawn = self.weather, self.chance.random()
        if weather.capacity and self.in_flight > weather.capacity:
            return "429"
        shares = (
            ("429", weather.throttled),
            ("503", weather.failing),
            ("dropped", weather.dropped),
            ("truncated", weather.truncated),
            ("invalid", weather.invalid),
        )
        for name, share in shares:
            if drawn < share:
                return name
            drawn -= share
        return "answered"

    def came(self, now: float) -> None:
        """Note a request, and whether it should not have come yet."""
        while self.paused and self.paused[0][1] < now:
            self.paused.popleft()
        self.counts["in_pauses"] += any(begin < now < until for begin, until in self.paused)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        self.minute.append(now)
        while self.minute[0] <= now - 60:
            self.minute.popleft()
        self.busiest = max(self.busiest, len(self.minute))

    def throttle(self, now: float) -> str | None:
        """Return the Retry-After of the next 429, and remember the pause that it asks for."""
        wanted = self.weather.retry_after[self.throttles % len(self.weather.retry_after)]
        self.throttles += 1
        if wanted is None:
            return None
        if wanted == "date":
            until = int(time.time()) + 2
            self.pause(now, until - time.time())
            return formatdate(until, usegmt=True)
        self.pause(now, float(wanted))
        return f"{wanted:g}"

    def pause(self, now: float, seconds: float) -> None:
        """Remember from when until when a request shows that its client breaks a pause."""
        self.paused.append((now + GRACE * seconds, now + seconds))


def texts_of(text: str) -> dict[str, str]:
    """Return the texts of a message by their ids; the whole of one that is no such message under ""."""
    if not text.startswith('{"id": "'):
        return {"": text}
    return {each["id"]: each["text"] for each in map(json.loads, text.split("\n"))}


def _records(text: str) -> str:
    texts = texts_of(text)
    if "" in texts:
        return Echo.of(text).model_dump_json()
    return json.dumps({name: Echo.of(each).model_dump() for name, each in texts.items()})


class Connection(asyncio.Protocol):
    """One client's connection, requests one after the other."""

    def __init__(self, state: State) -> None:
        self.state, self.buffer, self.waiting = state, b"", 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.state.counts["abandoned"] += self.waiting

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self.buffer) < whole:
                return
            body, self.buffer = self.buffer[end + 4 : whole], self.buffer[whole:]
            self._request(head.split(b" ", 2)[1], body)

    def _request(self, path: bytes, body: bytes) -> None:
        if not path.endswith((b"/stats", b"/reset", b"/weather")):
            self.state.came(time.monotonic())
            self.waiting += 1
            fate = self.state.fate()
            self.state.begin(partial(self._answer, body, fate))
            return
        if path.endswith(b"/reset"):
            self.state.reset()
        elif path.endswith(b"/weather"):
            self.state.change(replace(self.state.weather, **json.loads(body)))
        self._write(200, json.dumps(self.state.stats()).encode())

    def _answer(self, body: bytes, fate: str) -> None:
        state, key = self.state, hash(body)
        state.in_flight -= 1
        request = json.loads(body)
        text = next(m["content"] for m in request["messages"] if m["role"] == "user")
        state.texts.update(map(hash, texts_of(text).values()))
        if self.transport.is_closing():
            state.bodies[key] += 1
            return
        self.waiting -= 1
        state.bodies[key] += 1
        state.counts[fate] += 1
        match fate:
            case "dropped":
                self.transport.close()
            case "429":
                asked = state.throttle(time.monotonic())
                extra = {} if asked is None else {"retry-after": asked}
                self._write(429, b'{"error":{"message":"slow down","code":"rate_limit_exceeded"}}', extra)
            case "503":
                self._write(503, b'{"error":{"message":"overloaded"}}')
            case _:
                if fate == "answered":
                    state.answered[key] += 1
                self._write(200, self._completion(request, text, body, fate), cut=fate == "truncated")

    def _completion(self, request: dict[str, Any], text: str, body: bytes, fate: str) -> bytes:
        nothing = f"Sure, answer {self.state.began} is here."  # the same one again would end a dialogue
        said = nothing if fate == "invalid" else _records(text)
        most = request.get("max_tokens") or request.get("max_completion_tokens")
        written = most if self.state.weather.longest and most else len(said) // 4
        read = len(body) // 4
        self.state.tokens += read + written
        reply = {
            "id": f"chatcmpl-{self.state.bodies.total()}",
            "object": "chat.completion",
            "created": 1,
            "model": request["model"],
            "choices": [
                {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said}}
            ],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }
        return json.dumps(reply).encode()

    def _write(
        self, status: int, body: bytes, extra: dict[str, str] | None = None, cut: bool = False
    ) -> None:
        headers = {**self.state.weather.headers, **(extra or {})}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        lines += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        head = f"HTTP/1.1 {status} x\r\n{lines}\r\n"
        if cut:
            self.transport.write(head.encode() + body[: len(body) // 2])
            self.transport.close()
        else:
            self.transport.write(head.encode() + body)


async def serve(weather: Weather, port: int, ready: Callable[[int], None]) -> None:
    """Serve until cancelled. ready: told the port."""
    state = State(weather)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(state), "127.0.0.1", port, backlog=1024)
    async with server:
        ready(server.sockets[0].getsockname()[1])
        await server.serve_forever()


@dataclass(frozen=True, slots=True)
class Loopback:
    """A server in a process of its own."""

    port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        return self._call("stats")

    def reset(self) -> None:
        self._call("reset", {})

    def weather(self, weather: Weather) -> None:
        self._call("weather", asdict(weather))

    def _call(self, path: str, body: Any = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{path}", data) as reply:
            said: dict[str, Any] = json.load(reply)
        return said


@contextmanager
def running(weather: Weather | None = None) -> Iterator[Loopback]:
    """Yield a server in a process of its own, which ends with the block."""
    told = json.dumps(asdict(weather or Weather()))
    command = [sys.executable, "-m", "tests.loopback", "--weather", told]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Loopback(int(process.stdout.readline()))
        finally:
            process.kill()


def _weather(arguments: argparse.Namespace) -> Weather:
    base = STORM if arguments.storm else Weather()
    if arguments.weather:
        base = replace(base, **json.loads(arguments.weather))
    return base if arguments.latency is None else replace(base, latency=arguments.latency)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, help="seconds before each answer")
    parser.add_argument(
        "--storm", action="store_true", help="30 %% of 429, 5 %% of 503, 3 %% of each other fault"
    )
    parser.add_argument("--weather", help=f"JSON with any of {', '.join(f.name for f in fields(Weather))}")
    arguments = parser.parse_args()
    try:
        asyncio.run(serve(_weather(arguments), arguments.port, lambda port: print(port, flush=True)))  # noqa: T201
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
