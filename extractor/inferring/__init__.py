"""A record type out of a few texts: proposed by a model, made of data alone, measured on the texts."""

from __future__ import annotations

from .drafts import DraftField, TypeDraft
from .inferring import FieldCoverage, InferredType, infer
from .source import source_of

__all__ = ["DraftField", "FieldCoverage", "InferredType", "TypeDraft", "infer", "source_of"]
