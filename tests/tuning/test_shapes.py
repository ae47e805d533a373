"""Other ways to ask: prompts, bound and free strings, and what fields mean, tried and kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from extractor import ConfigError, Extractor, Run
from extractor.messages import Outcome, Prompt
from extractor.results import Extraction
from extractor.testing import ChatServer, ReceivedRequest, Scripted, reply
from extractor.tuned import Tuned, load_tuned
from extractor.tuning import tune
from extractor.tuning.candidates import (
    UNTUNED,
    FieldMeaning,
    ProposedMeanings,
    TuningCandidate,
    by_shape,
    in_turns,
    joined,
    meant,
)
from tests.tuning.test_tuning import FINGERPRINT, Visit, cases, gold_of, text_of

EXAMPLE_OF_SMALL = "Ann Weber"
WHOLE = Tuned(
    "m", FINGERPRINT, "Codes.", (("t", {"a": 1}),), "nearest", 1, {"/code": "Two letters."}, "small", None, 3
)


def taught_by(words: str) -> Any:
    """Return a model that knows what a code is if it is told some words."""

    def answer(request: ReceivedRequest) -> Scripted:
        said = str(request.json["messages"])
        if "You describe the fields" in said:
            return reply({"fields": [{"name": "/code", "meaning": "The first two letters."}]})
        if "Proposal" in said:
            return reply({"instructions": "Be careful."})
        i = int(re.findall(r"(\d+): a visit", request.json["messages"][-1]["content"])[-1])
        return reply(gold_of(i) if words in said else {**gold_of(i), "code": "?"})

    return answer


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "prompt", "meanings"),
    [(EXAMPLE_OF_SMALL, "small", {}), ("- /code: The first", None, {"/code": "The first two letters."})],
)
def test_a_prompt_or_the_meaning_of_a_field_that_helps_is_found_and_the_client_says_it(
    words: str, prompt: str | None, meanings: dict[str, str], tmp_path: Path
) -> None:
    with ChatServer(taught_by(words)) as server, Extractor("m", base_url=server.base_url) as ex:
        found = tune(ex, Visit, cases(33), run=Run(journal=False))
        assert found.tuned is not None, found.why
        assert (found.tuned.prompt, found.tuned.meanings, found.tuned.examples) == (prompt, meanings, ())
        (tmp_path / "t.json").write_text(found.tuned.to_json())
        with ex.with_options(tuned=tmp_path / "t.json") as better:
            assert better.extract(Visit, text_of(2)) == Visit(town="Ulm", code="UL")


def test_kinds_take_turns_so_that_a_small_budget_reaches_all_of_them() -> None:
    kinds = [
        [TuningCandidate(f"{name}{i}") for i in range(count)]
        for name, count in (("a", 3), ("b", 1), ("c", 2))
    ]
    order = [(number, each.name) for number, each in in_turns([iter(kind) for kind in kinds])]
    assert order == [(0, "a0"), (1, "b0"), (2, "c0"), (0, "a1"), (2, "c1"), (0, "a2")]


@pytest.mark.slow
def test_another_model_may_propose_the_words_and_what_it_costs_counts() -> None:
    def silent(request: ReceivedRequest) -> Scripted:
        assert "Proposal" not in str(request.json["messages"])
        return answer(request)

    answer = taught_by("first two letters")

    def writer(request: ReceivedRequest) -> Scripted:
        if "You describe the fields" in str(request.json["messages"]):
            return reply({"fields": []})
        return reply({"instructions": "A code is the first two letters."})

    with (
        ChatServer(silent) as server,
        ChatServer(writer) as other,
        Extractor("m", base_url=server.base_url) as ex,
        Extractor("large", base_url=other.base_url) as proposer,
    ):
        found = tune(ex, Visit, cases(33), proposer=proposer, run=Run(journal=False))
        assert found.requests == len(server.requests) + len(other.requests)
    assert found.tuned is not None, found.why
    assert found.tuned.instructions == "A code is the first two letters."
    assert found.skipped == {"descriptions of fields": "the model proposed none"}


def test_masked_texts_are_shown_to_no_proposer_that_masks_nothing() -> None:
    with ChatServer() as server, Extractor("m", base_url=server.base_url, mask={"town": "Basel"}) as ex:
        with (
            Extractor("large", base_url=server.base_url) as proposer,
            pytest.raises(ConfigError, match="the proposer has no mask"),
        ):
            tune(ex, Visit, cases(40), proposer=proposer)
        assert server.requests == ()


def test_shapes_are_tried_where_they_change_the_request() -> None:
    bodies = {None: b"plain", "plain": b"plain", "small": b"small"}
    asked = [each.prompt for each in by_shape(lambda c: bodies[c.prompt] if c.grounded is None else None)]
    assert asked == ["small"]
    bound = [each.name for each in by_shape(lambda c: b"bound" if c.grounded else b"free")]
    assert bound == ["strings bound to the text"]
    assert [*by_shape(lambda c: str(c.prompt).encode(), prompts=())] == []


def test_what_is_best_of_each_kind_is_joined() -> None:
    some = [
        TuningCandidate("two examples", examples=(("t", {}),), choice="nearest", shown=1),
        TuningCandidate("free strings", grounded=False),
        TuningCandidate("descriptions", meanings={"/a": "b"}),
    ]
    made = joined(some)
    assert made.name == "two examples with free strings with descriptions"
    assert made.tuned("m", "f") == Tuned("m", "f", None, (("t", {}),), "nearest", 1, {"/a": "b"}, None, False)
    assert joined([]).differing() == UNTUNED.differing() == {}


def test_meanings_are_taken_of_fields_that_gold_has() -> None:
    said = ProposedMeanings(
        fields=[
            FieldMeaning(name="/code", meaning=" Two\nletters. "),
            FieldMeaning(name="/secret", meaning="x"),
            FieldMeaning(name="/town", meaning=" "),
        ]
    )
    nothing: Extraction[ProposedMeanings] = Extraction(Outcome.EMPTY, ())
    found = meant(Extraction(Outcome.OK, (), said), frozenset({"/code", "/town"}))
    assert found is not None
    assert found.meanings == {"/code": "Two letters."}
    assert meant(nothing, frozenset({"/code"})) is None


def test_a_file_has_all_that_was_tuned_and_says_it(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(WHOLE.to_json())
    assert load_tuned(tmp_path / "t.json") == WHOLE
    assert WHOLE.saying().instructions == "Codes.\nWhat the fields mean:\n- /code: Two letters."


def test_what_a_client_says_itself_goes_before_what_was_tuned() -> None:
    tuned = Tuned("m", FINGERPRINT, prompt="small")

    def sent(**options: Any) -> str:
        with Extractor("m", base_url="http://127.0.0.1:9", tuned=tuned, **options) as ex:
            return str(ex.preview(Visit, "x").body)

    assert EXAMPLE_OF_SMALL in sent()
    assert EXAMPLE_OF_SMALL not in sent(prompt=Prompt.PLAIN)


def test_bound_strings_that_were_tuned_need_a_server_that_can_bind() -> None:
    tuned = Tuned("m", FINGERPRINT, grounded=True)
    with pytest.raises(ConfigError, match="grounded=True needs a server that supports grammars"):
        Extractor("m", base_url="http://127.0.0.1:9", tuned=tuned)
    with Extractor("vllm:m", base_url="http://127.0.0.1:9", tuned=tuned) as ex:
        assert "grammar" in ex.preview(Visit, "Basel").json["structured_outputs"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"meanings": ["x"]},
        {"meanings": {"/a": 1}},
        {"grounded": "yes"},
        {"prompt": 3},
        {"samples": 1},
        {"samples": True},
        {"samples": 101},
    ],
)
def test_a_file_with_other_kinds_of_values_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    told = {**json.loads(WHOLE.to_json()), **wrong}
    (tmp_path / "t.json").write_text(json.dumps(told))
    with pytest.raises(ConfigError, match="was not written by `extractor tune`"):
        load_tuned(tmp_path / "t.json")
