"""An evaluation as one page: figures, slips, and each text with gold and found side by side. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ..errors import ConfigError
from ..messages import JSON
from ..report import assembled, units
from .explaining import ERRORS, Confusion, LeafVerdict, VerdictKind, confusions, matrices, verdicts_by_field
from .metrics import LeafCounts, flatten
from .rates import (
    RATES,
    Scored,
    by_field,
    differences,
    estimates,
    field_differences,
    paired,
)
from .reports import EvalReport, errors_of

LEGEND = (
    "With a 95 % bootstrap interval over texts. Case, space, punctuation and the spelling of numbers "
    "don't count as errors; strict: values must be exactly equal."
)
PAIRED = "Over the texts that both have. Sure: the share of resamples of the texts that agree on the sign."


def evaluation_page(report: EvalReport, after: EvalReport | None = None) -> str:
    """Return the page of one evaluation, or of two: what changed, with intervals. Raises ConfigError if the
    two have no text in common.
    """
    title = report.title if after is None else f"{report.title} and {after.title}"
    return assembled("evaluation", page_data(report, after), title)


def page_data(report: EvalReport, after: EvalReport | None = None) -> JSON:
    """Return all that the page shows. Offsets are those of JavaScript, in UTF-16 units."""
    runs = [report] if after is None else [report, after]
    records = _common(runs)
    leaves = [{r.id: each.leaves[r.id] for r in some} for each, some in zip(runs, records, strict=True)]
    joined = [
        _joined(scored, [each[scored[0].id] for each in leaves]) for scored in zip(*records, strict=True)
    ]
    slips = [one for i, each in enumerate(leaves) for one in _confusions(i, each)]
    return {
        "runs": [_run(each, len(some)) for each, some in zip(runs, records, strict=True)],
        "legend": LEGEND if after is None else f"{LEGEND} {PAIRED}",
        "kinds": [str(each) for each in ERRORS],
        "figures": _figures(records),
        "fields": _fields(records, leaves, joined),
        "confusions": sorted(slips, key=lambda each: -each["count"]),
        "matrices": [one for i, each in enumerate(leaves) for one in _matrices(i, each, runs[i].choices)],
        "slices": _slices(records),
        "texts": joined,
    }


def _common(runs: Sequence[EvalReport]) -> list[list[Scored]]:
    if len(runs) == 1:
        return [runs[0].records]
    pairs = paired(runs[0].records, runs[1].records)
    if not pairs:
        raise ConfigError("the two reports have no text in common: their ids are all different")
    return [[before for before, _ in pairs], [after for _, after in pairs]]


def _run(report: EvalReport, texts: int) -> JSON:
    told = {"title": report.title, "model": report.model, "type": report.record_type, "texts": texts}
    return {
        **told,
        "options": dict(report.options),
        "scoring": dict(report.scoring),
        "complete": report.complete,
    }


def _figures(records: Sequence[Sequence[Scored]]) -> list[JSON]:
    found = [estimates(some) for some in records]
    change = differences(records[0], records[1]) if len(records) == 2 else {}
    return [
        {
            "name": rate.name,
            "percent": rate.percent,
            "good": rate.good,
            "values": [asdict(each[rate.name]) for each in found],
            "change": asdict(change[rate.name]) if change else None,
        }
        for rate in RATES
        if all(each[rate.name].value is not None for each in found)
    ]


def _fields(
    records: Sequence[Sequence[Scored]],
    leaves: Sequence[Mapping[str, Sequence[LeafVerdict]]],
    joined: Sequence[JSON],
) -> list[JSON]:
    counts = [by_field(some) for some in records]
    verdicts = [
        {
            each.field: each.counts
            for each in verdicts_by_field(leaf for some in run.values() for leaf in some)
        }
        for run in leaves
    ]
    change = field_differences(records[0], records[1]) if len(records) == 2 else {}
    rows = [row for text in joined for row in text["rows"]]
    return [
        {
            "field": name,
            "runs": [
                _field(tally.get(name, LeafCounts()), known.get(name, {}))
                for tally, known in zip(counts, verdicts, strict=True)
            ],
            "turned": _turned([row for row in rows if row["field"] == name]) if change else None,
            "change": asdict(change[name]) if change else None,
        }
        for name in dict.fromkeys(name for each in counts for name in each)
    ]


def _field(tally: LeafCounts, verdicts: Mapping[VerdictKind, int]) -> JSON:
    return {
        "gold": tally.gold,
        "found": tally.predicted,
        "right": tally.correct,
        "precision": tally.precision,
        "recall": tally.recall,
        "f1": tally.f1,
        "nulls": tally.null_accuracy,
        "verdicts": {str(each): count for each, count in verdicts.items() if each in ERRORS},
    }


def _turned(rows: Sequence[JSON]) -> JSON:
    """Return how many values are right in the second run alone, and in the first alone."""
    sides = [[_fine(leaf) for leaf in row["runs"]] for row in rows]
    return {"right": sides.count([False, True]), "wrong": sides.count([True, False])}


def _fine(leaf: JSON) -> bool:
    if leaf is None:  # the other run has invented something
        return True
    verdict = VerdictKind(leaf["verdict"])
    return verdict.counts_as_right or verdict is VerdictKind.EMPTY


def _confusions(run: int, leaves: Mapping[str, Sequence[LeafVerdict]]) -> list[JSON]:
    found: list[Confusion] = confusions((text, leaf) for text, some in leaves.items() for leaf in some)
    return [{"run": run, "told": str(each), **asdict(each)} for each in found]


def _matrices(
    run: int, leaves: Mapping[str, Sequence[LeafVerdict]], choices: Mapping[str, Sequence[str]]
) -> list[JSON]:
    found = matrices([leaf for some in leaves.values() for leaf in some], choices)
    return [{"run": run, **asdict(each)} for each in found]


def _slices(records: Sequence[Sequence[Scored]]) -> list[JSON]:
    by_value: dict[str, dict[str, list[list[Scored]]]] = {}
    for run, some in enumerate(records):
        for record in some:
            for column, value in ({} if record.detail is None else record.detail.columns).items():
                known = by_value.setdefault(column, {}).setdefault(value, [[] for _ in records])
                known[run].append(record)
    return [
        {
            "column": column,
            "values": [
                {
                    "value": value,
                    "texts": max(map(len, some)),
                    "runs": [asdict(estimates(each)["value F1"]) for each in some],
                }
                for value, some in sorted(values.items())
            ],
        }
        for column, values in by_value.items()
    ]


# -- one text, in one run or two


def _joined(records: Sequence[Scored], leaves: Sequence[Sequence[LeafVerdict]]) -> JSON:
    detail = next((each.detail for each in records if each.detail is not None), None)
    unit = units("" if detail is None else detail.text)
    return {
        "id": records[0].id,
        "text": "" if detail is None else detail.text,
        "columns": {} if detail is None else dict(detail.columns),
        "outcomes": [each.outcome for each in records],
        "wrong": [len(errors_of(some)) for some in leaves],
        "facts": [_facts(each) for each in records],
        "rows": _rows(records, leaves, unit),
        "runs": [_said(each) for each in records],
    }


def _facts(record: Scored) -> str:
    cost = "" if record.cost is None else f", {record.cost:.6f} US dollars"
    kept = ", from the journal" if record.detail is not None and record.detail.from_journal else ""
    return f"{record.outcome}, requests: {record.calls}, tokens: {record.tokens:,}{cost}{kept}"


def _said(record: Scored) -> JSON:
    if record.detail is None:
        return {"error": None, "attempts": []}
    attempts = [
        {"outcome": each.outcome, "reply": each.reply, "problems": list(each.problems), "note": each.note}
        for each in record.detail.attempts
    ]
    return {"error": record.detail.error, "attempts": attempts}


def _rows(
    records: Sequence[Scored], leaves: Sequence[Sequence[LeafVerdict]], unit: Callable[[int], int]
) -> list[JSON]:
    """Return a row for each leaf: those of gold by their pointer, and what was invented by its own."""
    rows: dict[tuple[str, str], Any] = {}
    for run, (record, some) in enumerate(zip(records, leaves, strict=True)):
        known = set() if record.detail is None else set(flatten(record.detail.gold))
        taken = set[tuple[str, str]]()
        for leaf in some:
            key = ("gold", leaf.pointer)
            if leaf.verdict is VerdictKind.INVENTED and (key in taken or leaf.pointer not in known):
                key = ("invented", leaf.there)
            taken.add(key)
            row: Any = rows.setdefault(key, _row(leaf, record, len(records), unit))
            row["runs"][run] = _found(leaf, record, unit)
    return [*rows.values()]


def _row(leaf: LeafVerdict, record: Scored, runs: int, unit: Callable[[int], int]) -> JSON:
    places = (None if record.detail is None else record.detail.gold_places) or {}
    known = places.get(leaf.pointer, ()) if leaf.gold is not None else ()
    spans = [[unit(start), unit(end)] for start, end in known]
    shown = {"field": leaf.field, "pointer": leaf.pointer, "gold": _shown(leaf.gold), "spans": spans}
    return {**shown, "runs": [None] * runs}


def _found(leaf: LeafVerdict, record: Scored, unit: Callable[[int], int]) -> JSON:
    places = {} if record.detail is None else record.detail.places
    known = places.get(leaf.there, ()) if leaf.found is not None else ()
    return {
        "found": _shown(leaf.found),
        "verdict": str(leaf.verdict),
        "how": leaf.how,
        "spans": [[unit(start), unit(end)] for start, end in known],
    }


def _shown(value: JSON) -> str | None:
    """Return a value as it is written: JavaScript's numbers have 53 bits."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
