"""Visits to towns: tables of texts, a server that reads them, and `extractor run` over them."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ended import Cli, Ended

from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply, status

TYPES = """
from datetime import date
from pydantic import BaseModel

class Visit(BaseModel):
    town: str
    day: date
"""


def asked(request: ReceivedRequest) -> str:
    text: str = json.loads(request.body)["messages"][-1]["content"]
    return text


def visit(request: ReceivedRequest) -> Scripted:
    text = asked(request)
    return (
        status(400, "I do not read <that>.") if "bad" in text else reply({"town": text, "day": "2026-05-03"})
    )


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of an output, with nested values as values."""
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.open(newline="", encoding="utf-8") as stream:
        nested = ("visit", "visit_error", "visit_usage")
        return [
            {k: json.loads(v) if k in nested and v else v or None for k, v in row.items()}
            for row in csv.DictReader(stream)
        ]


class Run:
    def __init__(self, cli: Cli, server: ChatServer) -> None:
        self.cli, self.server = cli, server

    def __call__(self, *arguments: object) -> Ended:
        return self.cli(
            "run", "-t", "visits.py:Visit", "--base-url", self.server.base_url, "-m", "m", *arguments
        )
