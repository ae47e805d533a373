"""Runs one attack in a process of its own, and kills it where it passes its bounds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

TRIALS = [f"{__package__}.{file.stem}" for file in sorted(Path(__file__).parent.glob("test_*.py"))]
PRELOADED = ["extractor.client", "extractor.testing", *TRIALS]  # imported once, then forked
STARTING = 60.0  # seconds until a child has begun, on a busy machine
LOOKS = 0.01  # seconds between two looks at how much memory a child has taken


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. seconds: by the clock of its process. megabytes: the most it held in memory.
    value: what it returned. error: the name of what it raised and its message, or why it was ended.
    """

    seconds: float
    megabytes: float
    value: Any = None
    error: str = ""
    killed: bool = False

    def __str__(self) -> str:
        return self.error.partition("\n")[0][:60] or "returned"


def run(trial: Callable[..., Any], args: tuple[Any, ...], seconds: float, megabytes: float) -> Outcome:
    """Return how `trial(*args)` ended in a child process. trial: a function of a module, by its name."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    ours, theirs = context.Pipe()
    child = context.Process(target=_run, args=(theirs, trial, args))
    child.start()
    theirs.close()
    try:
        return _awaited(child, ours, seconds, megabytes)
    finally:
        ours.close()
        _end(child)


def _run(told: Connection, trial: Callable[..., Any], args: tuple[Any, ...]) -> None:
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told.send("began")
    began = time.monotonic()
    try:
        value, error = trial(*args), ""
    except BaseException as raised:
        value, error = None, f"{type(raised).__name__}: {raised}"
    taken = time.monotonic() - began
    told.send(Outcome(taken, _peak(os.getpid()), value, error))
    told.close()
    sys.stdout.flush()
    os._exit(0)  # threads that a trial has left behind hold nobody up


def _awaited(child: ForkServerProcess, told: Connection, seconds: float, megabytes: float) -> Outcome:
    peak, began = 0.0, time.monotonic()
    try:
        if not told.poll(STARTING):
            return Outcome(0.0, 0.0, error=f"has not begun in {STARTING:g} s", killed=True)
        told.recv()
        began = time.monotonic()
        while not told.poll(LOOKS):
            peak, taken = max(peak, _peak(child.pid)), time.monotonic() - began
            if peak > megabytes:
                return Outcome(taken, peak, error=f"killed: over {megabytes:g} MB", killed=True)
            if taken > seconds:
                return Outcome(taken, peak, error=f"killed: over {seconds:g} s", killed=True)
        outcome = told.recv()
    except EOFError:
        child.join(STARTING)
        taken = time.monotonic() - began
        return Outcome(taken, peak, error=f"died with exit code {child.exitcode}", killed=True)
    if outcome.seconds > seconds or outcome.megabytes > megabytes:
        return Outcome(outcome.seconds, outcome.megabytes, error="ended beyond its bounds", killed=True)
    return outcome


def _end(child: ForkServerProcess) -> None:
    """Kill the child with all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.kill()
    child.join()


def _peak(pid: int | None) -> float:
    """Return the megabytes that a process held at most; 0 once it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
