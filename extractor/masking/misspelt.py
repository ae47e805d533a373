"""Placeholders that a model has not copied as they were: "CUSTOMER_1" for "[CUSTOMER_1]". Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_NAME = re.compile(r"\W*(\w+?)_(\d+)(?:@masked\.invalid)?\W*")  # of a placeholder, in either of its shapes
_AROUND = r"[\s\[\](){}<>\"'`*«»“”]*"
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?')  # of JSON text; with a colon behind it, a member's name


@dataclass(frozen=True, slots=True)
class Misspelt:
    """What is taken for a misspelt placeholder. names: the placeholders by label, in lower case, and number.
    said: what the texts say besides placeholders, in lower case; what stands there is no placeholder.
    """

    names: Mapping[tuple[str, int], str]
    said: str
    inside: re.Pattern[str] = field(repr=False)

    @classmethod
    def of(cls, placeholders: Iterable[str], said: str) -> Misspelt:
        """Return what tells misspelt placeholders. said: the texts without placeholders."""
        parts = {name: found for name in placeholders if (found := _NAME.fullmatch(name))}
        names = {(found[1].lower(), int(found[2])): name for name, found in parts.items()}
        labels = sorted({label for label, _ in names}, key=len, reverse=True)
        spelt = "|".join(r"[\s_-]*".join(map(re.escape, label.split("_"))) for label in labels) or r"(?!)"
        pattern = rf"(?<!\w)({spelt})[\s_-]*0*(\d+)(?!\d|\w)(?:@masked(?:\.invalid)?)?"
        return cls(names, said.lower(), re.compile(pattern, re.IGNORECASE))

    def meant(self, said: str) -> str | None:
        """Return the placeholder that a whole value stands for; None if that is not certain."""
        found = self.inside.search(said)
        if found is None or re.fullmatch(_AROUND, said[: found.start()] + said[found.end() :]) is None:
            return None
        return None if self._is_said(found[0]) else self.names.get(_key(found))

    def restored(self, text: str) -> str:
        """Return JSON text with misspelt placeholders put right, where they are whole values."""
        if self.inside.search(text) is None:
            return text

        def whole(found: re.Match[str]) -> str:
            name = None if found[2] else self.meant(found[1].replace('\\"', '"'))
            return found[0] if name is None else f'"{name}"'

        return _STRING.sub(whole, text)

    def has(self, said: str) -> bool:
        """Whether a value has what may be a misspelt placeholder. said: without those that are right."""
        return any(not self._is_said(found[0]) for found in self.inside.finditer(said))

    def _is_said(self, words: str) -> bool:
        return words.lower() in self.said


def _key(found: re.Match[str]) -> tuple[str, int]:
    return re.sub(r"[\s_-]+", "_", found[1].lower()), int(found[2])
