"""Labelled texts asked of a client, and a report of the results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Protocol

from ..confidence import Promise
from ..errors import ExtractorError, RunStopped
from ..groups import flat, grouped
from ..keywords import names_wrong_keywords
from ..messages import JSON
from ..readers.given import Reading
from ..results import Extraction
from ..schema import RecordType, compile_schema
from .calibrating import Labelled, alike, labelled
from .cases import Case, cases_from, reading_in, scored
from .gold import digest
from .metrics import by_field, score
from .promising import check_shares, promised, whole_records
from .rates import Scored
from .records import Dump, choices_of, gold_reader
from .reports import EvalReport
from .scoring import PLAIN, Scoring, scoring_of

SHORT = 80  # characters
_QUIET = frozenset({"journal", "concurrency", "on_progress", "limiter", "ordered", "progress"})
_SECRET = frozenset({"api_key", "extra_headers"})


class EvaluatedRow(Protocol):
    """What came of one text, as `Extractor.rows` yields it."""

    @property
    def index(self) -> int:
        """Its position in the input, from 0."""

    @property
    def extraction(self) -> Extraction[Any] | None:
        """How its dialogue ended; None if nothing was asked."""

    @property
    def error(self) -> ExtractorError | None:
        """Why there is no record."""

    @property
    def from_cache(self) -> bool:
        """Whether every reply came out of the journal."""

    @property
    def stops(self) -> bool:
        """Whether its error stops the run."""


class EvaluatedModel(Protocol):
    """What is asked: an Extractor, or what behaves as one."""

    @property
    def model(self) -> str:
        """What the model is called."""

    @property
    def asked_with(self) -> Mapping[str, Any]:
        """Its own options, which hold for all texts."""

    @property
    def samples(self) -> int:
        """How many answers it asks for where no option says so."""

    @property
    def rows(self) -> Callable[..., Iterator[EvaluatedRow]]:
        """Yields what came of each text, from texts, record type and options."""


@names_wrong_keywords()
def evaluate(
    extractor: EvaluatedModel,
    record_type: Any,
    cases: str | Path | Iterable[Case | Mapping[str, Any] | tuple[str, Any]],
    *,
    scoring: Scoring | Mapping[str, Any] = PLAIN,
    slices: Sequence[str] = (),
    name: str = "",
    **options: Any,
) -> EvalReport:
    """Return how well a model's records agree with gold, for labelled texts.

    - cases: a file of JSON Lines, or its lines as mappings (see `gold`), or pairs of a text and its record.
    - scoring: how fields are compared, by pointer: {"/total": {"tolerance": 0.01}}. Other fields are compared
      as usual.
    - slices: columns of the cases; the figures are also given for each of their values.
    - name: the name of the report.
    - options: those of `Extractor.rows`. The report has them, and those of the extractor.

    Answers come from the journal if it has them. Raises ConfigError and SchemaError before anything is sent,
    and RunStopped if the run could not go on; the same call resumes.
    """
    read, rules = gold_reader(record_type), scoring if isinstance(scoring, Scoring) else scoring_of(scoring)
    options = flat(options, "run")
    asked_with = {**extractor.asked_with, **options}
    known = cases_from(cases, read, slices, reading_in(options))
    check_scoring(rules, known)
    if "examples" in options and not callable(options["examples"]):
        options["examples"] = list(options["examples"])  # read here and by the rows
    records = [*evaluated(extractor, record_type, known, rules, options)]
    kind = getattr(record_type, "__name__", None) or type(record_type).__name__
    return reported(
        extractor.model,
        record_type,
        kind,
        records,
        name,
        told({**asked_with, **options}),
        rules,
        slices=tuple(slices),
    )


def promise(
    extractor: EvaluatedModel,
    record_type: Any,
    cases: str | Path | Iterable[Case | Mapping[str, Any] | tuple[str, Any]],
    *,
    right: float,
    assurance: float = 0.95,
    **options: Any,
) -> Promise:
    """Return thresholds of confidence, by field and for whole records: of the values at or above one, the
    share `right` is right, with the assurance that the number of labels allows. If no threshold can be
    given, the result says why, and how many labels are needed.

    - cases: a file of JSON Lines, or its lines as mappings (see `gold`), or pairs of a text and its record.
    - options: those of `Extractor.rows`.

    Raises ConfigError and SchemaError before anything is sent, and RunStopped if the run could not go on.
    """
    check_shares(right, assurance)
    read = gold_reader(record_type)
    options = flat(options, "run")
    known = cases_from(cases, read, reading=reading_in(options))
    asked = PromiseCount(alike(known), RecordType.of(record_type).dump)
    given = {**grouped(options, "run"), "confidence": True}
    for row in extractor.rows([case.text for case in known], record_type, **given):
        if row.stops or isinstance(row.error, RunStopped):
            raise row.error or RunStopped("the run was stopped before its end")
        asked.take(row)
    fingerprint = compile_schema(record_type).fingerprint
    return asked.promise(
        right, assurance, extractor.model, fingerprint, options.get("samples") or extractor.samples
    )


class PromiseCount:
    """What came of labelled texts, as a promise is made of it. cases: equal texts have one id."""

    def __init__(self, cases: Sequence[Case], dump: Dump) -> None:
        self._cases, self._dump = cases, dump
        self.values: list[Labelled] = []
        self._perfect: dict[str, bool] = {}

    def take(self, row: EvaluatedRow) -> None:
        """Count what came of one text."""
        case, result = self._cases[row.index], row.extraction
        self.values += labelled(case, result, self._dump)
        if result is not None and result.outcome.has_record:
            perfect = bool(score(case.gold, self._dump(result.record)).normalised.perfect)
            self._perfect[case.id] = perfect and self._perfect.get(case.id, True)

    def promise(self, right: float, assurance: float, model: str, fingerprint: str, samples: int) -> Promise:
        """Return what can be promised."""
        records = whole_records(self.values, self._perfect)
        return promised(self.values, records, right, assurance, model, fingerprint, samples)


def reported(
    model: str,
    record_type: Any,
    type_name: str,
    records: Sequence[Scored],
    name: str,
    options: Mapping[str, JSON],
    scoring: Scoring,
    slices: tuple[str, ...] = (),
    complete: bool = True,
) -> EvalReport:
    """Return the report of what came of labelled texts. type_name: what the record type is called."""
    return EvalReport(
        model,
        type_name,
        list(records),
        name,
        options,
        scoring.told(),
        choices_of(record_type),
        slices,
        complete,
    )


def check_scoring(scoring: Scoring, cases: Sequence[Case]) -> None:
    """Raise ConfigError for a rule whose field no gold record has."""
    if scoring:
        scoring.check({name for case in cases for name in by_field(case.gold)})


def evaluated(
    extractor: EvaluatedModel,
    record_type: Any,
    cases: Sequence[Case],
    scoring: Scoring,
    options: Mapping[str, Any],
) -> Iterator[Scored]:
    """Yield what came of each text that was asked about, in their order. Raises RunStopped at the end where
    the run could not go on.
    """
    dump, texts = RecordType.of(record_type).dump, [case.text for case in cases]
    for row in extractor.rows(texts, record_type, **grouped(options, "run")):
        if not (row.stops or isinstance(row.error, RunStopped)):
            yield scored(cases[row.index], row.extraction, row.error, dump, scoring, row.from_cache)


def told(options: Mapping[str, Any]) -> dict[str, JSON]:
    """Return the options that a model was asked with as JSON; a value that JSON lacks becomes a short text.
    Unset ones are left out, and what changes nothing in the answers: where they are kept, how fast they come,
    and keys.
    """
    return {
        name: _plain(name, value)
        for name, value in options.items()
        if name not in _QUIET | _SECRET and value is not None and value != []
    }


def _plain(name: str, value: Any) -> JSON:
    if name == "examples" and callable(value):
        return f"chosen for each text by {getattr(value, '__name__', type(value).__name__)}"
    if name == "examples":
        pairs = list(value)
        return f"{len(pairs)} solved texts, sha256 {digest(repr(pairs))[:12]}"
    if name == "mask" and not isinstance(value, str):
        return type(value).__name__  # it may hold what is to be hidden
    if isinstance(value, Reading):
        return value.differing()
    if isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_plain("", each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): _plain("", each) for key, each in value.items()}
    said = str(value)
    if len(said) <= SHORT and not is_dataclass(value):
        return said
    return f"{type(value).__name__}, sha256 {digest(said)[:12]}"  # what was tuned has texts of the gold
