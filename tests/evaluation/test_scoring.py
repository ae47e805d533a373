"""Fields that are compared otherwise than usual: by rules that are data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from extractor import ConfigError
from extractor.evaluation import MISSING, score
from extractor.evaluation.metrics import LeafCounts
from extractor.evaluation.scoring import PLAIN, load_scoring, scoring_of


def right(gold: Any, found: Any, rules: dict[str, Any]) -> int:
    return score(gold, found, scoring_of(rules)).normalised.overall.correct


@pytest.mark.parametrize(
    ("gold", "found", "rule", "agrees"),
    [
        (100, 100.4, {"tolerance": 0.5}, True),
        (100, 100.6, {"tolerance": 0.5}, False),
        ("1,000.00", 1009, {"relative": 0.01}, True),
        (1000, 1011, {"relative": 0.01}, False),
        (-100, -100.4, {"relative": 0.01}, True),
        ("Brightwater Carpentry", "Brightwater Carpentri", {"fuzzy": 0.9}, True),
        ("Brightwater Carpentry", "Brightwater", {"fuzzy": 0.9}, False),
        ("Oak", 5, {"fuzzy": 0.1}, False),
        (True, 1, {"tolerance": 1}, False),
    ],
)
def test_values_agree_within_what_a_rule_allows(gold: Any, found: Any, rule: Any, agrees: bool) -> None:
    assert right({"a": gold}, {"a": found}, {"/a": rule}) == agrees
    assert right({"a": gold}, {"a": found}, {}) == 0
    assert score({"a": gold}, {"a": found}, scoring_of({"/a": rule})).strict.overall.correct == 0


def test_the_rule_that_is_nearest_to_a_field_holds() -> None:
    rules = {"": {"tolerance": 5}, "/items/*/n": {"tolerance": 0.1}}
    assert right({"total": 10, "items": [{"n": 1}]}, {"total": 14, "items": [{"n": 2}]}, rules) == 1


def test_an_ordered_list_is_compared_item_by_item() -> None:
    gold, found = {"steps": ["cut", "sand", "oil"]}, {"steps": ["sand", "cut", "oil", "wax"]}
    assert right(gold, found, {}) == 3
    counts = score(gold, found, scoring_of({"/steps": {"ordered": True}})).normalised.overall
    assert counts == LeafCounts(gold=3, predicted=4, correct=1)


def test_what_is_ignored_counts_on_neither_side() -> None:
    gold, found = {"a": 1, "note": {"x": "y", "z": None}}, {"a": 1, "note": {"x": "other"}, "b": 2}
    counts = score(gold, found, scoring_of({"/note": {"ignore": True}})).strict
    assert counts.by_field == {"/a": LeafCounts(1, 1, 1), "/b": LeafCounts(predicted=1)}
    assert score(gold, MISSING, scoring_of({"/note": {"ignore": True}})).strict.overall.gold == 1


def test_tolerance_tells_which_items_belong_together() -> None:
    gold = {"items": [{"n": 10}, {"n": 20}]}
    assert right(gold, {"items": [{"n": 20.2}, {"n": 10.2}]}, {"/items": {"tolerance": 0.5}}) == 2


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"/a": {"tolerence": 1}}, "/a.tolerence: Unexpected keyword argument"),
        ({"/a": {"fuzzy": 2}}, "fuzzy must be above 0"),
        ({"/a": {"tolerance": -1}}, "tolerance and relative must be at least 0"),
        (["/a"], "a valid dictionary"),
    ],
)
def test_what_is_no_rule_is_told_with_an_example(tmp_path: Path, told: Any, said: str) -> None:
    (tmp_path / "scoring.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match=said) as raised:
        load_scoring(str(tmp_path / "scoring.json"))
    assert '"/steps": {"ordered": true}' in str(raised.value)


def test_a_rule_for_a_field_that_no_record_has_is_refused() -> None:
    rules = scoring_of({"/items/*/m": {"tolerance": 1}})
    with pytest.raises(ConfigError, match=r"no gold record has a field '/items/\*/m'; there are /items, "):
        rules.check(["/items/*/n"])
    scoring_of({"/items": {"ordered": True}, "": {"tolerance": 1}}).check(["/items/*/n"])


def test_rules_are_told_as_they_are_read() -> None:
    told = {"/a": {"tolerance": 0.5}, "/b": {"ordered": True}, "/c": {"ignore": True, "fuzzy": 0.9}}
    assert scoring_of(told).told() == told
    assert scoring_of(scoring_of(told).told()) == scoring_of(told)
    assert PLAIN.told() == {}
