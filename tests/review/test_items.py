"""What a person does to a record, how it is kept, and how many have to be looked at."""

from __future__ import annotations

import json
import random
import stat
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import ConfigError
from extractor.cli.review import check_of
from extractor.files import Disk
from extractor.report import EscalatedValue
from extractor.review.items import (
    Decision,
    ReviewItem,
    ReviewState,
    escalated_first,
    gold_line,
    item_added,
    item_removed,
    keyed,
    least_sure_first,
    selected,
    shapes_of,
    typed_in,
)
from extractor.review.log import ReviewStep, StepLog, alone, history_of, step_of
from extractor.review.sampling import doubtful_needed, random_needed, sample_of

TEXT = "Ada ordered 1,200 pens and 3 inks on 3 May 2026 for 12.50."


class Line(BaseModel):
    what: str
    n: int


class Order(BaseModel):
    who: str
    day: date | None
    kind: Literal["retail", "trade"]
    paid: bool
    total: float | None
    lines: list[Line]


RECORD: Any = {
    "who": "Bo",
    "day": None,
    "kind": "retail",
    "paid": False,
    "total": 12.5,
    "lines": [{"what": "pens", "n": 1200}, {"what": "inks", "n": 3}],
}
PLACES = {"/lines/0/what": [(18, 22)], "/lines/1/what": [(29, 33)], "/total": [(52, 57)]}
ITEM = ReviewItem("k", "order", TEXT, RECORD, PLACES, {"/who": 0.2})
CHECK = check_of(Order)


def typed(pointer: str, text: str, item: ReviewItem = ITEM) -> ReviewState:
    return typed_in(item.start, item, pointer, text, CHECK)


def test_what_is_typed_becomes_the_kind_of_value_that_the_type_takes() -> None:
    assert typed("/who", "Ada").record["who"] == "Ada"
    assert typed("/day", "2026-05-03").record["day"] == "2026-05-03"
    assert typed("/paid", "true").record["paid"] is True
    assert typed("/lines/0/n", "1,300").record["lines"][0]["n"] == 1300
    assert typed("/total", "").record["total"] is None
    assert typed("/who", "7").record["who"] == "7"
    assert typed("/who", "").record["who"] == ""
    assert RECORD["who"] == "Bo"


def test_what_the_type_takes_not_is_kept_with_what_is_wrong() -> None:
    state = typed("/kind", "wholesale")
    assert (state.record["kind"], state.decision) == ("wholesale", Decision.DRAFT)
    assert [problem.pointer for problem in CHECK(state.record, TEXT)] == ["/kind"]


def test_typing_finds_the_evidence_anew() -> None:
    assert typed("/who", "Ada").places["/who"] == [(0, 3)]
    assert typed("/lines/1/what", "nothing of it").places["/lines/1/what"] == []
    assert typed("/who", "Ada").places["/total"] == [(52, 57)]


def test_selecting_sets_value_and_evidence_or_evidence_alone() -> None:
    both = selected(ITEM.start, ITEM, "/lines/0/n", (12, 17), CHECK)
    assert (both.record["lines"][0]["n"], both.places["/lines/0/n"]) == (1200, [(12, 17)])
    place = (37, 47)
    alone_ = selected(typed("/day", "2026-05-03"), ITEM, "/day", place, CHECK, value=False)
    assert (alone_.record["day"], alone_.places["/day"]) == ("2026-05-03", [place])
    with pytest.raises(ValueError, match="not a piece of the text"):
        selected(ITEM.start, ITEM, "/who", (0, 999), CHECK)


def test_items_are_added_in_the_shape_of_others_and_removed_with_their_evidence() -> None:
    added = item_added(ITEM.start, "/lines/0/what", {})
    assert added.record["lines"][2] == {"what": None, "n": None}
    removed = item_removed(added, "/lines/0/n")
    assert [line["what"] for line in removed.record["lines"]] == ["inks", None]
    assert removed.places == {"/lines/0/what": [(29, 33)], "/total": [(52, 57)]}
    empty = replace(ITEM.start, record={**RECORD, "lines": []})
    shapes = shapes_of([ITEM])
    assert shapes == {"/lines": {"what": None, "n": None}}
    assert item_added(empty, "/lines", shapes).record["lines"] == [{"what": None, "n": None}]
    with pytest.raises(ValueError, match="/who is in no list"):
        item_removed(ITEM.start, "/who")


