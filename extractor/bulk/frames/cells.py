"""The columns beside a record: error, cost, evidence. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from ...messages import Attempt
from ...schema import RecordType, place_of_type
from ...schema.outline import Records, snake_case
from ..error_cells import Cell as Cell
from ..error_cells import cell as cell
from ..error_cells import error_cell as error_cell
from ..outcomes import RowOutcome

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 1_024  # rows that become Arrow together


def usage_cell(outcome: RowOutcome[Any]) -> Cell | None:
    """Return tokens, cost (US dollars) and latency (seconds) of all attempts; None if none was made."""
    if not outcome.attempts:
        return None
    used = outcome.usage
    return {
        "prompt_tokens": used.prompt_tokens,
        "cached_tokens": used.cached_tokens,
        "completion_tokens": used.completion_tokens,
        "cost": dollars(outcome.cost),
        "latency": latency(outcome.attempts),
        "from_cache": outcome.from_cache,
    }


def dollars(cost: Decimal | None) -> float | None:
    """Return a cost as a column has it."""
    return None if cost is None else float(cost)


def latency(attempts: Sequence[Attempt]) -> float:
    """Return the seconds from sending to the last byte, over all attempts."""
    return sum(attempt.latency for attempt in attempts)


def evidence_cell(outcome: RowOutcome[Any]) -> list[Cell] | None:
    """Return the spans of the text that support the record's leaves; None if there is no record."""
    if outcome.extraction is None or outcome.record is None:
        return None
    found: Mapping[str, Any] = outcome.extraction.evidence
    return [
        {
            "pointer": pointer,
            "start": span.start,
            "end": span.end,
            "text": span.text,
            "how": str(span.how),
            "score": span.score,
        }
        for pointer, spans in found.items()
        for span in spans
    ]


def confidence_cell(outcome: RowOutcome[Any]) -> list[Cell] | None:
    """Return how sure each leaf of the record is; None if there is no record, or nobody asked."""
    found = None if outcome.extraction is None else outcome.extraction.confidence
    if found is None:
        return None
    return [{"pointer": pointer, "confidence": confidence} for pointer, confidence in found.items()]


def escalation_cell(outcome: RowOutcome[Any]) -> list[Cell] | None:
    """Return what became of each doubtful value, and the replaced one as JSON; None if there were none."""
    found = None if outcome.extraction is None else outcome.extraction.escalation
    if found is None:
        return None
    first = {where: json.dumps(value, ensure_ascii=False) for where, value in found.first_values.items()}
    return [
        {"pointer": where, "choice": choice, "to": found.to, "first": first.get(where)}
        for where, choice in found.choices.items()
    ]


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """Which columns come of the rows, and how they are called.

    name: of the record's column, and what the others' names begin with. flatten: one column for each
    member of the record; prefix: what their names begin with. fingerprint: of the record type, to stand
    in each row; None for no such column. types: of a union, whose rows say which of them their record is
    of; () for other record types.
    """

    name: str
    flatten: bool = False
    prefix: str = ""
    usage: bool = False
    evidence: bool = False
    confidence: bool = False
    fingerprint: str | None = None
    types: tuple[Any, ...] = ()
    escalation: bool = False

    @property
    def type_name(self) -> str:
        """The name of the column that says which type of a union a record is of."""
        return f"{self.name}_type"

    def type_of(self, record: Any) -> str | None:
        """Return what that column says of a record."""
        place = None if record is None else place_of_type(record, self.types)
        return None if place is None else RecordType.of(self.types[place]).name

    @property
    def fingerprint_name(self) -> str:
        """The name of the column that says which version of the record type a row was made for."""
        return f"{self.name}_schema"


def shape_of(
    type_name: str,
    name: str | None = None,
    flatten: bool = False,
    usage: bool = False,
    evidence: bool = False,
    confidence: bool = False,
    fingerprint: str | None = None,
    types: tuple[Any, ...] = (),
    escalation: bool = False,
) -> ColumnShape:
    """Return the shape for a type. name: None for the type's own name, in snake case. types: see
    ColumnShape.
    """
    prefix = f"{name}_" if name else ""
    return ColumnShape(
        name or snake_case(type_name),
        flatten,
        prefix,
        usage,
        evidence,
        confidence,
        fingerprint,
        types,
        escalation,
    )


Lose: TypeAlias = Callable[[RowOutcome[Any], str], None]  # is told of a record that can't be written, and why


def keep_quiet(outcome: RowOutcome[Any], why: str) -> None:
    """Tell nobody: the error stands in the row."""


