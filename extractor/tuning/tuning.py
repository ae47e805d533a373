"""Candidates tried on validation texts within a budget; the best one proved on test texts, looked at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from ..errors import ConfigError, RunStopped
from ..evaluation import Case, EvalReport, Scoring, evaluate
from ..evaluation.cases import cases_from, reading_in
from ..evaluation.evaluating import EvaluatedRow
from ..evaluation.metrics import by_field
from ..evaluation.rates import Difference, RateEstimate, Scored, differences, estimates
from ..evaluation.records import gold_reader
from ..evaluation.scoring import PLAIN, scoring_of
from ..groups import flat, grouped
from ..keywords import names_wrong_keywords
from ..messages import Prompt
from ..results import Extraction
from ..schema import compile_schema
from ..tuned import Tuned
from .candidates import (
    UNTUNED,
    TuningCandidate,
    by_examples,
    by_samples,
    by_shape,
    in_turns,
    joined,
    meanings,
    meant,
    proposals,
    worded,
)
from .splitting import GoldSplit, split_gold

FIGURE = "value F1"
WORDINGS = 2
KEPT = ("journal", "concurrency", "limiter", "progress")  # options of a run that requests for words have too
BEYOND = "the budget is too small"
NONE_PROPOSED = "the model proposed none"


class TunedModel(Protocol):
    """What is tuned: an Extractor, or what behaves as one."""

    @property
    def model(self) -> str:
        """What the model is called."""

    @property
    def asked_with(self) -> Mapping[str, Any]:
        """Its own options, which hold for all texts."""

    @property
    def escalates_to(self) -> str | None:
        """Where doubtful values go: the name of a model, "null" or "review"; None if nowhere."""

    @property
    def masks(self) -> bool:
        """Whether values are hidden from the model."""

    @property
    def preview(self) -> Callable[..., Any]:
        """Returns what would be sent."""

    @property
    def with_options(self) -> Callable[..., Any]:
        """Returns what behaves as this one, but for some options."""

    @property
    def rows(self) -> Callable[..., Iterator[EvaluatedRow]]:
        """Yields what came of each text."""


@dataclass(frozen=True, slots=True)
class TuningTrial:
    """One candidate on the validation texts. f1: value F1, with its interval."""

    candidate: str
    f1: RateEstimate


@dataclass(frozen=True, slots=True)
class Tuning:
    """How tuning ended. tuned: what to use; None if no gain was proved, for the reason `why`. trials: all
    candidates on the validation texts, the untuned model first. gain: the difference of value F1 on the
    test texts, paired, with its 95 % interval; None if the test texts were not looked at. skipped: the
    candidates that were not tried, and why. requests, tokens, cost: paid for in this call; those of
    the journal are not in them. cost is in US dollars, None if no price is known.
    """

    tuned: Tuned | None = field(repr=False)
    why: str
    trials: tuple[TuningTrial, ...] = field(repr=False)
    gain: Difference | None = None
    untuned: RateEstimate | None = None
    after: RateEstimate | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    requests: int = 0
    tokens: int = 0
    cost: Decimal | None = None


@dataclass
class _Spent:
    """What was paid so far, and what may be."""

    most_requests: int | None
    most_tokens: int | None
    most_cost: Decimal | None
    requests: int = 0
    tokens: int = 0
    cost: float = 0.0
    knows_cost: bool = True
    most_of_a_request: tuple[float, float] = (0, 0.0)  # tokens and dollars, of the dearest trial so far

    def add(self, records: Sequence[Scored]) -> None:
        paid = [r for r in records if r.detail is None or not r.detail.from_journal]
        costs = [r.cost for r in paid if r.calls]
        tokens, cost = sum(r.tokens for r in paid), sum(c or 0 for c in costs)
        self.requests += sum(r.calls for r in paid)
        self.tokens, self.cost = self.tokens + tokens, self.cost + cost
        self.knows_cost = self.knows_cost and None not in costs
        requests = sum(r.calls for r in paid) or 1
        most = self.most_of_a_request
        self.most_of_a_request = max(most[0], tokens / requests), max(most[1], cost / requests)

    def add_result(self, result: Extraction[Any], from_journal: bool) -> None:
        if from_journal:
            return
        self.requests += len(result.attempts)
        self.tokens += result.usage.total_tokens
        self.knows_cost = self.knows_cost and result.cost is not None
        self.cost += float(result.cost or 0)

    def left(self) -> dict[str, Any]:
        """Return what bounds the next run: the dollars that are left."""
        return {} if self.most_cost is None else {"max_cost": max(float(self.most_cost) - self.cost, 1e-9)}

    def bears(self, requests: int) -> bool:
        """Whether so many requests more stay in the budget, at what those of the dearest trial took."""
        tokens, cost = (requests * each for each in self.most_of_a_request)
        return (
            (self.most_requests is None or self.requests + requests <= self.most_requests)
            and (self.most_tokens is None or self.tokens + tokens <= self.most_tokens)
            and (self.most_cost is None or self.cost + cost <= self.most_cost)
        )


@dataclass
class _Search:
    """One search: what is asked, with what, and what came."""

    extractor: TunedModel
    record_type: Any
    scoring: Scoring
    options: Mapping[str, Any]
    spent: _Spent
    parts: GoldSplit
    proposer: TunedModel
    reports: dict[str, EvalReport] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def report(self, candidate: TuningCandidate, cases: Sequence[Case]) -> EvalReport:
        """Ask about cases with a candidate."""
        with self._asking(candidate) as extractor:
            found = evaluate(
                extractor,
                self.record_type,
                cases,
                scoring=self.scoring,
                name=candidate.name,
                **self._said(candidate),
                **grouped({**self.options, **self.spent.left()}, "run"),
            )
        self.spent.add(found.records)
        return found

    def propose(self, record_type: Any, text: str, instructions: str) -> Extraction[Any]:
        """Return how a request for words ended. Raises RunStopped."""
        kept = {name: self.options[name] for name in KEPT if name in self.options}
        alone = {"tuned": None, "escalate": None, "below": None}  # these are of another record type
        with closing(self.proposer.with_options(**alone)) as proposer:
            given = grouped({**kept, **self.spent.left()}, "run")
            rows: Iterator[EvaluatedRow] = proposer.rows(
                [text], record_type, instructions=instructions, **given
            )
            (row,) = rows
        if row.extraction is None:
            raise row.error or RunStopped("the run was stopped before its end")
        self.spent.add_result(row.extraction, row.from_cache)
        return row.extraction

    def asked(self, candidate: TuningCandidate) -> bytes | None:
        """Return the request about a training text with a candidate, but for the options that all candidates
        have; None if it can't be asked so.
        """
        try:
            with self._asking(candidate) as extractor:
                text, said = self.parts.train[0].text, self._said(candidate)
                body: bytes = extractor.preview(self.record_type, text, **said).body
                return body
        except ConfigError:
            return None  # such as a server without grammars

    def _asking(self, candidate: TuningCandidate) -> AbstractContextManager[Any]:
        if candidate.grounded is None:
            return nullcontext(self.extractor)
        return closing(self.extractor.with_options(grounded=candidate.grounded))

    def _said(self, candidate: TuningCandidate) -> dict[str, Any]:
        saying = candidate.tuned("", "").saying()
        said = {
            "instructions": saying.instructions,
            "prompt": candidate.prompt,
            "samples": candidate.samples,
        }
        return {"examples": saying.examples or [], **{k: v for k, v in said.items() if v is not None}}

    @property
    def usual(self) -> int:
        """How many answers the untuned model is asked for."""
        return int(self.options.get("samples", 1))

    def needed(self, candidate: TuningCandidate) -> int:
        """Return the requests that trying a candidate takes, with the proof that may follow."""
        trial = len(self.parts.validation) + len(self.parts.test)
        return (candidate.samples or self.usual) * trial + self.usual * len(self.parts.test)

    def try_out(self, candidate: TuningCandidate) -> float | None:
        """Return a candidate's value F1 on the validation texts; None if the budget is too small."""
        if not self.spent.bears(self.needed(candidate)):
            self.skipped[candidate.name] = BEYOND
            return None
        found = self.report(candidate, self.parts.validation)
        self.reports[candidate.name] = found
        return estimates(found.records)[FIGURE].value or 0.0


