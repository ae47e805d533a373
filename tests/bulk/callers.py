"""A hand-written service in this process: what a bulk run calls, with everything it does written down."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from extractor import AsyncExtractor
from extractor.groups import grouped
from tests.loopback import Echo

Answer = Callable[[str, int], httpx.Response]


def reply(record: Any, *, prompt_tokens: int = 100, completion_tokens: int = 10) -> httpx.Response:
    said = record if isinstance(record, str) else json.dumps(record)
    body = {
        "id": "1",
        "model": "any",
        "choices": [{"finish_reason": "stop", "message": {"content": said}}],
        "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens},
    }
    return httpx.Response(200, json=body)


def echo(text: str, times: int = 1) -> httpx.Response:
    return reply(Echo.of(text).model_dump())


class Service:
    """Answers each text by `answer(text, how often it was asked)` after `latency` seconds."""

    def __init__(self, answer: Answer = echo, latency: float = 0.0) -> None:
        self.answer, self.latency = answer, latency
        self.asked: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.in_flight = self.peak = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        text = next(m["content"] for m in body["messages"] if m["role"] == "user")
        self.asked.append(text)
        self.bodies.append(body)
        self.at.append(asyncio.get_running_loop().time())
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            return self.answer(text, self.asked.count(text))
        finally:
            self.in_flight -= 1

    def extractor(self, **options: Any) -> AsyncExtractor:
        client = httpx.AsyncClient(transport=httpx.MockTransport(self))
        url = options.pop("base_url", "http://127.0.0.1:9/v1")
        return AsyncExtractor("any", base_url=url, http_client=client, **options)

    async def outcomes(
        self, rows: Any, record_type: Any = Echo, text: Any = None, **options: Any
    ) -> list[Any]:
        """Return all outcomes. options: of `rows`; those in `client` of the extractor."""
        extractor = self.extractor(**options.pop("client", {}))
        options.setdefault("journal", False)
        given = grouped(options, "run")
        return [o async for o in extractor.rows(rows, record_type, text=text, **given)]
