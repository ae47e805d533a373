"""Work is counted without harm to those who trace too."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from tests.steps import steps


def test_the_tracer_of_others_is_back_after_the_count() -> None:
    before = sys.gettrace()

    def other(frame: FrameType, event: str, arg: object) -> Any:
        return None

    sys.settrace(other)
    try:
        assert steps(lambda: sum(range(3))) > 0
        found = sys.gettrace()
    finally:
        sys.settrace(before)
    assert found is other