@names_wrong_keywords()
def tune(
    extractor: TunedModel,
    record_type: Any,
    cases: str | Path | Iterable[Case | Mapping[str, Any]],
    *,
    max_requests: int | None = None,
    max_tokens_total: int | None = None,
    max_cost: float | Decimal | None = None,
    scoring: Scoring | Mapping[str, Any] = PLAIN,
    seed: int = 0,
    try_samples: Sequence[int] = (),
    proposer: TunedModel | None = None,
    **options: Any,
) -> Tuning:
    """Return what makes a model better at a record type, if anything does so beyond chance: examples, words,
    or another shape of the request.

    cases: gold, see `evaluate`. Examples come from two fifths of it; candidates are compared on three tenths;
    the best one is compared with the untuned model on the rest, once, and taken only if the paired 95 %
    interval of the gain in value F1 lies above 0. max_requests, max_tokens_total and max_cost (US dollars)
    bound what is paid for: a candidate is left out where it would not fit, by what the dearest one took so
    far; dollars are a hard bound of each run, too. The max_cost of a `run=` bounds the whole, too.
    seed: of the parts and of what is drawn. try_samples: numbers of answers to try, such as (3, 5): the one
    that agrees most with the others is taken. Such a candidate takes that many times the requests. proposer:
    who proposes instructions and descriptions of fields, by default `extractor` itself. options: those of
    `Extractor.rows`; answers are kept in the journal. Raises ConfigError and SchemaError before anything is
    asked, RunStopped if it could not go on.
    """
    read = gold_reader(record_type)
    options = flat(options, "run")
    known = cases_from(cases, read, reading=reading_in(options))
    rules = scoring if isinstance(scoring, Scoring) else scoring_of(scoring)
    parts = split_gold(known, seed)
    if taken := {"examples", "instructions"} & options.keys():
        raise ConfigError(f"{min(taken)}= can't be given, since tune chooses it")
    in_run = options.pop("max_cost", None)
    if max_cost is not None and in_run is not None:
        raise ConfigError("max_cost is given twice: beside run= and in it")
    max_cost = in_run if max_cost is None else max_cost
    spent = _Spent(max_requests, max_tokens_total, None if max_cost is None else Decimal(str(max_cost)))
    _check_samples(extractor, record_type, try_samples, options)
    if extractor.asked_with.get("tuned") is not None:
        raise ConfigError("the Extractor has been tuned already: leave tuned= out, and tune it anew")
    if extractor.masks and proposer is not None and not proposer.masks:
        raise ConfigError("proposer=: the texts of the model are masked, but the proposer has no mask")
    search = _Search(extractor, record_type, rules, options, spent, parts, proposer or extractor)
    least = search.needed(UNTUNED) + len(parts.validation) * search.usual
    if max_requests is not None and max_requests < least:
        raise ConfigError(f"max_requests must be at least {least} for this gold")
    search.try_out(UNTUNED)
    return _proved(search, _searched(search, seed, try_samples))


