"""Doubtful values of a long text: which chunks a second model reads again, and what comes of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..bulk import Job, Row, RowOutcome, RunBudget, ToldText
from ..connections import Models
from ..errors import ConfigError
from ..escalating import Doubt, Escalating, narrowed
from ..evidence import Evidence, Span
from ..evidence.chunking import Chunk
from ..evidence.leaves import leaves, value_at
from ..evidence.plain_json import canonical
from ..messages import JSON
from ..pointers import any_index, steps_of
from ..results import Escalation
from ..saying import Saying
from ..schema import Chunked, unmarked
from .outcome import ChunkOutcome, DocumentExtraction

OF_THE_RUN = ("journal", "concurrency", "on_progress", "context")  # what holds for both models
Said = Mapping[Chunk, ChunkOutcome]


@dataclass(frozen=True, slots=True)
class DocumentEscalation:
    """Where the doubtful values of a document go. models: those that are asked, None if none is."""

    how: Escalating
    models: Models[Any] | None = None

    def check(self, record_type: Any, options: Mapping[str, Any]) -> None:
        """Raise ConfigError or SchemaError if the model could be asked of no chunk."""
        if self.models is not None:
            self.job((), Chunked(record_type), options, options.get("max_cost"))

    def job(
        self, rows: Iterable[Row], record_type: Any, options: Mapping[str, Any], most: RunBudget | Any
    ) -> Job:
        """Return the run that asks the second model. most: US dollars, what is left for both."""
        if self.models is None:
            raise ConfigError(f"escalate={self.how.to!r} names no model")
        given: dict[str, Any] = {name: options[name] for name in OF_THE_RUN if name in options}
        if most is not None:
            given["max_cost"] = most
        asked_with: Any = {**given, "confidence": True}
        return Job.of(self.models, list(rows), record_type, None, asked_with)


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is not sure enough in a document's record, and which chunks hold it."""

    doubt: Doubt
    chunks: tuple[Chunk, ...]
    answers: dict[Chunk, RowOutcome[Any]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str] | None:
        """The members that are asked for, as JSON calls them; None for the whole record."""
        return self.doubt.names


def doubts_of(how: Escalating, record_type: Any, found: DocumentExtraction[Any], said: Said) -> Doubts | None:
    """Return what is not sure enough in what was merged; None if all is, or there is no record.

    found: the result, its confidence the scores of the leaves. said: the chunks. A value that no chunk gave,
    such as a default, is nobody's doubt, and neither is that of a heading above its chunk.
    """
    if found.record is None:
        return None
    scores = {
        leaf.pointer: (found.confidence or {}).get(leaf.pointer)
        for leaf in leaves(found.record)
        if leaf.json is not None and leaf.pointer not in found.carried
    }
    given = {pointer for pointer in scores if any(_gives(line, pointer) for line in said.values())}
    doubt = how.doubt_of(record_type, {where: scores[where] for where in scores if where in given})
    if doubt is None:
        return None
    holding = {
        chunk: None for where in doubt.pointers for chunk in _holding(where, _places(found, where), said)
    }
    return Doubts(doubt, tuple(chunk for chunk in said if chunk in holding))


def question(
    how: Escalating, text: Any, place: str | None, line: ChunkOutcome, names: frozenset[str] | None
) -> ToldText:
    """Return what the second model is asked of a chunk. text: the chunk's; place: where it stands."""
    record = None if line.extraction is None else line.extraction.record
    settled = None if names is None else how.told(unmarked(record), names)
    return ToldText(text, place, None if settled is None else Saying(instructions=settled))


def asked_type(record_type: Any, names: frozenset[str] | None) -> Any:
    """Return the record type of the members that are asked for."""
    return record_type if names is None else narrowed(record_type, names)


def with_answers(said: Said, doubts: Doubts) -> dict[Chunk, ChunkOutcome]:
    """Return the chunks, each with the second model's answer about it."""
    answered = {
        chunk: replace(said[chunk], second=outcome.extraction) for chunk, outcome in doubts.answers.items()
    }
    return {**said, **answered}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one model said of a chunk: plain JSON, with the places of its leaves in the whole text, and how
    sure they are.
    """

    record: JSON
    evidence: Evidence
    sure: Mapping[str, float]


def joined(first: Answer, second: Answer | None, names: frozenset[str] | None) -> Answer:
    """Return a chunk's answer with the second model's members in place of the first's."""
    if second is None or names is None:
        return second or first
    kept = {name: value for name, value in first.record.items() if name not in names}
    members = {name: second.record[name] for name in names if name in second.record}
    return Answer(
        {**kept, **members},
        _members(first.evidence, second.evidence, names),
        _members(first.sure, second.sure, names),
    )


