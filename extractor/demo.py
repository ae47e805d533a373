"""The example texts, extracted and held against their gold records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import TypeAdapter

from .errors import ConfigError
from .evaluation.metrics import MISSING, LeafCounts, Score, score
from .layout import Source
from .loading import load_type
from .messages import JSON
from .readers import read
from .results import Extraction

PACKAGE = Path(__file__).parent
Run: TypeAlias = Callable[
    [Any, str | Source], Extraction[Any]
]  # from record type and text to what came of it


@dataclass(frozen=True, slots=True)
class Example:
    """One example, a text or a document. gold: its record, as a validated record dumps."""

    file: str
    text: str | Source
    gold: JSON


@dataclass(frozen=True, slots=True)
class Kind:
    """Example texts of one kind, with their record type."""

    name: str
    record_type: Any
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one example. found: the record as it dumps, MISSING if there is none."""

    kind: Kind
    example: Example
    extraction: Extraction[Any]
    found: JSON
    score: Score

    @property
    def seconds(self) -> float:
        """How long the dialogue took, waits included."""
        return sum(attempt.latency + attempt.waited for attempt in self.extraction.attempts)

    @property
    def right(self) -> LeafCounts:
        """The counts of its values, in the normalised reading."""
        return self.score.normalised.overall


def examples_folder(package: Path = PACKAGE) -> Path:
    """Return the folder of the examples: the installed package's, else the checkout's. Raises ConfigError."""
    for folder in (package / "_examples", package.parent / "examples"):
        if (folder / "kinds.json").is_file():
            return folder
    raise ConfigError(f"this installation has no examples: there is no {package / '_examples'}")


def example_types(folder: Path | None = None) -> list[Any]:
    """Return the record types of the examples."""
    folder = folder or examples_folder()
    return [load_type(f"{folder / kind['type']}") for kind in _table(folder).values()]


def load_kinds(folder: Path, limit: int | None = None) -> list[Kind]:
    """Return the kinds, each with at most `limit` examples."""
    return [_kind(folder, name, row, limit) for name, row in _table(folder).items()]


def load_documents(
    folder: Path, name: str, limit: int | None = None, opened: Callable[[Path], Source] = read
) -> Kind | None:
    """Return a kind of example documents, read; None if there is none of that name. opened: reads a
    document. Raises ConfigError.
    """
    row = json.loads((folder / "documents.json").read_text("utf-8")).get(name)
    return None if row is None else _kind(folder, name, row, limit, opened)


def trials(kind: Kind, run: Run, begin: Callable[[str], None] = lambda file: None) -> Iterator[Trial]:
    """Yield what comes of each example, in turn. begin: is called with the file before it is read."""
    dump = TypeAdapter(kind.record_type).dump_python
    for example in kind.examples:
        begin(example.file)
        extraction = run(kind.record_type, example.text)
        found = dump(extraction.record) if extraction.outcome.has_record else MISSING
        yield Trial(kind, example, extraction, found, score(example.gold, found))


def _table(folder: Path) -> Mapping[str, Mapping[str, str]]:
    table: Mapping[str, Mapping[str, str]] = json.loads((folder / "kinds.json").read_text("utf-8"))
    return table


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _kind(
    folder: Path,
    name: str,
    row: Mapping[str, str],
    limit: int | None,
    opened: Callable[[Path], str | Source] = _text,
) -> Kind:
    record_type = load_type(f"{folder / row['type']}")
    adapter = TypeAdapter(record_type)
    lines = (folder / row["gold"]).read_text("utf-8").splitlines()
    gold = {line["file"]: line["record"] for line in map(json.loads, lines)}
    examples = [
        Example(
            file,
            opened(folder / row["texts"] / file),
            adapter.dump_python(adapter.validate_python(gold[file])),
        )
        for file in sorted(gold)[:limit]
    ]
    return Kind(name, record_type, tuple(examples))
