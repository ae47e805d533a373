"""The confidence of each value: its signals, and one score from them. Pure but for reading a file."""

from __future__ import annotations

from .calibration import Calibration, Method, load_calibration, loaded, logit
from .promise import FieldPromise, Promise, load_promise
from .signals import Measured, Signals, signals_of
from .tokens import Path, TokenScore, leaf_spans, odds_of_strings, told_by_tokens

__all__ = [
    "Calibration",
    "FieldPromise",
    "Measured",
    "Method",
    "Path",
    "Promise",
    "Signals",
    "TokenScore",
    "leaf_spans",
    "load_calibration",
    "load_promise",
    "loaded",
    "logit",
    "odds_of_strings",
    "signals_of",
    "told_by_tokens",
]
