"""What tells how sure a value is, and the one number that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from ..evidence.leaves import leaves
from ..evidence.spans import Span

NOT_FOUND = 0.5  # what is left of the score of a value that should stand in the text, and does not


@dataclass(frozen=True, slots=True)
class Signals:
    """What tells how sure one leaf is, each in [0, 1], None where there is none.

    probability: how probable the model found its tokens, their geometric mean. agreement: the share of the
    samples that say the same. evidence: the score of its span in the text, 0 where it has none though it
    should.
    """

    probability: float | None = None
    agreement: float | None = None
    evidence: float | None = None

    @property
    def told(self) -> bool:
        """Whether anything tells."""
        return self != Signals()

    @property
    def score(self) -> float:
        """The mean of probability and agreement, of what there is of them, halved where there is no
        evidence. It orders values from doubtful to sure, and is no probability.
        """
        known = [each for each in (self.probability, self.agreement) if each is not None]
        told = sum(known) / len(known) if known else 1.0
        return told * NOT_FOUND if self.evidence == 0 else told


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured where confidence was asked for: by the JSON pointer of a leaf, the probability of
    its tokens, and its agreement over samples. choices: the leaves that are one of a few values that the
    type names, which need not stand in the text.
    """

    probabilities: Mapping[str, float] = field(default_factory=dict)
    agreement: Mapping[str, float] = field(default_factory=dict)
    choices: frozenset[str] = frozenset()

    def confidence(self, signals: Signals) -> float:
        """Return the number that signals come to."""
        return signals.score


def signals_of(
    record: Any, measured: Measured, evidence: Mapping[str, Sequence[Span]] | None
) -> dict[str, Signals]:
    """Return the signals of each leaf. evidence: None where there is no text to find values in."""
    return {
        leaf.pointer: Signals(
            measured.probabilities.get(leaf.pointer),
            measured.agreement.get(leaf.pointer),
            _found(evidence, leaf.pointer)
            if evidence is not None and leaf.pointer not in measured.choices and _stands(leaf.value)
            else None,
        )
        for leaf in leaves(record)
    }


def _stands(value: Any) -> bool:
    """Whether a value should stand in the text: answers and labels need not."""
    return value is not None and not isinstance(value, bool | Enum)


def _found(evidence: Mapping[str, Sequence[Span]], pointer: str) -> float:
    return max((span.score for span in evidence.get(pointer, ())), default=0.0)
