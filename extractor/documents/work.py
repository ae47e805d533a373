"""A long text: its chunks are the rows of a bulk run, and their records are merged and validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..bulk import Job, Row, RowOutcome, RunBudget, ToldText, shown
from ..connections import Models
from ..dialogue.policy import dollars, is_too_long
from ..errors import RunStopped, Unjudged
from ..evidence.chunking import Chunk, shorter, windows
from ..evidence.coverage import coverage
from ..evidence.headings import section_goes_on
from ..evidence.merging import NOTHING, ChunkReading, Merged, merge
from ..results import Extraction
from ..schema import Chunked, unmarked
from ..task import mask_for
from .checks import MOST, failures, suspects, told
from .ending import concluded, json_of
from .outcome import ChunkOutcome, DocumentExtraction
from .planning import OWN, Plan, place_told
from .readings import SureOf, answer_of, confidence_of, line_of
from .second import (
    DocumentEscalation,
    Doubts,
    asked_type,
    doubts_of,
    joined,
    question,
    settled,
    with_answers,
    without_answer,
)

FEW = 6  # chunks that may be read again in any text
ROUNDS = 3  # a chunk that fails is read again in shorter ones, and those once more
AROUND = 400  # characters beside lines that are read again


def _scores(said: Extraction[Any]) -> Mapping[str, float]:
    """Return the scores of the leaves, which a calibration may make other numbers of."""
    return {where: each.score for where, each in (said.signals or {}).items() if each.told}


class DocumentWork:
    """A document that is being read: jobs go out, outcomes come in, and the result comes out."""

    def __init__(
        self,
        models: Models[Any],
        plan: Plan,
        options: Mapping[str, Any],
        second: DocumentEscalation | None = None,
    ) -> None:
        self._models, self._plan, self._options, self._second = models, plan, dict(options), second
        self._ledger: dict[Chunk, ChunkOutcome] = {}
        self._pending: Sequence[Chunk] = plan.chunks
        self._more = max(FEW, len(plan.chunks))  # shorter chunks that may be asked for
        self._whole: Extraction[Any] | None = None  # where one request was enough
        self._doubts: Doubts | None = None
        self._reread: dict[Chunk, Chunk] = {}  # by the chunk that is read once more, the first reading
        self._failed = ""  # what the model is told of the checks that failed
        if options.get("max_cost") is not None:  # one budget for all runs
            self._options["max_cost"] = RunBudget(dollars("max_cost", options["max_cost"]))

    def jobs(self) -> Iterator[Job]:
        """Yield the runs to carry out, one after the other; hand what comes of each row to `take`."""
        for left in reversed(range(ROUNDS)):
            if not self._pending:
                break
            yield self._job()
            self._pending = self._again() if left else ()
        self._pending = self._overlooked()
        if self._pending:
            yield self._job()
        self._pending = self._suspected()
        if self._pending:
            yield self._job()
            self._choose()
        if self._second is not None:
            self._doubts = self._doubtful(self._second)
            if self._doubts is not None and self._second.models is not None:
                yield self._second_job(self._second, self._doubts)

    def _job(self) -> Job:
        options = dict(self._options)
        at_once = self._plan.at_once and (not self._ledger or bool(self._reread and self._is_whole))
        asked = self._plan.record_type if at_once else Chunked(self._plan.record_type)
        rows = [Row(self._part(chunk, at_once), chunk) for chunk in self._pending]
        return Job.of(self._models, rows, asked, None, options)  # type: ignore[arg-type]

    def _doubtful(self, second: DocumentEscalation) -> Doubts | None:
        """Return what is not sure enough once the first model has said all that it will."""
        whole = self._whole_of(self._lines())
        if whole is not None:
            doubt = second.how.doubt(self._plan.record_type, whole)
            return None if doubt is None else Doubts(doubt, tuple(self._used))
        found = self._made(self._lines(), _scores)
        return doubts_of(second.how, self._plan.record_type, found, self._used)

    def _second_job(self, second: DocumentEscalation, doubts: Doubts) -> Job:
        """Return the run that asks the second model about the chunks that hold doubtful values."""
        at_once = self._whole is not None
        asked = asked_type(self._plan.record_type, doubts.names)
        rows = [
            Row(question(second.how, *self._told(chunk, at_once), self._ledger[chunk], doubts.names), chunk)
            for chunk in doubts.chunks
        ]
        most = self._options.get("max_cost")
        return second.job(rows, asked if at_once else Chunked(asked), self._options, most)

    def _part(self, chunk: Chunk, at_once: bool) -> Any:
        text, place = self._told(chunk, at_once)
        return text if place is None else ToldText(text, place)

    def _told(self, chunk: Chunk, at_once: bool) -> tuple[Any, str | None]:
        """Return a chunk's text, and what the prompt says about its place."""
        text: Any = self._plan.text[chunk.start : chunk.end]
        if not text.strip():
            return text, None
        if self._plan.origin is not None and self._plan.origin.images:
            text = self._plan.origin.part(chunk.start, chunk.end)
        if chunk in self._reread:
            again = CHECKED.format(self._failed)
            return text, again if at_once else f"{place_told(self._reread[chunk], self._plan)} {again}"
        if at_once:
            return text, None
        is_again = chunk.reading > self._plan.passes
        return text, AGAIN if is_again else place_told(chunk, self._plan)

    def take(self, outcome: RowOutcome[Any]) -> None:
        """Take what came of a chunk."""
        chunk: Chunk = outcome.key
        if self._doubts is not None:
            self._doubts.answers[chunk] = outcome
            return
        if self._plan.at_once and not self._ledger:
            self._whole = outcome.extraction
        first = self._reread.get(chunk)
        line = line_of(chunk, outcome)
        self._ledger[chunk] = line if first is None else replace(line, passed=first.reading, used=False)

    def _again(self) -> Sequence[Chunk]:
        """The shorter chunks to read in place of those that failed, where that may help. If most replies
        are of no use, so will be those about parts: no more are asked for than there were chunks at first.
        """
        todo: list[Chunk] = []
        for chunk, line in list(self._ledger.items()):
            parts = shorter(self._plan.text, chunk, self._plan.overlap) if _may_help(line) else ()
            if parts and (_was_too_long(line) or len(parts) <= self._more):
                self._more -= 0 if _was_too_long(line) else len(parts)
                self._ledger[chunk] = replace(line, again=True)
                todo += parts
        return todo

    def _overlooked(self) -> Sequence[Chunk]:
        """Return the passages to read again: those with lines that look like items and gave none."""
        if not self._plan.rereads:
            return ()
        plan = self._plan
        merged = self._merged(list(self._ledger.values()))
        found = coverage(plan.text, merged.evidence).overlooked
        places = [(line.start, line.end) for line in found]
        passages = windows(plan.text, places, min(AROUND, plan.size // 3), plan.size)[: plan.rereads]
        return tuple(
            Chunk(start, start, end, i, len(passages), plan.passes + 1)
            for i, (start, end) in enumerate(passages, 1)
        )

    @property
    def _used(self) -> dict[Chunk, ChunkOutcome]:
        return {chunk: line for chunk, line in self._ledger.items() if line.used}

    @property
    def _is_whole(self) -> bool:
        return self._whole_of(self._lines()) is not None

    def _suspected(self) -> Sequence[Chunk]:
        """Return chunks to read once more, since the record does not pass the caller's checks."""
        plan = self._plan
        made = self._made(self._lines()) if plan.checks else None
        if made is None or made.record is None or made.missing:
            return ()
        problems = failures(plan.checks, made.record)
        if not problems or any(problem.type != "check" for problem in problems):
            return ()
        first, given = self._models.first, self._options.get("mask")
        masked = any(mask_for(model, first, given) for model in self._models.chain)
        self._failed = told(problems, tuple(plan.checks), masked)
        chunks = suspects(self._ledger, made, max(MOST, plan.rereads))
        self._reread = {replace(chunk, reading=plan.passes + 1 + chunk.reading): chunk for chunk in chunks}
        return tuple(self._reread)

    def _choose(self) -> None:
        """Have the second readings count in place of the first ones where the checks then hold: all of them,
        or else one. If they never do, the first readings stay.
        """
        read = {new: old for new, old in self._reread.items() if self._has_record(new)}
        for chosen in [read, *({new: old} for new, old in read.items() if len(read) > 1)]:
            ledger = dict(self._ledger)
            for new, old in chosen.items():
                ledger[new] = replace(ledger[new], used=True)
                ledger[old] = replace(ledger[old], used=False)
            whole = ledger[next(iter(chosen))].extraction if chosen and self._is_whole else None
            made = self._of_whole(whole, ()) if whole is not None else self._made(self._lines(ledger))
            if chosen and made.record is not None and not failures(self._plan.checks, made.record):
                self._ledger, self._whole = ledger, whole
                return

    def _has_record(self, chunk: Chunk) -> bool:
        line = self._ledger.get(chunk)
        return line is not None and line.outcome is not None and line.outcome.has_record

    def result(self, why: RunStopped | None = None) -> DocumentExtraction[Any]:
        """Return what came of the document. why: the reason why chunks were not run."""
        for chunk in self._pending:
            if chunk not in self._ledger:
                self._ledger[chunk] = line_of(chunk, RowOutcome(0, error=why))
        first = self._made(self._lines())
        if self._second is None or self._doubts is None:
            return first
        return self._settled(self._second, self._doubts, first)

    def _settled(
        self, second: DocumentEscalation, doubts: Doubts, first: DocumentExtraction[Any]
    ) -> DocumentExtraction[Any]:
        """Return the result once its doubtful values are settled."""
        how, kind = second.how, self._plan.record_type
        lines = self._lines(with_answers(self._ledger, doubts))
        whole = self._whole_of(lines)
        if whole is not None:
            made = how.settled(kind, whole, doubts.doubt, lines[0].second)
            return replace(self._of_whole(made, lines), escalation=without_answer(made.escalation))
        if second.models is None:
            return how.alone(kind, first, doubts.doubt)
        return settled(how, doubts, first, self._made(lines))

    def _lines(self, ledger: Mapping[Chunk, ChunkOutcome] | None = None) -> tuple[ChunkOutcome, ...]:
        """Return the chunks in order, those that others have read again marked."""
        said = self._ledger if ledger is None else ledger
        ordered = sorted(said, key=lambda c: (c.reading, c.start, -c.end))
        return _with_covered([said[chunk] for chunk in ordered], self._plan.overlap // 2)

    def _whole_of(self, lines: Sequence[ChunkOutcome]) -> Extraction[Any] | None:
        """Return the answer about the whole text, where one request was enough."""
        whole = self._whole
        alone = sum(line.used for line in lines) == 1
        return whole if whole is not None and alone and whole.outcome.has_record else None

    def _of_whole(self, whole: Extraction[Any], lines: tuple[ChunkOutcome, ...]) -> DocumentExtraction[Any]:
        merged = Merged(json_of(whole.record), whole.evidence, (), whole.confidence or {})
        return concluded(self._plan, lines, merged, lambda: whole.record)

    def _made(
        self, lines: tuple[ChunkOutcome, ...], sure_of: SureOf = confidence_of
    ) -> DocumentExtraction[Any]:
        """Return what the chunks make together. sure_of: how sure the leaves of an answer are."""
        whole = self._whole_of(lines)
        if whole is not None:
            return self._of_whole(whole, lines)
        merged = self._merged(lines, sure_of)
        found = None if merged.record is NOTHING else merged.record
        compiled, context = self._plan.compiled, self._plan.context
        return concluded(self._plan, lines, _unmarked(merged), lambda: compiled.whole(found, context))

    def _merged(self, lines: Sequence[ChunkOutcome], sure_of: SureOf = confidence_of) -> Merged:
        names = None if self._doubts is None else self._doubts.names

        def reading_of(line: ChunkOutcome) -> ChunkReading | None:
            first = answer_of(line, line.extraction, sure_of)
            if first is None:
                return None
            said = joined(first, answer_of(line, line.second, sure_of), names)
            return ChunkReading(line.start, line.end, said.record, said.evidence, line.passed, said.sure)

        readings = [found for line in lines if line.used and (found := reading_of(line)) is not None]
        goes_on = section_goes_on(self._plan.text)
        return merge(readings, self._plan.compiled.joins, self._plan.key_of, goes_on)


@contextmanager
def reading(
    models: Models[Any], plan: Plan, options: Mapping[str, Any], second: DocumentEscalation | None = None
) -> Iterator[DocumentWork]:
    """Yield what carries a document through its runs; meanwhile its progress is shown. A RunStopped gets
    the result as far as it is as `partial`. second: where doubtful values go.
    """
    if second is not None:
        second.check(plan.record_type, options)
    others = {name: value for name, value in options.items() if name not in OWN}
    total = len(plan.chunks)
    with shown(options.get("progress"), total, options.get("on_progress"), "chunks") as told:
        work = DocumentWork(models, plan, {**others, "on_progress": told}, second)
        try:
            yield work
        except RunStopped as error:
            error.partial = work.result(error)
            raise


def _with_covered(lines: Sequence[ChunkOutcome], overlap: int) -> tuple[ChunkOutcome, ...]:
    """Return the ledger, in which it is told of failed chunks whether others have read all of their text,
    with so much overlap that nothing is cut by their borders.
    """
    read = sorted((line.start, line.end) for line in lines if line.error is None)

    def covered(line: ChunkOutcome) -> bool:
        at = line.start
        for start, end in read:
            at = max(at, end) if start <= max(line.start, at - overlap) else at
        return at >= line.end

    return tuple(line if line.error is None else replace(line, covered=covered(line)) for line in lines)


def _may_help(line: ChunkOutcome) -> bool:
    """Whether shorter chunks may give what this one did not: not where the service could not be reached,
    nor where the caller's own code fails.
    """
    if line.error is None or line.again or line.extraction is None or isinstance(line.error, Unjudged):
        return False
    failed = bool(line.attempts and line.attempts[-1].failure)
    return not failed or _was_too_long(line)


def _was_too_long(line: ChunkOutcome) -> bool:
    """Whether the service took no request about so long a chunk, and so was paid for none."""
    failure = line.attempts[-1].failure if line.attempts else None
    return failure is not None and is_too_long(failure)


def _unmarked(merged: Merged) -> Merged:
    """Return what was merged without the marks that are for validation alone."""
    return replace(
        merged,
        record=None if merged.record is NOTHING else unmarked(merged.record),
        conflicts=tuple(
            replace(c, candidates=tuple(replace(one, value=unmarked(one.value)) for one in c.candidates))
            for c in merged.conflicts
        ),
    )


AGAIN = (
    "The text is a passage of a longer one, and may begin and end in the middle of something. It is read "
    "again, since some of its items may have been overlooked. Give all that stands in it, and leave out what "
    "it does not say, though the record seems to need it."
)
CHECKED = (
    "It is read again, since something is wrong in the record of the whole text: {}. Look again at each "
    "value, and for what was overlooked or given twice. Give what the text says, also where that stays wrong."
)
