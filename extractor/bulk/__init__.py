"""Many rows: a window of them in flight, within limits and budget, with a journal of what was paid for.

Other rooms import from here, from `bulk.frames` (tables: rows in, cells out) and from `bulk.journal` (where
answers are kept). A name is loaded with its module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .display import Told, reason_lines, shown, summary
    from .estimate import Estimate, SecondModel, answer_tokens, prompt_tokens
    from .estimating import RowsLeft, estimated
    from .job import RUN_OPTIONS, Job, arows, cancel, rows
    from .limits.budget import RunBudget
    from .limits.sharing import LimitRequest, Pool
    from .outcomes import Row, RowOutcome, ToldText
    from .page import RunFacts, kinds, run_page
    from .quarantine import Line, is_quarantined, line_of, problem_cells, quarantined
    from .reasons import unnumbered
    from .run import INTERRUPTED, Stop
    from .texts import Files, Select, row_maker

__all__ = [
    "INTERRUPTED",
    "RUN_OPTIONS",
    "Estimate",
    "Files",
    "Job",
    "LimitRequest",
    "Line",
    "Pool",
    "Row",
    "RowOutcome",
    "RowsLeft",
    "RunBudget",
    "RunFacts",
    "SecondModel",
    "Select",
    "Stop",
    "Told",
    "ToldText",
    "answer_tokens",
    "arows",
    "cancel",
    "estimated",
    "is_quarantined",
    "kinds",
    "line_of",
    "problem_cells",
    "prompt_tokens",
    "quarantined",
    "reason_lines",
    "row_maker",
    "rows",
    "run_page",
    "shown",
    "summary",
    "unnumbered",
]
_MODULES = {
    "display": (
        "Told",
        "reason_lines",
        "shown",
        "summary",
    ),
    "estimate": (
        "Estimate",
        "SecondModel",
        "answer_tokens",
        "prompt_tokens",
    ),
    "estimating": ("RowsLeft", "estimated"),
    "job": (
        "RUN_OPTIONS",
        "Job",
        "arows",
        "cancel",
        "rows",
    ),
    "limits.budget": ("RunBudget",),
    "limits.sharing": (
        "LimitRequest",
        "Pool",
    ),
    "outcomes": (
        "ToldText",
        "Row",
        "RowOutcome",
    ),
    "page": (
        "RunFacts",
        "kinds",
        "run_page",
    ),
    "quarantine": (
        "Line",
        "quarantined",
        "is_quarantined",
        "line_of",
        "problem_cells",
    ),
    "reasons": ("unnumbered",),
    "run": (
        "INTERRUPTED",
        "Stop",
    ),
    "texts": (
        "Files",
        "Select",
        "row_maker",
    ),
}


def __getattr__(name: str) -> Any:
    """Load a name with its module on first use (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f".{module}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
