"""What is said of one text beside the task: instructions, examples, a day to count from, a locale. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from .errors import ConfigError, ExtractorError
from .evaluation.gold import places_in, text_in
from .evidence.customs import Customs, customs_of
from .evidence.meanings import Meanings
from .keywords import names_wrong_keywords

Example: TypeAlias = tuple[str, Any] | Mapping[str, Any]  # a text and its record, or a line of gold
Examples: TypeAlias = Iterable[Example] | Callable[[str], Iterable[Example]]
Day: TypeAlias = date | str  # a string as ISO 8601 has it: 2026-03-31
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
BY_ROW = ("instructions", "examples", "context", "reference_date", "locale")


@names_wrong_keywords({"column": "name"})
@dataclass(frozen=True, slots=True)
class FromColumn:
    """A keyword takes its value from a field of each row: `reference_date=FromColumn("received")`."""

    name: str

    def __call__(self, row: Any) -> Any:
        """Return what a row has there. Raises ConfigError if it has no such field."""
        try:
            return getattr(row, self.name) if self.name in getattr(row, "_fields", ()) else row[self.name]
        except (KeyError, TypeError, IndexError):
            known = f"; it has {', '.join(map(str, row))}" if isinstance(row, Mapping) else ""
            raise ConfigError(f"the row has no field {self.name!r}{known}") from None


@dataclass(frozen=True, slots=True)
class _Within(FromColumn):
    """A field of a row that is wrapped."""

    row_of: Callable[[Any], Any]

    def __call__(self, row: Any) -> Any:
        """Return what the row has there."""
        return FromColumn(self.name)(self.row_of(row))


ByRow: TypeAlias = FromColumn | Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Saying:
    """What differs from text to text; None if nothing is said. examples: the pairs to show. context: what
    validators find. locale: its customs are how numbers and dates are read.
    """

    instructions: str | None = None
    examples: Examples | None = None
    context: Mapping[str, Any] | None = None
    reference_date: date | None = None
    locale: str | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Saying:
        """Return what is given by the names of the fields, checked. Raises ConfigError."""
        known = {name: _CHECKS[name](value) for name, value in given.items() if value is not None}
        return cls(**known)

    def over(self, other: Saying) -> Saying:
        """Return this, and the other's where this says nothing; instructions are said after the other's."""
        kept = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}
        kept["instructions"] = "\n\n".join(filter(None, (other.instructions, self.instructions))) or None
        return replace(other, **kept)

    @property
    def meanings(self) -> Meanings | None:
        """What reads values that are written as in the text; None if nothing says how that is."""
        known = self.locale or self.reference_date
        return Meanings(customs_of(self.locale), self.reference_date) if known else None

    def told(self) -> dict[str, str | None]:
        """Return what is put in place of a template's placeholders."""
        day, locale = self.reference_date, self.locale
        return {
            "instructions": self.instructions,
            "reference_date": None if day is None else f"{DAYS[day.weekday()]}, {day.isoformat()}",
            "locale": None if locale is None else f"{locale} ({_shown(customs_of(locale))})",
        }


@dataclass(frozen=True, slots=True)
class RowSaying:
    """What makes of a row what is said of it. by_row: columns and functions, by keyword."""

    by_row: Mapping[str, Callable[[Any], Any]]

    def __call__(self, row: Any) -> Saying:
        """Return what is said of a row. Raises ConfigError."""
        return Saying.of({name: _known(_called(name, made, row)) for name, made in self.by_row.items()})


def checked_day(value: object) -> date:
    """Return a day. Raises ConfigError for anything else."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value.strip()).date()
        except ValueError:
            pass
    raise ConfigError(
        f"reference_date must be a date, or text such as '2026-03-31', not {value!r:.80}; to take it "
        "from a field of each row use FromColumn('received')"
    )


def is_by_row(value: object) -> bool:
    """Whether a keyword's value is a column or a function of the row."""
    return callable(value) and not isinstance(value, type)


def check_for_all(options: Mapping[str, Any]) -> None:
    """Raise ConfigError for what is for rows alone, if there are none."""
    for name in BY_ROW:
        value = options.get(name)
        if is_by_row(value) and (name != "examples" or isinstance(value, FromColumn)):
            raise ConfigError(f"{name}= can differ by row only in `rows` and `frame`")


