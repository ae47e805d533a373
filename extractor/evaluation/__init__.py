"""How good records are: scored against gold, with each error explained.

    from extractor.evaluation import evaluate, score
    report = evaluate(ex, Invoice, "gold.jsonl")

No heavy imports: a name is loaded with its module on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cases import Case
    from .escalations import EscalationGain, evaluate_escalation
    from .evaluating import evaluate, promise
    from .explaining import Confusion, ConfusionMatrix, LeafVerdict, VerdictKind, explained
    from .metrics import MISSING, Score, score
    from .page import evaluation_page
    from .reports import EvalReport, load_report
    from .scoring import FieldScoring, Scoring

__all__ = [
    "MISSING",
    "Case",
    "Confusion",
    "ConfusionMatrix",
    "EscalationGain",
    "EvalReport",
    "FieldScoring",
    "LeafVerdict",
    "Score",
    "Scoring",
    "VerdictKind",
    "evaluate",
    "evaluate_escalation",
    "evaluation_page",
    "explained",
    "load_report",
    "promise",
    "score",
]
_MODULES = {
    "metrics": ("MISSING", "Score", "score"),
    "scoring": ("FieldScoring", "Scoring"),
    "explaining": ("Confusion", "ConfusionMatrix", "LeafVerdict", "VerdictKind", "explained"),
    "cases": ("Case",),
    "reports": ("EvalReport", "load_report"),
    "escalations": ("EscalationGain", "evaluate_escalation"),
    "evaluating": ("evaluate", "promise"),
    "page": ("evaluation_page",),
}


def __getattr__(name: str) -> Any:
    """Load a public name with its module on first use (PEP 562)."""
    for module, names in _MODULES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f".{module}", __name__), name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
