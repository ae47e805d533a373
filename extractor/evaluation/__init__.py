"""How good records are: scored against gold, with each error explained.

    from extractor.evaluation import evaluate, score
    report = evaluate(ex, Invoice, "gold.jsonl")

No heavy imports: a name is loaded with its module on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

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


__getattr__ = lazy_names(
    globals(),
    {
        "cases": "Case",
        "escalations": "EscalationGain evaluate_escalation",
        "evaluating": "evaluate promise",
        "explaining": "Confusion ConfusionMatrix LeafVerdict VerdictKind explained",
        "metrics": "MISSING Score score",
        "page": "evaluation_page",
        "reports": "EvalReport load_report",
        "scoring": "FieldScoring Scoring",
    },
)
