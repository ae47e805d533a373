"""Tools that are run for the model: what it calls, what that gives, and when it is done."""

from .box import Called, check_tools, listed
from .rounds import MAX_CALLS, MAX_ROUNDS, Round, Settled, ToolReply, ToolRun, first_round
from .running import ToolResult, arun, run

__all__ = [
    "MAX_CALLS",
    "MAX_ROUNDS",
    "Called",
    "Round",
    "Settled",
    "ToolReply",
    "ToolResult",
    "ToolRun",
    "arun",
    "check_tools",
    "first_round",
    "listed",
    "run",
]
