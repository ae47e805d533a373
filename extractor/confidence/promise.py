"""Thresholds of confidence that gold has proved, by field and for whole records.

How the thresholds are found is in `evaluation.promising`; here is what is kept of them, and which values are
below. Pure but for reading the file.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..pointers import any_index
from .signals import Signals

PROMISE_VERSION = 1


@dataclass(frozen=True, slots=True)
class FieldPromise:
    """What is promised of one field, or of whole records. threshold: the score from which values are right
    as often as asked for; None if nothing can be promised, for the reason `why`. count: the gold values
    at or above it, one of each text; wrong: how many of them are wrong. floor: the lower Clopper–Pearson
    bound of the share that is right. kept: the share of all values that are at or above it. needed: how
    many labelled texts it would take; None if the threshold is known, or no number would do.
    """

    threshold: float | None
    count: int = 0
    wrong: int = 0
    floor: float | None = None
    kept: float = 0.0
    why: str | None = None
    needed: int | None = None


@dataclass(frozen=True, slots=True)
class Promise:
    """From which score on values are right in at least the share `right` of cases. assurance: how sure that
    is, for each field by itself: 0.95 means that one promise in twenty may be missed. fields: by pointer with
    `*` for indexes; record: whole records, whose score is that of their least sure value. model, fingerprint,
    samples: what was asked. texts: the labelled ones.
    """

    right: float
    assurance: float
    model: str
    fingerprint: str
    samples: int = 1
    texts: int = 0
    fields: Mapping[str, FieldPromise] = field(default_factory=dict)
    record: FieldPromise = FieldPromise(None)

    def doubtful(self, signals: Mapping[str, Signals]) -> list[str]:
        """Return the pointers of the leaves that are below what is promised; so are those of which nothing
        tells, and those of fields for which nothing is promised.
        """
        return self.below({at: each.score if each.told else None for at, each in signals.items()})

    def below(self, scores: Mapping[str, float | None]) -> list[str]:
        """Return the pointers that `doubtful` does. scores: of leaves, None if nothing tells."""
        return [where for where, score in scores.items() if not self._holds(where, score)]

    def _holds(self, pointer: str, score: float | None) -> bool:
        known = self.fields.get(any_index(pointer))
        if known is None or known.threshold is None or score is None:
            return False
        return score >= known.threshold

    def record_holds(self, signals: Mapping[str, Signals]) -> bool:
        """Return whether a whole record is among those that are right as often as asked for."""
        least = self.record.threshold
        told = [each.score for each in signals.values() if each.told]
        return least is not None and bool(told) and min(told) >= least

    def misfit(self, model: str, fingerprint: str, samples: int) -> str | None:
        """Return why it promises nothing here; None if it does."""
        if model != self.model:
            return f"it was made for the model {self.model}, not for {model}"
        if fingerprint != self.fingerprint:
            return "it was made for another record type, or for an earlier form of this one"
        if samples != self.samples:
            return f"it was made with samples={self.samples}, not with samples={samples}"
        return None

    def to_json(self) -> str:
        """Return it as it is kept."""
        return json.dumps({"extractor_promise": PROMISE_VERSION, **asdict(self)}, indent=1) + "\n"

    @classmethod
    def of(cls, told: Any) -> Promise:
        """Return what was kept. Raises ValueError if it is not a promise."""
        if not isinstance(told, dict) or told.get("extractor_promise") != PROMISE_VERSION:
            raise ValueError(f"it has no {{'extractor_promise': {PROMISE_VERSION}}}")
        known = {each.name: told[each.name] for each in fields(cls) if each.name in told}
        if missing := {"right", "assurance", "model", "fingerprint", "fields"} - known.keys():
            raise ValueError(f"it lacks {min(missing)!r}")
        if not isinstance(known["fields"], dict):
            raise ValueError("its fields are not an object")
        of_fields = {str(name): _field(each) for name, each in known["fields"].items()}
        return cls(
            **{**known, "fields": of_fields, "record": _field(known.get("record", {"threshold": None}))}
        )


def load_promise(path: str | os.PathLike[str]) -> Promise:
    """Return the promise in a file of `extractor calibrate --right`. Raises ConfigError."""
    try:
        return Promise.of(json.loads(Path(path).read_bytes()))
    except OSError as error:
        raise ConfigError(f"cannot read the promise {os.fspath(path)}: {error.strerror or error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        where = os.fspath(path)
        raise ConfigError(f"{where} was not written by `extractor calibrate --right`: {error}") from error


def _field(told: Any) -> FieldPromise:
    if not isinstance(told, dict):
        raise ValueError("one of its fields is not an object")
    known = {each.name: told[each.name] for each in fields(FieldPromise) if each.name in told}
    found = FieldPromise(**known)
    if found.threshold is not None and not (
        isinstance(found.threshold, int | float) and math.isfinite(found.threshold)
    ):
        raise ValueError(f"a threshold is {found.threshold!r}")
    return found
