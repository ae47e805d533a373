"""Tables: files and tables of databases in, the same rows with their records out; quarantine and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .result import Holding, TableRun
    from .running import estimate, run

__all__ = ["Holding", "TableRun", "estimate", "run"]


__getattr__ = lazy_names(
    globals(),
    {
        "result": "Holding TableRun",
        "running": "estimate run",
    },
)
