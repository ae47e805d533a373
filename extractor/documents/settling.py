"""Items of one long list, each given once no later chunk can change it. Pure.

Chunks come in order, and only the items that the next chunk may see too are kept. So memory does not grow
with the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from ..bulk import Job, Row, RowOutcome, ToldText
from ..connections import Models
from ..errors import ConfigError, Invalid, Problem
from ..evidence import Evidence, Span
from ..evidence.headings import section_goes_on
from ..evidence.merging import NOTHING, ChunkReading, merge
from ..evidence.plain_json import canonical
from ..layout import Source
from ..messages import JSON
from ..options import DocumentOptions
from ..schema import Chunked, unmarked
from ..task import list_of
from .ending import error_of
from .outcome import ChunkOutcome
from .planning import OWN, Plan, place_told, plan
from .readings import answer_of, line_of

T = TypeVar("T")
NOT_TAKEN = ("passes", "rereads", "counts", "check", "ordered")
MOST_PROBLEMS = 100  # items whose problems are kept


@dataclass(frozen=True, slots=True)
class SettledItem(Generic[T]):
    """An item of a long list, which no later chunk changes.

    - item: the validated item.
    - number: its place in the list, from 0.
    - evidence: spans of the whole text, by the JSON pointer of each leaf of the item.
    """

    item: T
    number: int
    evidence: Evidence = field(default_factory=dict, repr=False)

    @property
    def spans(self) -> tuple[Span, ...]:
        """All spans of its leaves, in the order of the text."""
        found = {(span.start, span.end): span for spans in self.evidence.values() for span in spans}
        return tuple(found[key] for key in sorted(found))


def settling(
    models: Models[Any], item_type: Any, text: str | Source, options: DocumentOptions
) -> tuple[Job, Settling[Any]]:
    """Return the run that asks the chunks of a text, and what makes items of its outcomes. Raises ConfigError
    and SchemaError.
    """
    for name in NOT_TAKEN:
        if name in options:
            raise ConfigError(f"document_items takes no {name}=: it never has the whole list; use document")
    made = plan(models, list_of(item_type), text, options)
    given: Any = {name: value for name, value in options.items() if name not in OWN}
    job = Job.of(models, rows_of(made), Chunked(made.record_type), None, given)
    return job.holding_few(), Settling(made, models.first.compiled(item_type).whole)


def rows_of(plan: Plan) -> Iterator[Row]:
    """Yield what is asked of each chunk."""
    chunks = plan.chunks
    for chunk in chunks:
        text: Any = plan.text[chunk.start : chunk.end]
        alone = len(chunks) == 1 or not text.strip()
        yield Row(text if alone else ToldText(text, place_told(chunk, plan)), chunk)


class Settling(Generic[T]):
    """The list while it is read. whole: makes an item of plain JSON and a context, or raises Invalid."""

    def __init__(self, plan: Plan, whole: Callable[[JSON, Any], T]) -> None:
        self._plan, self._whole = plan, whole
        self._goes_on = section_goes_on(plan.text)
        self._last: ChunkReading | None = None  # the items of the last chunk
        self._settled_to = 0  # items that begin before this place of the text were given
        self._unplaced = frozenset[str]()  # items given lately that stand nowhere in the text
        self._count = 0
        self._problems = list[Problem]()
        self._lost = list[ChunkOutcome]()

    def take(self, outcome: RowOutcome[Any]) -> Iterator[SettledItem[T]]:
        """Yield the items that are settled once the next chunk has come."""
        line = line_of(outcome.key, outcome)
        answer = answer_of(line, line.extraction)
        if answer is None:
            self._lost += [line] if line.error is not None else []
            return
        reading = ChunkReading(line.start, line.end, answer.record, answer.evidence)
        readings = [reading] if self._last is None else [self._last, reading]
        items = self._merged(readings)
        yield from self._settled(items, 0 if self._last is None else self._last.end)
        self._last = _reading_of([each for each in items if _at(each[1]) >= line.start], line)

    def end(self) -> Iterator[SettledItem[T]]:
        """Yield the last items. Raises an ExtractionError or a ServiceError then, which names the chunks that
        gave nothing and the items that are not valid, if there are any.
        """
        if self._last is not None:
            yield from self._settled(self._merged([self._last]), len(self._plan.text) + 1)
        if self._problems or self._lost:
            raise error_of(self._problems, self._lost, self._lost)

    def _merged(self, readings: Sequence[ChunkReading]) -> list[tuple[JSON, Evidence]]:
        """Return the items of chunks together, each with its evidence by its own pointers."""
        merged = merge(readings, self._plan.compiled.joins, self._plan.key_of, self._goes_on)
        items = [] if merged.record is NOTHING else unmarked(merged.record)
        own: list[dict[str, tuple[Span, ...]]] = [{} for _ in items]
        for pointer, spans in merged.evidence.items():
            _, number, *rest = pointer.split("/")
            own[int(number)]["".join(f"/{step}" for step in rest)] = spans
        return list(zip(items, own, strict=True))

    def _settled(self, items: Sequence[tuple[JSON, Evidence]], border: int) -> Iterator[SettledItem[T]]:
        """Yield the items that begin before a place of the text and were not given."""
        unplaced = frozenset(canonical(item) for item, evidence in items if _at(evidence) < 0)
        for item, evidence in items:
            at = _at(evidence)
            if (at >= 0 and not self._settled_to <= at < border) or (
                at < 0 and canonical(item) in self._unplaced
            ):
                continue
            try:
                made = self._whole(item, self._plan.context)
            except Invalid as invalid:
                room = MOST_PROBLEMS - len(self._problems)
                self._problems += [
                    replace(p, pointer=f"/{self._count}{p.pointer}") for p in invalid.problems[:room]
                ]
            else:
                yield SettledItem(made, self._count, evidence)
            self._count += 1
        self._unplaced, self._settled_to = unplaced, border


def _at(evidence: Evidence) -> int:
    """Return where an item begins: where the last of its leaves does, since a heading stands above; -1 for
    what stands nowhere.
    """
    return max((min(span.start for span in spans) for spans in evidence.values() if spans), default=-1)


def _reading_of(items: Sequence[tuple[JSON, Evidence]], line: ChunkOutcome) -> ChunkReading:
    """Return items as the reading of a chunk."""
    evidence = {f"/{i}{at}": spans for i, (_, own) in enumerate(items) for at, spans in own.items()}
    return ChunkReading(line.start, line.end, [item for item, _ in items], evidence)
