"""What may be better: examples, words, shapes of the request. Pure but for what asks the model."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeAlias

from pydantic import BaseModel, Field

from ..evaluation import EvalReport
from ..evaluation.cases import Case
from ..evaluation.metrics import by_field
from ..messages import Prompt
from ..results import Extraction
from ..schema import Free  # proposed words need not stand in the texts
from ..tuned import Choice, Pair, Tuned

Ask: TypeAlias = Callable[[Any, str, str], Extraction[Any]]  # record type, text, instructions
SIZES = (2, 4, 8)  # examples shown
MOST_POOL = 200  # examples that the nearest ones are chosen from
SLIPS = 8  # told to the model that proposes words
LONGEST_TEXT = 1_000  # characters of a text that is shown to it
LONGEST_SAID = 2_000  # characters of instructions
LONGEST_MEANING = 300  # characters of what one field means
ASKED = """You write instructions for a model that extracts records from texts. Below are slips that it made,
each with its text, what is right, and what it said. Write short instructions that prevent such slips in other
texts of the kind: what a field means, where it stands, which form it has, when it is empty. Name no single
text."""
ASKED_MEANINGS = """You describe the fields of a record for a model that extracts it from texts. Below are
slips that it made, each with its field, its text, what is right, and what it said. For each of these fields
say in one sentence what it means, which form its value has, and when it is empty. Name no single text."""


@dataclass(frozen=True, slots=True)
class TuningCandidate:
    """One thing to try. name: what it is, in a few words. The others are as in Tuned."""

    name: str
    instructions: str | None = None
    examples: tuple[Pair, ...] = ()
    choice: Choice = "fixed"
    shown: int = 0
    meanings: Mapping[str, str] = field(default_factory=dict)
    prompt: str | None = None
    grounded: bool | None = None
    samples: int | None = None

    def tuned(self, model: str, fingerprint: str) -> Tuned:
        """Return it as it is kept."""
        return Tuned(model, fingerprint, **self.differing())

    def differing(self) -> dict[str, Any]:
        """Return what differs from the untuned model, by the names of its fields here and in the file."""
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "name"}
        return {name: value for name, value in told.items() if value != getattr(UNTUNED, name)}


UNTUNED = TuningCandidate("untuned")


class ProposedWording(BaseModel):
    """Instructions for a model that extracts records."""

    instructions: Free[str] = Field(description="a few short sentences")


class FieldMeaning(BaseModel):
    """What one field means."""

    name: Free[str] = Field(description="the field, written as in the slips, such as /items/*/price")
    meaning: Free[str] = Field(description="one sentence")


class ProposedMeanings(BaseModel):
    """What fields of a record mean."""

    fields: list[FieldMeaning]


def in_turns(kinds: Sequence[Iterator[TuningCandidate]]) -> Iterator[tuple[int, TuningCandidate]]:
    """Yield one candidate of each kind, then the next of each, with the number of the kind."""
    left = dict(enumerate(kinds))
    while left:
        for number, kind in [*left.items()]:
            candidate = next(kind, None)
            if candidate is None:
                del left[number]
            else:
                yield number, candidate


def by_shape(
    asked: Callable[[TuningCandidate], bytes | None], prompts: Sequence[Prompt] = tuple(Prompt)
) -> Iterator[TuningCandidate]:
    """Yield candidates that ask in another way than the untuned model. asked: returns the request that one
    makes for some text; None if it can't be asked so. prompts: those that may be tried.
    """
    usual = asked(UNTUNED)
    shapes = [TuningCandidate(f"the {each} prompt", prompt=str(each)) for each in prompts]
    shapes.append(TuningCandidate("strings bound to the text", grounded=True))
    shapes.append(TuningCandidate("free strings", grounded=False))
    for each in shapes:
        if asked(each) not in (usual, None):
            yield each


def by_samples(counts: Sequence[int]) -> Iterator[TuningCandidate]:
    """Yield candidates that ask for several answers and take the one that agrees most with the others."""
    for count in counts:
        yield TuningCandidate(f"{count} answers, which vote", samples=count)


def by_examples(train: Sequence[Case], seed: int) -> Iterator[TuningCandidate]:
    """Yield candidates that show examples: such that cover the fields, drawn ones, and the nearest."""
    rng = random.Random(seed)
    for size in SIZES:
        if size >= len(train):
            return
        covering = _pairs(covering_cases(train, size))
        yield TuningCandidate(f"{size} examples that cover the fields", None, covering, "fixed", size)
        drawn = _pairs(rng.sample(list(train), size))
        yield TuningCandidate(f"{size} examples drawn", None, drawn, "fixed", size)
        pool = _pairs(train[:MOST_POOL])
        yield TuningCandidate(f"the {size} nearest examples", None, pool, "nearest", size)


def covering_cases(train: Sequence[Case], size: int) -> list[Case]:
    """Return so many cases, each the one that shows most fields that those before it show least."""
    left, shown, found = list(train), dict[str, int](), list[Case]()
    while left and len(found) < size:
        best = max(left, key=lambda case: (_news(case, shown), -len(case.text)))
        left.remove(best)
        found.append(best)
        for name in by_field(best.gold):
            shown[name] = shown.get(name, 0) + 1
    return found


def _news(case: Case, shown: dict[str, int]) -> float:
    return sum(1 / (1 + shown.get(name, 0)) ** 2 for name in by_field(case.gold))


def _pairs(cases: Sequence[Case]) -> tuple[Pair, ...]:
    return tuple((case.text, case.gold) for case in cases)


def proposals(run: Ask, report: EvalReport, count: int) -> Iterator[Extraction[Any]]:
    """Yield how each request for words ended. report: of the training texts, whose slips are shown."""
    slips = slips_of(report)
    for number in range(count if slips else 0):
        asked = f"{slips}\n\nProposal {number + 1}: " + ("be brief." if number else "be thorough.")
        yield run(ProposedWording, asked, ASKED)


def slips_of(report: EvalReport) -> str:
    """Return the most frequent slips of a report, each with one text; empty if there are none."""
    texts = {each.id: each.detail for each in report.records}
    told = list[str]()
    for slip in report.confusions():
        detail = texts.get(slip.texts[0])
        if slip.verdict.counts_as_right or detail is None:
            continue
        leaf = next(
            (
                leaf
                for leaf in report.leaves[slip.texts[0]]
                if (leaf.field, leaf.how) == (slip.field, slip.how)
            ),
            None,
        )
        told.append(
            f"{slip}\ntext: {detail.text[:LONGEST_TEXT]}"
            + (f"\nright: {leaf.gold!r}\nsaid: {leaf.found!r}" if leaf else "")
        )
    return "\n\n".join(told[:SLIPS])


def meanings(run: Ask, report: EvalReport) -> Extraction[Any] | None:
    """Return how the request for the meanings of fields ended; None without slips."""
    slips = slips_of(report)
    return run(ProposedMeanings, slips, ASKED_MEANINGS) if slips else None


def meant(result: Extraction[Any], known: frozenset[str]) -> TuningCandidate | None:
    """Return the candidate of a proposal of meanings; None if it has none of a field that is known."""
    told = [] if result.record is None else result.record.fields
    said = {each.name: " ".join(each.meaning.split())[:LONGEST_MEANING] for each in told}
    of_fields = {name: meaning for name, meaning in said.items() if name in known and meaning}
    return TuningCandidate("descriptions of fields", meanings=of_fields) if of_fields else None


def worded(result: Any, number: int) -> TuningCandidate | None:
    """Return the candidate of a proposal; None if there is none."""
    said = " ".join(result.record.instructions.split())[:LONGEST_SAID] if result.record is not None else ""
    return TuningCandidate(f"instructions {number}", said) if said else None


def joined(some: Sequence[TuningCandidate]) -> TuningCandidate:
    """Return a candidate with all that some have, which differ in different things."""
    made = TuningCandidate(" with ".join(each.name for each in some))
    return replace(made, **{name: value for each in some for name, value in each.differing().items()})
