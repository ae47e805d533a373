"""Put labelled instances through the compiler: `python -m tests.benchmarks.instances PATH [TARGET...]`.

PATH is a file or a folder of .json and .jsonl files. Each of their documents holds a `schema` and its
`tests`, each with `data` and whether it is `valid`, as those of MaskBench do. For each target
(default: permissive, openai, llguidance) the command prints how many schemas compile, how many valid
instances are whole (they encode, fit the strict schema and come back equal) with objects closed and open,
and how many invalid ones are let through; then every fault. Exit status 1 where one is let through or
where with open objects under 99 % are whole.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from extractor.errors import ExtractionError, SchemaError
from extractor.schema import CompiledSchema, compile_schema

DEFAULT = ("permissive", "openai", "llguidance")
LEAST = 0.99
ROW = "{:<14}{:<9}{:>9}{:>7}{:>7}{:>9}{:>9}{:>8}"


def main(path: Path, targets: list[str]) -> int:
    """Print the table and the faults; return the exit status."""
    cases, failed = list(read(path)), False
    faults: list[str] = []
    print(ROW.format("target", "objects", "compile", "valid", "whole", "share", "invalid", "let in"))
    for target in targets or DEFAULT:
        for extras in (None, "keep"):
            count: Counter[str] = Counter()
            objects = "open" if extras else "closed"
            for name, case in cases:
                found = judged(case, target, extras, count)
                faults += (f"{target}, {objects}, {name}: {fault}" for fault in found)
            share = count["whole"] / max(1, count["valid"])
            failed |= count["let in"] > 0 or (extras == "keep" and share < LEAST)
            shown = (*map(count.__getitem__, ("compile", "valid", "whole")), f"{share:.2%}")
            print(ROW.format(target, objects, *shown, count["invalid"], count["let in"]), flush=True)
    print(*faults, sep="\n")
    return int(failed)


def read(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield name and content of each document that has a schema with tests."""
    for file in sorted(path.rglob("*.json*")) if path.is_dir() else [path]:
        text = file.read_text("utf-8")
        lines = text.splitlines() if file.suffix == ".jsonl" else [text]
        for n, line in enumerate(lines, 1):
            case = json.loads(line)
            if isinstance(case, dict) and "schema" in case:
                yield str(case.get("id", f"{file.name}:{n}")), case


def judged(case: Any, target: str, extras: Any, count: Counter[str]) -> Iterator[str]:
    """Count how a document's instances fare, and yield the faults."""
    tests = case.get("tests", ())
    count.update("valid" if test["valid"] else "invalid" for test in tests)
    try:
        compiled = compile_schema(case["schema"], target, extras=extras)
    except SchemaError as error:
        yield f"refused: {error}"
        return
    count["compile"] += 1
    for n, test in enumerate(tests):
        fault = wrong(compiled, test["data"])
        if test["valid"] and fault:
            yield f"test {n}: {fault}"
        elif not test["valid"] and not fault:
            yield f"test {n}: let in, though {test.get('description', 'invalid')}"
        count["whole" if test["valid"] else "let in"] += not fault


def wrong(compiled: CompiledSchema[Any], value: Any) -> str:
    """What keeps a value from coming back as it was, "" if nothing does."""
    try:
        text = compiled.encode(value)
        problems = [
            error.message for error in Draft202012Validator(compiled.schema).iter_errors(json.loads(text))
        ]
        back = compiled.decode(text)
    except ExtractionError as error:
        return f"{error}"[:300]
    if problems:
        return f"the strict schema refuses it: {problems[0]:.200}"
    return "" if same(back, value) else "comes back changed"


def same(a: Any, b: Any) -> bool:
    """Whether two JSON values are equal, true and 1 apart, 1 and 1.0 not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
