"""Tools that are run for the model: what it calls, what that gives, and when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .box import Called as Called
    from .box import check_tools as check_tools
    from .box import listed as listed
    from .rounds import (
        Round as Round,
    )
    from .rounds import (
        Settled as Settled,
    )
    from .rounds import (
        ToolReply as ToolReply,
    )
    from .rounds import (
        ToolRun as ToolRun,
    )
    from .rounds import (
        first_round as first_round,
    )
    from .running import ToolResult as ToolResult
    from .running import arun as arun
    from .running import run as run


__getattr__ = lazy_names(
    globals(),
    {
        "box": "Called check_tools listed",
        "rounds": "Round Settled ToolReply ToolRun first_round",
        "running": "ToolResult arun run",
    },
)
