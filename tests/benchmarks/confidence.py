"""How true confidence is: calibration error before and after fitting, and the errors among the least sure.

    python -m tests.benchmarks.confidence DIR [TEXTS] [SAMPLES] [PLOT.svg]

DIR holds `data.jsonl` (text, gold, meta.schema) and the JSON Schemas that it names, as the slots of the
snips data set. The last TEXTS of it (200), about the same number of each kind, are extracted by the embedded
model, three others of their kind as examples in the prompt. One half of the texts is fitted on, what is
printed is of the other half. Answers are kept in the user's journal, so a second run asks nothing.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from extractor import Extractor
from extractor.cli.calibrate import HEAD, figures
from extractor.confidence import Method
from extractor.evaluation.calibrating import Labelled, labelled, tried
from extractor.evaluation.cases import Case
from extractor.evaluation.plots import reliability_svg
from extractor.evaluation.reliability import reliability

SHOTS = 3
METHODS: tuple[Method, ...] = ("isotonic", "platt")


def values(folder: Path, texts: int, samples: int) -> Iterator[Labelled]:
    kinds = defaultdict(list)
    for line in (folder / "data.jsonl").read_text("utf-8").splitlines():
        item = json.loads(line)
        kinds[item["meta"]["schema"]].append(item)
    with Extractor("local:smollm2") as ex:
        for i, kind in enumerate(sorted(kinds)):
            schema = json.loads((folder / f"{kind}.json").read_text("utf-8"))
            shots = [(shot["text"], shot["gold"]) for shot in kinds[kind][:SHOTS]]
            count = texts // len(kinds) + (i < texts % len(kinds))
            cases = [Case(x["id"], x["text"], x["gold"]) for x in kinds[kind][-count:]]
            asked = ex.rows([c.text for c in cases], schema, examples=shots, confidence=True, samples=samples)
            for row in asked:
                yield from labelled(cases[row.index], row.extraction, lambda record: record)


def main(folder: Path, texts: int, samples: int, plot: str | None) -> None:
    found = list(values(folder, texts, samples))
    trials = [tried(found, method, "smollm2", "", samples) for method in METHODS]
    held_out, right = trials[0].held_out, trials[0].right
    wrong, of = len(right) - sum(right), len({value.text for value in held_out})
    print(f"{len(right)} values of {of} texts, {wrong} of them wrong")
    print(f"| {' | '.join(HEAD)} |\n| --- | --- | --- |")
    for row in [*figures(trials[0]), ["calibrated, platt", *figures(trials[1])[-1][1:]]]:
        print(f"| {' | '.join(row)} |")
    if plot is not None:
        stated = trials[0].stated
        shown = {name: reliability(stated[name], right) for name in ("score", "calibrated")}
        Path(plot).write_text(reliability_svg(shown), "utf-8")


if __name__ == "__main__":
    given = [*sys.argv[1:], *("", "200", "1", "")[len(sys.argv) - 1 :]]
    main(Path(given[0]), int(given[1]), int(given[2]), given[3] or None)
