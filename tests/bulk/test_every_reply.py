"""A run in which every odd reply occurs: each row is settled, and a second run asks nothing."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator
from tenacity.wait import wait_none

from extractor import Extractor, Outcome, RowOutcome, Run
from extractor.testing import (
    ChatServer,
    ReceivedRequest,
    body,
    calls,
    filtered,
    refusal,
    reply,
    status,
    truncated,
)


class Firm(BaseModel):
    """Most of its members are optional, and it holds itself: much can be read as one by mistake."""

    name: str | None = None
    n: Decimal | None = None
    size: int | None = None
    sub: Firm | None = None

    @field_validator("name")
    @classmethod
    def known(cls, name: str | None) -> str | None:
        return {"Nobody": None}["" if name == "Crash" else "Nobody"] if name in ("Crash", "Nobody") else name


GOOD = {"name": "ACME", "n": "7", "size": 1, "sub": None}
DIGITS = "1" * 5_000


def choice(**members: Any) -> Any:
    said = {
        "index": 0,
        "message": {"role": "assistant", "content": None},
        "finish_reason": "error",
        **members,
    }
    return body(json.dumps({"choices": [said]}))


def failed(code: str, generation: str) -> Any:
    error = {"message": "Failed. See 'failed_generation'.", "code": code, "failed_generation": generation}
    return body(json.dumps({"error": error}), 400)


def takes_no_format(request: ReceivedRequest) -> Any:
    return status(400, "invalid params") if "response_format" in request.json else reply(GOOD)


def knows_no_system(request: ReceivedRequest) -> Any:
    known = all(m["role"] != "system" for m in request.json["messages"])
    return reply(GOOD) if known else status(400, "System role not supported")


WHOLE = json.dumps(GOOD)
SAID: dict[str, Any] = {
    "good": reply(GOOD),
    "digits": reply(json.dumps(GOOD).replace("1", DIGITS)),
    "digits in prose": reply(f'Here: {{"size": {DIGITS}}}. Bye.'),
    "exponent": reply({**GOOD, "n": "1e1000000"}),
    "a number of a float's size": reply('{"name": "ACME", "n": 1e999, "sub": null, "size": 1}'),
    "NaN": reply('{"name": "ACME", "n": NaN, "sub": null, "size": 1}'),
    "a bug in a validator": reply({**GOOD, "name": "Crash"}),
    "a thousands separator": reply('{"name":"Invoice 7","n":1,234.50,"sub":{"name":"ACME"}}'),
    "a raw line break": reply('{"name": "AC\nME", "n": "7", "size": 1, "sub": null}'),
    "Python": reply("{'name': 'ACME', 'n': None}"),
    "an unescaped quote": reply('{"name": "the "ACME"", "n": "7"}'),
    "a note after it": reply(WHOLE + '\n{"note": "all taken from the text"}'),
    "an open thought": reply(f"<think>maybe {WHOLE}"),
    "a thought after it": reply(f"{WHOLE}<think>was that right?</think>"),
    "a call as text": reply('{"name":"Firm","arguments":{"name":"ACME"}}'),
    "a list of one": reply([GOOD]),
    "its name around it": reply({"Firm": GOOD}),
    "two lines": reply(f"{WHOLE}\n{WHOLE}"),
    "nested deeper than any record": reply("[" * 10_000),
    "a lone surrogate": body('{"choices": [{"message": {"content": "{\\"name\\": \\"\\\\ud800\\"}"}}]}'),
    "several calls": calls(("Firm", GOOD), ("Firm", GOOD)),
    "no text": reply(""),
    "a refusal": refusal(),
    "a filter": filtered("{"),
    "cut off": truncated('{"name": "AC'),
    "no choices": body('{"choices": null}'),
    "nothing": body(""),
    "a page": body("<html>Sign in</html>", 200, "text/html"),
    "an error on the choice": choice(error={"code": 502, "message": "gone"}),
    "an error after words": choice(error={"code": 502}, message={"role": "assistant", "content": '{"na'}),
    "rejected JSON": failed("json_validate_failed", '{"name": 7'),
    "a rejected call": failed("tool_use_failed", "<function=Firm>{}</function>"),
    "overloaded": status(503),
    "a mode": takes_no_format,
    "a template": knows_no_system,
}
FINAL = ("digits", "digits in prose", "a bug in a validator", "a refusal", "a filter", "cut off")


class Moods:
    """Answers the n-th text in the n-th way, and well from then on."""

    def __init__(self) -> None:
        self.told: set[str] = set()

    def __call__(self, request: ReceivedRequest) -> Any:
        text = re.search(r"row \d+: (.+)", "\n".join(m["content"] for m in request.json["messages"]))
        assert text
        way = text[1]
        if text[0] in self.told and way not in FINAL:
            return reply(GOOD)
        self.told.add(text[0])
        said = SAID[way]
        return said(request) if callable(said) else said


def outcomes(server: ChatServer, rows: int, journal: Path) -> list[RowOutcome[Firm]]:
    ways = list(SAID)
    texts = [f"row {row}: {ways[row % len(ways)]}" for row in range(rows)]
    with Extractor("m", base_url=server.base_url, retry_wait=wait_none()) as ex:
        return list(ex.rows(texts, Firm, run=Run(journal=str(journal))))


@pytest.mark.slow
@pytest.mark.parametrize("rows", [5 * len(SAID)])
def test_every_row_is_settled_and_a_second_run_asks_nothing(rows: int, tmp_path: Path) -> None:
    with ChatServer(Moods()) as server:
        first = outcomes(server, rows, tmp_path / "journal.sqlite")
        asked = len(server.requests)
        second = outcomes(server, rows, tmp_path / "journal.sqlite")
        assert len(server.requests) == asked
    assert [o.index for o in first] == list(range(rows))
    assert all(o.extraction is not None and o.attempts for o in first)
    assert all(o.outcome is not None and o.outcome.has_record == (o.error is None) for o in first)
    assert all(o.outcome is not Outcome.TRANSPORT for o in first)
    assert all(o.from_cache for o in second)
    assert [(o.outcome, o.record) for o in second] == [(o.outcome, o.record) for o in first]
    for way, outcome in zip(SAID, first, strict=False):
        assert outcome.outcome is not None
        assert outcome.outcome.has_record == (way not in FINAL), way
