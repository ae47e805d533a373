"""A long text: its chunks are the rows of a bulk run, and their records are merged and validated."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeGuard, TypeVar

from ..bulk import RUN_OPTIONS, Job, Row, RowOutcome, RunBudget, ToldText, shown
from ..connections import Models
from ..dialogue.policy import dollars, is_too_long
from ..errors import ConfigError, ExtractionError, Invalid, Problem, RunStopped, ServiceError, Unjudged
from ..evidence import Evidence
from ..evidence.chunking import Chunk, shorter, split, windows
from ..evidence.coverage import coverage
from ..evidence.headings import section_goes_on
from ..evidence.leaves import Path, leaves, value_at
from ..evidence.merging import NOTHING, ChunkReading, KeyOf, Merged, canonical, merge
from ..given import context_of
from ..layout import Source
from ..messages import JSON, Outcome
from ..options import DocumentOptions
from ..readers.given import text_of
from ..results import Extraction
from ..saying import check_for_all
from ..schema import TAG, VALUE, Chunked, CompiledSchema, unmarked
from ..task import Task
from .outcome import ChunkOutcome, DocumentExtraction
from .window import ask_window, chunk_size, needs_chunks

V = TypeVar("V")

OVERLAP = 0.1  # of a chunk
MOST_OVERLAP = 1000  # characters
FEW = 6  # chunks that may be read again in any text
ROUNDS = 3  # a chunk that fails is read again in shorter ones, and those once more
NAMED = 3  # missing chunks in an error's message
AROUND = 400  # characters beside lines that are read again
OWN = frozenset({"chunk", "window", "overlap", "passes", "rereads", "key", "counts", "progress"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a text. size, overlap: of chunks, in characters. rereads: how many passages may be
    read again. origin: what it was read from.
    """

    text: str
    record_type: Any
    compiled: CompiledSchema[Any]
    context: Mapping[str, Any]
    size: int
    overlap: int
    passes: int
    rereads: int
    key_of: KeyOf
    counts: Mapping[str, int | str]
    origin: Source | None = None

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The chunks of all passes."""
        every = range(1, self.passes + 1)
        return tuple(
            chunk
            for reading in every
            for chunk in split(self.text, self.size, self.overlap, reading=reading, of=self.passes)
        )

    @property
    def at_once(self) -> bool:
        """Whether one request is enough: then it asks for the record type itself."""
        return self.passes == 1 and self.rereads == 0 and len(self.text) <= self.size


def plan(models: Models[Any], record_type: Any, text: str | Source, options: DocumentOptions) -> Plan:
    """Return what is to be done, once it is known how much a model takes at a time. Raises ConfigError."""
    check_for_all(options)
    compiled = models.first.compiled(record_type)
    origin, text = (text if isinstance(text, Source) else None), text_of(text)
    if not isinstance(text, str) or not text.strip():
        raise ConfigError("a document must be a text that is not empty; pass content parts to `run`")
    for name in ("chunk", "window", "passes"):
        if (value := options.get(name)) is not None and not (_is_count(value) and value > 0):
            raise ConfigError(f"{name} must be a whole number above 0, not {value!r}")
    rereads = options.get("rereads", 0)
    if not _is_count(rereads):
        raise ConfigError(f"rereads must be a whole number, at least 0, not {rereads!r:.80}")
    size = _size(models, record_type, text, options)
    overlap = options.get("overlap")
    overlap = min(MOST_OVERLAP, int(size * OVERLAP)) if overlap is None else overlap
    if not (_is_count(overlap) and overlap < size / 2):
        raise ConfigError(
            f"overlap must be a whole number, at least 0 and less than half of a chunk's {size:,} "
            f"characters, not {overlap!r:.80}"
        )
    return Plan(
        text,
        record_type,
        compiled,
        context_of(text, options.get("context")),
        size,
        overlap,
        options.get("passes", 1),
        rereads,
        _key_of(options.get("key"), compiled),
        _counts({} if (counts := options.get("counts")) is None else counts, compiled),
        origin,
    )


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _size(models: Models[Any], record_type: Any, text: str, options: DocumentOptions) -> int:
    """The most characters of a chunk."""
    given, window = options.get("chunk"), options.get("window")
    if given is not None:
        return given
    model = models.first
    if window is None and not needs_chunks(text, model.window()):
        return len(text)
    window = window or model.window(None if models.link(model).given else ask_window)
    if window is None and not needs_chunks(text, None):
        return len(text)
    if window is None:
        raise ConfigError(
            f"the context window of {model.name!r} is not known: give window=, in tokens, or chunk=, the "
            "most characters to ask of at a time"
        )
    asked = {name: options[name] for name in options.keys() - OWN - RUN_OPTIONS - {"parts"}}  # type: ignore[literal-required]
    request = Task[Any](model, Chunked(record_type), **asked).ask("?").request
    provider = model.provider
    return chunk_size(text, request, provider.shows_schema, window, provider.max_output)


class DocumentWork:
    """A document that is being read: jobs go out, outcomes come in, and the result comes out."""

    def __init__(self, models: Models[Any], plan: Plan, options: Mapping[str, Any]) -> None:
        self._models, self._plan, self._options = models, plan, dict(options)
        self._ledger: dict[Chunk, ChunkOutcome] = {}
        self._pending: Sequence[Chunk] = plan.chunks
        self._more = max(FEW, len(plan.chunks))  # shorter chunks that may be asked for
        self._whole: Extraction[Any] | None = None  # where one request was enough
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

    def _job(self) -> Job:
        options = dict(self._options)
        at_once = self._plan.at_once and not self._ledger
        asked = self._plan.record_type if at_once else Chunked(self._plan.record_type)
        rows = [Row(self._part(chunk, at_once), chunk) for chunk in self._pending]
        return Job.of(self._models, rows, asked, None, options)  # type: ignore[arg-type]

    def _part(self, chunk: Chunk, at_once: bool) -> Any:
        text: Any = self._plan.text[chunk.start : chunk.end]
        if not text.strip():
            return text
        if self._plan.origin is not None and self._plan.origin.images:
            text = self._plan.origin.part(chunk.start, chunk.end)
        if at_once:
            return text
        is_again = chunk.reading > self._plan.passes
        return ToldText(text, AGAIN if is_again else _place(chunk, self._plan))

    def take(self, outcome: RowOutcome[Any]) -> None:
        """Take what came of a chunk."""
        chunk: Chunk = outcome.key
        if self._plan.at_once and not self._ledger:
            self._whole = outcome.extraction
        self._ledger[chunk] = _line(chunk, outcome)

    def _again(self) -> Sequence[Chunk]:
        """The shorter chunks to read in place of those that failed, where that may help. Where most replies
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

    def result(self, why: RunStopped | None = None) -> DocumentExtraction[Any]:
        """Return what came of the document. why: the reason why chunks were not run."""
        for chunk in self._pending:
            if chunk not in self._ledger:
                self._ledger[chunk] = _line(chunk, RowOutcome(0, error=why))
        lines = _with_covered(
            [self._ledger[c] for c in sorted(self._ledger, key=lambda c: (c.reading, c.start, -c.end))],
            self._plan.overlap // 2,
        )
        whole = self._whole
        if whole is not None and len(lines) == 1 and whole.outcome.has_record:
            merged = Merged(_json_of(whole.record), whole.evidence, (), whole.confidence or {})
            return _concluded(self._plan, lines, merged, lambda: whole.record)
        merged = self._merged(lines)
        found = None if merged.record is NOTHING else merged.record
        compiled, context = self._plan.compiled, self._plan.context
        return _concluded(self._plan, lines, _unmarked(merged), lambda: compiled.whole(found, context))

    def _merged(self, lines: Sequence[ChunkOutcome]) -> Merged:
        readings = [
            ChunkReading(
                line.start,
                line.end,
                line.extraction.record,
                _shifted(line),
                line.passed,
                line.extraction.confidence or {},
            )
            for line in lines
            if line.extraction is not None and line.extraction.outcome.has_record
        ]
        goes_on = section_goes_on(self._plan.text)
        return merge(readings, self._plan.compiled.joins, self._plan.key_of, goes_on)


