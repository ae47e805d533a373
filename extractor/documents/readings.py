"""What one chunk gave, as it is listed and as it is merged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ..bulk import RowOutcome
from ..evidence.chunking import Chunk
from ..results import Extraction
from ..schema import TAG, VALUE
from .outcome import ChunkOutcome
from .second import Answer

SureOf: TypeAlias = Callable[[Extraction[Any]], Mapping[str, float]]


def confidence_of(said: Extraction[Any]) -> Mapping[str, float]:
    """Return the confidence of the leaves of an answer, if it was asked for."""
    return said.confidence or {}


def line_of(chunk: Chunk, outcome: RowOutcome[Any]) -> ChunkOutcome:
    """Return the outcome of a chunk."""
    return ChunkOutcome(
        chunk.start,
        chunk.end,
        chunk.number,
        chunk.count,
        chunk.reading,
        outcome.extraction,
        outcome.error,
        outcome.from_cache,
    )


def answer_of(
    line: ChunkOutcome, said: Extraction[Any] | None, sure_of: SureOf = confidence_of
) -> Answer | None:
    """Return what was said of a chunk, its evidence in the whole text; None if that is no record."""
    if said is None or not said.outcome.has_record:
        return None
    evidence = {
        pointer.replace(f"/{VALUE}", ""): tuple(
            replace(s, start=s.start + line.start, end=s.end + line.start) for s in spans
        )
        for pointer, spans in said.evidence.items()
        if spans and not pointer.endswith(f"/{TAG}")
    }
    return Answer(said.record, evidence, sure_of(said))
