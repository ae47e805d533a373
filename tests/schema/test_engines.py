"""The engines that servers run take the schemas of their targets, and every encoded value."""

import json
from typing import Any

import pytest

from extractor.schema import compile_schema
from tests.schema.corpus import CASES, Case
from tests.schema.engines import ENGINES, Engine

pytestmark = pytest.mark.filterwarnings("ignore")
KNOWN: dict[str, set[str]] = {}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module", params=ENGINES, ids=lambda engine: engine.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.param
    if found.missing:
        pytest.skip(f"{found.name} needs {found.missing}; README.md says how to install the engines")
    return found


@pytest.mark.parametrize("case", CASES.values(), ids=lambda case: case.name)
def test_an_engine_takes_the_schema_and_every_value(engine: Engine, case: Case) -> None:
    wrong = {
        target: what for target in engine.targets if (what := untaken(engine, case, compile_schema, target))
    }
    known = KNOWN.get(engine.name, set())
    assert bool(wrong) == (case.name in known), json.dumps(wrong, indent=1)


def untaken(engine: Engine, case: Case, compiler: Any, target: str) -> list[str]:
    """Return why the engine does not take the schema, or which encoded values it does not take."""
    compiled = compiler(case.record_type, target)
    try:
        takes = engine.build(compiled.schema)
    except ValueError as error:
        return [f"refused: {error}"[:300]]
    texts = [text for text in map(compiled.encode, case.values) if engine.can_say(text)]
    return [f"untaken: {text[:200]}" for text in texts if not takes(text)]


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