@pytest.mark.parametrize("pointer", ["/nobody", "/lines/9/n", "/who/deep"])
def test_a_place_that_the_record_has_not_is_refused(pointer: str) -> None:
    with pytest.raises(ValueError, match="the record has no"):
        typed(pointer, "x")


def test_the_least_sure_come_first() -> None:
    placed = ReviewItem("", "placed", "Ada", {"who": "Ada"}, {"/who": [(0, 3)]})
    bare = ReviewItem("", "bare", "Ada", {"who": "Bo"}, {})
    told = replace(bare, title="told", confidence={"/who": 0.7})
    assert [item.title for item in least_sure_first([placed, told, ITEM, bare])] == [
        "order",
        "bare",
        "told",
        "placed",
    ]


def escalated(title: str, choice: str, sure: float) -> ReviewItem:
    some = {"/who": EscalatedValue(choice, "big", "Bo")}
    return replace(ITEM, title=title, confidence={"/who": sure, "/kind": 0.9}, escalated=some)


def test_what_was_left_to_a_person_comes_before_what_is_less_sure() -> None:
    items = [
        replace(ITEM, title="unsure", confidence={"/who": 0.1}),
        escalated("second", "second", 0.2),
        escalated("review", "review", 0.6),
        escalated("no better", "first", 0.5),
    ]
    assert [item.title for item in least_sure_first(items)] == ["review", "no better", "unsure", "second"]
    assert [item.waits for item in items] == [False, False, True, True]


def test_records_may_come_by_what_became_of_their_doubtful_values() -> None:
    choices = ["both", "null", "second", "first", "review", "none of these"]
    items = [replace(ITEM, title="none"), *(escalated(each, each, 0.5) for each in choices)]
    order = [item.title for item in sample_of(items, None, "escalation")]
    assert order == ["review", "first", "second", "null", "both", "none", "none of these"]
    assert escalated_first(items)[:1] == sample_of(items, 1, "escalation")


def test_equal_records_have_keys_and_titles_of_their_own() -> None:
    one, two, other = keyed([ITEM, ITEM, replace(ITEM, text="else")])
    assert len({one.key, two.key, other.key}) == 3
    assert [one.title, two.title, other.title] == ["order", "order (2)", "order (3)"]
    assert keyed([ITEM])[0].key == one.key


def test_a_line_of_gold_tells_who_when_and_what_it_was() -> None:
    state = replace(typed("/who", "Ada"), decision=Decision.ACCEPTED, by="me", at="now", note="n")
    line = gold_line(ITEM, state)
    assert (line["text"], line["record"]["who"]) == (TEXT, "Ada")
    assert {"pointer": "/who", "start": 0, "end": 3} in line["evidence"]
    assert line["review"] == {"by": "me", "at": "now", "key": "k", "before": RECORD, "note": "n"}


# -- the log


def test_what_is_added_is_there_after_the_file_is_opened_again(tmp_path: Path) -> None:
    path = str(tmp_path / "steps.jsonl")
    log = StepLog(path)
    log.add(ReviewStep("k", typed("/who", "Ada")))
    log.add(ReviewStep("k", replace(typed("/who", "Eve"), decision=Decision.ACCEPTED)))
    log.close()
    again = StepLog(path)
    state = again.history.state(ITEM)
    assert (state.record["who"], state.decision, state.version) == ("Eve", Decision.ACCEPTED, 2)
    again.add(ReviewStep("k", None))
    assert again.history.state(ITEM).record["who"] == "Ada"
    again.add(ReviewStep("k", None))
    assert again.history.state(ITEM) == replace(ITEM.start, version=4)
    assert stat.S_IMODE((tmp_path / "steps.jsonl").stat().st_mode) == 0o600
    again.close()


