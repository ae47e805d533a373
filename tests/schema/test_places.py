"""Where the leaves of records are said, over the whole type system: none is taken for another one."""

from __future__ import annotations

import json

import pytest

from extractor import compile_schema
from extractor.confidence import TokenScore, leaf_spans
from extractor.evidence.leaves import leaves
from extractor.schema import measured
from tests.schema.corpus import CASES

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*using the `ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning"),
]


@pytest.mark.sampled(60)
@pytest.mark.parametrize("name", [name for name in CASES if "deep" not in name])
def test_what_the_tokens_of_a_value_tell_comes_to_the_leaf_that_has_it(name: str) -> None:
    compiled = compile_schema(CASES[name].record_type)
    for value in CASES[name].values:
        text = compiled.encode(value)
        record, spans = compiled.decode(text), leaf_spans(text)
        said = {start: json.loads(text[start:end]) for start, end in spans.values()}
        told = {path: TokenScore(1.0, float(start)) for path, (start, _) in spans.items()}
        found = measured(compiled, None, record, text, told).told
        for leaf in leaves(record):
            if leaf.pointer in found and any(isinstance(step, int) for step in leaf.path):
                there = said[int(found[leaf.pointer].mean_logprob)]
                assert there == leaf.json or str(there) == str(leaf.json)


def test_most_leaves_are_found() -> None:
    """The others are members of any JSON, keys that are no text, and names that differ in and out."""
    count = known = 0
    for name in sorted(CASES)[::5]:
        compiled = compile_schema(CASES[name].record_type)
        for value in CASES[name].values:
            text = compiled.encode(value)
            record = compiled.decode(text)
            told = dict.fromkeys(leaf_spans(text), TokenScore(1.0, 0.0))
            pointers = {leaf.pointer for leaf in leaves(record)}
            count += len(pointers)
            known += len(pointers & measured(compiled, None, record, text, told).told.keys())
    assert known > 0.8 * count > 100
