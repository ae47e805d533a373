"""How true confidence is: calibration error, reliability, and the errors among the least sure."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.evaluation.plots import reliability_page, reliability_svg
from extractor.evaluation.reliability import Bin, calibration_error, errors_caught, reliability

PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_bins_are_closed_on_the_right_and_empty_ones_are_left_out() -> None:
    assert reliability([0.0, 0.1, 0.11, 1.0], [False, True, True, True]) == [
        Bin(0.0, 0.1, 2, 0.05, 0.5),
        Bin(0.1, 0.2, 1, 0.11, 1.0),
        Bin(0.9, 1.0, 1, 1.0, 1.0),
    ]


def test_the_calibration_error_is_the_mean_distance_weighted_by_the_values_of_a_bin() -> None:
    assert calibration_error([0.95] * 4, [True, True, True, False]) == pytest.approx(0.2)
    assert calibration_error([0.95, 0.05], [True, False]) == pytest.approx(0.05)
    assert calibration_error([1.0, 0.0], [False, True]) == 1


@given(PAIRS)
def test_the_calibration_error_is_a_fraction_and_is_none_for_what_is_certain_and_right(
    pairs: list[tuple[float, bool]],
) -> None:
    stated, right = [p for p, _ in pairs], [r for _, r in pairs]
    assert 0 <= calibration_error(stated, right) <= 1
    assert calibration_error([float(r) for r in right], right) == 0


@pytest.mark.parametrize(("stated", "right"), [([], []), ([0.5], [True, False])])
def test_nothing_is_told_of_nothing(stated: list[float], right: list[bool]) -> None:
    with pytest.raises(ValueError, match="as many"):
        calibration_error(stated, right)


def test_errors_are_caught_where_the_least_sure_values_are_wrong() -> None:
    stated, right = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], [False, True, False] + [True] * 7
    assert errors_caught(stated, right, 0.2) == 0.5
    assert errors_caught(stated, right, 0.3) == 1
    assert errors_caught(stated, [True] * 10) is None


@given(st.lists(st.booleans(), min_size=1).filter(lambda right: not all(right)), st.floats(0, 1))
def test_of_equally_sure_values_as_many_errors_are_caught_as_are_reviewed(
    right: list[bool], share: float
) -> None:
    assert errors_caught([0.5] * len(right), right, share) == pytest.approx(share)


@given(PAIRS.filter(lambda pairs: not all(right for _, right in pairs)))
def test_all_errors_are_caught_where_all_is_reviewed(pairs: list[tuple[float, bool]]) -> None:
    assert errors_caught([p for p, _ in pairs], [r for _, r in pairs], 1.0) == pytest.approx(1)


def test_the_plot_has_a_bar_for_each_bin_and_is_text_whatever_it_is_called() -> None:
    bins = reliability([0.05, 0.95, 0.95], [False, True, False])
    svg = reliability_svg({"<script>alert(1)</script>": bins, "calibrated": bins})
    root = ElementTree.fromstring(svg)
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("script") == 0
    assert sum(element.get("class") == "bar" for element in root.iter()) == 4
    page = reliability_page("<b>", {"<i>": bins}, ["<u>"], [["<s>"]])
    assert not any(f"<{name}>" in page for name in "bius")