def without_answer(escalation: Escalation | None) -> Escalation | None:
    """Return what became of doubtful values; the second model's answer is in the chunk."""
    return None if escalation is None else replace(escalation, second=None)


def settled(
    how: Escalating,
    doubts: Doubts,
    first: DocumentExtraction[Any],
    made: DocumentExtraction[Any],
) -> DocumentExtraction[Any]:
    """Return the result once the second model has been asked. first: merged of the first model's answers;
    made: with the second one's in them.
    """
    pointers, why = doubts.doubt.pointers, _untold(doubts, made.chunks)
    if made.record is None or (made.error is not None and first.error is None):
        note = f"the second model's values do not fit the settled ones: {made.error}"
        return _with(first, how, dict.fromkeys(pointers, "first"), note, first.record, made.chunks)
    asked = {(line.start, line.end) for line in made.chunks if line.second and line.second.outcome.has_record}
    choices = {where: _choice(where, first, made, asked) for where in pointers}
    return _with(made, how, choices, why, first.record, made.chunks)


def _with(
    result: DocumentExtraction[Any],
    how: Escalating,
    choices: Mapping[str, str],
    note: str | None,
    first: Any,
    chunks: tuple[ChunkOutcome, ...],
) -> DocumentExtraction[Any]:
    escalation = Escalation(tuple(choices), how.to, choices, note, first)
    return replace(result, chunks=chunks, escalation=escalation)


def _untold(doubts: Doubts, lines: Sequence[ChunkOutcome]) -> str | None:
    """Return which chunks the second model gave nothing about."""
    lost = list[str]()
    for chunk in doubts.chunks:
        outcome = doubts.answers.get(chunk)
        if outcome is None or outcome.extraction is None or not outcome.extraction.outcome.has_record:
            why = "it was not asked" if outcome is None else str(outcome.error)
            lost.append(f"characters {chunk.start:,} to {chunk.end:,}: {why}")
    if not lost:
        return None
    others = len(lost) - 1
    more = f"; and {others:,} more chunk{'' if others == 1 else 's'}" if others else ""
    return f"the second model gave no record of {lost[0]}{more}"


def _choice(
    where: str,
    first: DocumentExtraction[Any],
    made: DocumentExtraction[Any],
    asked: set[tuple[int, int]],
) -> str:
    """Return whose value the record has in place of a doubtful one. Items of lists may have moved, so a value
    is the same where its column has it at the same place of the text.
    """
    spans = {(span.start, span.end) for span in _places(first, where)}
    if spans and not any(start <= a and b <= end for start, end in asked for a, b in spans):
        return "first"
    if not asked:
        return "first"
    said = canonical(value_at(_plain(first.record), where))
    for leaf in leaves(made.record):
        if any_index(leaf.pointer) == any_index(where) and canonical(leaf.json) == said:
            there = {(span.start, span.end) for span in made.evidence.get(leaf.pointer, ())}
            if leaf.pointer == where or not spans or spans & there:
                return "both"
    return "second"


def _plain(record: Any) -> JSON:
    from ..report import as_json

    return as_json(record)


def _places(found: DocumentExtraction[Any], pointer: str) -> tuple[Span, ...]:
    """Return where a leaf's value stands, and the values that other chunks gave in its place."""
    others = (
        span
        for conflict in found.conflicts
        if pointer == conflict.pointer or pointer.startswith(f"{conflict.pointer}/")
        for candidate in conflict.candidates
        for span in candidate.spans
    )
    return (*found.evidence.get(pointer, ()), *others)


def _holding(pointer: str, spans: Sequence[Span], said: Said) -> Iterator[Chunk]:
    """Yield the chunks that hold a leaf's evidence; where it has none, all that gave its member a value."""
    giving = [chunk for chunk, line in said.items() if _gives(line, pointer)]
    holding = [c for c in giving if any(c.start <= span.start and span.end <= c.end for span in spans)]
    yield from holding or giving


def _gives(line: ChunkOutcome, pointer: str) -> bool:
    """Whether a chunk gave a value of the member that a leaf is in."""
    if line.extraction is None or not line.extraction.outcome.has_record:
        return False
    record, member = line.extraction.record, "/".join(pointer.split("/")[:2])
    return value_at(record, member) not in (None, "", [], {}) if isinstance(record, dict) else bool(record)


def _members(first: Mapping[str, Any], second: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return the confidence of leaves, by pointer: the second's where it is about the names."""

    def is_second(pointer: str) -> bool:
        return bool(pointer) and steps_of(pointer)[0] in names

    kept = {where: each for where, each in first.items() if not is_second(where)}
    return {**kept, **{where: each for where, each in second.items() if is_second(where)}}
