"""Labelled values -> a calibration, and how much better it is on texts that it was not fitted on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from ..confidence import Calibration, Method, Signals, logit
from ..errors import ConfigError
from ..results import Extraction
from .cases import Case
from .metrics import agreeing
from .records import Dump

FEWEST = 20  # values that are right, and as many that are wrong, in each half


@dataclass(frozen=True, slots=True)
class Labelled:
    """One leaf of an extracted record, and whether it is right. text: the id of its text."""

    text: str
    pointer: str
    signals: Signals
    right: bool


@dataclass(frozen=True, slots=True)
class CalibrationTrial:
    """A calibration, and the values that it was not fitted on."""

    calibration: Calibration
    held_out: list[Labelled]

    @property
    def right(self) -> list[bool]:
        """Whether each of them is right."""
        return [each.right for each in self.held_out]

    @property
    def stated(self) -> dict[str, list[float]]:
        """How sure each of them is, in three ways: the plain mean of its log-probabilities, where all have
        one, the score, and what the calibration makes of it.
        """
        signals = [each.signals for each in self.held_out]
        plain = [math.exp(s.mean_logprob) for s in signals if s.mean_logprob is not None]
        scores = [s.score for s in signals]
        ways = {"score": scores, "calibrated": [*map(self.calibration.probability, scores)]}
        return {"mean log-probability": plain, **ways} if len(plain) == len(signals) else ways


def tried(
    values: Sequence[Labelled], method: Method, model: str, fingerprint: str, samples: int
) -> CalibrationTrial:
    """Return a calibration fitted on half of the texts, with the other half. Raises ConfigError if there
    are too few values in one of them, and where scikit-learn is not installed.
    """
    fit_on, held_out = halves(values)
    check_enough(fit_on, "that are fitted on")
    check_enough(held_out, "that are held out")
    return CalibrationTrial(fitted(fit_on, method, model, fingerprint, samples), held_out)


def labelled(case: Case, result: Extraction[object] | None, dump: Dump) -> list[Labelled]:
    """Return the leaves of one text's record: those of which something tells. A leaf is right that agrees
    with the gold record in the normalised reading; a null is, where the gold record has no value there.
    """
    signals = None if result is None else result.signals
    if result is None or signals is None:
        return []
    right = agreeing(dump(result.record), case.gold)
    return [
        Labelled(case.id, pointer, each, right[pointer])
        for pointer, each in signals.items()
        if each.told and pointer in right
    ]


def alike(cases: Sequence[Case]) -> list[Case]:
    """Return the cases; those with the same text, but for white space, all have the id of the first."""
    first: dict[str, str] = {}
    return [replace(case, id=first.setdefault(" ".join(case.text.split()), case.id)) for case in cases]


def halves(values: Sequence[Labelled]) -> tuple[list[Labelled], list[Labelled]]:
    """Return the values to fit on and those held out: half of the texts each, the same in every run."""
    texts = sorted(
        {each.text for each in values},
        key=lambda text: hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest(),
    )
    first = set(texts[: len(texts) // 2])
    return [v for v in values if v.text in first], [v for v in values if v.text not in first]


def fitted(
    values: Sequence[Labelled], method: Method, model: str, fingerprint: str, samples: int
) -> Calibration:
    """Return the calibration that fits the values. Raises ConfigError if scikit-learn is not installed."""
    check_installed()
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    scores, right = [each.signals.score for each in values], [each.right for each in values]
    texts = len({each.text for each in values})
    if method == "platt":
        curve = LogisticRegression(C=1e6).fit([[logit(score)] for score in scores], right)
        slope, intercept = float(curve.coef_[0][0]), float(curve.intercept_[0])
        if slope < 0:  # no map turns the order of the scores about: then they tell nothing
            slope, intercept = 0.0, logit(sum(right) / len(right))
        return Calibration(
            method, model, fingerprint, samples, texts, len(values), slope=slope, intercept=intercept
        )
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, right)
    knots = zip(map(float, steps.X_thresholds_), map(float, steps.y_thresholds_), strict=True)
    return Calibration(method, model, fingerprint, samples, texts, len(values), knots=tuple(knots))


def check_installed() -> None:
    """Raise ConfigError if scikit-learn is not installed."""
    if find_spec("sklearn") is None:
        raise ConfigError("calibrate needs scikit-learn: pip install 'typed-extractor[calibrate]'")


def check_enough(values: Sequence[Labelled], half: str) -> None:
    """Raise ConfigError if values are too few to tell anything. half: which ones they are."""
    right = sum(each.right for each in values)
    if min(right, len(values) - right) < FEWEST:
        raise ConfigError(
            f"too few labels: the half of the texts {half} has {right} values that are right and "
            f"{len(values) - right} that are wrong, and at least {FEWEST} of each are needed; label more "
            "texts"
        )
