"""Peak memory of the items of one long list, given one after the other; a transport answers at once:
`python -m tests.benchmarks.settled_memory [ITEMS ...]`. Each size has a process of its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from typing import Any

import httpx

from extractor import Chunks, Extractor, Run
from tests.documents.statements import Entry, read, statement


def answer(request: httpx.Request) -> httpx.Response:
    text = json.loads(request.content)["messages"][-1]["content"]
    content = json.dumps({"value": read(text)["entries"]})
    choice = {"finish_reason": "stop", "message": {"content": content}}
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000}
    return httpx.Response(200, json={"id": "1", "model": "any", "choices": [choice], "usage": usage})


def run(items: int) -> dict[str, Any]:
    made = statement(items, seed=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began, right = time.process_time(), 0
    client = httpx.Client(transport=httpx.MockTransport(answer))
    with client, Extractor("any", base_url="http://127.0.0.1:9/v1", http_client=client) as ex:
        found = ex.document_items(
            Entry, made.text, chunks=Chunks(size=4000), run=Run(journal=False, concurrency=8)
        )
        right = sum(each.item == made.record.entries[each.number] for each in found)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "items": items,
        "right": right,
        "characters": len(made.text),
        "mb_before": round(before, 1),
        "peak_mb": round(peak, 1),
        "cpu_ms_an_item": round((time.process_time() - began) / items * 1e3, 2),
    }


def main(*sizes: int) -> None:
    for size in sizes:
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.settled_memory", "--one", str(size)], check=True
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(run(int(sys.argv[2])))
    else:
        main(*(map(int, sys.argv[1:]) if sys.argv[1:] else (1_000, 10_000, 100_000)))
