"""Visits to towns: what a server reads of texts, and files of rows."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from extractor.testing import ReceivedRequest, Scripted, reply, status


class Visit(BaseModel):
    town: str
    day: date


def asked(request: ReceivedRequest) -> str:
    text: str = json.loads(request.body)["messages"][-1]["content"]
    return text


def visit(request: ReceivedRequest) -> Scripted:
    text = asked(request)
    if "bad" in text:
        return status(400, "I do not read that.")
    return reply({"town": text, "day": "2026-05-03"})


def write(path: str, texts: list[str]) -> None:
    rows = [{"id": i, "body": text} for i, text in enumerate(texts)]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def lines(path: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
