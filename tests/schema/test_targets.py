"""Targets as values: each is whole, named once, and says where its claims come from."""

import dataclasses
import re

import pytest

from extractor.schema import TARGETS, Target, compile_schema
from extractor.schema.compiler.targets import ALL_KEYWORDS

NAMES = """openai azure anthropic gemini mistral groq fireworks together cerebras deepseek json_object
ollama llamacpp llguidance xgrammar vllm sglang outlines permissive local compatible vertex xai bedrock
cohere"""


def test_the_targets_are_known_by_name() -> None:
    assert set(TARGETS) == set(NAMES.split())
    assert all(name == target.name for name, target in TARGETS.items())


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_a_target_has_a_source_and_knows_only_keywords_that_there_are(target: Target) -> None:
    assert len(target.source) > 10
    assert target.keywords <= ALL_KEYWORDS
    assert "object" in target.roots
    re.compile(target.name_pattern)


def test_targets_are_frozen_and_can_be_changed_into_others() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TARGETS["openai"].name = "x"  # type: ignore[misc]
    shallow = dataclasses.replace(TARGETS["openai"], name="mine", max_properties=1)
    assert (
        "other_members"
        in compile_schema({"type": "object", "properties": WIDE}, shallow).schema["properties"]
    )


WIDE = {name: {"type": "string"} for name in "abc"}


def test_only_the_local_target_adds_bounds() -> None:
    bounded = {name for name, t in TARGETS.items() if t.max_string is not None or t.max_array is not None}
    assert bounded == {"local"}


def test_only_servers_without_schemas_are_sent_none() -> None:
    assert {name for name, target in TARGETS.items() if not target.sends_schema} == {"json_object"}
