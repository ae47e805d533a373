"""A journal as an earlier state of the library wrote it: what it holds is read for ever after.

`python -m tests.bulk.golden_journal` writes it anew, for a change that is wanted and told in the changelog.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

from extractor import Extractor, Outcome
from extractor.groups import grouped
from tests.loopback import Echo

FILE = Path(__file__).with_suffix(".sqlite")
URL = "http://127.0.0.1:9/v1"  # where nobody answers
TEXTS = ["one", "two", "three: “quoted”", "four\nlines", "five"]
RUNS: dict[str, dict[str, Any]] = {
    "alone": {},
    "by_examples": {"examples": [("zero", Echo.of("zero"))], "instructions": "Be exact."},
    "samples": {"samples": 2, "temperature": 0.5},
    "together": {"rows_per_request": 2},
}


def answer(request: httpx.Request) -> httpx.Response:
    """Return a chat completion with the records of the texts; a schema of the model `old` is refused."""
    body = json.loads(request.content)
    if body["model"] == "old" and "json_schema" in str(body.get("response_format")):
        return httpx.Response(400, json={"error": {"message": "response_format json_schema: not supported"}})
    said = body["messages"][-1]["content"]
    lines = [json.loads(line) for line in said.splitlines()] if said.startswith('{"id": ') else []
    found = {line["id"]: Echo.of(line["text"]).model_dump() for line in lines} or Echo.of(said).model_dump()
    message = {"role": "assistant", "content": json.dumps(found)}
    return httpx.Response(
        200,
        json={
            "id": "c1",
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 50, "completion_tokens": 10, "total_tokens": 60},
        },
    )


def outcomes(ex: Extractor, journal: Path, run: str) -> list[Any]:
    """Return what comes of the rows of a run."""
    return list(ex.rows(TEXTS, Echo, **grouped({"journal": journal, **RUNS[run]}, "run")))


def main() -> None:
    """Write the journal."""
    FILE.unlink(missing_ok=True)
    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        for model in ("m", "old"):
            with Extractor(model, base_url=URL, http_client=client) as ex:
                for run in RUNS if model == "m" else ("alone",):
                    assert all(each.outcome is Outcome.OK for each in outcomes(ex, FILE, run))


if __name__ == "__main__":
    main()
