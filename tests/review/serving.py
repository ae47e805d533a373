"""A review in a process of its own, that can be killed: `extractor review` over some records."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
TYPES = """
from pydantic import BaseModel, Field

class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=150)
"""
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def texts(count: int) -> list[dict[str, Any]]:
    """Return records, all with the wrong name: the right one is the first word of the text."""
    return [
        {
            "id": f"r{n:03}",
            "text": f"Ada{n:03} is {20 + n % 50} years old.",
            "record": {"name": "Nobody", "age": 20 + n % 50},
        }
        for n in range(count)
    ]


def written(folder: Path, lines: list[dict[str, Any]]) -> None:
    (folder / "person.py").write_text(TYPES)
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


@contextmanager
def reviewing(folder: Path, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Yield the process and the address that it prints; it is killed in the end."""
    command = [
        sys.executable,
        "-m",
        "extractor",
        "review",
        "in.jsonl",
        "-t",
        "person.py:Person",
        "--as",
        "me",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}  # the library that is tested, whichever is installed
    pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, *more], cwd=folder, env=env, **pipes) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()
            process.communicate()
