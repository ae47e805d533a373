"""The promise: scores from which values are right as often as asked for; none where gold is short."""

from __future__ import annotations

import json
import random
from math import comb, sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from extractor import ConfigError, Extractor, Run
from extractor.confidence import FieldPromise, Promise, Signals, load_promise
from extractor.evaluation import promise
from extractor.evaluation.calibrating import Labelled
from extractor.evaluation.promising import (
    Judged,
    counted,
    fewest,
    field_promise,
    lower_bound,
    needed,
    promised,
    tail,
    whole_records,
)
from extractor.testing import ChatServer, logprobs, reply
from tests.selecting import examples


def drawn(count: int, rng: random.Random) -> list[Judged]:
    """Values that are right rather more often than their score says."""
    scores = [rng.random() ** 0.25 for _ in range(count)]
    return [Judged(f"t{i}", "/a", s, rng.random() < truth(s)) for i, s in enumerate(scores)]


def truth(score: float) -> float:
    return 1 - 0.7 * (1 - score)


def truly_right(threshold: float) -> float:
    """The share that is right at or above a threshold, of endlessly many values."""
    steps, least = 200, threshold**4  # score ** 4 is uniform
    scores = ((least + (1 - least) * (i + 0.5) / steps) ** 0.25 for i in range(steps))
    return sum(map(truth, scores)) / steps


@pytest.mark.slow
@pytest.mark.parametrize(("right", "labels"), [(0.95, 400), (0.9, 150)])
def test_over_many_draws_the_promise_is_missed_no_more_often_than_it_may_be(
    right: float, labels: int
) -> None:
    rng, draws = random.Random(17), examples(1000)
    made = [field_promise(drawn(labels, rng), right, 0.95) for _ in range(draws)]
    kept = [each for each in made if each.threshold is not None]
    missed = sum(truly_right(each.threshold) < right for each in kept if each.threshold is not None)
    assert len(kept) > 0.15 * draws  # it does promise
    assert missed <= 0.05 * draws + 2 * sqrt(draws * 0.05 * 0.95)  # two standard errors on top


@pytest.mark.slow
def test_values_of_one_text_that_are_wrong_together_do_not_pass_for_many() -> None:
    rng, missed = random.Random(5), 0
    for _ in range(300):
        texts = [(f"t{i}", rng.random() < 0.9) for i in range(60)]
        values = [Judged(text, f"/items/{n}", 0.9, right) for text, right in texts for n in range(9)]
        missed += field_promise(values, 0.92, 0.95).threshold is not None
    assert missed <= 22


def test_the_tail_is_that_of_the_binomial_distribution() -> None:
    exact = sum(comb(40, k) * 0.1**k * 0.9 ** (40 - k) for k in range(4))
    assert tail(3, 40, 0.1) == pytest.approx(exact)
    assert (tail(5, 5, 0.3), tail(0, 3, 1.0), tail(0, 3, 0.0)) == (1.0, 0.0, 1.0)


@pytest.mark.slow
@given(st.integers(1, 500), st.data())
def test_the_lower_bound_is_where_the_tail_equals_what_may_go_wrong(count: int, data: st.DataObject) -> None:
    wrong = data.draw(st.integers(0, count - 1))
    bound = lower_bound(wrong, count, 0.05)
    assert 0 <= bound <= (count - wrong) / count
    assert tail(wrong, count, 1 - bound) == pytest.approx(0.05, abs=1e-6)


def test_it_takes_99_right_values_to_promise_97_percent_with_95_percent_assurance() -> None:
    assert fewest(0.97, 0.05) == 99
    right = [Judged(str(i), "/a", 0.9, right=True) for i in range(99)]
    assert field_promise(right, 0.97, 0.95).threshold == 0.0
    short = field_promise(right[:98], 0.97, 0.95)
    assert (short.threshold, short.needed) == (None, 99)
    assert short.why == "98 labelled texts have a value here, but at least 99 are needed, all of them right"