def _check_samples(
    extractor: TunedModel, record_type: Any, counts: Sequence[int], options: Mapping[str, Any]
) -> None:
    """Raise ConfigError for numbers of answers that can't be tried."""
    if counts and "samples" in options:
        raise ConfigError("try_samples= can't be used if samples= is given: that holds for all candidates")
    for count in counts:
        if count == 1:
            raise ConfigError("try_samples= must be numbers from 2 on: 1 is what the others ask for")
        extractor.rows((), record_type, **grouped({**options, "samples": count}, "run"))


def _searched(search: _Search, seed: int, counts: Sequence[int]) -> TuningCandidate:
    """Return the best candidate on the validation texts; the untuned model where none is better."""
    untuned = (estimates(search.reports[UNTUNED.name].records)[FIGURE].value or 0.0, UNTUNED)
    kinds = (
        by_examples(search.parts.train, seed),
        by_shape(search.asked, () if "prompt" in search.options else tuple(Prompt)),
        _wordings(search),
    )
    tried: list[list[tuple[float, TuningCandidate]]] = [[] for _ in kinds]
    for number, candidate in in_turns(kinds):  # so that a small budget is spent on each kind
        tried[number] += _tried(search, [candidate])
    tried.append(_tried(search, by_samples(counts)))  # the dearest ones last
    better = [best for kind in tried if (best := _best([untuned, *kind])) is not UNTUNED]
    both = _tried(search, [joined(better)]) if len(better) > 1 else []
    return _best([untuned, *(each for kind in tried for each in kind), *both])


