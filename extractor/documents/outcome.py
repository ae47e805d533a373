"""The outcome of a long text: its record, and the outcome of each chunk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, cast

from .. import report
from ..errors import ExtractorError, Problem
from ..evidence import Evidence
from ..evidence.coverage import Coverage
from ..evidence.merging import Conflict
from ..layout import Box, Source
from ..messages import JSON, Attempt, Outcome
from ..results import PLAIN, Escalation, Extraction, Shown, reading_back, typed, written
from ..vocabularies import remarks_of_chunks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """The outcome of one chunk in one pass.

    - start, end: the chunk is `text[start:end]`.
    - number, count: it is chunk `number` of `count`.
    - extraction: how its dialogue ended, with the record as plain JSON. None for a blank chunk, and for one
      that was not run.
    - error: why there is no record.
    - from_cache: whether every reply came from the journal.
    - again: whether it was read again in shorter chunks, which have outcomes of their own.
    - covered: whether all of its text was read in other chunks.
    - passed: the pass over the text, from 1.
    - second: what a second model answered about the doubtful members of this chunk, its record as plain JSON.
      None if it was not asked.
    - used: whether its record counts in the whole. If a check failed, a chunk is read once more, and one of
      its readings counts.
    """

    start: int
    end: int
    number: int
    count: int
    passed: int = 1
    extraction: Extraction[Any] | None = None
    error: ExtractorError | None = None
    from_cache: bool = False
    again: bool = False
    covered: bool = False
    second: Extraction[Any] | None = None
    used: bool = True

    @property
    def outcome(self) -> Outcome | None:
        """How the dialogue ended; None if there was none."""
        return self.extraction.outcome if self.extraction else None

    @property
    def missing(self) -> bool:
        """Whether some text of this chunk is not in the record."""
        return self.used and self.error is not None and not (self.again or self.covered)

    @property
    def reason(self) -> str:
        """Why the chunk gave no record, in short; "" if it gave one."""
        problems = getattr(self.error, "problems", ())
        return "; ".join(problem.reason for problem in problems[:3]) or str(self.error or "")

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every request about the chunk, with its result; those to a second model last."""
        return tuple(
            attempt for asked in (self.extraction, self.second) if asked for attempt in asked.attempts
        )

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON."""
        from ..recorded import error_as_json

        told = {each.name: getattr(self, each.name) for each in fields(self)}
        asked = None if self.extraction is None else self.extraction.to_dict()
        second = None if self.second is None else self.second.to_dict()
        return {**told, "extraction": asked, "error": error_as_json(self.error), "second": second}

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON]) -> ChunkOutcome:
        """Return the chunk that `to_dict` said."""
        from ..recorded import error_from_json

        asked = None if told["extraction"] is None else Extraction.from_dict(told["extraction"], PLAIN)
        second = None if told.get("second") is None else Extraction.from_dict(told["second"], PLAIN)
        error = error_from_json(told["error"], asked.attempts if asked else ())
        return cls(**{**told, "extraction": asked, "error": error, "second": second})

    def __str__(self) -> str:
        how = self.outcome or ("not run" if self.error else "blank")
        return f"characters {self.start:,} to {self.end:,}: {how}"


@dataclass(frozen=True, slots=True, repr=False)
class DocumentExtraction(Shown[T]):
    """How the extraction from a long text ended, as data.

    - outcome: ok or repaired if every chunk was read and the whole is a valid record. Otherwise the outcome
      of the first missing chunk, or invalid.
    - record: the validated record. If chunks are missing, it holds what the others gave, and `error` names
      the missing ones.
    - error: what `unwrap` raises.
    - chunks: the outcome of each chunk, in each pass.
    - found: everything that was found, merged, as plain JSON, also if it is not a valid record.
    - conflicts: values about which chunks disagree.
    - evidence: spans of the whole text, by the JSON pointer of each leaf of the record, or of `found` if
      there is no record.
    - confidence: a score of each leaf, by the same pointers: the greatest of the chunks that gave the value,
      times their share of all chunks that gave a value there. None if you did not ask for it.
    - source: the whole text; origin: the document that it was read from, None for a text.
    - coverage: which lines of the text gave the items of lists, and which look like items but gave none.
    - carried: the leaves whose value stands in a heading that their chunk did not see, by pointer. Their
      evidence is the heading.
    - escalation: what became of doubtful values; None if there were none, or you did not ask for it. The
      second model's answers are in the chunks.
    """

    outcome: Outcome
    chunks: tuple[ChunkOutcome, ...]
    record: T | None = None
    error: ExtractorError | None = None
    found: JSON = None
    conflicts: tuple[Conflict, ...] = ()
    evidence: Evidence = field(default_factory=dict, repr=False)
    confidence: Mapping[str, float] | None = field(default=None, repr=False)
    source: str = field(default="", repr=False)
    origin: Source | None = field(default=None, repr=False)
    coverage: Coverage = field(default_factory=Coverage, repr=False)
    carried: tuple[str, ...] = field(default=(), repr=False)
    escalation: Escalation | None = field(default=None, repr=False)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else you should know: what of the document was left out, how replies were read, which values
        were not sure enough, what speaks for missing items, and which codes were not shown or not chosen.
        """
        read = () if self.origin is None else self.origin.notes
        said = dict.fromkeys([*read, *(attempt.note for attempt in self.attempts if attempt.note)])
        doubts = () if self.escalation is None else (str(self.escalation),)
        shown = [chunk.extraction.shown for chunk in self.chunks if chunk.extraction is not None]
        record = None if self.record is None else report.as_json(self.record)
        codes = remarks_of_chunks(list(filter(None, shown)), record)
        return (*said, *doubts, *self.coverage.notes, *codes)

    @property
    def boxes(self) -> Mapping[str, tuple[Box, ...]]:
        """Where on the document's pages the values stand, by the pointers of `evidence`; see Extraction."""
        known = self.origin is not None and self.origin.pages
        return self.origin.boxes_by_pointer(self.evidence) if self.origin and known else {}

    @property
    def missing(self) -> tuple[ChunkOutcome, ...]:
        """The chunks whose text is not in the record."""
        return tuple(chunk for chunk in self.chunks if chunk.missing)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the whole: values that no chunk gave, counts that differ, missing chunks."""
        return tuple(getattr(self.error, "problems", ()))

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every request with its result, chunk by chunk."""
        return tuple(attempt for chunk in self.chunks for attempt in chunk.attempts)

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON: a line that `extractor view` shows and `from_dict` reads. What is left
        out: see Extraction.to_dict.
        """
        from ..recorded import error_as_json, listed_as_json, spans_as_json

        return {
            "text": self.source,
            "outcome": str(self.outcome),
            **written("record", self.record),
            "error": error_as_json(self.error),
            "found": self.found,
            "evidence": spans_as_json(self.evidence),
            "not_found": [pointer for pointer, spans in self.evidence.items() if not spans],
            "confidence": None if self.confidence is None else dict(self.confidence),
            "conflicts": listed_as_json(Conflict, self.conflicts),
            **self.spent(),
            "chunks": [chunk.to_dict() for chunk in self.chunks],
            "escalation": None if self.escalation is None else self.escalation.to_dict(),
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON], record_type: Any) -> DocumentExtraction[Any]:
        """Return the result that `to_dict` said. Raises what Extraction.from_dict does."""
        from ..recorded import error_from_json, evidence_from_json, listed_from_json

        with reading_back(cls):
            outcome, record, text = Outcome(told["outcome"]), told["record"], told["text"]
            chunks = tuple(map(ChunkOutcome.from_dict, told["chunks"]))
            attempts = tuple(attempt for chunk in chunks for attempt in chunk.attempts)
            there, doubts = outcome.has_record or record is not None, told.get("escalation")
            return cls(
                outcome,
                chunks,
                cast(T, typed("record", told, record_type)) if there else None,
                error_from_json(told["error"], attempts),
                told["found"],
                listed_from_json(Conflict, told["conflicts"]),
                evidence_from_json(told["evidence"], text, told["not_found"]),
                told["confidence"],
                text,
                escalation=None if doubts is None else Escalation.from_dict(doubts, record_type),
            )

    def entry(self, title: str) -> report.Entry:
        """Return what a page shows of it: the text with its chunks, beside the record."""
        from ..report import Entry, PagePiece, Variants, as_json, derived_of, piece_told, shown_pages

        why = () if self.error is None or self.missing else (str(self.error),)
        return Entry(
            title,
            self.outcome,
            self.source,
            self.found if self.record is None else as_json(self.record),
            self.evidence,
            tuple(str(p) for p in self.problems if p.type != "chunk") or why,
            self._facts(),
            confidence=self.confidence or {},
            escalated={} if self.escalation is None else self.escalation.shown,
            pages=shown_pages(self.origin),
            boxes=self.boxes,
            derived=derived_of(self.record),
            conflicts=tuple(
                Variants(each.pointer, tuple((one.value, one.spans, one.readings) for one in each.candidates))
                for each in self.conflicts
            ),
            chunks=tuple(
                PagePiece(
                    c.start,
                    c.end,
                    piece_told(c.outcome, c.reason, c.again),
                    c.missing,
                    c.passed,
                    c.error is None,
                )
                for c in self.chunks
            ),
        )
