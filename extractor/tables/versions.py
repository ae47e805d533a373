"""Versions of a record type: an output is continued only by the version that wrote it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, NoReturn

from ..bulk.frames import ColumnShape
from ..errors import ConfigError
from ..schema import RecordType
from ..schema.outline import Meaning, changes, fingerprint
from ..transport import kept
from .table import Fields

MOST_CHANGES = 5  # named in an error


@dataclass(frozen=True, slots=True)
class Version:
    """A record type as it is now. name: its own. fingerprint: of its meaning."""

    name: str
    meaning: Meaning
    fingerprint: str

    @classmethod
    def of(cls, record_type: Any, name: str) -> Version:
        """Return the type's version. Raises SchemaError."""
        meaning = RecordType.of(record_type).meaning()
        return cls(name, meaning, fingerprint(meaning))

    def remember(self) -> None:
        """Keep what the version means, so that a later one can be compared with it."""
        with suppress(OSError):
            kept.save(kept.path_of("schemas", self.fingerprint), self.meaning)

    def check(self, row: Fields, shape: ColumnShape, output: str, option: str) -> None:
        """Raise ConfigError unless a row of an earlier output was written for this version. option: what
        names another output.
        """
        found = row.get(shape.fingerprint_name)
        if found == self.fingerprint:
            return
        another = f"a new file, such as {option} {beside(output)}"
        if not found:
            raise ConfigError(
                f"{output} does not record its version of {self.name}: a row has no "
                f"{shape.fingerprint_name!r}. Write to {another}"
            )
        self.refuse(str(found), output, another)

    def refuse(self, found: str, output: str, another: str) -> NoReturn:
        """Raise ConfigError: an output has rows of a version `found`. another: what to write to instead."""
        raise ConfigError(
            f"{output} was written for another version of {self.name} ({found}, now {self.fingerprint}): "
            f"{self._changes(found)}. Versions are not mixed: write to {another}, or revert the type"
        )

    def _changes(self, found: str) -> str:
        before = kept.load(kept.path_of("schemas", found))
        told = changes(before, self.meaning) if isinstance(before, dict) else []
        if not told:
            return "what changed is not known, since it was written elsewhere"
        more = f"; and {len(told) - MOST_CHANGES} more" if len(told) > MOST_CHANGES else ""
        return "; ".join(told[:MOST_CHANGES]) + more


def beside(output: str) -> str:
    """Return the name of another file for another version."""
    path = PurePath(output)
    return str(path.with_name(f"{path.stem}.v2{path.suffix}"))
