"""Tasks given to a reading process: its limits, what it tells, and what it means when it says nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore, Thread, Timer
from typing import Any

from ..errors import UnreadableSource

_SCRIPT = str(Path(__file__).with_name("worker.py"))
MOST_TOLD = 2**28  # bytes that a process may write


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What a reading process may take. memory: bytes of address space; seconds: of CPU."""

    memory: int = 2**30
    seconds: int = 120

    def __str__(self) -> str:
        return f"more than {self.memory / 2**30:g} GiB or {self.seconds} s"


USUAL = ReadLimits()
FOR_OCR = ReadLimits(6 * 2**30, 600)  # ONNX Runtime maps far more than it uses


class _Slots:
    """How many processes read at a time: one for each core."""

    def __init__(self) -> None:
        self.free = BoundedSemaphore(os.cpu_count() or 1)


_slots = _Slots()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_slots.__init__)  # type: ignore[misc]  # the parent's are not free here


def results(
    task: str, data: bytes, options: Mapping[str, Any], what: str, bounds: ReadLimits = USUAL
) -> Iterator[Any]:
    """Yield what a task tells of a document, as it comes. what: the document, for messages: "the PDF".

    Raises UnreadableSource if it can't be read, takes more than its bounds, or breaks the process.
    """
    asked = {
        "task": task,
        "options": dict(options),
        "sys_path": sys.path,
        "memory": bounds.memory,
        "seconds": bounds.seconds,
    }
    with _slots.free:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        timer = Timer(5 * bounds.seconds, process.kill)
        feeder = Thread(target=_feed, args=(process.stdin, json.dumps(asked).encode() + b"\n", data))
        timer.start()
        feeder.start()
        try:
            yield from _told(process.stdout, what, bounds)
        finally:
            process.kill()
            feeder.join()
            process.stdout.close()
            process.wait()
            timer.cancel()


def _feed(stdin: Any, head: bytes, data: bytes) -> None:
    with suppress(OSError, ValueError):  # it has ended
        stdin.write(head)
        stdin.write(data)
    with suppress(OSError):
        stdin.close()


def _told(stdout: Any, what: str, bounds: ReadLimits) -> Iterator[Any]:
    left = MOST_TOLD
    while left > 0 and (line := stdout.readline(left)):
        left -= len(line)
        try:
            said = json.loads(line)
        except ValueError:
            break
        if "value" in said:
            yield said["value"]
        elif "error" in said:
            kind, message = said["error"]
            raise _error(kind, message, what, bounds)
        else:
            return
    raise _error("too_large", "", what, bounds)


def _error(kind: str, message: str, what: str, bounds: ReadLimits) -> UnreadableSource:
    if kind == "too_large" and not message:
        message = f"{what} cannot be read: it takes {bounds}, or crashes the library that reads it"
    if kind == "damaged" and not message.startswith("the "):
        message = f"{what} cannot be read; it may be damaged: {message}"
    return UnreadableSource(message, kind)  # type: ignore[arg-type]
