"""What must not leave this process: replaced before anything is sent, and put back into what comes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .errors import ConfigError, Invalid, Problem

Found: TypeAlias = tuple[int, int, str]  # what is hidden: where it starts and ends, and what it is
Finder: TypeAlias = Callable[[str], Iterable[Found]]
UNKNOWN = "unknown_placeholder"  # the type of the problem
PATTERNS: Mapping[str, str] = {
    "email": r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    "card": r"\b(?:\d[ -]?){12,18}\d\b",
    "phone": r"(?<![\w.])(?:\+|00)?\d(?:[ ()/.-]{0,2}\d){7,14}(?!\w)",
    "ip": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
}
_SHAPES = {"EMAIL": "email_{}@masked.invalid"}  # what a schema's format would refuse in another shape
_SHAPE = "[{}_{{}}]"


@dataclass(frozen=True, slots=True)
class Masked:
    """Texts without what is hidden. values: what stands behind each placeholder."""

    texts: tuple[str, ...]
    values: Mapping[str, str]
    strange: re.Pattern[str] = field(repr=False)  # finds placeholders, also those that stand for nothing

    def back(self, text: str) -> str:
        """Return a text with the values in place of their placeholders."""
        return _replaced(text, self.values)

    def hidden(self, text: str) -> str:
        """Return a text with placeholders in place of the values."""
        return _replaced(text, {value: name for name, value in self.values.items()})

    def json_back(self, text: str) -> str:
        """Return JSON text with the values in place of their placeholders. Raises Invalid for placeholders
        that stand for nothing.
        """
        unknown = sorted({found for found in self.strange.findall(text) if found not in self.values})
        if unknown:
            reason = f"{unknown[0]} stands nowhere in the text: copy placeholders as they are written there"
            raise Invalid(reason, [Problem("", reason, type=UNKNOWN)])
        return _replaced(text, {name: json.dumps(value)[1:-1] for name, value in self.values.items()})

    def hidden_problem(self, problem: Problem) -> Problem:
        """Return a problem without what is hidden."""
        value = problem.value
        if value is not None:
            said = json.dumps(value, ensure_ascii=False, default=str)
            value = self.hidden(value) if isinstance(value, str) else self.hidden(said)
            value = problem.value if value == said else value
        return Problem(problem.pointer, self.hidden(problem.reason), value, problem.type)


@dataclass(frozen=True, slots=True)
class TextMask:
    """What is hidden in each text."""

    find: Finder = field(repr=False)

    @classmethod
    def of(cls, given: Any) -> TextMask | None:
        """Return the mask that `mask=` says; None for none. Raises ConfigError.

        given: names out of PATTERNS, regular expressions by what they find ({"customer": r"C-\\d{6}"}), a
        function from a text to (start, end, label) triples, or several of them in a list.
        """
        if given is None or given is False:
            return None
        if isinstance(given, TextMask):
            return given
        finders = [*_finders(given)]
        return cls(lambda text: (found for find in finders for found in find(text)))

    def hide(self, texts: Sequence[str]) -> Masked:
        """Return texts with what is found in them replaced: the same value by the same placeholder in all,
        also where it was not found.
        """
        labels: dict[str, str] = {}
        for text in texts:
            for start, end, label in self.find(text):
                if text[start:end].strip():
                    labels.setdefault(text[start:end], re.sub(r"\W+", "_", label).upper())
        values: dict[str, str] = {}
        counts: dict[str, int] = {}
        for value, label in labels.items():
            name, shape = "", _SHAPES.get(label, _SHAPE.format(label))
            while not name or any(name in text for text in texts):
                counts[label] = counts.get(label, 0) + 1
                name = shape.format(counts[label])
            values[name] = value
        shapes = {_SHAPES.get(label, _SHAPE.format(label)) for label in labels.values()}
        strange = "|".join(re.escape(shape).replace(r"\{\}", r"\d+") for shape in sorted(shapes))
        names = {value: name for name, value in values.items()}
        hidden = tuple(_replaced(text, names) for text in texts)
        return Masked(hidden, values, re.compile(strange or r"(?!)"))


def _replaced(text: str, by: Mapping[str, str]) -> str:
    if not by:
        return text
    longest_first = sorted(by, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: by[found[0]], text)


def _finders(given: Any) -> Iterator[Finder]:
    if isinstance(given, str):
        if given not in PATTERNS:
            known = ", ".join(PATTERNS)
            raise ConfigError(f"mask={given!r} is none of {known}: give a pattern as {{'label': r'...'}}")
        yield _by_pattern(given, PATTERNS[given])
    elif isinstance(given, Mapping):
        for label, pattern in given.items():
            yield _by_pattern(str(label), pattern)
    elif callable(given):
        yield given
    elif isinstance(given, Sequence) and not isinstance(given, bytes):
        for each in given:
            yield from _finders(each)
    else:
        raise ConfigError(
            f"mask= takes names of patterns, {{'label': r'pattern'}}, or a function, not {given!r:.80}"
        )


def _by_pattern(label: str, pattern: str | re.Pattern[str]) -> Finder:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ConfigError(f"mask={{{label!r}: {pattern!r:.80}}} is no regular expression: {error}") from error
    return lambda text: ((found.start(), found.end(), label) for found in compiled.finditer(text))
