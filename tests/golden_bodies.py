"""The bytes of each kind of request, as they are sent: journals and providers' caches depend on them.

`python -m tests.golden_bodies` writes them anew, for a change that is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel, Field
from tenacity.wait import wait_none

from extractor import Chunks, Extractor, ExtractorError, Message, Mode, Run, image
from extractor.dialects import PROVIDERS

FILE = Path(__file__).with_suffix(".jsonl")
TEXT = "Ada Lovelace, born on 10 December 1815 in London, wrote two notes: “A” and “G”."
PICTURE = bytes.fromhex("89504e470d0a1a0a0000000d49484452")


class Kind(Enum):
    NOTE = "note"
    BOOK = "book"


class Work(BaseModel):
    title: str = Field(max_length=40, description="As it stands in the text")
    kind: Kind


class Person(BaseModel):
    """Somebody who writes."""

    name: str
    born: date | None = None
    works: list[Work] = Field(default_factory=list, max_length=9)


class Works(BaseModel):
    works: list[Work]


EXAMPLES = [
    (
        "Alan Turing wrote “On Computable Numbers”.",
        Person(name="Alan Turing", works=[Work(title="On Computable Numbers", kind=Kind.BOOK)]),
    ),
    ("Nobody.", Person(name="Nobody")),
]
Call = Callable[[Extractor], Any]
KEYS: dict[str, Any] = {
    "base_url": "http://127.0.0.1:9/v1",
    "api_key": "k",
    "max_retries": 0,
    "retry_wait": wait_none(),
}


def look_up(name: str, year: int | None = None) -> str:
    """Look somebody up.

    name: as it is written
    """
    return name


def extracted(**options: Any) -> Call:
    return lambda ex: ex.run(Person, TEXT, **options)


CALLS: dict[str, Call] = {
    "extract": extracted(),
    "extract, told more": extracted(
        instructions="Names as they stand.", examples=EXAMPLES, context={"today": date(2026, 1, 2)}
    ),
    "extract, parameters": extracted(temperature=0.5, seed=7, max_tokens=99, extra_body={"user": "u"}),
    "extract, confidence": extracted(confidence=True),
    "extract, content": lambda ex: ex.run(Person, ["The picture:", image(PICTURE), TEXT]),
    "extract, turns": lambda ex: ex.run(
        Person,
        [
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": TEXT},
        ],
    ),
    "extract, a list": lambda ex: ex.run(list[Work], TEXT),
    "extract, a document": lambda ex: ex.run(
        {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9}}, "required": ["n"]}, TEXT
    ),
    "stream": lambda ex: list(ex.stream(Person, TEXT)),
    "items": lambda ex: list(ex.items(Work, TEXT)),
    "parse": lambda ex: ex.parse(
        [{"role": "system", "content": "Be short."}, {"role": "user", "content": TEXT}], Person
    ),
    "chat": lambda ex: ex.chat([Message("user", TEXT)], temperature=0),
    "chat, tools": lambda ex: ex.chat([Message("user", TEXT)], tools=[look_up], tool_choice="auto"),
    "run_tools": lambda ex: ex.run_tools([Message("user", TEXT)], Person, tools=[look_up]),
    "document": lambda ex: ex.document(
        Works, TEXT * 40, chunks=Chunks(size=2000), run=Run(journal=False, concurrency=1)
    ),
    "rows": lambda ex: list(ex.rows([TEXT, TEXT[:30]], Person, run=Run(journal=False, concurrency=1))),
    "rows together": lambda ex: list(
        ex.rows(
            [TEXT[n:] for n in range(4)], Person, run=Run(journal=False, rows_per_request=2, concurrency=1)
        )
    ),
}
FEW = (
    "openai:gpt-5-mini",
    "anthropic:claude-sonnet-4-5",
    "gemini:gemini-2.5-flash",
    "openai-responses:gpt-5-mini",
    "vllm:m",
)
REPLIES = {
    "a value that is wrong": {"name": "Ada", "born": "10 December", "works": []},
    "no record": "I can't say.",
    "a list that is cut": '{"name": "Ada", "born": null, "works": [{"title": "A", "kind": "note"}, {"tit',
}


def chat_reply(content: Any, finish: str) -> httpx.Response:
    said = content if isinstance(content, str) else json.dumps(content)
    choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": finish}
    usage = {"prompt_tokens": 9, "completion_tokens": 9, "total_tokens": 18}
    return httpx.Response(200, json={"id": "1", "model": "m", "choices": [choice], "usage": usage})


def requests_of(
    model: str, call: Call, reply: Callable[[], httpx.Response], **options: Any
) -> Iterator[dict[str, str]]:
    """Yield what a call sends: the path, the headers without the key and the length, the body."""
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return reply()

    with (
        httpx.Client(transport=httpx.MockTransport(handler)) as client,
        Extractor(model, http_client=client, **{**KEYS, **options}) as ex,
        suppress(ExtractorError),
    ):
        call(ex)
    for request in seen:
        headers = [
            f"{name}: {value}"
            for name, value in sorted(request.headers.items())
            if name in ("content-type", "anthropic-version", "anthropic-beta")
        ]
        yield {
            "path": request.url.raw_path.decode(),
            "headers": "; ".join(headers),
            "body": request.content.decode(),
        }


def refused() -> httpx.Response:
    return httpx.Response(400, json={"error": {"message": "golden"}})


def cases() -> Iterator[dict[str, str]]:
    """Yield each request with the name of its case."""
    for provider in PROVIDERS:
        if provider != "local":
            yield from named(f"{provider}: extract", requests_of(f"{provider}:m", CALLS["extract"], refused))
    for model in FEW:
        for name, call in CALLS.items():
            yield from named(f"{model}: {name}", requests_of(model, call, refused))
        for mode in Mode:
            with suppress(ExtractorError):
                yield from named(
                    f"{model}: {mode}", requests_of(model, CALLS["extract, told more"], refused, mode=mode)
                )
    yield from named("small: extract", requests_of("m", CALLS["extract"], refused, prompt="small"))
    for name, content in REPLIES.items():
        finish = "length" if "cut" in name else "stop"
        found = requests_of(
            "m", CALLS["extract"], lambda c=content, f=finish: chat_reply(c, f), max_repairs=1
        )  # type: ignore[misc]
        yield from named(f"after {name}", found)


def named(case: str, found: Iterator[dict[str, str]]) -> Iterator[dict[str, str]]:
    for number, request in enumerate(found):
        yield {"case": f"{case} {number}" if number else case, **request}


def lines() -> str:
    return "".join(json.dumps(case, ensure_ascii=False) + "\n" for case in cases())


if __name__ == "__main__":
    FILE.write_text(lines(), "utf-8")
