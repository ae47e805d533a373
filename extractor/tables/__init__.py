"""Tables: files and tables of databases in, the same rows with their records out; quarantine and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .result import Holding, TableRun
    from .running import estimate, run

__all__ = ["Holding", "TableRun", "estimate", "run"]


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562): who writes to a database needs no client."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import result, running

    return globals().setdefault(name, getattr(result if hasattr(result, name) else running, name))
