"""CPU and memory of a streamed record: python tests/benchmarks/streaming.py [ROUNDS] [WAYS]

Answers of 15, 60 and 240 KB in 4-character deltas from a loopback server in another process. Ours, not
looked at and with a look into the newest line of each partial ("and look"), beside a bare httpx line loop
with `json`, which makes no partials, and the partial objects of openai and instructor, where they are
installed; a slow one is not asked for the larger answers. CPU seconds of a process of its own each, in
turns; medians, and their ratios.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

SIZES = (15_000, 60_000, 240_000)
SLOW = 60.0  # seconds after which a peer is not asked for a larger answer
SERVER = """
import asyncio, json, sys

def event(delta, reason=None):
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk).encode() + b"\\n\\n"

def answer(text):
    events = [event({"role": "assistant", "content": ""})]
    events += [event({"content": text[i:i + 4]}) for i in range(0, len(text), 4)]
    return b"".join([*events, event({}, "stop"), b"data: [DONE]\\n\\n"])

BODY = answer(sys.stdin.readline().strip())
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Type: text/event-stream\\r\\nConnection: close\\r\\n\\r\\n"

async def serve(reader, writer):
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    length = [int(line[15:]) for line in head.split(b"\\r\\n") if line.lower().startswith(b"content-length:")]
    await reader.readexactly(length[0])
    writer.write(HEAD)
    for start in range(0, len(BODY), 1300):
        writer.write(BODY[start:start + 1300])
        await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


def record_of(size: int) -> str:
    line = {"text": "Item with some words in it", "quantity": 3, "price": 12.5, "taxed": True}
    lines = [line] * (size // (len(json.dumps(line, separators=(",", ":"))) + 1))
    return json.dumps({"vendor": "ACME", "lines": lines}, separators=(",", ":"))


def model() -> Any:
    from pydantic import BaseModel

    class Line(BaseModel):
        text: str
        quantity: int
        price: float
        taxed: bool

    class Invoice(BaseModel):
        vendor: str
        lines: list[Line]

    return Invoice


def bare(url: str) -> int:
    import httpx

    parts = []
    invoice = model()
    with httpx.Client() as client, client.stream("POST", f"{url}/chat/completions", json={}) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                text = json.loads(line[6:])["choices"][0]["delta"].get("content")
                parts.append(text)
    invoice.model_validate_json("".join(filter(None, parts)))
    return len(parts)


def extractor(url: str, look: bool = False) -> int:
    from extractor import Extractor

    given = 0
    with Extractor("openai:m", base_url=url, api_key="any") as ex:
        for partial in ex.stream(model(), "A text."):
            given += 1
            if look and partial.lines:
                _ = partial.lines[-1].text
    assert partial.record is not None
    return given


def openai(url: str) -> int:
    from openai import OpenAI

    given = 0
    messages: Any = [{"role": "user", "content": "A text."}]
    with (
        OpenAI(base_url=url, api_key="any") as client,
        client.chat.completions.stream(model="m", messages=messages, response_format=model()) as events,
    ):
        for event in events:
            given += event.type == "content.delta" and event.parsed is not None
    return given


def instructor(url: str) -> int:
    import instructor
    from openai import OpenAI

    client = instructor.from_openai(OpenAI(base_url=url, api_key="any"), mode=instructor.Mode.JSON_SCHEMA)
    messages: Any = [{"role": "user", "content": "A text."}]
    partials = client.chat.completions.create_partial(model="m", messages=messages, response_model=model())
    return sum(1 for _ in partials)


def looking(url: str) -> int:
    return extractor(url, look=True)


WAYS = {
    "httpx lines": bare,
    "extractor": extractor,
    "and look": looking,
    "openai": openai,
    "instructor": instructor,
}


def measure(way: str, url: str) -> None:
    """In a process of its own: once to warm up, then once that counts."""
    call = WAYS[way]
    call(url)
    began = time.process_time()
    given = call(url)
    used = time.process_time() - began
    print(json.dumps([used, given, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


def run(way: str, url: str) -> tuple[float, int, float] | None:
    command = [sys.executable, __file__, "--measure", way, url]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=4 * SLOW, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    used, given, megabytes = json.loads(done.stdout)
    return used, given, megabytes


def main(rounds: int, ways: list[str]) -> None:
    print(f"{'':>8}{'':>14}{'CPU s':>9}{'to lines':>10}{'partials':>10}{'MB':>7}")
    medians: dict[tuple[str, int], float] = {}
    for size in SIZES:
        with subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as server:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(record_of(size) + "\n")
            server.stdin.flush()
            url = f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"
            found: dict[str, list[tuple[float, int, float]]] = {way: [] for way in ways}
            for _ in range(rounds):
                for way in list(found):
                    if (measured := run(way, url)) is not None:
                        found[way].append(measured)
            server.terminate()
        for way, several in found.items():
            if not several:
                print(f"{size // 1000:5} KB{way:>14}{'none':>9}")
                continue
            medians[way, size] = statistics.median(m[0] for m in several)
            ratio = statistics.median(
                m[0] / b[0] for m, b in zip(several, found["httpx lines"], strict=False)
            )
            given, most = several[0][1], max(m[2] for m in several)
            print(f"{size // 1000:5} KB{way:>14}{medians[way, size]:9.3f}{ratio:10.2f}{given:10}{most:7.0f}")
        ways = [way for way in ways if medians.get((way, size), SLOW) < SLOW / 16 or way in list(WAYS)[:3]]
    for way in ways:
        print(f"240 KB to 60 KB, {way}: {medians[way, 240_000] / medians[way, 60_000]:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(*sys.argv[2:])
    else:
        main(
            int(sys.argv[1]) if len(sys.argv) > 1 else 3,
            (sys.argv[2].split(",") if len(sys.argv) > 2 else list(WAYS)),
        )
