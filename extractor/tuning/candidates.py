"""What may be better: which examples, which words. Pure but for `proposals`, which asks the model."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field

from ..evaluation import EvalReport
from ..evaluation.cases import Case
from ..evaluation.metrics import by_field
from ..results import Extraction
from ..tuned import Choice, Pair, Tuned

SIZES = (2, 4, 8)  # examples shown
MOST_POOL = 200  # examples that the nearest ones are chosen from
SLIPS = 8  # told to the model that proposes words
LONGEST_TEXT = 1_000  # characters of a text that is shown to it
LONGEST_SAID = 2_000  # characters of instructions
ASKED = """You write instructions for a model that extracts records from texts. Below are slips that it made,
each with its text, what is right, and what it said. Write short instructions that prevent such slips in other
texts of the kind: what a field means, where it stands, which form it has, when it is empty. Name no single
text."""


@dataclass(frozen=True, slots=True)
class TuningCandidate:
    """One thing to try. name: what it is, in a few words."""

    name: str
    instructions: str | None = None
    examples: tuple[Pair, ...] = ()
    choice: Choice = "fixed"
    shown: int = 0

    def tuned(self, model: str, fingerprint: str) -> Tuned:
        """Return it as it is kept."""
        return Tuned(model, fingerprint, self.instructions, self.examples, self.choice, self.shown)


class ProposedWording(BaseModel):
    """Instructions for a model that extracts records."""

    instructions: str = Field(description="a few short sentences")


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


def proposals(run: Callable[..., Extraction[Any]], report: EvalReport, count: int) -> Iterator[Any]:
    """Yield how each request for words ended. report: of the training texts, whose slips are shown."""
    slips = slips_of(report)
    for number in range(count if slips else 0):
        asked = f"{slips}\n\nProposal {number + 1}: " + ("be brief." if number else "be thorough.")
        yield run(ProposedWording, asked, instructions=ASKED)


def slips_of(report: EvalReport) -> str:
    """Return the most frequent slips of a report, each with one text; empty where there are none."""
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


def worded(result: Any, number: int) -> TuningCandidate | None:
    """Return the candidate of a proposal; None where there is none."""
    said = " ".join(result.record.instructions.split())[:LONGEST_SAID] if result.record is not None else ""
    return TuningCandidate(f"instructions {number}", said) if said else None


def joined(words: TuningCandidate, examples: TuningCandidate) -> TuningCandidate:
    """Return a candidate with the words of one and the examples of another."""
    name = f"{words.name} with {examples.name}"
    return TuningCandidate(name, words.instructions, examples.examples, examples.choice, examples.shown)
