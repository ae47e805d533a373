"""Every record type of the corpus, for every target: it compiles, keeps the rules, and loses no value."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from extractor.errors import Invalid, Unjudged
from extractor.schema import TARGETS, CompiledSchema, compile_schema
from tests.schema.corpus import CASES, Case
from tests.schema.damage import damaged
from tests.schema.same import same
from tests.schema.trial import faults, no_json, refused
from tests.selecting import Sample

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*using the `ReadOnly` qualifier:UserWarning"),
    pytest.mark.filterwarnings("ignore:Possible nested set:FutureWarning"),
]
TAKES_ANOTHER_FORM = {
    "json of list",
    "any json text",
    "base64 bytes",
    "base64 text",
    "base64 url bytes",
    "inherited typed dict with an alias",
}
# whose own code raises where a value is of another type than it thinks
RAISES = {"callable discriminator", "validators with an input type"}
NO_DOCUMENTS = {
    "any": "its schema takes any value",
    "json value": "its schema takes any value",
    "json forty levels deep": "its schema takes any value",
    "hashable": "its schema takes any value",
    "odd schemas by hand": "one of its patterns is none",
    "alias path": "Pydantic writes a member that its schema does not name",
    "dataclass with aliases": "Pydantic writes a member that its schema does not name",
    r"pattern ^[\w.+-]+@[\w-]+\.[\w.]+$": "\\w is ASCII in JSON Schema and Unicode in Pydantic",
}
ORDINARY = (
    "plain model",
    "null against missing",
    "optional everywhere",
    "described references",
    "same-shape union",
    "callable discriminator",
    "use enum values",
    "strict model",
    "model of formats",
    "generic of generic",
    "dataclasses in a model",
    "invoice",
)
HOSTILE: tuple[str | bytes, ...] = (
    "",
    " ",
    "[" * 100_000,
    '{"value":' * 50_000,
    "[" * 5_000 + "]" * 5_000,
    '{"value":' + "[" * 5_000 + "]" * 5_000 + "}",
    '{"value":' + "9" * 5_000 + "}",
    '{"value":1e400}',
    '{"value":-1e999999999}',
    '{"value":"1e999999"}',
    '{"value":NaN}',
    '{"value":1,"value":2}',
    '{"value":"\\ud800"}',
    '{"value":"\ud800"}',
    '{"name":"\ud800"}',
    '{"value":"\\u0000"}',
    b'{"value":"\xff"}',
    b"\xff\xfe{",
    "\ufeff{}",
    "{} x",
)
DIGESTS = """
import warnings
warnings.simplefilter("ignore")
import json, sys
from tests.schema.test_corpus import digests
print(json.dumps(digests(sys.argv[1:])))
"""


@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_record_type_compiles_keeps_the_rules_and_loses_no_value(case: Case, sample: Sample) -> None:
    found = {target: faults(case, target, compile_schema) for target in sample(TARGETS, 5)}
    assert {target: what for target, what in found.items() if what} == {}


@pytest.mark.sampled(120)
@pytest.mark.parametrize(
    "case", [c for c in CASES.values() if c.name not in TAKES_ANOTHER_FORM], ids=lambda case: case.name
)
def test_every_value_of_the_corpus_is_a_record_of_its_type(case: Case) -> None:
    adapter = TypeAdapter(case.record_type)
    assert all(same(adapter.validate_python(value), value) for value in case.values)


@pytest.mark.slow
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_the_json_schema_of_a_type_is_a_record_type_as_well(case: Case) -> None:
    document = TypeAdapter(case.record_type).json_schema()
    values = tuple(json.loads(text) for text in plain_texts(case) if not refused(json.dumps(document), text))
    twin = Case(case.name, document, values)
    wrong = [
        what for target in ("openai", "anthropic", "local") for what in faults(twin, target, compile_schema)
    ]
    assert bool(wrong) == (case.name in NO_DOCUMENTS), wrong


def plain_texts(case: Case) -> Iterator[str]:
    """Yield what Pydantic itself writes for the values of a case, where it can, and where that is JSON."""
    for value in case.values:
        with contextlib.suppress(PydanticSerializationError, ValueError):
            text = (
                TypeAdapter(case.record_type)
                .dump_json(value, round_trip=True, by_alias=True, warnings=False)
                .decode()
            )
            json.loads(text, parse_constant=no_json)
            yield text


@pytest.mark.parametrize("target", TARGETS)
def test_an_ordinary_model_is_never_sent_as_json_text_in_a_string(target: str) -> None:
    compiled = [compile_schema(CASES[name].record_type, target) for name in ORDINARY]
    assert not [c.name for c in compiled if any("JSON text" in note.detail for note in c.report)]


@pytest.mark.filterwarnings("ignore:__int__ returned non-int:DeprecationWarning")  # of Python's ipaddress
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_a_damaged_text_gives_a_record_or_says_what_is_wrong(case: Case) -> None:
    for target in ("permissive", "openai", "anthropic"):
        compiled = compile_schema(case.record_type, target)
        wires = [wire for wire in map(compiled.encode, case.values[:4]) if len(wire) < 3_000]
        raises = case.name in RAISES
        assert all(is_judged(compiled, text, raises) for wire in wires for text in damaged(wire))


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:24]))
def test_a_hostile_text_gives_a_record_or_says_what_is_wrong(text: str | bytes) -> None:
    for name in (
        "int",
        "float",
        "str",
        "decimal",
        "any",
        "dict",
        "dict by int",
        "tree",
        "plain model",
        "json of list",
    ):
        for target in ("permissive", "openai", "anthropic"):
            assert is_judged(compile_schema(CASES[name].record_type, target), text)


def is_judged(compiled: CompiledSchema[Any], text: str | bytes, raises: bool = False) -> bool:
    """Return whether `text` gives a record, or problems that each have a reason and a JSON pointer.

    raises: whether the type's own code may raise what is no verdict.
    """
    try:
        compiled.decode(text)
    except Unjudged:
        return raises
    except Invalid as error:
        return bool(error.problems) and all(p.pointer[:1] in ("", "/") and p.reason for p in error.problems)
    return True


@pytest.mark.slow
def test_the_same_type_gives_the_same_bytes_in_another_process(sample: Sample) -> None:
    """Hash seeds differ between processes, so this shows any order that comes from a set."""
    seed, names = {"PYTHONHASHSEED": "4242"}, sample(CASES, 20)
    with subprocess.Popen(
        [sys.executable, "-c", DIGESTS, *names],
        env=os.environ | seed,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        here = digests(names)  # meanwhile
        there, _ = other.communicate()
    assert json.loads(there) == here


def digests(names: Sequence[str]) -> list[str]:
    """Return one line for each record type and target: name, target, and a digest of all that is sent."""
    return [f"{name}: {target}: {_digest(CASES[name], target)}" for name in names for target in TARGETS]


def _digest(case: Case, target: str) -> str:
    try:
        compiled = compile_schema(case.record_type, target)
    except Exception as error:
        return type(error).__name__
    sent = json.dumps([compiled.name, compiled.description, compiled.schema])
    return hashlib.sha256(sent.encode()).hexdigest() + compiled.fingerprint
