"""What tuning brings on a set of labelled texts, beside random examples of the same number.

    python -m tests.benchmarks.tuning DIR SCHEMA MODEL TEXTS MAX_REQUESTS JOURNAL [SEED]

DIR holds `data.jsonl` (text, gold, meta.schema) and SCHEMA.json. The first TEXTS texts of that schema are
parted as `tune` does it. What it finds, and as many random examples of the training texts, twice, are
compared with the untuned model on the test texts, which nothing has looked at before. Answers are kept in
JOURNAL, so that what was stopped goes on.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

from extractor import Extractor, Run
from extractor.evaluation import EvalReport, evaluate
from extractor.evaluation.cases import Case
from extractor.evaluation.rates import differences, estimates
from extractor.tuning import split_gold, tune
from extractor.tuning.tuning import FIGURE

ROUNDS, USUAL = 2, 2  # of random examples, and how many where tuning chose none


def cases_of(folder: Path, schema: str, count: int) -> list[Case]:
    """Return the first labelled texts of a schema."""
    lines = map(json.loads, (folder / "data.jsonl").read_text("utf-8").splitlines())
    some = [x for x in lines if x.get("meta", {}).get("schema", "schema") == schema]
    return [Case(x["id"], x["text"], x["gold"]) for x in some[:count]]


def row(name: str, report: EvalReport, before: EvalReport) -> str:
    """Return a line of the table: a candidate's F1 on the test texts, and its gain."""
    found, gain = estimates(report.records)[FIGURE], differences(before.records, report.records)[FIGURE]
    return f"| {name} | {found.value:.1%} | {gain.value:+.1%} ({gain.low:+.1%} to {gain.high:+.1%}) |"


def main(folder: Path, schema: str, model: str, texts: int, most: int, journal: str, seed: int) -> None:
    """Print a table."""
    kind = json.loads((folder / f"{schema}.json").read_text("utf-8"))
    cases = cases_of(folder, schema, texts)
    parts, options = split_gold(cases, seed), {"confidence": True, "run": Run(journal=journal, concurrency=1)}
    with Extractor(model) as ex:
        found = tune(ex, kind, cases, max_requests=most, seed=seed, **options)
        for each in found.trials:
            print(f"| {each.candidate} | {each.f1.value:.1%} |", flush=True)
        print(found.why, found.gain, "skipped:", found.skipped)
        print(found.requests, "requests", found.tokens, "tokens", flush=True)

        def on_test(**said: Any) -> EvalReport:
            return evaluate(ex, kind, parts.test, **options, **said)

        before, rng = on_test(), random.Random(seed)
        print(row("untuned", before, before))
        shown = USUAL if found.tuned is None else found.tuned.shown or USUAL
        if found.tuned is not None:
            with ex.with_options(tuned=found.tuned) as better:
                print(row("tuned", evaluate(better, kind, parts.test, **options), before), flush=True)
        for _ in range(ROUNDS):
            drawn = [(each.text, each.gold) for each in rng.sample(parts.train, shown)]
            print(row(f"{shown} random examples", on_test(examples=drawn), before), flush=True)


if __name__ == "__main__":
    given = [*sys.argv[1:], *("", "", "", "", "", "", "0")[len(sys.argv) - 1 :]]
    main(Path(given[0]), given[1], given[2], int(given[3]), int(given[4]), given[5], int(given[6]))
