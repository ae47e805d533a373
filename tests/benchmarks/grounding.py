"""What it brings to hold a small model's strings to the text: leaf F1, invented strings, tokens, seconds.

    python -m tests.benchmarks.grounding DIR [TEXTS]

DIR holds `data.jsonl` (text, gold, meta.schema) and the JSON Schemas that it names, as the slots of the
snips data set; 200 of its texts are extracted, three others of their kind as examples in the prompt. Then
come the project's own example texts, without examples. Each is extracted by the embedded model, free and
grounded, greedily, one after the other.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from extractor import Extraction, Extractor, compile_schema
from extractor.demo import examples_folder, load_kinds, trials
from extractor.evaluation.metrics import MISSING, Score, flatten, score, total
from extractor.evidence import find_verbatim
from extractor.schema import grounding
from extractor.schema.strict import nodes

SHOTS = 3


@dataclass(frozen=True)
class Row:
    """What came of one text."""

    score: Score
    strings: int
    invented: int
    tokens: int
    seconds: float


def bound_names(record_type: Any) -> set[str]:
    """Return the names of the members whose strings are held to the text where decoding is grounded."""
    schema = compile_schema(record_type, grounding("local", "all")).schema
    every = [node for body in (schema, *schema.get("$defs", {}).values()) for node in nodes(body)]
    return {
        name
        for node in every
        for name, value in node.get("properties", {}).items()
        if any(part.get("x-verbatim") for part in nodes(value) if "properties" not in part)
    }


def row(text: str, gold: Any, found: Any, names: set[str], extraction: Extraction[Any]) -> Row:
    leaves = {} if found is MISSING else flatten(found)
    said = [
        value
        for pointer, value in leaves.items()
        if isinstance(value, str) and value and re.sub(r"/\d+$", "", pointer).rpartition("/")[2] in names
    ]
    invented = sum(not find_verbatim(value, text) for value in said)
    seconds = sum(attempt.latency for attempt in extraction.attempts)
    return Row(score(gold, found), len(said), invented, extraction.usage.completion_tokens, seconds)


def slots(folder: Path, texts: int, ex: Extractor) -> Iterator[Row]:
    kinds = defaultdict(list)
    for line in (folder / "data.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        kinds[item["meta"]["schema"]].append(item)
    schemas = {kind: json.loads((folder / f"{kind}.json").read_text("utf-8")) for kind in kinds}
    for i in range(texts):
        kind = sorted(kinds)[i % len(kinds)]
        item = kinds[kind][SHOTS + i // len(kinds)]
        shots = [(shot["text"], shot["gold"]) for shot in kinds[kind][:SHOTS]]
        done = ex.run(schemas[kind], item["text"], examples=shots)
        found = done.record if done.outcome.has_record else MISSING
        yield row(item["text"], item["gold"], found, bound_names(schemas[kind]), done)


def own_examples(ex: Extractor) -> Iterator[Row]:
    for kind in load_kinds(examples_folder()):
        names = bound_names(kind.record_type)
        for trial in trials(kind, ex.run):
            yield row(trial.example.text, trial.example.gold, trial.found, names, trial.extraction)


def line(name: str, rows: list[Row]) -> str:
    whole = total(r.score for r in rows)
    strings, invented = sum(r.strings for r in rows), sum(r.invented for r in rows)
    return (
        f"| {name} | {len(rows)} | {whole.valid} | {whole.strict.overall.f1:.3f} | "
        f"{whole.normalised.overall.f1:.3f} | {invented} of {strings} ({invented / max(strings, 1):.0%}) | "
        f"{sum(r.tokens for r in rows) / len(rows):.0f} | {sum(r.seconds for r in rows) / len(rows):.2f} |"
    )


def main(folder: Path, texts: int) -> None:
    print("| texts | n | valid | F1 strict | F1 normalised | strings not in the text | tokens | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    ways: Mapping[str, bool] = {"free": False, "grounded": True}
    for name, grounded in ways.items():
        with Extractor("local:smollm2", grounded=grounded) as ex:
            print(line(f"slots, {name}", list(slots(folder, texts, ex))), flush=True)
            print(line(f"examples, {name}", list(own_examples(ex))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 200)
