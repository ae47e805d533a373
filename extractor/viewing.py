"""Records of any kind as one page: results of calls, rows of runs, frames, and lines that were written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter, ValidationError

from .bulk import RowOutcome
from .bulk.frames import is_frame, open_frame
from .errors import ConfigError
from .evidence import Evidence, How, Span, align
from .evidence.leaves import value_at
from .keywords import names_wrong_keywords
from .layout import Source
from .messages import JSON
from .readers.given import Reading, text_of
from .report import (
    Entry,
    EscalatedValue,
    PagePiece,
    Variants,
    as_json,
    derived,
    frame,
    height_of,
    page,
    piece_told,
    shown_pages,
)
from .results import Shown

CHANGED = "the text has changed since it was read, so it is not shown"
ERROR = "_error"  # ends the name of the column that says why a row has no record
USUAL = ("text", "source", "path")
BESIDE = ("error", "usage", "evidence", "confidence", "escalation", "conflicts", "chunks")  # fields of a line
ReadNamed: TypeAlias = Callable[[str, Reading], str | Source | None]
LOOKED_AT = 100  # lines, to find which field is the text


@dataclass(frozen=True)
class Names:
    """The fields of a line that hold its text and its record; None for those that are usual."""

    text: str | None
    record: str | None


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """Records beside their texts, to look at: a notebook shows it; `to_html` and `save` make a page of it."""

    entries: tuple[Entry, ...] = field(repr=False)
    title: str = "Records"

    def __len__(self) -> int:
        return len(self.entries)

    def __repr__(self) -> str:
        counts = Counter(entry.outcome for entry in self.entries)
        told = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.most_common())
        return f"{type(self).__name__}({len(self):,} texts: {told})"

    def to_html(self) -> str:
        """Return a self-contained HTML page."""
        return page(self.entries, self.title)

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, and return its path."""
        Path(path).write_text(self.to_html(), "utf-8")
        return Path(path)

    def _repr_html_(self) -> str:
        single = len(self.entries) == 1
        return frame(self.to_html(), *([height_of(self.entries[0])] if single else []))


_NEEDS = "view() needs results, outcomes of rows, a frame or mappings"


@names_wrong_keywords()
def view(
    results: Any,
    *,
    text: str | None = None,
    record: str | None = None,
    record_type: Any = None,
    title: str = "Records",
) -> RecordsPage:
    """Return records beside their texts, with the place of each value marked.

    - results: a result, results, the outcomes of `rows`, a frame that `frame` returned, or mappings.
    - text, record: the columns of a frame that hold them. By default they are found by name and content.
    - record_type: which values are enums and dates, if the records are plain JSON.

    Raises ConfigError if these are no results.
    """
    adapter = None if record_type is None else TypeAdapter(record_type)
    if isinstance(results, Shown | RowOutcome | Mapping):
        results = [results]
    if not is_frame(results) and not isinstance(results, Iterable):
        raise ConfigError(f"{_NEEDS}, not {results!r:.80}")
    rows = list(_rows_of(results) if is_frame(results) else results)
    names = names_of([row for row in rows if isinstance(row, Mapping)], Names(text, record))
    return RecordsPage(tuple(_entry(row, i, names, adapter) for i, row in enumerate(rows, 1)), title)


def _entry(result: Any, number: int, names: Names, adapter: TypeAdapter[Any] | None) -> Entry:
    if isinstance(result, Shown):
        return result.entry(_name_of(result) or str(number))
    if isinstance(result, RowOutcome):
        return _of_row(result)
    if isinstance(result, Mapping):
        return entry_of(result, number, names, adapter)
    raise ConfigError(f"{_NEEDS}, not {result!r:.80}")


def _name_of(result: Any) -> str:
    """Return the name of the document that a result is of, "" where it has none."""
    origin = getattr(result, "origin", None)
    return origin.name if isinstance(origin, Source) else ""


def _of_row(outcome: RowOutcome[Any]) -> Entry:
    name = _name_of(outcome.extraction)
    title = f"row {outcome.index + 1}" + (f": {name}" if name else "")
    if outcome.extraction is not None:
        return outcome.extraction.entry(title)
    why = () if outcome.error is None else (str(outcome.error),)
    return Entry(title, "empty" if outcome.error is None else "not run", "", problems=why, missing=True)


def _rows_of(given: Any) -> Iterator[Mapping[str, Any]]:
    opened = open_frame(given)
    columns = [opened.values(name) for name in opened.names]
    for cells in zip(*columns, strict=True) if columns else ():
        yield dict(zip(map(str, opened.names), map(_without_arrays, cells), strict=True))


def _without_arrays(cell: Any) -> Any:
    """Return a cell with lists in place of NumPy's arrays, which pandas makes of the lists in Parquet."""
    if isinstance(cell, Mapping):
        return {name: _without_arrays(value) for name, value in cell.items()}
    if isinstance(cell, list) or hasattr(cell, "tolist"):
        some = cell if isinstance(cell, list) else cell.tolist()
        return [_without_arrays(each) for each in some] if isinstance(some, list) else some
    return cell


