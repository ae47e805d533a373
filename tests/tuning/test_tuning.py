"""Tuning: what helps is proved on texts looked at once, and chance is not called a gain."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from extractor import AsyncExtractor, ConfigError, Extractor, Price, Run, RunStopped
from extractor.evaluation.cases import Case
from extractor.schema import compile_schema
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from extractor.tuned import NearestExamples, Tuned, load_tuned
from extractor.tuning import split_gold, tune
from extractor.tuning.candidates import covering_cases

TOWNS = ["Basel", "Bern", "Ulm", "Linz"]


class Visit(BaseModel):
    town: str
    code: str


def text_of(i: int) -> str:
    return f"{i}: a visit to {TOWNS[i % 4]}"


def gold_of(i: int) -> dict[str, Any]:
    return {"town": TOWNS[i % 4], "code": TOWNS[i % 4][:2].upper()}


def cases(count: int) -> list[dict[str, Any]]:
    return [{"id": str(i), "text": text_of(i), "record": gold_of(i)} for i in range(count)]


def learns(request: ReceivedRequest) -> Scripted:
    """A model that knows what a code is once examples or instructions tell it."""
    messages = json.loads(request.body)["messages"]
    asked = messages[-1]["content"]
    if "Proposal" in asked:
        return reply({"instructions": "A code is the first two letters in capitals."})
    if "You describe the fields" in messages[0]["content"]:
        return reply({"fields": [{"name": "/code", "meaning": "The town's first two letters in capitals."}]})
    i = int(re.findall(r"(\d+): a visit", asked)[-1])
    taught = len(messages) > 2 or "two letters" in messages[0]["content"]
    return reply(gold_of(i) if taught else {**gold_of(i), "code": "?"})


@pytest.mark.slow
def test_what_helps_is_found_and_proved_and_the_client_says_it(tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    with ChatServer(learns) as server, Extractor("m", base_url=server.base_url) as ex:
        found = tune(ex, Visit, cases(40), run=Run(journal=journal))
        asked = len(server.requests)
        again = tune(ex, Visit, cases(40), run=Run(journal=journal))
        assert len(server.requests) == asked
        assert (again.requests, again.tokens) == (0, 0)
    assert found.tuned is not None
    assert found.gain is not None
    assert found.gain.value == pytest.approx(0.5)
    assert found.requests == asked
    assert again.tuned == found.tuned
    assert found.trials[0].candidate == "untuned"
    assert len(repr(found)) < 600
    (tmp_path / "t.json").write_text(found.tuned.to_json())
    assert load_tuned(tmp_path / "t.json").saying() == found.tuned.saying()
    with (
        ChatServer(learns) as server,
        Extractor("m", base_url=server.base_url, tuned=tmp_path / "t.json") as ex,
    ):
        assert ex.extract(Visit, text_of(77)).code == "BE"
        rows = list(ex.rows([text_of(78)], Visit, run=Run(journal=False)))
        assert rows[0].record == Visit(town="Ulm", code="UL")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_on_shuffled_gold_no_gain_is_claimed(seed: int) -> None:
    given = cases(40)
    records = [each["record"] for each in given]
    random.Random(seed).shuffle(records)
    shuffled = [{**each, "record": record} for each, record in zip(given, records, strict=True)]

    def copies(request: ReceivedRequest) -> Scripted:
        """A model that says what one of its examples said."""
        messages = json.loads(request.body)["messages"]
        if "Proposal" in messages[-1]["content"]:
            return reply({"instructions": "Be careful."})
        if "You describe the fields" in messages[0]["content"]:
            return reply({"fields": [{"name": "/town", "meaning": "A town."}]})
        shown = [m["content"] for m in messages if m["role"] == "assistant"]
        i = int(re.findall(r"(\d+): a visit", messages[-1]["content"])[-1])
        return reply(json.loads(shown[i % len(shown)]) if shown else gold_of(i))

    with ChatServer(copies) as server, Extractor("m", base_url=server.base_url) as ex:
        found = tune(ex, Visit, shuffled, seed=seed, run=Run(journal=False))
    assert found.tuned is None
    assert found.why.startswith("no ")


@pytest.mark.slow
def test_nothing_is_asked_beyond_the_budget() -> None:
    with ChatServer(learns) as server, Extractor("m", base_url=server.base_url) as ex:
        found = tune(ex, Visit, cases(40), max_requests=60, run=Run(journal=False))
        assert len(server.requests) == found.requests <= 60
    assert len(found.trials) == 3
    assert found.skipped["the 8 nearest examples"] == "the budget is too small"


@pytest.mark.slow
@pytest.mark.parametrize("bound", [{"max_cost": 0.5}, {"run": Run(journal=False, max_cost=0.5)}])
def test_the_dollars_of_a_run_bound_the_whole(bound: dict[str, Any]) -> None:
    prices = {"m": Price(input=500, output=0)}  # some cents a request
    given = {"run": Run(journal=False), **bound}
    with ChatServer(learns) as server, Extractor("m", base_url=server.base_url, prices=prices) as ex:
        with pytest.raises(RunStopped):
            tune(ex, Visit, cases(40), **given)
        assert 0 < len(server.requests) < 20


def test_bounds_and_gold_that_are_too_small_are_told_before_anything_is_asked() -> None:
    with ChatServer() as server, Extractor("m", base_url=server.base_url) as ex:
        with pytest.raises(ConfigError, match=r"there are 20 different texts, but at least 33 are needed"):
            tune(ex, Visit, cases(20))
        with pytest.raises(ConfigError, match="max_requests must be at least 48 for this gold"):
            tune(ex, Visit, cases(40), max_requests=20)
        with pytest.raises(ConfigError, match="examples= can't be given"):
            tune(ex, Visit, cases(40), examples=[])
        tuned = Tuned("m", FINGERPRINT, "Codes.")
        with (
            ex.with_options(tuned=tuned) as already,
            pytest.raises(ConfigError, match="has been tuned already"),
        ):
            tune(already, Visit, cases(40))
        with pytest.raises(ConfigError, match="max_cost is given twice"):
            tune(ex, Visit, cases(40), max_cost=1, run=Run(max_cost=1))
        assert server.requests == ()


def test_the_parts_of_gold_share_no_text_and_are_the_same_in_any_order() -> None:
    known = [Case(str(i), f"text  {i % 45}\n" if i % 2 else f"text {i % 45}", {}) for i in range(90)]
    parts = split_gold(known)
    texts = [{" ".join(c.text.split()) for c in part} for part in (parts.train, parts.validation, parts.test)]
    assert sum(map(len, texts)) == len(set().union(*texts)) == 45
    other = split_gold(known[::-1])
    assert {c.id for c in other.test} == {c.id for c in parts.test}
    assert split_gold(known, seed=1) != parts


def test_examples_cover_fields_that_others_leave_empty() -> None:
    known = [Case(str(i), "t", {"a": 1, "b": None, "c": None}) for i in range(5)]
    known += [
        Case("b", "longer", {"a": 1, "b": 2, "c": None}),
        Case("c", "longer", {"a": None, "b": None, "c": 3}),
    ]
    assert {case.id for case in covering_cases(known, 2)} == {"b", "c"}


def test_the_nearest_examples_are_those_that_share_rare_words_the_nearest_last() -> None:
    pairs = (("the red boat", 1), ("the blue car", 2), ("the blue boat", 3), ("the dog", 4))
    nearest = NearestExamples(pairs, 2)
    assert (
        nearest("a blue boat at sea") == [pairs[0], pairs[2]] or nearest("a blue boat at sea")[-1] == pairs[2]
    )
    assert nearest("nothing of that") == [pairs[1], pairs[0]]
    assert nearest([{"type": "image_url"}]) == [pairs[0], pairs[1]]


FINGERPRINT = compile_schema(Visit).fingerprint


def test_what_was_tuned_for_another_model_or_type_is_refused() -> None:
    tuned = Tuned("m", FINGERPRINT, "Codes are capitals.", ((text_of(1), gold_of(1)),), "nearest", 1)
    with ChatServer() as server:
        with pytest.raises(ConfigError, match="made for the model m, not n: tune again"):
            Extractor("n", base_url=server.base_url, tuned=tuned)
        with Extractor("m", base_url=server.base_url, tuned=tuned) as ex:

            class Other(BaseModel):
                town: str

            with pytest.raises(ConfigError, match="made for another record type"):
                ex.run(Other, "x")
        assert server.requests == ()


def test_what_a_call_says_itself_comes_first_and_its_instructions_are_added() -> None:
    tuned = Tuned("m", FINGERPRINT, "Codes are capitals.", ((text_of(1), gold_of(1)),), "fixed", 1)
    with Extractor("m", base_url="http://127.0.0.1:9", tuned=tuned, instructions="House rule.") as ex:
        sent = str(ex.preview(Visit, "x", instructions="Now.").body)
        own = str(ex.preview(Visit, "x", examples=[(text_of(2), gold_of(2))]).body)
    assert sent.index("House rule.") < sent.index("Codes are capitals.") < sent.index("Now.")
    assert "a visit to Bern" in sent
    assert "a visit to Ulm" in own
    assert "a visit to Bern" not in own


async def _asynchronously(url: str, tuned: Tuned) -> Any:
    async with AsyncExtractor("m", base_url=url, tuned=tuned) as ex:
        return await ex.extract(Visit, text_of(5))


@pytest.mark.slow
def test_the_async_client_says_it_too() -> None:
    import asyncio

    tuned = Tuned("m", FINGERPRINT, None, ((text_of(1), gold_of(1)),), "nearest", 1)
    with ChatServer(learns) as server:
        assert asyncio.run(_asynchronously(server.base_url, tuned)).code == "BE"


@pytest.mark.parametrize("told", ["[]", "nothing", '{"extractor_tuned": 1, "model": 3, "fingerprint": "f"}'])
def test_a_file_that_is_none_is_told_as_that(told: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(told)
    with pytest.raises(ConfigError, match="was not written by `extractor tune`"):
        load_tuned(tmp_path / "t.json")
