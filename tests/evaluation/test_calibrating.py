"""From labelled values to a calibration (the `calibrate` extra)."""

from __future__ import annotations

import random

import pytest

from extractor import ConfigError
from extractor.confidence import Measured, Method, Signals, TokenScore
from extractor.evaluation.calibrating import Labelled, alike, check_enough, fitted, halves, labelled
from extractor.evaluation.cases import Case
from extractor.evaluation.reliability import calibration_error
from extractor.messages import Attempt, Message, Outcome, Request
from extractor.results import Extraction


def overconfident(texts: int, seed: int = 0) -> list[Labelled]:
    """Values that are right half as often as they are sure."""
    rng = random.Random(seed)
    drawn = ((f"t{i}", f"/{n}", rng.random()) for i in range(texts) for n in range(4))
    return [Labelled(t, where, Signals(sure), rng.random() < sure / 2) for t, where, sure in drawn]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["isotonic", "platt"])
def test_what_is_fitted_on_one_half_is_truer_on_the_other(method: Method) -> None:
    pytest.importorskip("sklearn", reason="needs the `calibrate` extra")
    fit_on, held_out = halves(overconfident(600))
    found = fitted(fit_on, method, "m", "f", 1)
    scores, right = [v.signals.score for v in held_out], [v.right for v in held_out]
    before, after = (
        calibration_error(scores, right),
        calibration_error([*map(found.probability, scores)], right),
    )
    assert before > 0.2
    assert after < 0.06
    assert (found.texts, found.values) == (300, 1200)


def test_halves_are_of_whole_texts_and_the_same_in_whatever_order_they_come() -> None:
    values = overconfident(41)
    one, other = halves(values)
    assert {v.text for v in one} | {v.text for v in other} == {v.text for v in values}
    assert (len({v.text for v in one}), len({v.text for v in other})) == (20, 21)
    again, _ = halves(values[::-1])
    assert {v.text for v in again} == {v.text for v in one}


def test_equal_texts_are_never_in_both_halves_whatever_their_ids_say() -> None:
    cases = alike([Case(str(i), f"Text  {i % 10}\n" if i % 2 else f"Text {i % 10}", {}) for i in range(40)])
    one, other = halves([Labelled(case.id, "/a", Signals(0.5), right=True) for case in cases])
    texts = {case.id: " ".join(case.text.split()) for case in cases}
    assert len(one) == len(other) == 20
    assert {texts[v.text] for v in one}.isdisjoint(texts[v.text] for v in other)


@pytest.mark.slow
def test_a_curve_never_turns_the_order_of_the_scores_about() -> None:
    pytest.importorskip("sklearn", reason="needs the `calibrate` extra")
    backwards = [Labelled("t", "/a", Signals(n / 100), right=n < 40) for n in range(100)]
    found = fitted(backwards, "platt", "m", "f", 1)
    assert found.probability(0.1) == found.probability(0.9) == pytest.approx(0.4)


def test_too_few_labels_are_refused_with_what_is_missing() -> None:
    values = [Labelled("t", "/a", Signals(0.5), i < 30) for i in range(35)]
    with pytest.raises(
        ConfigError, match="30 values that are right and 5 that are wrong, and at least 20 of each are needed"
    ):
        check_enough(values, "that are fitted on")


def test_leaves_are_right_by_value_nulls_where_gold_has_none_and_what_is_invented_is_wrong() -> None:
    record = {"n": "5.0", "s": "new york", "none": None, "missed": None, "items": ["a", "b"]}
    gold = {"n": 5, "s": "New York", "none": None, "missed": "x", "items": ["b"]}
    measured = Measured(
        {f"/{name}": TokenScore(0.5, -0.7) for name in ("n", "s", "none", "missed", "items/0", "items/1")}
    )
    attempt = Attempt(Request("m", (Message("user", "?"),)), Outcome.OK, "m")
    result = Extraction(Outcome.OK, (attempt,), record, measured=measured)
    found = labelled(Case("1", "?", gold), result, lambda record: record)
    assert {each.pointer: each.right for each in found} == {
        "/n": True, "/s": True, "/none": True, "/missed": False, "/items/0": False, "/items/1": True,
    }  # fmt: skip
    assert labelled(Case("1", "?", gold), None, lambda record: record) == []
