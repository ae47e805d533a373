"""The signals of a value's confidence, and the score from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..evidence.leaves import Leaf, leaves
from ..evidence.spans import Span
from .calibration import Calibration
from .tokens import TokenScore

NOT_FOUND = 0.5  # what is left of the score of a value that should stand in the text, and does not


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells how sure one leaf is, each in [0, 1], None if there is none.

    probability: how probable the model found its tokens, normalised by their number. agreement: the share of
    the samples that say the same. evidence: the score of its span in the text, 0 if it has none though it
    should. mean_logprob: not in [0, 1], and no part of the score: the plain mean over its tokens.
    """

    probability: float | None = None
    agreement: float | None = None
    evidence: float | None = None
    mean_logprob: float | None = None

    @property
    def told(self) -> bool:
        """Whether anything tells."""
        return self != Signals()

    @property
    def score(self) -> float:
        """The mean of probability and agreement, of what there is of them, halved if there is no
        evidence. It orders values from doubtful to sure, and is no probability.
        """
        known = [each for each in (self.probability, self.agreement) if each is not None]
        told = sum(known) / len(known) if known else 1.0
        return told * NOT_FOUND if self.evidence == 0 else told


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured where confidence was asked for: by the JSON pointer of a leaf, what its tokens tell,
    and its agreement over samples. choices: the leaves that are one of a few values that the
    type names, which need not stand in the text. calibration: what makes probabilities of the scores.
    """

    told: Mapping[str, TokenScore] = field(default_factory=dict)
    agreement: Mapping[str, float] = field(default_factory=dict)
    choices: frozenset[str] = frozenset()
    calibration: Calibration | None = None

    def confidence(self, signals: Signals) -> float:
        """Return the number that signals come to."""
        return signals.score if self.calibration is None else self.calibration.probability(signals.score)


def signals_of(
    record: Any, measured: Measured, evidence: Mapping[str, Sequence[Span]] | None
) -> dict[str, Signals]:
    """Return the signals of each leaf. evidence: None if there is no text to find values in."""
    return {leaf.pointer: _signals(leaf, measured, evidence) for leaf in leaves(record)}


def _signals(leaf: Leaf, measured: Measured, evidence: Mapping[str, Sequence[Span]] | None) -> Signals:
    where, told = leaf.pointer, measured.told.get(leaf.pointer)
    in_text = evidence is not None and where not in measured.choices and _stands(leaf.value)
    return Signals(
        told and told.probability,
        measured.agreement.get(where),
        _found(evidence or {}, where) if in_text else None,
        told and told.mean_logprob,
    )


def _stands(value: Any) -> bool:
    """Whether a value should stand in the text: answers and labels need not."""
    return value is not None and not isinstance(value, bool | Enum)


def _found(evidence: Mapping[str, Sequence[Span]], pointer: str) -> float:
    return max((span.score for span in evidence.get(pointer, ())), default=0.0)