def entry_of(
    line: Mapping[str, JSON],
    number: int,
    names: Names,
    adapter: TypeAdapter[Any] | None = None,
    read: ReadNamed = lambda source, reading: None,
    pictures: bool = True,
) -> Entry:
    """Return what a page shows of a line that `extractor extract` and `run` write, or of one with a text and
    a record. read: returns the text of a file, read as the line says, None where it may not be read, or is
    not there. pictures:
    whether the pages of documents are drawn. Raises ConfigError where the line has no such field.
    """
    line = of_quarantine(line)
    column = names.record or _record_field(line)
    line = _with_values(line, {*BESIDE, *(f"{column}_{name}" for name in BESIDE)})
    record, origin = _record(line, column, adapter), _text(line, names.text, read)
    text = text_of(origin) if origin is not None else ""
    told = line.get("evidence") or line.get(f"{column}_evidence")
    changed = bool(text) and (line.get("sha256") not in (None, sha256_of(text)) or _is_stale(told, text))
    if changed:  # its marks would stand at other words
        text, origin = "", None
    error = line.get(f"{column}{ERROR}") or line.get("error") or {}
    error = {"message": error} if isinstance(error, str) else error
    outcome = line.get("outcome") or (error.get("kind") if error else "ok" if record is not None else "empty")
    usage = line.get("usage") or line.get(f"{column}_usage") or {}
    facts = {name.replace("_", " "): str(told) for name, told in usage.items() if told is not None}
    named = (line[name] for name in ("source", "path", "id") if line.get(name) not in (None, ""))
    title = str(next(named, number))
    why = ((CHANGED,) if changed else ()) + ((str(error["message"]),) if error.get("message") else ())
    evidence = _given(told, text)
    if not text:
        evidence = {}
    elif evidence is None:
        evidence = {} if record is None else align(_typed(record, adapter), text)
    of_pages = origin if isinstance(origin, Source) else None
    shown = record if record is not None else line.get("found")
    return Entry(
        title,
        str(outcome),
        text,
        shown,
        evidence,
        why,
        facts,
        conflicts=tuple(_conflicts(line.get("conflicts"), text)),
        chunks=tuple(_chunks(line.get("chunks"), text)),
        confidence=_confidence(line.get("confidence") or line.get(f"{column}_confidence")),
        pages=shown_pages(of_pages) if pictures else (),
        boxes={} if of_pages is None else of_pages.boxes_by_pointer(evidence),
        missing=not text,
        derived=derived(shown, _schema_of(adapter)),
        document=str(_document(line)) if of_pages is not None and of_pages.pages else "",
        escalated=_escalated(line.get("escalation") or line.get(f"{column}_escalation")),
    )


def _with_values(line: Mapping[str, JSON], names: Collection[str]) -> dict[str, JSON]:
    """Return the line with some of its fields as values: cells of CSV and of sheets hold JSON texts."""
    texts = {name for name in names if isinstance(cell := line.get(name), str) and cell[:1] in ("[", "{")}
    return {name: _parsed(value) if name in texts else value for name, value in line.items()}