@contextmanager
def reading(models: Models[Any], plan: Plan, options: Mapping[str, Any]) -> Iterator[DocumentWork]:
    """Yield what carries a document through its runs; meanwhile its progress is shown. A RunStopped gets
    the result as far as it is as `partial`.
    """
    others = {name: value for name, value in options.items() if name not in OWN}
    total = len(plan.chunks)
    with shown(options.get("progress"), total, options.get("on_progress"), "chunks") as told:
        work = DocumentWork(models, plan, {**others, "on_progress": told})
        try:
            yield work
        except RunStopped as error:
            error.partial = work.result(error)
            raise


def _place(chunk: Chunk, plan: Plan) -> str:
    """What the model is told of where its text stands."""
    again = f" This is reading {chunk.reading} of {plan.passes}." if plan.passes > 1 else ""
    return (
        f"The text is part {chunk.number} of {chunk.count} of a longer one, and may begin and end in the "
        "middle of something. Give only what stands in this part; leave out what it does not say, though the "
        f"record seems to need it: the other parts are read too.{again}"
    )


def _line(chunk: Chunk, outcome: RowOutcome[Any]) -> ChunkOutcome:
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


def _shifted(line: ChunkOutcome) -> Evidence:
    """The evidence of a chunk's record, in the whole text."""
    assert line.extraction is not None  # noqa: S101  it has a record
    return {
        pointer.replace(f"/{VALUE}", ""): tuple(
            replace(s, start=s.start + line.start, end=s.end + line.start) for s in spans
        )
        for pointer, spans in line.extraction.evidence.items()
        if spans and not pointer.endswith(f"/{TAG}")
    }


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


