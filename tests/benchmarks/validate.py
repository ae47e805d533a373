"""Rows a minute and peak memory of `extractor validate` on flat JSON Lines, beside a plain loop with
Pydantic and one with `jsonschema`: `python -m tests.benchmarks.validate [ROWS] [--kind jsonl|csv|parquet]`.

Each has a process of its own; `jsonschema` sees a twentieth of the rows, and its figure is that of those.
The time is the process's CPU time, its start included; the wall's is beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

TYPE = """
from datetime import date
from typing import Literal
from pydantic import BaseModel

class Order(BaseModel):
    id: int
    customer: str
    day: date
    total: float
    currency: Literal["EUR", "USD"]
    paid: bool | None = None
    note: str | None = None
"""
DOCUMENT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 0},
        "customer": {"type": "string", "minLength": 1},
        "day": {"type": "string", "format": "date"},
        "total": {"type": "number"},
        "currency": {"enum": ["EUR", "USD"]},
        "paid": {"type": ["boolean", "null"]},
        "note": {"type": ["string", "null"]},
    },
    "required": ["id", "customer", "day", "total", "currency"],
}
PYDANTIC = """
import sys
from orders import Order
from pydantic import TypeAdapter, ValidationError
validate, rows, invalid = TypeAdapter(Order).validate_json, 0, 0
with open(sys.argv[1], "rb") as lines:
    for line in lines:
        rows += 1
        try:
            validate(line)
        except ValidationError:
            invalid += 1
print(f"{rows:,} rows, {rows - invalid:,} valid, {invalid:,} invalid")
"""
JSONSCHEMA = """
import json, sys
from itertools import islice
from jsonschema import Draft202012Validator
with open("order.json") as file:
    judge = Draft202012Validator(json.load(file), format_checker=Draft202012Validator.FORMAT_CHECKER)
rows = invalid = 0
with open(sys.argv[1], "rb") as lines:
    for line in islice(lines, int(sys.argv[2])):
        rows += 1
        invalid += not judge.is_valid(json.loads(line))
print(f"{rows:,} rows, {rows - invalid:,} valid, {invalid:,} invalid")
"""
JSONSCHEMA_SHARE = 20


def records(rows: int) -> Iterator[dict[str, Any]]:
    """Flat records; one in a thousand is wrong."""
    for i in range(rows):
        yield {
            "id": i,
            "customer": f"Customer {i % 5000}",
            "day": "never" if i % 1000 == 7 else f"2026-05-{i % 28 + 1:02}",
            "total": i / 4,
            "currency": "EUR",
            "paid": (True, False, None)[i % 3],
            "note": None,
        }


def write(path: Path, rows: int) -> None:
    """Write the records as the file's name says."""
    if path.suffix == ".jsonl":
        with path.open("w") as file:
            file.writelines(json.dumps(record) + "\n" for record in records(rows))
    elif path.suffix == ".csv":
        import csv

        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, next(records(1)))
            writer.writeheader()
            writer.writerows(records(rows))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        source = records(rows)
        schema = pa.Table.from_pylist(list(records(3))).schema.set(6, pa.field("note", pa.string()))
        with pq.ParquetWriter(path, schema) as writer:
            while some := list(islice(source, 50_000)):
                writer.write_table(pa.Table.from_pylist(some, schema))


def measured(name: str, command: list[str], folder: Path, rows: int) -> None:
    """Run a command and print what it took."""
    began = time.monotonic()
    path = os.pathsep.join([str(Path.cwd()), str(folder)])
    with tempfile.TemporaryFile("w+") as told:
        child = subprocess.Popen(
            [sys.executable, *command],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            stdout=told,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        said = told.readline().strip().rpartition(": ")[2]
    wall, cpu, peak = time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    speed = f"{cpu:7.1f} s CPU {wall:7.1f} s {60 * rows / cpu / 1e6:7.2f} M rows/min"
    print(f"{name:<34}{said:<54}{speed} {peak:6.0f} MB")


def main() -> None:
    """Measure all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="?", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=("jsonl", "csv", "parquet"), default="jsonl")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.write:
        return write(asked.write, asked.rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "orders.py").write_text(TYPE)
        (folder / "order.json").write_text(json.dumps(DOCUMENT))
        data = folder / f"orders.{asked.kind}"
        # elsewhere, since a child's peak counts what its parent held as it was forked
        itself = [sys.executable, "-m", "tests.benchmarks.validate", str(asked.rows)]
        subprocess.run([*itself, "--write", str(data)], check=True)
        print(f"{data.stat().st_size / 1e6:.0f} MB")
        if asked.kind == "jsonl":
            measured("plain Pydantic loop", ["-c", PYDANTIC, str(data)], folder, asked.rows)
            some = asked.rows // JSONSCHEMA_SHARE
            measured("plain jsonschema loop", ["-c", JSONSCHEMA, str(data), str(some)], folder, some)
        command = ["-m", "extractor", "validate", data.name]
        measured("extractor validate --type", [*command, "-t", "orders.py:Order"], folder, asked.rows)
        measured("extractor validate --schema", [*command, "-s", "order.json"], folder, asked.rows)
        aside = ["-o", f"good.{asked.kind}", "--quarantine", "bad.jsonl"]
        options = [*command, "-t", "orders.py:Order", *aside]
        measured("… --type -o good --quarantine bad", options, folder, asked.rows)
    return None


if __name__ == "__main__":
    main()
