"""Whether a second model is better than the first one, on the labelled texts that it is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RunStopped
from ..groups import flat, grouped
from ..schema import RecordType
from .cases import Case, cases_from, reading_in, scored
from .evaluating import EvaluatedModel, EvaluatedRow
from .rates import Difference, RateEstimate, Scored, differences, estimates
from .records import Dump, gold_reader

FIGURE = "value F1"


@dataclass(frozen=True, slots=True)
class EscalationGain:
    """What a second model made of the doubtful values of labelled texts.

    - model: the second model; "" if it was not asked.
    - texts: all labelled texts; escalated: those with doubtful values.
    - before, after: value F1 of the escalated texts, as the first model has them, and in the end.
    - gain: the difference, paired by text, with its 95 % bootstrap interval.
    - requests: of the second model.
    """

    model: str
    texts: int
    escalated: int
    before: RateEstimate
    after: RateEstimate
    gain: Difference
    requests: int = 0

    @property
    def is_better(self) -> bool:
        """Whether the second model is better beyond chance: the interval of the gain lies above 0."""
        return self.gain.low is not None and self.gain.low > 0

    def __str__(self) -> str:
        share = f"{self.escalated:,} of {self.texts:,} texts have doubtful values"
        if not self.escalated:
            return f"no doubtful values in {self.texts:,} texts, so nothing tells of a second model"
        if self.gain.value is None or self.gain.low is None or self.gain.high is None:
            return f"{share}: too few to tell whether {self.model} is better"
        verdict = "is better" if self.is_better else "is not better beyond chance"
        told = f"value F1 {self.before.value:.1%} before, {self.after.value:.1%} after"
        interval = f"{self.gain.low:+.1%} to {self.gain.high:+.1%}"
        return (
            f"{share}; there {self.model} {verdict}: {told}, difference {self.gain.value:+.1%} ({interval})"
        )


def evaluate_escalation(
    extractor: EvaluatedModel,
    record_type: Any,
    cases: str | Path | Iterable[Case | Mapping[str, Any] | tuple[str, Any]],
    **options: Any,
) -> EscalationGain:
    """Return whether the second model of an extractor with `escalate=` is better, on labelled texts.

    - cases: as for `evaluate`.
    - options: those of `Extractor.rows`.

    Raises ConfigError and SchemaError before anything is sent, and RunStopped if the run could not go on.
    """
    read = gold_reader(record_type)
    options = flat(options, "run")
    known = cases_from(cases, read, reading=reading_in(options))
    texts, given = [case.text for case in known], grouped(options, "run")
    rows = [*extractor.rows(texts, record_type, **given)]
    for row in rows:
        if row.stops or isinstance(row.error, RunStopped):
            raise row.error or RunStopped("the run was stopped before its end")
    return gain_of(known, rows, RecordType.of(record_type).dump)


def gain_of(cases: Sequence[Case], rows: Iterable[EvaluatedRow], dump: Dump) -> EscalationGain:
    """Return what came of the doubtful values among rows of labelled texts. Pure."""
    before, after = list[Scored](), list[Scored]()
    model, requests, count = "", 0, 0
    for row in rows:
        count += 1
        result = row.extraction
        if result is None or result.escalation is None:
            continue
        escalation, case = result.escalation, cases[row.index]
        first = replace(result, record=escalation.first, escalation=None)
        before.append(scored(case, first, row.error, dump))
        after.append(scored(case, result, row.error, dump))
        model = escalation.to
        requests += 0 if escalation.second is None else len(escalation.second.attempts)
    gain, one, other = differences(before, after)[FIGURE], estimates(before)[FIGURE], estimates(after)[FIGURE]
    return EscalationGain(model, count, len(before), one, other, gain, requests)
