"""What makes a model better at a record type: examples and instructions, chosen on gold, and proved on it."""

from __future__ import annotations

from .splitting import GoldSplit, split_gold
from .tuning import Tuning, TuningTrial, tune

__all__ = ["GoldSplit", "Tuning", "TuningTrial", "split_gold", "tune"]
