"""Labelled texts, and the result of each. Pure, but for the files that are read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ConfigError, ExtractorError
from ..evidence.leaves import plain, value_at
from ..messages import JSON, Outcome
from ..readers.given import USUAL, Reading
from ..results import Extraction
from .detail import AttemptDetail, CaseDetail
from .gold import SHAPE, Place, Places, object_in, places_in, text_in
from .metrics import MISSING, score
from .rates import Scored
from .records import Dump, Read
from .scoring import PLAIN, Scoring
from .spans import grounding, no_grounding


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled text.

    - gold: its record, as a validated record dumps.
    - places: the gold spans by the JSON pointer of the leaf; None if they are not known.
    - columns: the columns by which figures may be sliced.
    """

    id: str
    text: str
    gold: JSON
    places: Places | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


def cases_from(
    given: str | Path | Iterable[Any], read: Read, slices: Sequence[str] = (), reading: Reading = USUAL
) -> list[Case]:
    """Return the cases in a file, or given in Python. Raises ConfigError."""
    if isinstance(given, str | Path):
        return load_cases(str(given), read, slices=slices, reading=reading)
    return cases_of(given, read, slices, reading)


def reading_in(options: MutableMapping[str, Any]) -> Reading:
    """Take what is said of documents out of the options of a call, and return it. Raises ConfigError."""
    reading = Reading.taken_from(options)
    if reading.page_images:
        raise ConfigError(
            "page_images= can't be used with labelled texts: only the text of a document is sent"
        )
    return reading


def load_cases(
    path: str,
    read: Read,
    limit: int | None = None,
    slices: Sequence[str] = (),
    reading: Reading = USUAL,
) -> list[Case]:
    """Return the cases in a file of JSON Lines. Raises ConfigError with the line that is none.

    read: from a gold record to the form in which found ones will be; what it raises says why the
    record does not fit its type. slices: columns of the data, by name or JSON pointer. reading: how
    documents are read.
    """
    try:
        lines = Path(path).read_text("utf-8-sig").split("\n")
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f'{path} is not text in UTF-8: labelled texts are lines of JSON, {{"text": ..., "record": ...}}'
        ) from error
    numbered = [(n, line) for n, line in enumerate(lines, 1) if line.strip()][:limit]
    told = [(f"{path}, line {n}", str(n), object_in(line, f"{path}, line {n}")) for n, line in numbered]
    folder = Path(path).parent
    return _checked([_case(line, read, where, n, folder, slices, reading) for where, n, line in told], path)


def cases_of(
    cases: Iterable[Any], read: Read, slices: Sequence[str] = (), reading: Reading = USUAL
) -> list[Case]:
    """Return cases given in Python: values of Case as they are, mappings as lines of a file would be."""
    found = [
        each
        if isinstance(each, Case)
        else _case(_line(each, n), read, f"case {n}", str(n), Path(), slices, reading)
        for n, each in enumerate(cases, 1)
    ]
    return _checked(found, "the cases")


def _line(given: Any, number: int) -> Mapping[str, JSON]:
    """Return a case as the line of a file has it. Raises ConfigError for any other line."""
    if isinstance(given, Mapping):
        return given
    if isinstance(given, list | tuple) and len(given) == 2:
        return {"text": given[0], "record": plain(given[1])}
    raise ConfigError(f"case {number}: {SHAPE}, or a pair of a text and its record, not {given!r:.80}")


def _checked(cases: list[Case], where: str) -> list[Case]:
    twice = _first_twice(case.id for case in cases)
    if not cases or twice is not None:
        raise ConfigError(
            f"{where}: " + ("it has no cases" if not cases else f"the id {twice!r} is used twice")
        )
    return cases


def scored(
    case: Case,
    result: Extraction[Any] | None,
    error: ExtractorError | None,
    dump: Dump,
    scoring: Scoring = PLAIN,
    from_journal: bool = False,
) -> Scored:
    """Return what one extraction is worth. result: None if nothing was asked, for the reason `error`."""
    if result is None:
        why = None if error is None else str(error)
        kept = CaseDetail(case.text, case.gold, None, case.places, error=why, columns=case.columns)
        judged, ground = _judged(case, MISSING, {}, scoring)
        return Scored(case.id, "not run" if error else "empty", judged, ground, detail=kept)
    found = dump(result.record) if result.outcome.has_record else MISSING
    places = {} if found is MISSING else spans_of(result)
    judged, ground = _judged(case, found, places, scoring)
    detail = CaseDetail(
        case.text,
        case.gold,
        None if found is MISSING else found,
        case.places,
        places,
        dict(result.confidence or {}),
        None if result.error is None else str(result.error),
        tuple(map(AttemptDetail.of, result.attempts)),
        case.columns,
        from_journal,
    )
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
        detail=detail,
    )


def spans_of(result: Extraction[Any]) -> dict[str, list[Place]]:
    """Return where the values of a record stand, by the JSON pointer of the leaf."""
    return {pointer: [(span.start, span.end) for span in spans] for pointer, spans in result.evidence.items()}


def _judged(case: Case, found: Any, places: Places, scoring: Scoring) -> tuple[Any, Any]:
    ground = None
    if case.places is not None:
        failed = found is MISSING
        ground = (
            no_grounding(case.gold, case.places, scoring)
            if failed
            else grounding(case.gold, case.places, found, places, scoring)
        )
    return score(case.gold, found, scoring), ground


def _case(
    told: Mapping[str, JSON],
    read: Read,
    where: str,
    number: str,
    folder: Path,
    slices: Sequence[str],
    reading: Reading,
) -> Case:
    text = text_in(told, folder, where, reading)
    if text is None or not told.keys() & {"gold", "record"}:
        raise ConfigError(f"{where}: {SHAPE}")
    try:
        gold = read(told["gold"] if "gold" in told else told["record"])
    except ValueError as error:
        raise ConfigError(f"{where}: the gold record does not fit the type: {error}") from error
    columns = {name: _column(told, name, where) for name in slices}
    return Case(str(told.get("id", number)), text, gold, places_in(told, len(text), where), columns)


def _column(told: Mapping[str, JSON], name: str, where: str) -> str:
    if not name.startswith("/") and name not in told:
        raise ConfigError(f"{where}: there is no column {name!r} to slice by; there are {', '.join(told)}")
    value = value_at(told, name) if name.startswith("/") else told[name]
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _first_twice(ids: Iterable[str]) -> str | None:
    seen = set[str]()
    for one in ids:
        if one in seen:
            return one
        seen.add(one)
    return None
