"""The table of moves: what it says is what a dialogue does, and what the documentation shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from extractor import Completion, Message, Outcome
from extractor.dialogue.judge import Verdict
from extractor.dialogue.moves import TABLE, Ending, ending_of, shown
from extractor.errors import Problem
from extractor.messages import Choice


def reply(finish_reason: str) -> Completion:
    return Completion(choices=(Choice(Message("assistant", "{"), finish_reason),))


@pytest.mark.parametrize(
    ("outcome", "finish_reason", "problem", "ending"),
    [
        (Outcome.INVALID, "stop", "", Ending.INVALID),
        (Outcome.INVALID_JSON, "stop", "", Ending.INVALID),
        (Outcome.TRUNCATED, "length", "", Ending.OUT_OF_TOKENS),
        (Outcome.TRUNCATED, "MAX_TOKENS", "", Ending.OUT_OF_TOKENS),
        (Outcome.TRUNCATED, "error", "", Ending.BROKEN_OFF),
        (Outcome.TRUNCATED, "stop", "", Ending.FULL),
        (Outcome.TRUNCATED, "length", "input_cut", Ending.INPUT_CUT),
        (Outcome.EMPTY, "stop", "", Ending.EMPTY),
        (Outcome.REFUSED, "stop", "", Ending.DECLINED),
        (Outcome.FILTERED, "content_filter", "", Ending.DECLINED),
    ],
)
def test_an_ending_is_told_by_outcome_and_finish_reason(
    outcome: Outcome, finish_reason: str, problem: str, ending: Ending
) -> None:
    verdict: Verdict[None] = Verdict(outcome, problems=(Problem("", "why", type=problem),) if problem else ())
    assert ending_of(reply(finish_reason), verdict, has_tools=False) is ending
    assert ending_of(reply(finish_reason), verdict, has_tools=True) is Ending.TOOL_CALL


def test_every_ending_stands_in_the_table() -> None:
    assert set(TABLE) == set(Ending)


def test_the_documentation_shows_the_table() -> None:
    page = Path(__file__).parents[2] / "docs/extracting.md"
    assert shown() in page.read_text("utf-8")
