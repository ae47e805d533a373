"""The output of each row: its own fields, and its outcome. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..bulk import RowOutcome
from ..bulk.frames import (
    ColumnShape,
    Lose,
    cell,
    confidence_cell,
    error_cell,
    escalation_cell,
    evidence_cell,
    keep_quiet,
    usage_cell,
)
from ..errors import ConfigError
from ..messages import JSON
from .formulas import Formulas
from .table import BadRow, Fields


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is written of each row: its own fields, and those of the shape. dump: a record's JSON. lose: is
    told of each record that has none. formulas: what becomes of them in CSV. too_long: counts cells that a
    sheet of Excel cut off.
    """

    shape: ColumnShape
    dump: Callable[[Any], JSON]
    lose: Lose = keep_quiet
    formulas: Formulas = field(default_factory=Formulas)
    too_long: Counter[str] = field(default_factory=Counter)

    @property
    def note(self) -> str | None:
        """What was lost in writing, None for nothing."""
        if not (cut := self.too_long["cells"]):
            return None
        return (
            f"{cut:,} texts were cut at 32,767 characters, the limit of a cell: write .csv to keep them "
            "whole."
        )

    def cut(self) -> None:
        """Take note of a text that is longer than a cell of Excel."""
        self.too_long["cells"] += 1

    def fields(self, outcome: RowOutcome[Any]) -> Fields:
        """Return a row as JSON. Its key has its own fields."""
        row, shape = outcome.key, self.shape
        own = {"line": row.line} if isinstance(row, BadRow) else dict(row)
        record, error = self._record(outcome)
        if shape.flatten and isinstance(record, Mapping):
            new: Fields = {shape.prefix + name: value for name, value in record.items()}
        else:
            new = {} if shape.flatten and record is None else {shape.name: record}
        if shape.types:
            new[shape.type_name] = None if record is None else shape.type_of(outcome.record)
        new[f"{shape.name}_error"] = error
        if shape.usage:
            new[f"{shape.name}_usage"] = usage_cell(outcome)
        if shape.evidence:
            new[f"{shape.name}_evidence"] = evidence_cell(outcome)
        if shape.confidence:
            new[f"{shape.name}_confidence"] = confidence_cell(outcome)
        if shape.escalation:
            new[f"{shape.name}_escalation"] = escalation_cell(outcome)
        if shape.fingerprint is not None:
            new[shape.fingerprint_name] = shape.fingerprint
        check_free(own, new)
        return {**own, **new}

    def _record(self, outcome: RowOutcome[Any]) -> tuple[JSON, JSON]:
        if outcome.record is None:
            return None, error_cell(outcome)
        try:
            return self.dump(outcome.record), error_cell(outcome)
        except ValueError as error:  # what a serializer of the user's own raises
            self.lose(outcome, str(error))
            return None, cell("serialization", str(error), len(outcome.attempts))


def check_free(own: Iterable[str], new: Iterable[str]) -> None:
    """Raise ConfigError if a new field would have the name of one of the input's own."""
    if clash := set(own) & set(new):
        raise ConfigError(
            f"the input already has a field {min(clash)!r}: give the new columns another `name`"
        )


class Writer(NamedTuple):
    """row: writes what came of a row. again: writes a row as it stands in an earlier output."""

    row: Callable[[RowOutcome[Any]], None]
    again: Callable[[Fields], None]
