"""A text without what must not leave, and what comes back with it in its place. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..errors import Invalid, Problem
from ..messages import JSON
from ..pointers import escaped
from .finders import Finder, finders
from .misspelt import Misspelt

UNKNOWN = "unknown_placeholder"  # the type of the problem
_SHAPES = {"EMAIL": "email_{}@masked.invalid"}  # what a schema's format would refuse in another shape
_SHAPE = "[{}_{{}}]"
_BESIDE = re.compile(r"\w")
MOST_TOLD = 5  # places in a note
ADDED = "the model added text to a placeholder that the source does not have there"
GUESSED = "the model wrote a masked value that it had not seen"
MISSPELT = "the model misspelt a placeholder, which was put right only where it was the whole value"
LEAST = 4  # characters by which a masked value is known within a longer one


@dataclass(frozen=True, slots=True)
class Masked:
    """Texts without what is hidden. values: what stands behind each placeholder."""

    texts: tuple[str, ...]
    values: Mapping[str, str]
    strange: re.Pattern[str] = field(repr=False)  # finds placeholders, also those that stand for nothing
    misspelt: Misspelt = field(repr=False)

    def back(self, text: str) -> str:
        """Return a text with the values in place of their placeholders."""
        return _replaced(text, self.values)

    def hidden(self, text: str) -> str:
        """Return a text with placeholders in place of the values, also where they are written as JSON or
        Python writes a string.
        """
        return _replaced(text, {w: name for name, value in self.values.items() for w in _written(value)})

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
        return Problem(self.hidden(problem.pointer), self.hidden(problem.reason), value, problem.type)

    def note(self, reply: str) -> str | None:
        """Return notes on a reply, JSON text as the model wrote it. They say where it added something to a
        placeholder that the text does not have there, where it wrote a value that it was never shown, and
        where it misspelt a placeholder. None for none of these.
        """
        try:
            strings = list(_strings(json.loads(reply), ""))
        except ValueError:
            return None
        added = [where for where, said in strings if self._is_added_to(said)]
        guessed = [where for where, said in strings if self._is_guessed(said)]
        misspelt = [where for where, said in strings if self._is_misspelt(where, said)]
        told = [(added, ADDED), (guessed, GUESSED), (misspelt, MISSPELT)]
        return "; ".join(f"{what}: {self.hidden(_listed(places))}" for places, what in told if places) or None

    def _is_added_to(self, said: str) -> bool:
        rest = _replaced(said, dict.fromkeys(self.values, ""))
        return rest != said and bool(_BESIDE.search(rest)) and not any(said in text for text in self.texts)

    def _is_misspelt(self, where: str, said: str) -> bool:
        names_a_member = where.endswith(f"/{escaped(said)}")
        return not names_a_member and self.misspelt.has(_replaced(said, dict.fromkeys(self.values, " ")))

    def _is_guessed(self, said: str) -> bool:
        return any(value == said or (len(value) >= LEAST and value in said) for value in self.values.values())


@dataclass(frozen=True, slots=True)
class TextMask:
    """What is hidden in each text."""

    find: Finder = field(repr=False)

    @classmethod
    def of(cls, given: Any) -> TextMask | None:
        """Return the mask that `mask=` says; None for none. Raises ConfigError.

        given: names out of PATTERNS, "presidio" or "presidio:SPACY_MODEL", regular expressions by what they
        find ({"customer": r"C-\\d{6}"}), a function from a text to (start, end, label) triples, or several of
        them in a list.
        """
        if given is None or given is False:
            return None
        if isinstance(given, TextMask):
            return given
        found_by = [*finders(given)]
        return cls(lambda text: (found for find in found_by for found in find(text)))

    def hide(self, texts: Sequence[str]) -> Masked:
        """Return texts with what is found in them replaced: the same value by the same placeholder in all,
        also where it was not found. What overlaps is hidden as one value.
        """
        whole, parts = dict[str, str](), dict[str, str]()
        for text in texts:
            found = sorted({(a, b, label) for a, b, label in self.find(text) if text[a:b].strip()})
            for start, end, label in _joined(found):
                whole.setdefault(text[start:end], _label(label))
            for start, end, label in found:
                parts.setdefault(text[start:end], _label(label))
        left = "\n".join(_replaced(text, dict.fromkeys(whole, "\n")) for text in texts)
        labels = {**whole, **{value: label for value, label in parts.items() if value in left}}
        values = _placeholders(labels, texts)
        shapes = {_SHAPES.get(label, _SHAPE.format(label)) for label in labels.values()}
        strange = "|".join(re.escape(shape).replace(r"\{\}", r"\d+") for shape in sorted(shapes))
        names = {value: name for name, value in values.items()}
        hidden = tuple(_replaced(text, names) for text in texts)
        said = "\n".join(_replaced(text, dict.fromkeys(values, "\n")) for text in hidden)
        misspelt = Misspelt.of(values, said)
        return Masked(hidden, values, re.compile(strange or r"(?!)"), misspelt)


def _joined(found: Sequence[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Yield places in order, those that overlap as one, with the label of the longest."""
    first, last, name, longest = 0, 0, "", 0
    for start, end, label in found:
        if start >= last:
            if last:
                yield first, last, name
            first, last, name, longest = start, end, label, end - start
        else:
            name, longest = (label, end - start) if end - start > longest else (name, longest)
            last = max(last, end)
    if last:
        yield first, last, name


def _placeholders(labels: Mapping[str, str], texts: Sequence[str]) -> dict[str, str]:
    """Return the values by placeholders that stand in no text. labels: what each value is."""
    values, counts = dict[str, str](), dict[str, int]()
    for value, label in labels.items():
        name, shape = "", _SHAPES.get(label, _SHAPE.format(label))
        while not name or any(name in text for text in texts):
            counts[label] = counts.get(label, 0) + 1
            name = shape.format(counts[label])
        values[name] = value
    return values


def _label(said: str) -> str:
    """Return a label in letters that no model escapes."""
    return re.sub(r"[^A-Za-z0-9]+", "_", said).strip("_").upper() or "VALUE"


def _replaced(text: str, by: Mapping[str, str]) -> str:
    if not by:
        return text
    longest_first = sorted(by, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, longest_first)), lambda found: by[found[0]], text)


def _written(value: str) -> set[str]:
    """Return the ways in which a value may stand in an error: as it is, as JSON, as Python, in a pointer."""
    said = json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]
    return {value, *said, escaped(value)}


def _strings(value: JSON, where: str) -> Iterator[tuple[str, str]]:
    """Yield each string of a value with its JSON pointer, names of members too."""
    if isinstance(value, str):
        yield where or "the record", value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            at = f"{where}/{escaped(name)}"
            yield at, name
            yield from _strings(each, at)
    elif isinstance(value, Sequence):
        for i, each in enumerate(value):
            yield from _strings(each, f"{where}/{i}")


def _listed(places: Sequence[str]) -> str:
    shown = [*dict.fromkeys(places)]
    more = f" and {len(shown) - MOST_TOLD} more" if len(shown) > MOST_TOLD else ""
    return ", ".join(shown[:MOST_TOLD]) + more
