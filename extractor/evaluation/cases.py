"""Labelled texts, and what came of one. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ..errors import ConfigError, ExtractorError
from ..messages import JSON, Outcome
from ..results import Extraction
from .metrics import MISSING, score
from .rates import Scored
from .spans import Place, Places, grounding, no_grounding

Dump: TypeAlias = Callable[[Any], JSON]
Read: TypeAlias = Callable[[JSON], JSON]
SHAPE = (
    'a case is {"text": "...", "gold": {...}}, with "id" and "evidence": [{"path": "/field", "start": 0, '
    '"end": 5}] where there are such'
)


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled text. gold: its record, as a validated record dumps. places: the gold spans by the
    JSON pointer of the leaf; None where they are not known.
    """

    id: str
    text: str
    gold: JSON
    places: Places | None = None


def load_cases(path: str, read: Read, limit: int | None = None) -> list[Case]:
    """Return the cases in a file of JSON Lines. Raises ConfigError with the line that is none.

    read: from a gold record to the form in which found ones will be; what it raises says why the
    record does not fit its type.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip()][:limit]
    cases = [_case(line, read, f"{path}, line {n}", str(n)) for n, line in numbered]
    twice = _first_twice(case.id for case in cases)
    if not cases or twice is not None:
        raise ConfigError(f"{path}: " + ("there is no case in it" if not cases else f"two ids are {twice!r}"))
    return cases


def scored(case: Case, result: Extraction[Any] | None, error: ExtractorError | None, dump: Dump) -> Scored:
    """Return what one extraction is worth. result: None where nothing was asked, for the reason `error`."""
    if result is None:
        return Scored(case.id, "not run" if error else "empty", *_judged(case, MISSING, {}))
    found = dump(result.record) if result.outcome.has_record else MISSING
    places = spans_of(result) if case.places is not None and found is not MISSING else {}
    judged, ground = _judged(case, found, places)
    return Scored(
        case.id,
        str(result.outcome),
        judged,
        ground,
        first_try=result.outcome is Outcome.OK,
        calls=len(result.attempts),
        tokens=result.usage.total_tokens,
        cost=None if result.cost is None else float(result.cost),
        seconds=sum(attempt.latency + attempt.waited for attempt in result.attempts),
    )


def spans_of(result: Extraction[Any]) -> dict[str, list[Place]]:
    """Return where the values of a record stand, by the JSON pointer of the leaf."""
    return {pointer: [(span.start, span.end) for span in spans] for pointer, spans in result.evidence.items()}


def _judged(case: Case, found: Any, places: Places) -> tuple[Any, Any]:
    ground = None
    if case.places is not None:
        failed = found is MISSING
        ground = (
            no_grounding(case.gold, case.places)
            if failed
            else grounding(case.gold, case.places, found, places)
        )
    return score(case.gold, found), ground


def _case(line: str, read: Read, where: str, number: str) -> Case:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: this is not JSON: {error}") from error
    if (
        not isinstance(told, dict)
        or not isinstance(told.get("text"), str)
        or not told.keys() & {"gold", "record"}
    ):
        raise ConfigError(f"{where}: {SHAPE}")
    try:
        gold = read(told["gold"] if "gold" in told else told["record"])
    except ValueError as error:
        raise ConfigError(f"{where}: the gold record does not fit the type: {error}") from error
    evidence = told.get("evidence")
    places = None if evidence is None else _places(evidence, len(told["text"]), where)
    return Case(str(told.get("id", number)), told["text"], gold, places)


def _places(evidence: JSON, length: int, where: str) -> Places:
    places: dict[str, list[Place]] = {}
    for one in evidence if isinstance(evidence, list) else [evidence]:
        match one:
            case {"path": str(pointer), "start": int(start), "end": int(end)} if 0 <= start < end <= length:
                places.setdefault(pointer, []).append((start, end))
            case _:
                raise ConfigError(f"{where}: {one!r} is no span of the text; {SHAPE}")
    return places


def _first_twice(ids: Iterable[str]) -> str | None:
    seen = set[str]()
    for one in ids:
        if one in seen:
            return one
        seen.add(one)
    return None
