"""What a page says of values that were not sure enough."""

from __future__ import annotations

import pytest

from extractor.report import EscalatedValue


@pytest.mark.parametrize(
    ("value", "words", "waits"),
    [
        (EscalatedValue("second", "big", "Bo"), "from big; the first model: Bo", False),
        (EscalatedValue("second", "big", 3.5), "from big; the first model: 3.5", False),
        (EscalatedValue("second", "big"), "from big; the first model: nothing", False),
        (EscalatedValue("both", "big", "Bo"), "big agrees", False),
        (EscalatedValue("null", "null", "Bo"), "emptied; the first model: Bo", False),
        (EscalatedValue("first", "null"), "doubtful, and can't be empty", True),
        (EscalatedValue("first", "big"), "doubtful, and nothing better from big", True),
        (EscalatedValue("review", "review"), "left to review", True),
    ],
)
def test_each_choice_has_its_words_and_two_of_them_wait_for_a_person(
    value: EscalatedValue, words: str, waits: bool
) -> None:
    assert (value.words, value.waits) == (words, waits)
