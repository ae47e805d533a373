"""Client CPU of one sequential call: python tests/benchmarks/call_cpu.py [ROUNDS]

Ours beside plain httpx with `model_validate_json` (a pooled client, and `httpx.post`, which opens one a
call), against a loopback server in another process. CPU seconds of this process alone, in turns; the
ratios are medians over the rounds.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx
from pydantic import BaseModel, create_model

from extractor import Extractor, compile_schema

CALLS = 150
SERVER = """
import sys
from extractor.testing import ChatServer, reply
with ChatServer(reply(sys.argv[1])) as server:
    print(server.base_url, flush=True)
    sys.stdin.read()
"""
TEXT = "The figures of the year, department by department. " * 20


def record_type(fields: int) -> type[BaseModel]:
    members: dict[str, Any] = {f"figure_{i}": (int, ...) for i in range(fields)}
    return create_model(f"Figures{fields}", **members)


def plain(post: Callable[..., httpx.Response], url: str, model: type[BaseModel]) -> Callable[[], Any]:
    schema = compile_schema(model).schema

    def call() -> Any:
        strict = {"name": model.__name__, "strict": True, "schema": schema}
        body = {
            "model": "m",
            "messages": [{"role": "system", "content": "Extract."}, {"role": "user", "content": TEXT}],
            "response_format": {"type": "json_schema", "json_schema": strict},
        }
        response = post(f"{url}/chat/completions", json=body, headers={"Authorization": "Bearer any"})
        response.raise_for_status()
        return model.model_validate_json(response.json()["choices"][0]["message"]["content"])

    return call


def cpu(call: Callable[[], Any]) -> float:
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS


def main(rounds: int) -> None:
    print(f"{'':10}{'extractor':>14}{'httpx.Client':>14}{'httpx.post':>14}{'to Client':>11}{'to post':>9}")
    for fields in (3, 30):
        model = record_type(fields)
        answer = json.dumps(dict.fromkeys(model.model_fields, 1))
        command = [sys.executable, "-c", SERVER, answer]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            with httpx.Client() as client, Extractor("openai:m", base_url=url, api_key="any") as ex:
                calls = (
                    lambda: ex.extract(model, TEXT),  # noqa: B023
                    plain(client.post, url, model),
                    plain(httpx.post, url, model),
                )
                for call in calls:
                    call()
                times = [[cpu(call) for call in calls] for _ in range(rounds)]
            server.terminate()
        medians = [statistics.median(row[i] for row in times) * 1e6 for i in range(3)]
        ratios = [statistics.median(row[0] / row[i] for row in times) for i in (1, 2)]
        cells = "".join(f"{m:11.0f} µs" for m in medians)
        print(f"{fields:3} fields{cells}{ratios[0]:11.2f}{ratios[1]:9.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