def _tried(search: _Search, candidates: Iterable[TuningCandidate]) -> list[tuple[float, TuningCandidate]]:
    found = [(search.try_out(each), each) for each in candidates]
    return [(value, each) for value, each in found if value is not None]


def _best(tried: Sequence[tuple[float, TuningCandidate]]) -> TuningCandidate:
    """Return the best one, of equal ones the first."""
    return max(tried, key=lambda each: each[0])[1]


def _wordings(search: _Search) -> Iterator[TuningCandidate]:
    """Yield what the model proposes in view of its slips on the training texts: instructions, and what the
    fields mean.
    """
    train = search.parts.train[: len(search.parts.validation)]
    asked = len(train) * search.usual + WORDINGS + 1
    if not search.spent.bears(asked + search.needed(UNTUNED)):
        search.skipped |= {"instructions": BEYOND, "descriptions of fields": BEYOND}
        return
    report = search.report(UNTUNED, train)
    for number, result in enumerate(proposals(search.propose, report, WORDINGS), 1):
        found = worded(result, number)
        if found is None:
            search.skipped[f"instructions {number}"] = NONE_PROPOSED
        else:
            yield found
    proposed = meanings(search.propose, report)
    if proposed is None:
        return
    known = frozenset(name for case in search.parts.train for name in by_field(case.gold))
    described = meant(proposed, known)
    if described is None:
        search.skipped["descriptions of fields"] = NONE_PROPOSED
    else:
        yield described


def _proved(search: _Search, best: TuningCandidate) -> Tuning:
    """Return how it ended, the best candidate compared with the untuned model on the test texts."""
    trials = tuple(TuningTrial(name, estimates(r.records)[FIGURE]) for name, r in search.reports.items())
    ended = Tuning(None, "no candidate was better on the validation texts", trials)
    if best is not UNTUNED:
        before, after = (search.report(each, search.parts.test).records for each in (UNTUNED, best))
        ended = _judged(search, best, before, after, ended)
    spent = search.spent
    cost = Decimal(str(round(spent.cost, 9))) if spent.knows_cost else None
    return replace(
        ended, skipped=dict(search.skipped), requests=spent.requests, tokens=spent.tokens, cost=cost
    )


def _judged(
    search: _Search, best: TuningCandidate, before: Sequence[Scored], after: Sequence[Scored], ended: Tuning
) -> Tuning:
    gain = differences(before, after)[FIGURE]
    untuned, tuned = estimates(before)[FIGURE], estimates(after)[FIGURE]
    ended = replace(ended, gain=gain, untuned=untuned, after=tuned)
    if gain.low is None or gain.low <= 0:
        return replace(ended, why=f"no gain: on the test texts, {best.name} was not better beyond chance")
    model, fingerprint = search.extractor.model, compile_schema(search.record_type).fingerprint
    parts = search.parts
    scores = {
        "figure": FIGURE,
        "candidate": best.name,
        "texts": {"train": len(parts.train), "validation": len(parts.validation), "test": len(parts.test)},
        "validation": {each.candidate: each.f1.value for each in ended.trials},
        "test": {
            "untuned": untuned.value,
            "tuned": tuned.value,
            "gain": gain.value,
            "low": gain.low,
            "high": gain.high,
        },
    }
    second = search.extractor.escalates_to
    made = replace(best.tuned(model, fingerprint), second=second, scores=scores)
    return replace(ended, tuned=made, why=f"{best.name}: the gain on the test texts is beyond chance")