class Gathered:
    """The new columns, filled outcome by outcome and kept as Arrow chunks. lose: is called with each record
    that no column can hold.
    """

    def __init__(self, records: Records, shape: ColumnShape, lose: Lose = keep_quiet) -> None:
        self._records, self._shape, self._lose = records, shape, lose
        self._outcomes: list[RowOutcome[Any]] = []
        self._batches: list[pa.RecordBatch] = []
        self.schema = _schema(records, shape)

    def add(self, outcome: RowOutcome[Any]) -> None:
        """Add the next row."""
        self._outcomes.append(outcome)
        if len(self._outcomes) == CHUNK:
            self._settle()

    def table(self, rows: int, why: str = "") -> pa.Table:
        """Return the columns. rows: how many they have to have; those that are missing were not run,
        and `why` is their error.
        """
        import pyarrow as pa

        self._settle()
        left = rows - sum(map(len, self._batches))
        return pa.Table.from_batches([*self._batches, self._not_run(left, why)], self.schema)

    def take(self) -> pa.Table:
        """Return the columns of the rows since the last time, to be written."""
        table = self.table(sum(map(len, self._batches)) + len(self._outcomes))
        self._batches.clear()
        return table

    def _settle(self) -> None:
        import pyarrow as pa

        outcomes, self._outcomes = self._outcomes, []
        array, faults = self._records.array([outcome.record for outcome in outcomes])
        errors = [
            cell("serialization", faults[i], len(outcome.attempts)) if i in faults else error_cell(outcome)
            for i, outcome in enumerate(outcomes)
        ]
        for i, why in faults.items():
            self._lose(outcomes[i], why)
        beside: list[list[Any]] = []
        if self._shape.types:
            beside.append(
                [None if i in faults else self._shape.type_of(o.record) for i, o in enumerate(outcomes)]
            )
        beside.append(errors)
        if self._shape.usage:
            beside.append([usage_cell(outcome) for outcome in outcomes])
        if self._shape.evidence:
            beside.append([None if i in faults else evidence_cell(o) for i, o in enumerate(outcomes)])
        if self._shape.confidence:
            beside.append([None if i in faults else confidence_cell(o) for i, o in enumerate(outcomes)])
        if self._shape.escalation:
            beside.append([None if i in faults else escalation_cell(o) for i, o in enumerate(outcomes)])
        if self._shape.fingerprint is not None:
            beside.append([self._shape.fingerprint] * len(outcomes))
        record = array.flatten() if _is_flat(self._records, self._shape) else [array]
        kinds = list(self.schema.types)[len(record) :]
        columns = [*record, *(pa.array(each, kind) for each, kind in zip(beside, kinds, strict=True))]
        self._batches.append(pa.RecordBatch.from_arrays(columns, schema=self.schema))

    def _not_run(self, rows: int, why: str) -> pa.RecordBatch:
        import pyarrow as pa

        error = self.schema.get_field_index(f"{self._shape.name}_error")
        columns = [pa.nulls(rows, kind) for kind in self.schema.types]
        columns[error] = pa.array([cell("not_run", why)] * rows, self.schema.types[error])
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def _is_flat(records: Records, shape: ColumnShape) -> bool:
    import pyarrow as pa

    return shape.flatten and pa.types.is_struct(records.type)


def _schema(records: Records, shape: ColumnShape) -> pa.Schema:
    import pyarrow as pa

    flat = _is_flat(records, shape)
    fields = (
        [(shape.prefix + each.name, each.type) for each in records.type]
        if flat
        else [(shape.name, records.type)]
    )
    if shape.types:
        fields.append((shape.type_name, pa.string()))
    fields.append((f"{shape.name}_error", error_type()))
    if shape.usage:
        fields.append((f"{shape.name}_usage", usage_type()))
    if shape.evidence:
        fields.append((f"{shape.name}_evidence", evidence_type()))
    if shape.confidence:
        fields.append((f"{shape.name}_confidence", confidence_type()))
    if shape.escalation:
        fields.append((f"{shape.name}_escalation", escalation_type()))
    if shape.fingerprint is not None:
        fields.append((shape.fingerprint_name, pa.string()))
    return pa.schema(fields)


def error_type() -> pa.DataType:
    """Return the Arrow type of an error column."""
    import pyarrow as pa

    return pa.struct(
        [
            ("kind", pa.string()),
            ("message", pa.string()),
            ("attempts", pa.int32()),
            ("http_status", pa.int32()),
        ]
    )


def usage_type() -> pa.DataType:
    """Return the Arrow type of a usage column."""
    import pyarrow as pa

    tokens = [(name, pa.int64()) for name in ("prompt_tokens", "cached_tokens", "completion_tokens")]
    return pa.struct([*tokens, ("cost", pa.float64()), ("latency", pa.float64()), ("from_cache", pa.bool_())])


def evidence_type() -> pa.DataType:
    """Return the Arrow type of an evidence column."""
    import pyarrow as pa

    span = [
        *(("pointer", pa.string()), ("start", pa.int64()), ("end", pa.int64())),
        *(("text", pa.string()), ("how", pa.string()), ("score", pa.float64())),
    ]
    return pa.list_(pa.struct(span))


def confidence_type() -> pa.DataType:
    """Return the Arrow type of a confidence column."""
    import pyarrow as pa

    return pa.list_(pa.struct([("pointer", pa.string()), ("confidence", pa.float64())]))


def escalation_type() -> pa.DataType:
    """Return the Arrow type of a column that says what became of doubtful values."""
    import pyarrow as pa

    return pa.list_(pa.struct([(name, pa.string()) for name in ("pointer", "choice", "to", "first")]))
