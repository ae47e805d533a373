"""Compare schema compilers on the corpus: `python -m tests.benchmarks.compilers --venvs DIR`.

Each peer runs in its own virtual environment, DIR/peer_NAME, and is left out where there is none;
`--install` makes those that are missing. All schemas are meant for OpenAI's strict mode. Columns,
each a number of record types:

compiles  the compiler gives a schema
openai    the checker finds no broken rule of the target "openai"; `default`, refused at times, is let pass
trip      every value can be said in the schema and comes back the same
whole     openai and trip
all       whole, and the grammars of xgrammar and llguidance take every value that was said

A peer has no encoder, so every JSON text that the record type itself takes back unchanged is tried.
"""

import argparse
import json
import os
import subprocess
import venv
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.schema.corpus import CASES, Case

JSON = Any
ROOT = Path(__file__).parents[2]
MARK = "SCHEMA "
PEERS = {
    "pydantic": "pydantic",
    "openai": "openai",
    "langchain": "langchain-openai",
    "agents": "openai-agents",
    "pydantic_ai": "pydantic-ai-slim[openai]",
    "instructor": "instructor",
    "outlines": "outlines openai",
}


# --- in the peer's process: one schema for each record type ------------------------------------------------


def pydantic(record_type: Any) -> JSON:
    """Pydantic's own schema, sent as it is."""
    from pydantic import TypeAdapter

    return TypeAdapter(record_type).json_schema()


def openai(record_type: Any) -> JSON:
    """What `client.chat.completions.parse` sends."""
    from openai.lib._pydantic import to_strict_json_schema

    return to_strict_json_schema(_as_model(record_type))


def langchain(record_type: Any) -> JSON:
    """What `ChatOpenAI.with_structured_output(..., method="json_schema", strict=True)` sends."""
    from langchain_openai import ChatOpenAI

    chat = ChatOpenAI(api_key="none", model="none")
    bound = chat.with_structured_output(_as_model(record_type), method="json_schema", strict=True)
    sent = chat._get_request_payload("text", **bound.first.kwargs)["response_format"]
    return sent["json_schema"]["schema"] if isinstance(sent, dict) else openai(sent)


def agents(record_type: Any) -> JSON:
    """What an `Agent(output_type=...)` sends."""
    from agents import AgentOutputSchema

    return AgentOutputSchema(record_type, strict_json_schema=True).json_schema()


def pydantic_ai(record_type: Any) -> JSON:
    """What an `Agent(output_type=NativeOutput(..., strict=True))` sends."""
    from pydantic_ai._output import ObjectOutputProcessor
    from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer

    schema = ObjectOutputProcessor(output=record_type, strict=True).object_def.json_schema
    return OpenAIJsonSchemaTransformer(schema, strict=True).walk()


def instructor(record_type: Any) -> JSON:
    """What a client in the mode TOOLS_STRICT sends."""
    from instructor.processing.schema import generate_openai_schema
    from instructor.v2.core.response_model import prepare_response_model

    return generate_openai_schema(prepare_response_model(_as_model(record_type)))["parameters"]


def outlines(record_type: Any) -> JSON:
    """What `outlines.from_openai(...)` sends for an output type."""
    from outlines.models.openai import OpenAITypeAdapter

    schema = _as_model(record_type).model_json_schema()
    return OpenAITypeAdapter().format_json_output_type(schema)["response_format"]["json_schema"]["schema"]


def _as_model(record_type: Any) -> Any:
    """Return the model that a user has to write around a type where a peer takes models only."""
    from pydantic import BaseModel, RootModel, create_model

    is_model = isinstance(record_type, type) and issubclass(record_type, BaseModel)
    if is_model and not issubclass(record_type, RootModel):
        return record_type
    return create_model("Record", value=(record_type, ...))


def work(peer: str) -> None:
    """Print a peer's schema of each record type, one line of JSON each."""
    warnings.simplefilter("ignore")
    compile_schema: Callable[[Any], JSON] = globals()[peer]
    for case in CASES.values():
        try:
            answer = {"schema": compile_schema(case.record_type)}
            line = json.dumps(answer)
        except Exception as error:
            line = json.dumps({"error": f"{type(error).__name__}: {error}"[:200]})
        print(MARK + line, flush=True)


# --- in this process: the verdicts -------------------------------------------------------------------------


