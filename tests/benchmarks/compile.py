"""How long compiling takes: `python -m tests.benchmarks.compile`.

One model of 200 members of ordinary kinds, compiled cold and again, beside Pydantic's own
`model_json_schema()` and the compilers of openai and pydantic-ai where they are installed. The best of
many rounds, since other programs share the machine. Then decoding, beside `model_validate_json()`.
"""

import time
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, create_model

from extractor.schema import compile_schema
from extractor.schema import record_type as compiler

ROUNDS = 200
KINDS: tuple[Any, ...] = (
    str,
    int,
    float,
    bool,
    date,
    str | None,
    list[str],
    Literal["a", "b"],
    Annotated[str, Field(description="What it is.", max_length=20)],
    Annotated[int, Field(ge=0, le=100)],
)


def wide(members: int = 200) -> type[BaseModel]:
    """Return a model with as many members, of all kinds in turn."""
    return create_model("Wide", **{f"member_{i}": (KINDS[i % len(KINDS)], ...) for i in range(members)})


def best(call: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the seconds of the fastest of some rounds."""
    found = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        found = min(found, time.perf_counter() - start)
    return found


def cold(model: type[BaseModel], target: str) -> None:
    """Compile as if for the first time."""
    compiler._cache.clear()
    compile_schema(model, target)


def peers(model: type[BaseModel]) -> dict[str, Callable[[], object]]:
    """Return the compilers that are installed, by name."""
    found: dict[str, Callable[[], object]] = {}
    try:
        from openai.lib._pydantic import to_strict_json_schema

        found["openai"] = lambda: to_strict_json_schema(model)
    except ImportError:
        pass
    try:
        from pydantic_ai.profiles.openai import OpenAIJsonSchemaTransformer

        found["pydantic-ai"] = lambda: OpenAIJsonSchemaTransformer(
            model.model_json_schema(), strict=True
        ).walk()
    except ImportError:
        pass
    return found


def report(name: str, seconds: float, unit: float, against: str) -> None:
    """Print one line: microseconds and the ratio to what it is measured against."""
    print(f"{name:32}{seconds * 1e6:12.2f} us{seconds / unit:9.2f} x {against}")


def main() -> None:
    """Measure and print."""
    model = wide()
    plain = best(model.model_json_schema)
    report("pydantic model_json_schema", plain, plain, "pydantic")
    for target in ("openai", "permissive", "local"):
        report(f"extractor {target}, cold", best(lambda t=target: cold(model, t)), plain, "pydantic")
    compile_schema(model)
    again = best(lambda: [compile_schema(model) for _ in range(1000)], 20) / 1000
    report("extractor openai, again", again, plain, "pydantic")
    for name, call in peers(model).items():
        report(name, best(call, 50), plain, "pydantic")

    values: dict[str, Any] = {"str": "text", "int": 7, "float": 1.5, "bool": True, "date": "2026-01-31"}
    kinds = ("str", "int", "float", "bool", "date", "str", "list", "choice", "str", "int")
    values |= {"list": ["a", "b"], "choice": "a"}
    record = model.model_validate({f"member_{i}": values[kinds[i % len(kinds)]] for i in range(200)})
    compiled = compile_schema(model)
    text = compiled.encode(record)
    validate = best(lambda: model.model_validate_json(text))
    report("pydantic model_validate_json", validate, validate, "model_validate_json")
    report("extractor decode", best(lambda: compiled.decode(text)), validate, "model_validate_json")


if __name__ == "__main__":
    main()
