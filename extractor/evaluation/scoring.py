"""How fields are compared where not as usual: tolerances, likeness, order. Data alone; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path as File
from typing import Any, TypeAlias

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked

from ..errors import ConfigError
from ..evidence.edits import common
from ..pointers import escaped

Path: TypeAlias = tuple[str | int, ...]
EXAMPLE = '{"/total": {"tolerance": 0.01}, "/name": {"fuzzy": 0.9}, "/steps": {"ordered": true}}'


@checked(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class FieldScoring:
    """How the values of one field are compared.

    - tolerance: how much numbers may differ; relative: the same as a share of the gold number.
    - fuzzy: the least similarity of texts that agree, in (0, 1]: 1 less the share of characters to insert or
      delete. Case, space and punctuation do not count.
    - ordered: whether items of the list are compared in order.
    - ignore: whether the field, and all below it, is left out.
    """

    tolerance: float | None = None
    relative: float | None = None
    fuzzy: float | None = None
    ordered: bool = False
    ignore: bool = False

    def __post_init__(self) -> None:
        if min(self.tolerance or 0, self.relative or 0) < 0:
            raise ValueError("tolerance and relative must be at least 0")
        if self.fuzzy is not None and not 0 < self.fuzzy <= 1:
            raise ValueError("fuzzy must be above 0, and at most 1")

    def agree(self, gold: Any, found: Any) -> bool:
        """Return whether two normalised values that are not equal still agree by this rule."""
        if isinstance(gold, Decimal) and isinstance(found, Decimal):
            most = max(Decimal(str(self.tolerance or 0)), abs(gold) * Decimal(str(self.relative or 0)))
            return abs(gold - found) <= most
        if self.fuzzy is None or not (isinstance(gold, str) and isinstance(found, str)):
            return False
        both = len(gold) + len(found)
        same = next(iter(common(gold, [found])))
        return not both or 2 * same / both >= self.fuzzy


_USUAL = FieldScoring()


@dataclass(frozen=True, slots=True)
class Scoring:
    """How fields are compared, by their pointers with `*` for any index: `/items/*/amount`. A rule holds
    for its field and what is below it, unless a nearer one says otherwise; "" is the whole record.
    """

    by_field: Mapping[str, FieldScoring] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_field)

    def of(self, path: Path) -> FieldScoring:
        """Return the rule that applies at a place: the nearest one."""
        return next((self.by_field[name] for name in _upwards(path) if name in self.by_field), _USUAL)

    def ordered(self, path: Path) -> bool:
        """Return whether the items of the list at a place are compared in their order."""
        return self.of(path).ordered

    def ignored(self, path: Path) -> bool:
        """Return whether a place is left out."""
        return any(name in self.by_field and self.by_field[name].ignore for name in _upwards(path))

    def check(self, fields: Iterable[str]) -> None:
        """Raise ConfigError for a rule whose field no record has. fields: those of leaves."""
        known = {""} | {name for each in fields for name in _prefixes(each)}
        for name in self.by_field:
            if name not in known:
                there = ", ".join(sorted(known - {""}))
                raise ConfigError(f"scoring: no gold record has a field {name!r}; there are {there}")

    def told(self) -> dict[str, Any]:
        """Return the rules as JSON, as `scoring_of` reads it. Defaults are left out."""
        dumped: dict[str, dict[str, Any]] = _RULES.dump_python(dict(self.by_field), mode="json")
        return {name: {k: v for k, v in rule.items() if v} for name, rule in dumped.items()}


PLAIN = Scoring()
_RULES = TypeAdapter(dict[str, FieldScoring])


def scoring_of(told: Any, where: str = "scoring") -> Scoring:
    """Return the scoring that JSON means. Raises ConfigError with what is wrong with it."""
    try:
        return Scoring(_RULES.validate_python(told))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{where}: {place or 'it'}: {first['msg']}; an example: {EXAMPLE}") from error


def load_scoring(path: str) -> Scoring:
    """Return the scoring in a JSON file. Raises ConfigError."""
    try:
        told = json.loads(File(path).read_text("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not JSON: {error}; an example of scoring: {EXAMPLE}") from error
    return scoring_of(told, path)


def field_of(path: Path) -> str:
    """Return the pointer of a field: that of a place, with `*` for indexes."""
    return "".join("/" + _step(each) for each in path)


def _step(each: str | int) -> str:
    return "*" if isinstance(each, int) else escaped(each)


def _upwards(path: Path) -> Iterator[str]:
    steps = [_step(each) for each in path]
    for end in range(len(steps), -1, -1):
        yield "".join(f"/{step}" for step in steps[:end])


def _prefixes(name: str) -> Iterator[str]:
    steps = name.split("/")[1:]
    for end in range(1, len(steps) + 1):
        yield "".join(f"/{step}" for step in steps[:end])
