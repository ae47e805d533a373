"""One evaluation as it is kept in a file, and as a table. Pure, but for the file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from ..errors import ConfigError
from ..messages import JSON
from ..words import escaped
from .explaining import Confusion, ConfusionMatrix, LeafVerdict, VerdictKind, confusions, explained, matrices
from .metrics import MISSING, LeafCounts
from .rates import RateEstimate, Scored, by_field, estimates
from .scoring import Scoring, scoring_of

if TYPE_CHECKING:
    import pandas
    import polars

VERSION = 2


@dataclass(frozen=True, repr=False)
class EvalReport:
    """One evaluation.

    - name: by default that of its model.
    - options: all options that the model was asked with.
    - scoring: rules by field, as JSON.
    - choices: the values that fields choose from.
    - slices: the columns by which figures are sliced.
    - complete: False if it was stopped before its last text.
    """

    model: str
    record_type: str
    records: list[Scored]
    name: str = ""
    options: Mapping[str, JSON] = field(default_factory=dict)
    scoring: Mapping[str, JSON] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    complete: bool = True
    version: int = VERSION

    @property
    def title(self) -> str:
        """The name of the evaluation."""
        return self.name or self.model

    def __repr__(self) -> str:
        """Fit a line: the figures and their intervals are in `overall`."""
        count = len(self.records)
        told = [self.title, self.record_type, f"{count:,} text{'' if count == 1 else 's'}"]
        told.append(f"{sum(each.score.valid for each in self.records):,} valid")
        counts = sum(by_field(self.records).values(), LeafCounts())
        told += [f"value F1 {counts.f1:.3f}"] if counts.gold or counts.predicted else []
        told += [] if self.complete else ["stopped before its last text"]
        return f"EvalReport({', '.join(told)})"

    @cached_property
    def leaves(self) -> Mapping[str, Sequence[LeafVerdict]]:
        """A verdict for each leaf, by the id of its text; none if no details are kept."""
        rules = scoring_of(self.scoring)
        return {each.id: leaves_of(each, rules) for each in self.records}

    def confusions(self) -> list[Confusion]:
        """Return the errors with their counts, the most frequent first."""
        return confusions((text, leaf) for text, some in self.leaves.items() for leaf in some)

    def matrices(self) -> list[ConfusionMatrix]:
        """Return a matrix for each field of few values."""
        return matrices([leaf for some in self.leaves.values() for leaf in some], self.choices)

    def overall(self) -> dict[str, RateEstimate]:
        """Return each figure with its interval, by name: `report.overall()["value F1"].value`."""
        return estimates(self.records)

    def sliced(self) -> dict[str, dict[str, dict[str, RateEstimate]]]:
        """Return the figures by column, and for each column by value, in order of the values."""
        found: dict[str, dict[str, list[Scored]]] = {}
        for record in self.records:
            for column, value in ({} if record.detail is None else record.detail.columns).items():
                found.setdefault(column, {}).setdefault(value, []).append(record)
        return {
            column: {value: estimates(some) for value, some in sorted(by_value.items())}
            for column, by_value in found.items()
        }

    def rows(self, of: Literal["values", "texts"] = "values") -> list[dict[str, Any]]:
        """Return a row for each leaf, or for each text. Values of records are JSON texts, since one column
        holds all kinds; None if there is none.
        """
        return [*(self._values() if of == "values" else self._texts())]

    def to_pandas(self, of: Literal["values", "texts"] = "values") -> pandas.DataFrame:
        """Return `rows` as a pandas frame. Raises ImportError if pandas is not installed."""
        import pandas

        return pandas.DataFrame(self.rows(of), columns=self._columns(of))

    def to_polars(self, of: Literal["values", "texts"] = "values") -> polars.DataFrame:
        """Return `rows` as a Polars frame. Raises ImportError if Polars is not installed."""
        import polars

        return polars.DataFrame(self.rows(of), schema=self._columns(of), infer_schema_length=None)

    def _columns(self, of: Literal["values", "texts"]) -> list[str]:
        return [*(_VALUE_COLUMNS if of == "values" else _TEXT_COLUMNS), *self.slices]

    def _values(self) -> Iterator[dict[str, Any]]:
        for record in self.records:
            for leaf in self.leaves[record.id]:
                told = (
                    record.id,
                    record.outcome,
                    leaf.field,
                    leaf.pointer,
                    leaf.there,
                    str(leaf.verdict),
                    leaf.how,
                    _as_text(leaf.gold),
                    _as_text(leaf.found),
                )
                yield dict(zip(_VALUE_COLUMNS, told, strict=True)) | self._sliced_by(record)

    def _texts(self) -> Iterator[dict[str, Any]]:
        for record in self.records:
            counts = record.score.normalised.overall
            told = (
                record.id,
                record.outcome,
                bool(record.score.valid),
                bool(record.score.normalised.perfect),
                counts.gold,
                counts.predicted,
                counts.correct,
                counts.f1,
                record.calls,
                record.tokens,
                record.cost,
                record.seconds,
            )
            yield dict(zip(_TEXT_COLUMNS, told, strict=True)) | self._sliced_by(record)

    def _sliced_by(self, record: Scored) -> dict[str, str | None]:
        columns = {} if record.detail is None else record.detail.columns
        return {name: columns.get(name) for name in self.slices}

    def to_json(self) -> str:
        """Return the report as `load_report` reads it."""
        told = json.dumps(_REPORT.dump_python(self, mode="json"), ensure_ascii=False, indent=1)
        return escaped(told.encode("utf-8", "replace").decode()) + "\n"


_REPORT = TypeAdapter(EvalReport)
_VALUE_COLUMNS = ("text", "outcome", "field", "pointer", "there", "verdict", "how", "gold", "found")
_TEXT_COLUMNS = (
    *("text", "outcome", "valid", "perfect", "gold", "found", "right", "f1"),
    *("requests", "tokens", "cost", "seconds"),
)


def leaves_of(record: Scored, scoring: Scoring) -> list[LeafVerdict]:
    """Return a verdict for each leaf of one text; none if its details are not known."""
    detail = record.detail
    if detail is None:
        return []
    found = detail.found if record.score.valid else MISSING
    return explained(detail.gold, found, detail.gold_places, detail.places, scoring)


def errors_of(leaves: Sequence[LeafVerdict]) -> list[LeafVerdict]:
    """Return the leaves that count against a record."""
    return [
        leaf for leaf in leaves if not leaf.verdict.counts_as_right and leaf.verdict is not VerdictKind.EMPTY
    ]


def load_report(path: str) -> EvalReport:
    """Return the report in a file. Raises ConfigError if the file is not a report."""
    try:
        told = json.loads(Path(path).read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not a report of `extractor eval -o`: {error}") from error
    return report_of(told, path)


def report_of(told: JSON, where: str) -> EvalReport:
    """Return the report that JSON holds. Raises ConfigError if it is none, or one of a later version."""
    try:
        report = _REPORT.validate_python(told)
    except ValidationError as error:
        raise ConfigError(f"{where} is not a report of `extractor eval -o`") from error
    if report.version > VERSION:
        raise ConfigError(f"{where} was written by a later version of extractor: upgrade to read it")
    return report


def _as_text(value: JSON) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False)
