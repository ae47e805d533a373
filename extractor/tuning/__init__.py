"""What makes a model better at a record type: examples, words and shapes, chosen and proved on gold."""

from __future__ import annotations

from .splitting import GoldSplit, split_gold
from .tuning import Tuning, TuningTrial, tune

__all__ = ["GoldSplit", "Tuning", "TuningTrial", "split_gold", "tune"]