def names_of(lines: Sequence[Mapping[str, JSON]], names: Names) -> Names:
    """Return the names with that of the text, where lines have none that is usual: the field with the longest
    texts that is not the record's.
    """
    lines = [of_quarantine(line) for line in lines]
    if names.text is not None or any(
        line.get("text") or line.get("source") or line.get("path") for line in lines
    ):
        return names
    sizes = Counter[str]()
    for line in lines[:LOOKED_AT]:
        column = names.record or _record_field(line)
        own = ((name, value) for name, value in line.items() if not name.startswith(column))
        sizes.update({name: len(value) for name, value in own if isinstance(value, str)})
    found = sizes.most_common(1)
    return Names(found[0][0], names.record) if found else names


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, which tells whether it is the one that was read."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def of_quarantine(line: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """Return the row of a line of a quarantine, with why it is there; another line as it is."""
    row = line.get("input")
    if not isinstance(row, Mapping) or not {"quarantine", "error"} <= line.keys():
        return line
    return {**row, "error": line["error"]}


def _record(line: Mapping[str, JSON], column: str, adapter: TypeAdapter[Any] | None) -> JSON:
    """Return the record of a line, also where its members are columns. Raises ConfigError if nothing tells
    which columns these are.
    """
    if column in line or "found" in line:
        return _as_json(line.get(column))
    error = f"{column}{ERROR}"
    if error not in line or line[error]:
        return None
    if adapter is None:
        raise ConfigError(
            f"there is a column {error}, but none named {column} with a record: if its members are columns "
            "of their own, name the record type (record_type=, or --type), else the column (record=, or "
            "--record)"
        )
    members = adapter.json_schema(mode="serialization").get("properties", {})
    named = {name: f"{column}_{name}" if f"{column}_{name}" in line else name for name in members}
    found = {name: as_json(line[field]) for name, field in named.items() if field in line}
    return found if any(value is not None for value in found.values()) else None


def _is_stale(told: JSON, text: str) -> bool:
    """Whether a given place has other words in the text."""
    for one in told if isinstance(told, list) else ():
        match one:
            case {"start": int(start), "end": int(end), "text": str(words)} if len(words) == end - start:
                if text[start:end] != words:
                    return True
    return False


def _as_json(record: Any) -> JSON:
    """Return a record as JSON; cells of CSV hold it as a text."""
    if isinstance(record, str) and record[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(record)
    return as_json(record)


def _schema_of(adapter: TypeAdapter[Any] | None) -> Mapping[str, JSON]:
    return {} if adapter is None else adapter.json_schema(mode="serialization")


def _text(line: Mapping[str, JSON], name: str | None, read: ReadNamed) -> str | Source | None:
    if name is not None and name not in line:
        raise ConfigError(f"a line has no field {name!r}; it has {', '.join(line)}")
    told = line.get(name or "text")
    source = _document(line)
    if told is None and name is None and isinstance(source, str):
        told = read(source, Reading.told_by(line))
    return told if isinstance(told, str | Source) else None


def _document(line: Mapping[str, JSON]) -> JSON:
    return line.get("source") or line.get("path")


def _confidence(told: JSON) -> dict[str, float]:
    """Return what a line says by pointer, or as a list of objects with `pointer` and `confidence`."""
    rows: list[tuple[Any, Any]] = list(told.items()) if isinstance(told, dict) else []
    if isinstance(told, list):
        rows = [(one.get("pointer"), one.get("confidence")) for one in told if isinstance(one, dict)]
    return {str(where): float(value) for where, value in rows if isinstance(value, int | float)}


def _escalated(told: JSON) -> dict[str, EscalatedValue]:
    """Return what a line says became of doubtful values: one of `extractor extract` or `to_dict`, or a row of
    a table, whose replaced values are JSON texts.
    """
    match told:
        case {"to": str(to), "choices": dict(choices)}:
            known = {where: str(choice) for where, choice in choices.items()}
            first = told.get("first_values")
            values = first if isinstance(first, dict) else {}
            if isinstance(told.get("first"), dict | list):
                values = {where: value_at(told["first"], where) for where in known}
            return {where: EscalatedValue(each, to, values.get(where)) for where, each in known.items()}
        case [*rows]:
            return {
                str(each["pointer"]): EscalatedValue(
                    str(each["choice"]), str(each.get("to")), _parsed(each.get("first"))
                )
                for each in rows
                if isinstance(each, Mapping) and {"pointer", "choice"} <= each.keys()
            }
    return {}


def _parsed(text: JSON) -> JSON:
    with suppress(ValueError, TypeError, RecursionError):
        return json.loads(text)
    return text


def _record_field(line: Mapping[str, JSON]) -> str:
    """Return "record", or the field that has an error column beside it, as `extractor run` writes it; of a
    flattened record the name that its other columns begin with.
    """
    if "record" in line:
        return "record"
    beside = [name.removesuffix(ERROR) for name in line if name.endswith(ERROR)]
    return next((name for name in beside if name in line), beside[0] if len(beside) == 1 else "record")


def _typed(record: JSON, adapter: TypeAdapter[Any] | None) -> Any:
    """Return the record as its type, which tells dates and enums; as it is, where it does not fit."""
    if adapter is None:
        return record
    try:
        return adapter.validate_json(json.dumps(record))
    except ValidationError:
        return record


def _given(told: JSON, text: str) -> Evidence | None:
    if not isinstance(told, list):
        return None
    found: dict[str, tuple[Span, ...]] = {}
    for one in told:
        for span in _spans([one], text):
            pointer = str(one.get("pointer", one.get("path", "")))
            found[pointer] = (*found.get(pointer, ()), span)
    return found


def _spans(told: JSON, text: str) -> Iterator[Span]:
    for one in told if isinstance(told, list) else ():
        match one:
            case {"start": int(start), "end": int(end)} if 0 <= start < end <= len(text):
                how = one.get("how")
                how = How(how) if how in list(How) else How.EXACT
                yield Span(start, end, text[start:end], how, float(one.get("score") or 1.0))


def _conflicts(told: JSON, text: str) -> Iterator[Variants]:
    for one in told if isinstance(told, list) else ():
        match one:
            case {"pointer": str(pointer), "candidates": [*candidates]}:
                yield Variants(
                    pointer,
                    tuple(
                        (each.get("value"), tuple(_spans(each.get("spans"), text)), each.get("readings", 1))
                        for each in candidates
                        if isinstance(each, dict)
                    ),
                )


def _chunks(told: JSON, text: str) -> Iterator[PagePiece]:
    for one in told if isinstance(told, list) else ():
        match one:
            case {"start": int(start), "end": int(end)} if 0 <= start <= end <= len(text):
                why, again = str(one.get("error") or ""), bool(one.get("again"))
                yield PagePiece(
                    start,
                    end,
                    piece_told(one.get("outcome"), why, again),
                    bool(one.get("missing", why and not again)),
                    one.get("pass", 1),
                    not why,
                )
