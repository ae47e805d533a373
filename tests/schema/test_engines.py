"""The engines that servers run take the schemas of their targets, and every encoded value."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from extractor.schema import compile_schema
from tests.schema.corpus import CASES, Case
from tests.schema.engines import ENGINES, Engine
from tests.schema.trial import fits

pytestmark = pytest.mark.filterwarnings("ignore")
LIMITS = {"xgrammar": {"exclusive float": "a bounded number has six decimals at most"}}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


HERE = [engine for engine in ENGINES if not engine.missing]


@pytest.fixture(scope="module", params=HERE, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    return found


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_an_engine_is_here_to_judge(engine: Engine) -> None:
    if engine.missing:
        pytest.skip(f"{engine.name} needs {engine.missing}; tests/schema/engines.py says how to install it")
    assert engine in HERE


@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_an_engine_takes_the_schema_and_every_value(engine: Engine, case: Case) -> None:
    wrong = untaken(engine, case, compile_schema)
    assert bool(wrong) == (case.name in LIMITS.get(engine.name, {})), json.dumps(wrong, indent=1)


def untaken(engine: Engine, case: Case, compiler: Any) -> list[str]:
    """Return why the engine does not take the case's schemas, and which encoded values it does not take."""
    texts: dict[str, list[str]] = {}
    for target in engine.targets:
        compiled = compiler(case.record_type, target)
        values = [value for value in case.values if fits(value, compiled.target)]
        texts.setdefault(json.dumps(compiled.schema), []).extend(map(compiled.encode, values))
    return [what for schema, spoken in texts.items() for what in _untaken(engine, schema, spoken)]


def _untaken(engine: Engine, schema: str, texts: list[str]) -> list[str]:
    try:
        takes = engine.build(json.loads(schema))
    except ValueError as error:
        return [f"refused: {error}"[:300]]
    said = [text for text in dict.fromkeys(texts) if engine.can_say(text)]
    return [f"untaken: {text[:200]}" for text in said if not takes(text)]


@pytest.mark.slow
@pytest.mark.sampled(60)
@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_an_engine_never_takes_a_text_that_a_quote_or_a_line_end_breaks(engine: Engine, case: Case) -> None:
    """Some engines match patterns against the JSON text: a pattern for any character can end a string."""
    compiled = compile_schema(case.record_type, engine.targets[0])
    texts = [text for text in map(compiled.encode, case.values[:2]) if len(text) < 1_000]
    if texts and not _untaken(engine, json.dumps(compiled.schema), []):
        takes = engine.build(compiled.schema)
        assert [text for spoken in texts for text in broken(spoken) if takes(text)] == []


def broken(text: str) -> Iterator[str]:
    """Yield texts that are no JSON: `text` with a quote or a line end somewhere."""
    for place in range(0, len(text), max(1, len(text) // 14)):
        for character in '"\n':
            damaged = text[:place] + character + text[place:]
            try:
                json.loads(damaged)
            except ValueError:
                yield damaged


@pytest.mark.parametrize(
    "text", ['{"name":"Ada"}', '{"name":"Ada","age":"1"}', '{"name":"Ada","age":1,"x":1}', "[]", '{"name":"']
)
def test_an_engine_can_refuse_a_text(engine: Engine, text: str) -> None:
    takes = engine.build(PERSON)
    assert takes('{"name":"Ada","age":1}')
    assert not takes(text)


def test_an_engine_can_refuse_a_schema(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"."):
        engine.build({"type": "object", "properties": {"x": {"$ref": "#/$defs/Missing"}}})