def test_a_line_that_a_crash_cut_off_counts_as_not_done_and_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "steps.jsonl"
    whole = ReviewStep("k", typed("/who", "Ada")).line()
    path.write_text(whole + "\n" + whole[: len(whole) // 2])
    log = StepLog(str(path))
    assert (log.history.damaged, log.history.state(ITEM).version) == (1, 1)
    log.add(ReviewStep("k", typed("/who", "Eve")))
    log.close()
    assert history_of(path.read_text().split("\n")).state(ITEM).record["who"] == "Eve"


class FullDisk(Disk):
    """Takes some bytes, and then no more."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, handle: int, data: Any) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        written = super().write(handle, bytes(data)[: self.room])
        self.room -= written
        return written


def test_a_step_that_could_not_be_written_is_not_done_and_leaves_no_half_line(tmp_path: Path) -> None:
    path, disk = tmp_path / "steps.jsonl", FullDisk(10)
    log = StepLog(str(path), disk)
    with pytest.raises(OSError, match="No space"):
        log.add(ReviewStep("k", typed("/who", "Ada")))
    assert (path.read_bytes(), log.history.state(ITEM)) == (b"", ITEM.start)
    disk.room = 10**6
    log.add(ReviewStep("k", typed("/who", "Eve")))
    log.close()
    assert history_of(path.read_text().split("\n")).state(ITEM).record["who"] == "Eve"


texts = st.text(max_size=5)
places = st.dictionaries(
    texts, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2), max_size=2
)
values = st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda b: st.lists(b, max_size=2))
states = st.builds(ReviewState, st.sampled_from(Decision), values, places, texts, texts, texts)


@given(texts, st.none() | states)
def test_a_step_is_read_from_its_line_as_it_was(key: str, state: ReviewState | None) -> None:
    step = ReviewStep(key, state)
    assert "\n" not in step.line()
    assert step_of(step.line()) == step


@given(st.text())
def test_a_line_that_is_no_step_is_none(line: str) -> None:
    assert step_of(line) is None or "key" in json.loads(line)


def test_one_person_reviews_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "steps.jsonl")
    with alone(path), pytest.raises(ConfigError, match="another session is reviewing"), alone(path):
        pass
    with alone(path):
        pass


# -- how many


def test_numbers_of_random_records_are_those_of_the_textbook() -> None:
    assert random_needed(10**9, 0.05, 0.95) == 385
    assert random_needed(1000, 0.05, 0.95) == 278
    assert random_needed(20, 0.05, 0.95) == 20
    assert random_needed(0, 0.05, 0.95) == 0


def test_sure_records_need_no_look_and_unsure_ones_all_that_are_wanted() -> None:
    assert doubtful_needed([[1.0]] * 100, 0.99, 0.95) == 0
    assert doubtful_needed([[0.0]] * 100, 0.9, 0.95) == 90
    assert doubtful_needed([[0.0, 1.0]] * 10 + [[1.0]] * 90, 1.0, 0.95) == 10
    assert doubtful_needed([[]] * 3, 0.95, 0.95) == 0


def test_what_is_promised_holds_as_often_as_is_said() -> None:
    rng = random.Random(3)
    records = sorted(([rng.uniform(0.6, 1) for _ in range(4)] for _ in range(100)), key=min)
    looked = doubtful_needed(records, 0.95, 0.95)
    rest = [p for values in records[looked:] for p in values]
    assert 0 < looked < 100
    held = sum(4 * looked + sum(rng.random() < p for p in rest) >= 0.95 * 400 for _ in range(2000))
    assert held / 2000 >= 0.93  # 0.95, less three standard errors and what the normal distribution is off


def test_a_sample_is_of_the_least_sure_or_drawn_the_same_each_time() -> None:
    items = [replace(ITEM, title=str(n), confidence={"/who": n / 10}) for n in range(10)]
    assert [item.title for item in sample_of(items, 3, "uncertainty")] == ["0", "1", "2"]
    drawn = sample_of(items, 3, "random")
    assert drawn == sample_of(items, 3, "random")
    assert len(drawn) == 3
    assert sample_of(items, None, "random") == items
