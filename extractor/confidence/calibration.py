"""A calibration: a fitted map from scores to probabilities, its file, and its application."""

from __future__ import annotations

import json
import math
import os
from bisect import bisect_left
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ..errors import ConfigError

Method: TypeAlias = Literal["isotonic", "platt"]
VERSION = 1
_EDGE = 1e-6  # scores of 0 and 1 have no finite logit


@dataclass(frozen=True, slots=True)
class Calibration:
    """What makes probabilities of scores.

    knots: of "isotonic", scores with their probabilities, both ascending; between two of them the line
    counts. slope, intercept: of "platt", the logistic curve over the score's logit. model, fingerprint,
    samples: what it was fitted for: the model, the record type's compiled schema, and how many answers to
    a text. texts, values: how many it was fitted on.
    """

    method: Method
    model: str
    fingerprint: str
    samples: int = 1
    texts: int = 0
    values: int = 0
    knots: tuple[tuple[float, float], ...] = ()
    slope: float = 1.0
    intercept: float = 0.0

    def probability(self, score: float) -> float:
        """Return the probability that a value with this score is right."""
        if self.method == "platt":
            return _logistic(self.slope * logit(score) + self.intercept)
        after = bisect_left(self.knots, (score,))
        if after in (0, len(self.knots)):
            return self.knots[min(after, len(self.knots) - 1)][1]
        (x, y), (right, top) = self.knots[after - 1 : after + 1]
        return y + (top - y) * (score - x) / (right - x)

    def misfit(self, model: str, fingerprint: str, samples: int) -> str | None:
        """Return why its numbers are no probabilities here; None if they are."""
        if model != self.model:
            return f"it was fitted for the model {self.model}, not {model}"
        if fingerprint != self.fingerprint:
            return "it was fitted for another record type, or for an earlier form of this one"
        if samples != self.samples:
            return f"it was fitted with samples={self.samples}, not with samples={samples}"
        return None

    def to_json(self) -> str:
        """Return it as it is kept."""
        return json.dumps({"extractor_calibration": VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def of(cls, told: Any) -> Calibration:
        """Return what was kept. Raises ValueError if it is not a calibration."""
        if not isinstance(told, dict) or told.get("extractor_calibration") != VERSION:
            raise ValueError(f"it has no {{'extractor_calibration': {VERSION}}}")
        known = {field.name: told[field.name] for field in fields(cls) if field.name in told}
        if missing := {"method", "model", "fingerprint"} - known.keys():
            raise ValueError(f"it lacks {min(missing)!r}")
        knots = tuple((float(x), float(y)) for x, y in known.get("knots", ()))
        found = cls(**{**known, "knots": knots})
        rises = all(a < b and y <= z for (a, y), (b, z) in pairwise(knots))
        bounded = all(0 <= y <= 1 for _, y in knots)
        if found.method not in ("isotonic", "platt") or not (rises and bounded):
            raise ValueError("its map is invalid")
        if found.method == "isotonic" and not knots:
            raise ValueError("it has no knots")
        if not (0 <= found.slope < math.inf and math.isfinite(found.intercept)):
            raise ValueError("its curve is invalid")
        return found


def logit(score: float) -> float:
    """Return the logarithm of the odds, finite for 0 and 1 too."""
    bounded = min(max(score, _EDGE), 1 - _EDGE)
    return math.log(bounded / (1 - bounded))


def _logistic(odds: float) -> float:
    small = math.exp(-abs(odds))  # which never overflows
    return 1 / (1 + small) if odds >= 0 else small / (1 + small)


def load_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Return the calibration in a file, read again once the file has changed. Raises ConfigError."""
    try:
        return _load(os.fspath(path), os.stat(path).st_mtime_ns)
    except OSError as error:
        raise ConfigError(
            f"cannot read the calibration {os.fspath(path)}: {error.strerror or error}"
        ) from error


def loaded(confidence: Any) -> bool | Calibration:
    """Return what `confidence=` means: whether it is asked for, or the calibration that is named. Raises
    ConfigError.
    """
    if confidence is None or isinstance(confidence, bool | Calibration):
        return confidence or False
    if isinstance(confidence, str | os.PathLike):
        return load_calibration(confidence)
    raise ConfigError(f"confidence must be True or the file of a calibration, not {confidence!r:.80}")


@lru_cache(maxsize=16)
def _load(path: str, changed: int) -> Calibration:
    try:
        return Calibration.of(json.loads(Path(path).read_bytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path} was not written by `extractor calibrate`: {error}") from error
