"""Several answers to the same question: which one most of them agree with, and how far, leaf by leaf. Pure.

The chosen record is always one that the model gave and that validated, never a mixture. Values are
compared as `metrics` reads them normalised: numbers by value, strings but for case, space and punctuation,
the items of lists in their best assignment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from ..confidence import Measured
from ..evidence.leaves import plain
from ..messages import JSON, Outcome
from ..results import Extraction
from .metrics import agreeing

T = TypeVar("T")


def agreed(results: Sequence[Extraction[T]]) -> Extraction[T]:
    """Return the result that agrees most with the others, with the attempts of all; the first where none has
    a record. Its agreement is, for each leaf, the share of the answers that say the same, its own included.
    An answer without a record agrees with nothing. An answer that never came does not count.
    """
    attempts = tuple(attempt for result in results for attempt in result.attempts)
    found = [result for result in results if result.outcome.has_record]
    if not found:
        return replace(results[0], attempts=attempts)
    records = [plain(result.record) for result in found]
    votes = [[agreeing(one, other) for other in records] for one in records]
    alike = [
        sum(map(_likeness, row, back)) for row, back in zip(votes, zip(*votes, strict=True), strict=True)
    ]
    best = max(range(len(found)), key=lambda i: (round(alike[i], 9), _text(records[i])))
    answered = sum(result.outcome is not Outcome.TRANSPORT for result in results)
    agreement = {
        where: sum(same.get(where, False) for same in votes[best]) / answered for where in votes[best][best]
    }
    measured = replace(found[best].measured or Measured(), agreement=agreement if answered > 1 else {})
    return replace(found[best], attempts=attempts, measured=measured)


def _likeness(same: Mapping[str, bool], back: Mapping[str, bool]) -> float:
    """Return the share of the leaves of two records that agree. Those of both count, or the shortest answer
    would always win.
    """
    told = [*same.values(), *back.values()]
    return sum(told) / len(told) if told else 1.0


def _text(record: JSON) -> str:
    """What decides between records that others agree with alike, in whatever order they come."""
    return json.dumps(record, sort_keys=True, default=str)
