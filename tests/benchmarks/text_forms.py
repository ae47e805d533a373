"""The text forms of documents, with a model: `python -m tests.benchmarks.text_forms MODEL [FORM ...]`.

Each of the project's own documents is read in each form, and put to the model. Shown are the field F1, the
share of right values on pages that have a box, and seconds for a document. A line of JSON for each document
goes to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

from extractor import Extractor, read
from extractor.demo import Kind, Trial, examples_folder, load_documents, trials
from extractor.evaluation.metrics import LeafCounts

FORMS = ("plain", "layout", "markdown")


def boxed(trial: Trial) -> tuple[int, int]:
    """Return how many values have a box, and how many stand on a page and were found in the text."""
    source: Any = trial.example.text
    if not source.pages:
        return 0, 0
    found = [pointer for pointer, spans in trial.extraction.evidence.items() if spans]
    return len(trial.extraction.boxes), len(found)


def measured(model: Extractor, kinds: Sequence[Kind], form: str) -> str:
    """Return a line of the table: what came of all documents in one form."""
    counts, boxes, found, documents, seconds = LeafCounts(), 0, 0, 0, 0.0
    for kind in kinds:
        for trial in trials(kind, model.run):
            counts, documents, seconds = counts + trial.right, documents + 1, seconds + trial.seconds
            here, there = boxed(trial)
            boxes, found = boxes + here, found + there
            told = {"form": form, "file": trial.example.file, "f1": trial.right.f1, "found": trial.found}
            print(json.dumps({**told, "seconds": trial.seconds}, default=str), file=sys.stderr, flush=True)
    return f"{form:10} {counts.f1:6.2f} {boxes:4}/{found:<4} {seconds / documents:7.1f}"


def main(given: Sequence[str]) -> None:
    """Print a line for each form."""
    name, *forms = given
    print(f"{'form':10} {'F1':>6} {'boxes':>9} {'seconds':>7}", time.strftime("%Y-%m-%d"), name)
    rows = json.loads((examples_folder() / "documents.json").read_text("utf-8"))
    with Extractor(name) as model:
        for form in forms or FORMS:
            opened: Any = partial(read, text_form=form)
            kinds = [load_documents(examples_folder(), each, opened=opened) for each in rows]
            print(measured(model, [each for each in kinds if each is not None], form), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
