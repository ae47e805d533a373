"""Value F1 beside an independent scorer, omni-extract-bench, on damaged records of the examples."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from omni_extract_bench import score as other_score
from pydantic import TypeAdapter

from extractor.demo import examples_folder, load_kinds
from extractor.evaluation.metrics import score

COPIES = 6  # of each of the 36 records: 216


def damaged(value: Any, rng: random.Random) -> Any:
    """Return a record as a model may give it: values lost, changed or spelt otherwise, items moved."""
    if isinstance(value, dict):
        return {name: damaged(below, rng) for name, below in value.items()}
    if isinstance(value, list):
        kept = [damaged(item, rng) for item in value if rng.random() > 0.15]
        rng.shuffle(kept)
        return kept + ([damaged(value[0], rng)] if value and rng.random() < 0.1 else [])
    return rng.choice(DAMAGES)(value) if rng.random() < 0.3 else value


DAMAGES = (
    lambda value: None,
    lambda value: "something else entirely",
    lambda value: value.upper() if isinstance(value, str) else value,
    lambda value: f" {value} " if isinstance(value, str) else value,
    lambda value: value + 7 if isinstance(value, int | float) and not isinstance(value, bool) else value,
)


def pairs() -> Iterator[tuple[str, Any, Any, Any]]:
    rng = random.Random(7)
    for kind in load_kinds(examples_folder()):
        adapter = TypeAdapter(kind.record_type)
        for example in kind.examples:
            gold = json.loads(adapter.dump_json(adapter.validate_python(example.gold)))
            for copy in range(COPIES):
                name = f"{kind.name} {example.file} {copy}"
                yield name, gold, damaged(gold, rng), adapter.json_schema(mode="serialization")


@pytest.mark.slow
def test_value_f1_agrees_with_an_independent_scorer_on_damaged_records() -> None:
    compared = 0
    for name, gold, found, schema in pairs():
        theirs = other_score(found, gold, schema)
        ours = score(gold, found).normalised.overall
        counts = (theirs["matched"], theirs["asserted"])
        assert (ours.correct, ours.predicted) == counts, name
        assert ours.f1 == pytest.approx(theirs["f1"]), name
        compared += 1
    assert compared >= 200
