"""`extractor demo`, and where its examples are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ended import Cli

from extractor import Extractor
from extractor.cli.demo import BETTER, about
from extractor.demo import examples_folder, load_kinds, trials
from extractor.errors import ConfigError
from extractor.evaluation.metrics import MISSING
from extractor.testing import ChatServer, ReceivedRequest, Scripted, refusal, reply, shaped


def test_an_installed_package_brings_its_examples_and_a_checkout_has_them_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "extractor"
    installed, beside = package / "_examples", tmp_path / "examples"
    package.mkdir()
    with pytest.raises(ConfigError, match="has no examples"):
        examples_folder(package)
    for folder in (beside, installed):
        folder.mkdir()
        (folder / "kinds.json").write_text("{}")
        assert examples_folder(package) == folder


def gold_or_refused(request: ReceivedRequest) -> Scripted:
    text = json.loads(request.body)["messages"][-1]["content"]
    kind = load_kinds(examples_folder())[1]
    lines = (examples_folder() / "gold" / f"{kind.name}.jsonl").read_text("utf-8").splitlines()
    gold = {line["file"]: line["record"] for line in map(json.loads, lines)}
    file = next(example.file for example in kind.examples if example.text == text)
    return refusal() if file.startswith("03") else reply(gold[file])


def test_a_trial_that_says_what_gold_says_is_perfect_and_a_refusal_misses_everything() -> None:
    kind = load_kinds(examples_folder(), limit=3)[1]
    with ChatServer(gold_or_refused) as server, Extractor("m", base_url=server.base_url) as extractor:
        first, second, third = trials(kind, extractor.run)
    assert (first.score.strict.perfect, second.score.strict.perfect) == (1, 1)
    assert first.right.correct == first.right.gold
    assert third.found is MISSING
    assert third.right.correct == 0
    assert first.seconds > 0


def test_the_demo_prints_tables_and_writes_the_records(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ChatServer(gold_or_refused) as server:
        end = cli("demo", "--kind", "support_email", "--limit", "3", "--base-url", server.base_url, "-m", "m")
    assert end.status == 0
    lines = [json.loads(line) for line in (tmp_path / "records.jsonl").read_text("utf-8").splitlines()]
    assert [(line["kind"], line["outcome"]) for line in lines] == [
        ("support_email", "ok"),
        ("support_email", "ok"),
        ("support_email", "refused"),
    ]
    assert "Hannah" in end.out
    assert "2 ok, 1 refused" in end.out
    assert "81.0%" in end.out, "17 values of 25 said, and said right: 2 * 17 / (25 + 17)"
    assert end.err == "Reading 3 example texts with m\nThe records are in records.jsonl.\n"


def test_the_demo_ends_well_however_badly_the_service_does(cli: Cli, tmp_path: Path) -> None:
    with ChatServer(reply("no JSON at all")) as server:
        end = cli(
            "demo", "--limit", "1", "--base-url", server.base_url, "-m", "m", "-o", tmp_path / "r.jsonl"
        )
    assert end.status == 0
    assert "3 invalid_json" in end.out
    assert "0.0%" in end.out


def test_what_is_said_of_a_model_of_this_machine_is_true_of_it() -> None:
    assert about("smollm2").startswith("local:smollm2 is tiny (SmolLM2-135M-Instruct, 4 bit): ")
    assert about("qwen2.5-coder-1.5b").startswith("local:qwen2.5-coder-1.5b is small (Qwen")
    assert about("/models/own.gguf") == BETTER


def test_an_unknown_kind_of_examples_is_answered_with_the_known_ones(cli: Cli) -> None:
    end = cli("demo", "--kind", "recipe")
    assert end.status == 2
    assert "support_email" in end.err


@pytest.mark.slow
def test_all_kinds_of_examples_can_be_read(cli: Cli, tmp_path: Path) -> None:
    with ChatServer(shaped()) as server:
        end = cli(
            "demo", "--limit", "12", "--base-url", server.base_url, "-m", "m", "-o", tmp_path / "r.jsonl"
        )
    assert end.status == 0
    assert len((tmp_path / "r.jsonl").read_text("utf-8").splitlines()) == 36
