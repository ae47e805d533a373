"""The nouns of a bulk run: a row, its outcome, and the progress. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias, TypeVar
from warnings import warn

from ..errors import ExtractorError
from ..messages import JSON, Attempt, Outcome
from ..results import Extraction, Result, reading_back
from ..saying import Saying

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ToldText:
    """A text of which the model is told more. part: what it is told of a text that is part of a longer one.
    by_row: what is said of this text alone.
    """

    text: Any
    part: str | None = None
    by_row: Saying | None = None


Text: TypeAlias = str | Sequence[Mapping[str, Any]] | ToldText  # a text, or content parts


class Row(NamedTuple):
    """One row to do. text: None or blank if there is nothing to ask. key: comes back with the
    outcome, for the caller to know the row by. saying: what is said of this row alone.
    """

    text: Any
    key: Any = None
    saying: Saying | None = None

    def asked(self, text: Any) -> Any:
        """Return the row's text, read, with what is said of it; None if there is nothing to ask."""
        if text is None or (isinstance(text, str) and not text.strip()):
            return None
        return text if self.saying is None else ToldText(text, by_row=self.saying)


@dataclass(frozen=True, slots=True, repr=False)
class RowOutcome(Result[T]):
    """The outcome of one row.

    - index: its position in the input, from 0.
    - extraction: how its dialogue ended; None for an empty row, and for a row that was not run.
    - error: why there is no record: ConfigError for a bad row, the extraction's error, or RunStopped for a
      row that was begun when the run stopped.
    - from_cache: whether every reply came from the journal, or was shared with an identical row.
    - key: what the caller attached to the row.
    - stops: whether its error stops the run.
    """

    index: int
    extraction: Extraction[T] | None = None
    error: ExtractorError | None = None
    from_cache: bool = False
    key: Any = None
    stops: bool = False

    @property
    def record(self) -> T | None:
        """The record; None if there is none."""
        return self.extraction.record if self.extraction else None

    @property
    def outcome(self) -> Outcome | None:
        """How the dialogue ended; None if there was none."""
        return self.extraction.outcome if self.extraction else None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every request of the row with its result."""
        return self.extraction.attempts if self.extraction else ()

    def to_dict(self) -> dict[str, JSON]:
        """Return it as JSON: that of its extraction, if there is one, beside `index`, `key` and
        `from_cache`. `extractor view` shows the line, and `from_dict` reads it. Raises ValueError as
        Extraction.to_dict does.
        """
        from ..recorded import error_as_json, listed_as_json

        asked = {} if self.extraction is None else self.extraction.to_dict()
        same = self.extraction is not None and self.error is self.extraction.error
        return {
            "text": None,
            "outcome": None,
            "record": None,
            **asked,
            "error": asked["error"] if same else error_as_json(self.error),
            "failed": asked.get("error"),
            "index": self.index,
            "key": listed_as_json(Any, [self.key])[0],
            "from_cache": self.from_cache,
            "stops": self.stops,
        }

    @classmethod
    def from_dict(cls, told: Mapping[str, JSON], record_type: Any) -> RowOutcome[Any]:
        """Return the outcome that `to_dict` said, its `key` as JSON. Raises ValueError."""
        from ..recorded import error_from_json

        with reading_back(cls):
            asked, error = None, told["error"]
            if told["outcome"] is not None:
                asked = Extraction.from_dict({**told, "error": told["failed"]}, record_type)
            same = asked is not None and error == told["failed"]
            return cls(
                told["index"],
                asked,
                asked.error if asked and same else error_from_json(error),
                told["from_cache"],
                told["key"],
                told["stops"],
            )

    def quarantined(self, record_type: Any) -> dict[str, JSON]:
        """Return the row as a line of a quarantine, which `extractor run` can read again: its own fields (a
        text is the field `text`), why there is no record, and every reply.
        """
        from ..schema import RecordType
        from .quarantine import quarantined

        row = dict(self.key) if isinstance(self.key, Mapping) else {"text": self.key}
        return quarantined(self.index, self, row, RecordType.of(record_type).fingerprint, "")

    def held(self, record_type: Any) -> dict[str, JSON]:
        """Return what `quarantined` returns, under its former name."""
        warn("RowOutcome.held is now called quarantined", DeprecationWarning, stacklevel=2)
        return self.quarantined(record_type)