# -- the end


def _concluded(
    plan: Plan, lines: tuple[ChunkOutcome, ...], merged: Merged, made: Callable[[], Any]
) -> DocumentExtraction[Any]:
    """Return the result. made: makes the record of what was found, or raises Invalid."""
    lost = [line for line in lines if line.missing]
    record, evidence, problems = None, merged.evidence, list[Problem]()
    sure, cause = merged.confidence, lost[0].error.__cause__ if lost and lost[0].error else None
    if merged.record is not None or not lost:
        try:
            record = made()
        except Invalid as invalid:
            problems += [_unread(p) if lost and p.type == "missing" else p for p in invalid.problems]
            cause = invalid.__cause__ if isinstance(invalid, Unjudged) else None
        else:
            evidence = _moved(merged.evidence, merged.record, record, ())
            sure = {at: c for at, c in _moved(sure, merged.record, record, -1.0).items() if c >= 0}
            problems += _miscounted(plan.counts, merged.record)
    repaired = any(line.outcome is Outcome.REPAIRED for line in lines)
    outcome = Outcome.REPAIRED if repaired else Outcome.OK
    if problems or lost:
        outcome = Outcome.INVALID if problems else _outcome(lost[0])
    error = _error(problems, lost, lines) if problems or lost else None
    if error is not None:
        error.__cause__ = cause
    return DocumentExtraction(
        outcome,
        lines,
        record,
        error,
        merged.record,
        merged.conflicts,
        evidence,
        sure or None,
        plan.text,
        plan.origin,
        coverage(plan.text, evidence),
        tuple(at for at in merged.carried if at in evidence),
    )


def _unread(problem: Problem) -> Problem:
    return replace(problem, reason=f"{problem.reason}, as far as it was read")


def _outcome(line: ChunkOutcome) -> Outcome:
    return line.outcome or (Outcome.TRANSPORT if isinstance(line.error, RunStopped) else Outcome.INVALID)


def _error(
    problems: Sequence[Problem], lost: Sequence[ChunkOutcome], lines: Sequence[ChunkOutcome]
) -> ServiceError | ExtractionError:
    attempts = [attempt for line in lines for attempt in line.attempts]
    gone = [Problem("", f"{line}: {line.reason}", type="chunk") for line in lost]
    named = [str(line) for line in lost[:NAMED]] + ([f"and {len(lost) - NAMED} more"] if lost[NAMED:] else [])
    told = [f"{len(lost)} of {len(lines)} chunks gave no record ({'; '.join(named)})"] if lost else []
    told += [
        *map(str, problems[:NAMED]),
        *([f"and {len(problems) - NAMED} more"] if problems[NAMED:] else []),
    ]
    message, first = "; ".join(told), lost[0].error if lost and not problems else None
    if isinstance(first, ServiceError):
        return ServiceError(message, first.status, first.retry_after, first.request_id, attempts)
    kind = type(first) if isinstance(first, ExtractionError) else Invalid
    return kind(message, [*problems, *gone], attempts)


