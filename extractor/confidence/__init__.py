"""How sure each value of a record is: what tells, and one number out of it. Pure."""

from __future__ import annotations

from .signals import Measured, Signals, signals_of
from .tokens import leaf_spans, token_probabilities

__all__ = ["Measured", "Signals", "leaf_spans", "signals_of", "token_probabilities"]
