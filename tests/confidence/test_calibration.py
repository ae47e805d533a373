"""A calibration: what it makes of scores, and what of it stands in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor import ConfigError
from extractor.confidence import Calibration, load_calibration

STEPS = Calibration("isotonic", "m", "f", knots=((0.2, 0.1), (0.6, 0.5), (0.8, 0.9)))
CURVE = Calibration("platt", "m", "f", slope=0.8, intercept=-1.0)
STEEP = Calibration("platt", "m", "f", slope=500.0, intercept=0.0)
SCORES = st.floats(0, 1)


def test_between_two_knots_the_line_counts_and_beyond_them_their_ends() -> None:
    scores = (0, 0.2, 0.4, 0.6, 0.7, 0.8, 1)
    assert list(map(STEPS.probability, scores)) == pytest.approx([0.1, 0.1, 0.3, 0.5, 0.7, 0.9, 0.9])


def test_the_curve_is_logistic_over_the_odds() -> None:
    assert CURVE.probability(0.5) == pytest.approx(0.26894142)


@given(SCORES, SCORES, st.sampled_from([STEPS, CURVE, STEEP]))
def test_probabilities_rise_with_the_score_and_stay_between_0_and_1(
    a: float, b: float, found: Calibration
) -> None:
    low, high = sorted((a, b))
    assert 0 <= found.probability(low) <= found.probability(high) <= 1


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, unique_by=lambda knot: knot[0]))
def test_what_is_written_is_read_again(knots: list[tuple[float, float]]) -> None:
    xs, ys = (sorted(each[i] for each in knots) for i in (0, 1))
    found = Calibration("isotonic", "m", "f", 3, 10, 40, tuple(zip(xs, ys, strict=True)))
    assert Calibration.of(json.loads(found.to_json())) == found


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"extractor_calibration": 2}, "extractor_calibration"),
        ({"model": ...}, "lacks 'model'"),
        ({"method": "guess"}, "its map is invalid"),
        ({"knots": []}, "no knots"),
        ({"knots": [[0.5, 0.9], [0.6, 0.1]]}, "its map is invalid"),
        ({"knots": [[0.5, 2]]}, "its map is invalid"),
        ({"knots": [["x", 1]]}, "float"),
        ({"slope": float("inf")}, "its curve is invalid"),
        ({"slope": -0.5}, "its curve is invalid"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    told = {**json.loads(STEPS.to_json()), **changed}
    path = tmp_path / "c.json"
    path.write_text(json.dumps({key: value for key, value in told.items() if value is not ...}))
    with pytest.raises(ConfigError, match=f"not written by `extractor calibrate`.*{why}"):
        load_calibration(path)


def test_a_file_that_is_not_there_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read the calibration"):
        load_calibration(tmp_path / "none.json")
    (tmp_path / "c.json").write_text("1.")
    with pytest.raises(ConfigError, match="not written by `extractor calibrate`"):
        load_calibration(tmp_path / "c.json")


def test_it_says_what_it_was_not_fitted_for() -> None:
    assert STEPS.misfit("m", "f", 1) is None
    assert "the model m, not n" in str(STEPS.misfit("n", "f", 1))
    assert "another record type" in str(STEPS.misfit("m", "g", 1))
    assert "samples=1, not with samples=5" in str(STEPS.misfit("m", "f", 5))