def _miscounted(counts: Mapping[str, int | str], found: JSON) -> Iterator[Problem]:
    """Yield a problem for each list that has not as many items as the text says."""
    for place, told in counts.items():
        said = told if isinstance(told, int) else value_at(found, told)
        items = value_at(found, place)
        number = len(items) if isinstance(items, list | dict) else 0
        if isinstance(said, int) and said != number:
            where = "" if isinstance(told, int) else f" at {told}"
            yield Problem(place, f"has {number} items, but {said} are declared{where}", number, "count")


def _moved(told: Mapping[str, V], found: JSON, record: Any, nothing: V) -> dict[str, V]:
    """Return what is told of the leaves of merged JSON, by the pointers of the record that was made of it:
    validation may have put its values elsewhere.
    """
    others: defaultdict[tuple[Path, str], list[V]] = defaultdict(list)
    for pointer, each in told.items():
        others[_column(pointer), canonical(value_at(found, pointer))].append(each)
    moved = {}
    for leaf in leaves(record):
        same = others[_column(leaf.pointer), canonical(leaf.json)]
        stays = canonical(value_at(found, leaf.pointer)) == canonical(leaf.json) or not same
        moved[leaf.pointer] = told.get(leaf.pointer, nothing) if stays else same.pop(0)
    return moved


def _column(pointer: str) -> Path:
    return tuple("*" if token.isdecimal() else token for token in pointer.split("/")[1:])


def _json_of(record: Any) -> JSON:
    from ..report import as_json

    return as_json(record)


# -- what the caller says of lists


def _key_of(key: str | Mapping[str, str | Sequence[str]] | None, compiled: CompiledSchema[Any]) -> KeyOf:
    """Return what tells the key of an item. Raises ConfigError for a list that records do not have."""
    if key is None:
        return lambda path, item: None
    if isinstance(key, str):
        if not compiled.items_have(key):
            raise ConfigError(f"key={key!r}: records have no list whose items have that field")
        return lambda path, item: _folded(item.get(key)) if isinstance(item, dict) else None
    if not isinstance(key, Mapping):
        raise ConfigError(
            f"key must be the name of a field, or names by the pointer of a list, not {key!r:.80}"
        )
    for of in key.values():
        if not (
            isinstance(of, str) or (isinstance(of, list | tuple) and all(isinstance(n, str) for n in of))
        ):
            raise ConfigError(
                f"key: give the name of a field for a list, or several in a tuple, not {of!r:.80}"
            )
    names = {_list_path(place, compiled, "key"): of for place, of in key.items()}

    def key_of(path: Path, item: JSON) -> JSON:
        wanted = names.get(path)
        if wanted is None:
            return None
        if wanted == "":
            return _folded(item)
        values = [item.get(name) for name in ([wanted] if isinstance(wanted, str) else wanted)]
        return None if None in values else list(map(_folded, values))

    return key_of


def _counts(counts: Mapping[str, int | str], compiled: CompiledSchema[Any]) -> Mapping[str, int | str]:
    if not isinstance(counts, Mapping):
        raise ConfigError(
            f"counts must be {{'/pointer of a list': a number, or a pointer}}, not {counts!r:.80}"
        )
    for place, told in counts.items():
        _list_path(place, compiled, "counts")
        if isinstance(told, str):
            _list_path(told, compiled, "counts")
        elif not _is_count(told):
            raise ConfigError(
                f"counts={{{place!r}: ...}} must be a number or the pointer of a field, not {told!r}"
            )
    return counts


def _list_path(place: str, compiled: CompiledSchema[Any], option: str) -> Path:
    path = tuple(token.replace("~1", "/").replace("~0", "~") for token in place.split("/")[1:])
    if (place and not place.startswith("/")) or not compiled.has(path):
        raise ConfigError(
            f"{option}: records have nothing at {place!r}; write a JSON pointer such as '/items', with * for "
            "the index of a list on the way"
        )
    return path


def _folded(value: JSON) -> JSON:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value
