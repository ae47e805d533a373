"""Tools that are run for the model: what it calls, what that gives, and when it is done."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .box import Called, check_tools, listed
    from .rounds import Round, Settled, ToolReply, ToolRun, first_round
    from .running import ToolResult, arun, run

__all__ = [
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
_MODULES = {
    "Called": "box",
    "Round": "rounds",
    "Settled": "rounds",
    "ToolReply": "rounds",
    "ToolResult": "running",
    "ToolRun": "rounds",
    "arun": "running",
    "check_tools": "box",
    "first_round": "rounds",
    "listed": "box",
    "run": "running",
}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    if name in _MODULES:
        return globals().setdefault(name, getattr(import_module(f".{_MODULES[name]}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
