"""What all results have: cost and usage of their attempts, a short repr, a record or an error."""

from __future__ import annotations

from decimal import Decimal

import pytest

from extractor import Extraction, Invalid, Outcome, RowOutcome, ToolRun, Usage
from extractor.messages import Attempt, Choice, Completion, Message, Request
from extractor.results import Result

LONG = "a long text " * 1000
REQUEST = Request("m", ())
ATTEMPTS = (
    Attempt(REQUEST, Outcome.INVALID, "m", text=LONG, usage=Usage(1000, 200), cost=Decimal("0.001")),
    Attempt(REQUEST, Outcome.OK, "m", text=LONG, usage=Usage(1000, 300), cost=Decimal("0.002")),
)
DONE = Extraction(Outcome.REPAIRED, ATTEMPTS, {"name": "Ada"}, source=LONG)
FAILED: Extraction[None] = Extraction(Outcome.INVALID, ATTEMPTS[:1], error=Invalid(LONG, [], ATTEMPTS[:1]))


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (DONE, "Extraction(repaired, record={'name': 'Ada'}, 2 requests, 2,500 tokens, $0.003000)"),
        (
            RowOutcome(3, DONE, key={"body": LONG}),
            "RowOutcome(repaired, record={'name': 'Ada'}, 2 requests, 2,500 tokens, $0.003000)",
        ),
        (RowOutcome(3), "RowOutcome(nothing asked, record=None, 0 requests, 0 tokens)"),
        (
            ToolRun(Outcome.OK, (), ATTEMPTS[1:], (), 1, record=5),
            "ToolRun(ok, record=5, 1 request, 1,300 tokens, $0.002000)",
        ),
    ],
)
def test_a_repr_tells_what_came_of_it_on_one_line(result: Result[object], shown: str) -> None:
    assert repr(result) == shown


def test_a_repr_of_a_long_error_fits_a_screen() -> None:
    assert repr(FAILED).startswith("Extraction(invalid, error='a long text")
    assert len(repr(FAILED)) < 600


def test_a_result_gives_its_record_or_raises_its_error() -> None:
    assert DONE.unwrap() == {"name": "Ada"}
    with pytest.raises(Invalid):
        FAILED.unwrap()


def test_tokens_and_cost_are_those_of_all_attempts() -> None:
    assert DONE.usage == Usage(2000, 500)
    assert DONE.cost == Decimal("0.003")
    assert FAILED.cost == Decimal("0.001")


def test_a_completion_fits_a_screen() -> None:
    said = Completion("id", "m", (Choice(Message("assistant", "word " * 1000), "stop"),), Usage(3, 4))
    assert repr(said).startswith("Completion(m, stop, 'word word")
    assert repr(said).endswith("'…, 7 tokens)")
    assert len(repr(said)) < 500