def said_by_row(options: dict[str, Any]) -> RowSaying | None:
    """Take out of a run's options what differs by row; return what makes it of a row, None if nothing
    does. A function as `examples` is one of the text, and stays.
    """
    names = [name for name in BY_ROW if is_by_row(options.get(name))]
    found = {n: options.pop(n) for n in names if n != "examples" or isinstance(options[n], FromColumn)}
    if not found:
        return None
    return RowSaying(found)


def columns_by_row(options: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the fields of a row that a run's options need beside its text; None for all of them, which a
    function may look at.
    """
    values = [options[name] for name in BY_ROW if name != "examples" and is_by_row(options.get(name))]
    if isinstance(examples := options.get("examples"), FromColumn):
        values.append(examples)
    if not all(isinstance(value, FromColumn) for value in values):
        return None
    return tuple(dict.fromkeys(value.name for value in values))


def through(options: Mapping[str, Any], row_of: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a run's options for rows that are wrapped. row_of: unwraps one."""

    def unwrapping(value: Any) -> Any:
        return (
            _Within(value.name, row_of) if isinstance(value, FromColumn) else lambda row: value(row_of(row))
        )

    wrapped = {
        name: unwrapping(value)
        for name, value in options.items()
        if name in BY_ROW and is_by_row(value) and (name != "examples" or isinstance(value, FromColumn))
    }
    return {**options, **wrapped}


def reread(examples: Examples | FromColumn | None) -> Any:
    """Return examples that can be read more than once; a function as it is. Raises ConfigError."""
    return examples if callable(examples) else list(_several(examples))


def chosen(examples: Examples | None, text: Any) -> list[tuple[str, Any, Mapping[str, Any] | None]]:
    """Return the texts, records and evidence of examples for a text. Raises ConfigError."""
    found = _called("examples", examples, text) if callable(examples) else examples
    return [_example(each, f"example {n}") for n, each in enumerate(_several(found), 1)]


def _several(examples: Any) -> Iterable[Any]:
    """Return examples, none for None. Raises ConfigError for what holds no examples."""
    if isinstance(examples, Iterable | None) and not isinstance(examples, str | bytes | Mapping):
        return examples or ()
    also = ""
    if isinstance(examples, str | PathLike):
        also = f"; of a file of gold, give its lines: [json.loads(line) for line in open({str(examples)!r})]"
    raise ConfigError(
        f"examples must be a list of pairs of a text and its record, not {examples!r:.80}{also}"
    )


def _example(given: Any, where: str) -> tuple[str, Any, Mapping[str, Any] | None]:
    if isinstance(given, Mapping):
        text, known = text_in(given, Path(), where), given.keys() & {"record", "gold"}
        if text is None or not known:
            raise ConfigError(
                f'{where} must be a pair, or {{"text": "...", "record": {{...}}}}, not {given!r:.80}'
            )
        record = given["gold"] if "gold" in given else given["record"]
        return text, record, places_in(given, len(text), where)
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) != 2:
        raise ConfigError(f"{where} must be a pair of a text and its record, not {given!r:.80}")
    return given[0], given[1], None


def _known(value: Any) -> Any:
    """Return what a field says, None for what stands for nothing in a table."""
    value = value.as_py() if hasattr(value, "as_py") else value  # a scalar of pyarrow's
    missing = isinstance(value, float | date) and value != value  # NaN, and pandas' NaT
    blank = isinstance(value, str) and not value.strip()
    return None if missing or blank or type(value).__name__ == "NAType" else value


def _called(name: str, function: Callable[[Any], Any], given: Any) -> Any:
    try:
        return function(given)
    except ExtractorError:
        raise
    except Exception as error:  # a bug of the caller's: theirs to see, and no other row's
        raise ConfigError(f"{name}= raised {type(error).__name__}: {error}") from error


def text_or_none(value: object) -> str | None:
    """Return instructions that are those of a whole call. Raises ConfigError for others."""
    return None if value is None else _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"instructions must be a text, not {value!r:.80}")
    return value


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"context must be a mapping for validators, not {value!r:.80}")
    return value


def _locale(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError(
            f"locale must be a language, perhaps with a territory, such as 'en-GB', not {value!r:.80}"
        )
    customs_of(value)
    return value


def _shown(customs: Customs) -> str:
    other = "," if customs.decimal == "." else "."
    order = "3 April" if customs.first == "d" else "4 March"
    return f"1{other}234{customs.decimal}5 is 1234.5, and 03/04 is {order}"


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "instructions": _text,
    "examples": lambda value: value,
    "context": _mapping,
    "reference_date": checked_day,
    "locale": _locale,
}
