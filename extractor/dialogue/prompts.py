"""Templates of what is said first: our own, and the caller's in their place. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from string import Formatter
from typing import TypeAlias

from ..errors import ConfigError
from .wording import BRIEF_TASK, PACK_TASK, SMALL_TASK, SMALL_TASK_IN_LINES, TASK

Piece: TypeAlias = tuple[str, str | None]  # words, and the placeholder that follows them
PLACEHOLDERS: Mapping[str, str] = {  # and what is put in their place
    "instructions": "the instructions of the client and of the call",
    "schema": "the shape of the answer, where the server does not show it to the model itself",
    "reference_date": "the reference date with its weekday",
    "locale": "the locale, and how numbers and dates are written there",
    "text_note": "what is said of a text that is part of a longer one, or of several in one request",
}
DETAILS = (
    "{instructions}",
    "{schema}",
    "Where the text says when something is by another day, such as today or next Tuesday, count from "
    "{reference_date}.",
    "Read numbers and dates in the text as they are written in the locale {locale}.",
    "{text_note}",
)
_BLANK_LINES = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """Words with placeholders. text: as it was written. paragraphs: the same, read."""

    text: str
    paragraphs: tuple[tuple[Piece, ...], ...]

    @classmethod
    def of(cls, text: str) -> PromptTemplate:
        """Return the template that a text is. Raises ConfigError for a placeholder that is none, or for a
        template that does not say where the schema is to stand.
        """
        made = cls(text, tuple(map(_pieces, _BLANK_LINES.split(text.strip()))))
        made.check("schema", "the shape of the answer, which not every server shows to the model itself")
        return made

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        return frozenset(name for paragraph in self.paragraphs for _, name in paragraph if name)

    def check(self, name: str, what: str) -> None:
        """Raise ConfigError if a placeholder is missing. what: that has to stand in its place."""
        if name not in self.names:
            raise ConfigError(f"prompt= lacks the placeholder {{{name}}}, which stands for {what}")

    def filled(self, values: Mapping[str, str | None]) -> str:
        """Return the words with values in place of the placeholders. A paragraph is left out whose
        placeholders are all empty.
        """
        said = {name: (values.get(name) or "").strip() for name in PLACEHOLDERS}
        return "\n\n".join(_filled(each, said) for each in self.paragraphs if _has_words(each, said))


def _pieces(paragraph: str) -> tuple[Piece, ...]:
    try:
        parts = list(Formatter().parse(paragraph))
    except ValueError as error:
        raise ConfigError(
            f"prompt= is not a valid template: {error}; write {{{{ and }}}} for braces"
        ) from error
    for _, name, spec, conversion in parts:
        if name is not None and (name not in PLACEHOLDERS or spec or conversion):
            raise ConfigError(_unknown(name))
    return tuple((words, name) for words, name, _, _ in parts)


def _unknown(name: str) -> str:
    if name == "text":
        return (
            "prompt= can't contain {text}: the text is sent in a message of its own, after the "
            "examples, so that it is not mistaken for instructions"
        )
    near = get_close_matches(name, PLACEHOLDERS, 1)
    hint = f"; did you mean {{{near[0]}}}?" if near else "."
    known = ", ".join(f"{{{each}}}" for each in PLACEHOLDERS)
    return f"prompt= has the unknown placeholder {{{name}}}{hint} There are {known}; braces are {{{{ and }}}}"


def _has_words(paragraph: tuple[Piece, ...], said: Mapping[str, str]) -> bool:
    names = [name for _, name in paragraph if name]
    return not names or any(said[name] for name in names)


def _filled(paragraph: tuple[Piece, ...], said: Mapping[str, str]) -> str:
    return "".join(words + (said[name] if name else "") for words, name in paragraph)


def _own(task: str) -> PromptTemplate:
    escaped = task.replace("{", "{{").replace("}", "}}")
    text = "\n\n".join((escaped, *DETAILS))
    return PromptTemplate(text, tuple(map(_pieces, _BLANK_LINES.split(text))))


PLAIN, PACK, BRIEF, _SMALL, _SMALL_IN_LINES = map(
    _own, (TASK, PACK_TASK, BRIEF_TASK, SMALL_TASK, SMALL_TASK_IN_LINES)
)
DEFAULT_PROMPT = PLAIN.text
TOGETHER = (
    "The user's message holds several texts, each as a line of JSON with its id. Answer with one object that "
    "has the record of each text under its id. Take every value of a record from its own text alone."
)


def small_prompt(lines: bool) -> PromptTemplate:
    """Return the words for a small model. lines: whether it writes objects over several lines."""
    return _SMALL_IN_LINES if lines else _SMALL