def test_where_the_surest_values_are_not_right_enough_no_number_of_labels_is_named() -> None:
    values = [Judged(str(i), "/a", 0.9, right=i % 5 > 0) for i in range(500)]
    found = field_promise(values, 0.97, 0.95)
    assert (found.threshold, found.needed) == (None, None)
    assert found.why == "of the 500 surest values 80.0% are right: no number of labels shows that 97.0% are"


def test_a_rate_just_above_what_is_promised_needs_many_labels() -> None:
    assert needed(0.97, 0.97, 0.05) is None
    few, many = needed(0.999, 0.97, 0.05), needed(0.975, 0.97, 0.05)
    assert few is not None
    assert many is not None
    assert few < 200 < 3000 < many


def test_of_each_text_one_value_is_drawn_the_same_in_any_order() -> None:
    values = [Judged(f"t{i % 7}", f"/items/{i}", 0.5 + i / 100, right=i % 3 > 0) for i in range(40)]
    found = counted(values)
    assert [each.texts for each in found if each.threshold == 0.6] == [7]
    assert counted(values[::-1]) == found
    assert found[-1].kept == 40
    assert all(0 <= each.wrong <= each.texts for each in found)


def test_fields_are_promised_apart_and_records_by_their_least_sure_value() -> None:
    values = [
        Labelled(f"t{i}", pointer, Signals(0.9 if pointer == "/a" else 0.4), right=pointer == "/a")
        for i in range(120)
        for pointer in ("/a", "/items/0/b")
    ]
    records = whole_records(values, {f"t{i}": False for i in range(120)})
    assert {each.score for each in records} == {0.4}
    made = promised(values, records, 0.97, 0.95, "m", "f")
    assert made.fields["/a"].threshold == 0.0
    assert made.fields["/items/*/b"].threshold is None
    assert made.record.threshold is None
    signals = {"/a": Signals(0.9), "/items/3/b": Signals(1.0), "/new": Signals(1.0)}
    assert made.doubtful(signals) == ["/items/3/b", "/new"]
    assert not made.record_holds(signals)


def test_a_promise_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    made = Promise(
        0.97, 0.95, "m", "f", 3, 10, {"/a": FieldPromise(0.5, 99, 0, 0.97, 0.4)}, FieldPromise(0.9)
    )
    (tmp_path / "p.json").write_text(made.to_json())
    assert load_promise(tmp_path / "p.json") == made
    assert made.misfit("m", "f", 3) is None
    assert (
        made.misfit("m", "g", 3) == "it was made for another record type, or for an earlier form of this one"
    )
    for other in ("[]", "{}", "nothing", json.dumps({**json.loads(made.to_json()), "fields": {"/a": 3}})):
        (tmp_path / "p.json").write_text(other)
        with pytest.raises(ConfigError, match="was not written by `extractor calibrate --right`"):
            load_promise(tmp_path / "p.json")


@pytest.mark.parametrize("share", [0, 1, 1.5])
def test_a_share_that_nothing_can_be_promised_of_is_refused_before_anything_is_asked(share: float) -> None:
    with ChatServer() as server, Extractor("m", base_url=server.base_url) as ex:
        with pytest.raises(ConfigError, match=r"right must be a share between 0 and 1"):
            promise(ex, Visit, [{"text": "Bern", "record": {"town": "Bern"}}], right=share)
        assert server.requests == ()


class Visit(BaseModel):
    town: str


@pytest.mark.slow
def test_a_promise_is_made_of_what_a_model_says_about_labelled_texts() -> None:
    cases = [{"text": f"{i}: Bern", "record": {"town": "Bern"}} for i in range(40)]
    answers = [logprobs(reply({"town": "Bern"}), {"Bern": -0.1}) for _ in cases]
    with ChatServer(answers) as server, Extractor("m", base_url=server.base_url) as ex:
        made = promise(ex, Visit, cases, right=0.9, run=Run(journal=False))
    assert (made.texts, made.record.threshold) == (40, 0.0)
    assert made.fields["/town"].wrong == 0