def verdicts(case: Case, schema: JSON, say: Callable[[Any], str | None]) -> dict[str, bool]:
    """Return each column's verdict on one schema. say: the text that stands for a value, if there is one."""
    from tests.schema.checker import violations

    broken = violations(schema, "T", "openai")
    keeps_rules = all(rule.endswith("keyword default") for rule in broken)
    texts = [say(value) for value in case.values]
    trip = None not in texts
    whole = keeps_rules and trip
    return {
        "compiles": True,
        "openai": keeps_rules,
        "trip": trip,
        "whole": whole,
        "all": whole and _engines_take(schema, texts),
    }


def _engines_take(schema: JSON, texts: list[Any]) -> bool:
    from tests.schema.engines import llguidance, xgrammar

    try:
        grammars = [build(schema) for build in (llguidance, xgrammar)]
    except ValueError:
        return False
    return all(takes(text) for takes in grammars for text in texts)


def judge_peer(case: Case, schema: JSON) -> dict[str, bool]:
    """Return the verdicts on a schema of a compiler that has no encoder."""
    from tests.schema.trial import refused

    known = json.dumps(schema)

    def say(value: Any) -> str | None:
        return next((text for text in spellings(case, value, schema) if not refused(known, text)), None)

    return verdicts(case, schema, say)


def spellings(case: Case, value: Any, schema: JSON) -> Iterator[str]:
    """Yield the JSON texts that the record type takes back as `value`, plain and under the root's one key."""
    properties = list(schema.get("properties", {}))
    for text in sorted(set(_dumps(case, value)), key=len, reverse=True):
        yield text
        if len(properties) == 1:
            yield f"{{{json.dumps(properties[0])}:{text}}}"


def _dumps(case: Case, value: Any) -> Iterator[str]:
    from pydantic import TypeAdapter

    from extractor.schema import compile_schema
    from tests.schema.same import same
    from tests.schema.trial import no_json

    adapter = TypeAdapter(case.record_type)
    spellers: list[Callable[[], str]] = [
        lambda by_alias=by_alias, leave_out=leave_out: adapter.dump_json(  # type: ignore[misc]
            value, round_trip=True, by_alias=by_alias, **{leave_out: True} if leave_out else {}
        ).decode()
        for by_alias in (True, False)
        for leave_out in ("", "exclude_unset", "exclude_defaults", "exclude_none")
    ]
    for speller in [*spellers, lambda: compile_schema(case.record_type, "permissive").encode(value)]:
        try:
            text = speller()
            json.loads(text, parse_constant=no_json)
            if same(adapter.validate_json(text), value):
                yield text
        except Exception:  # a spelling that the type does not take is none
            continue


def judge_ours(case: Case) -> dict[str, bool]:
    """Return the verdicts on our own schema and codec."""
    from extractor.schema import compile_schema
    from tests.schema.trial import lost

    compiled = compile_schema(case.record_type, "openai")
    known = json.dumps(compiled.schema)

    def say(value: Any) -> str | None:
        return None if [*lost(value, compiled, known)] else compiled.encode(value)

    return verdicts(case, compiled.schema, say)


def ask(peer: str, python: Path) -> list[dict[str, bool]]:
    """Return the verdicts on a peer's schemas, no verdict where it refused the type or took over a minute."""
    command = [str(python), "-m", "tests.benchmarks.compilers", "--work", peer]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT, env=os.environ
    ) as run:
        assert run.stdout is not None
        lines = [line.removeprefix(MARK) for line in run.stdout if line.startswith(MARK)]
    answers = map(json.loads, lines)
    return [
        judge_peer(case, answer["schema"]) if "schema" in answer else {}
        for case, answer in zip(CASES.values(), answers, strict=True)
    ]


def interpreter(folder: Path, peer: str, install: bool) -> Path | None:
    """Return the Python that has a peer installed; None where there is none."""
    python = folder / f"peer_{peer}" / "bin" / "python"
    if not python.exists() and install:
        venv.create(python.parents[1], with_pip=True)
        packages = [*PEERS[peer].split(), "pydantic", "jsonschema"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python if python.exists() else None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--venvs", type=Path, default=Path(".venvs"))
    parser.add_argument("--install", action="store_true")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        return work(options.work)
    warnings.simplefilter("ignore")
    columns = ("compiles", "openai", "trip", "whole", "all")
    print(f"| {len(CASES)} record types | {' | '.join(columns)} |\n|" + " --- |" * 6)
    rows = {"ours": [judge_ours(case) for case in CASES.values()]}
    for peer in options.peers.split(","):
        if python := interpreter(options.venvs, peer, options.install):
            rows[peer] = ask(peer, python)
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(str(sum(v.get(c, False) for v in row)) for c in columns) + " |")
    return None


if __name__ == "__main__":
    main()
