"""How much work a call is, counted and not timed: a busy machine makes no difference."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def steps(call: Callable[[], object]) -> int:
    """Return how many lines, calls and returns of Python a call takes."""
    count = 0

    def step(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal count
        count += 1
        return step

    before = sys.gettrace()  # of coverage, which would see nothing more after this
    sys.settrace(step)
    try:
        call()
    finally:
        sys.settrace(before)
    return count
