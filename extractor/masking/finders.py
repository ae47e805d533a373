"""What finds in a text what must not leave: patterns, functions, and Presidio where it is installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from traceback import extract_tb
from typing import Any, TypeAlias

from ..errors import ConfigError

Found: TypeAlias = tuple[int, int, str]  # what is hidden: where it starts and ends, and what it is
Finder: TypeAlias = Callable[[str], Iterable[Found]]
PATTERNS: Mapping[str, str] = {
    "email": r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+",
    "iban": r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    "card": r"\b(?:\d[ -]?){12,18}\d\b",
    "phone": r"(?<![\w.])(?:\+|00)?\d(?:[ ()/.-]{0,2}\d){7,14}(?!\w)",
    "ip": r"\b(?:\d{1,3}\.){3}\d{1,3}\b",
}
PRESIDIO = "presidio"
LEAST_SCORE = 0.35  # of what Presidio finds; what it only guesses from digits has 0.01
NOT_HIDDEN = ("DATE_TIME", "URL", "EMAIL_ADDRESS")  # mail is found by our pattern, which needs no network


def finders(given: Any) -> Iterator[Finder]:
    """Yield what `mask=` names: patterns, functions, Presidio, or lists of these. Raises ConfigError."""
    if isinstance(given, str):
        yield from _named(given)
    elif isinstance(given, Mapping):
        for label, pattern in given.items():
            yield _by_pattern(str(label), pattern)
    elif callable(given):
        yield _checked(given)
    elif isinstance(given, Sequence) and not isinstance(given, bytes):
        for each in given:
            yield from finders(each)
    else:
        raise ConfigError(
            f"mask= must be names of patterns, {{'label': r'pattern'}}, or a function, not {given!r:.80}"
        )


def _named(name: str) -> Iterator[Finder]:
    first, _, model = name.partition(":")
    if first == PRESIDIO:
        yield _by_pattern("email", PATTERNS["email"])
        yield _presidio(model or None)
    elif name in PATTERNS:
        yield _by_pattern(name, PATTERNS[name])
    else:
        known = ", ".join((*PATTERNS, PRESIDIO))
        raise ConfigError(
            f"mask={name!r} is not one of {known}: give your own pattern as {{'label': r'...'}}; "
            "presidio finds names of people"
        )


def _by_pattern(label: str, pattern: str | re.Pattern[str]) -> Finder:
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise ConfigError(
            f"mask={{{label!r}: {pattern!r:.80}}} is not a regular expression: {error}"
        ) from error
    return lambda text: ((found.start(), found.end(), label) for found in compiled.finditer(text))


def _checked(find: Callable[[str], Any]) -> Finder:
    """Return a caller's function as a finder that raises ConfigError if it fails, or returns a place outside
    of the text.
    """
    name = getattr(find, "__name__", type(find).__name__)

    def found(text: str) -> Iterator[Found]:
        for each in _found_by(find, name, text):
            try:
                start, end, label = each
                right = 0 <= int(start) <= int(end) <= len(text)
            except (TypeError, ValueError):
                right = False
            if not right:
                raise ConfigError(
                    f"the mask {name} returned {each!r:.80}: it must return (start, end, label), with "
                    f"offsets of characters in a text of {len(text)}"
                )
            yield int(start), int(end), str(label)

    return found


def _found_by(find: Callable[[str], Any], name: str, text: str) -> list[Any]:
    """Return what a function finds. Its error may hold the text: only its kind and place are reported."""
    try:
        return list(find(text))
    except Exception as error:
        at = extract_tb(error.__traceback__)[-1]
        why = f"the mask {name} raised {type(error).__name__} in {at.filename}, line {at.lineno}"
    raise ConfigError(why)  # outside: the cause may hold the text


def _presidio(model: str | None) -> Finder:
    """Return what finds with Presidio's recognizers. model: a spaCy model, by which names are found too; a
    package that is installed, or a folder. Nothing is downloaded. Raises ConfigError.
    """
    try:
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError as error:
        raise ConfigError(
            "mask='presidio' needs presidio-analyzer: pip install 'typed-extractor[presidio]'"
        ) from error
    _check_installed(model)
    used = {"lang_code": "en", "model_name": model or "none"}
    wanted = {"nlp_engine_name": "spacy" if model else "no_op", "models": [used]}
    nlp = NlpEngineProvider(nlp_configuration=wanted).create_engine()
    engine = AnalyzerEngine(nlp_engine=nlp, default_score_threshold=LEAST_SCORE)
    entities = sorted({*engine.get_supported_entities("en")} - {*NOT_HIDDEN})

    def find(text: str) -> Iterator[Found]:
        for each in engine.analyze(text=text, language="en", entities=entities):
            yield each.start, each.end, each.entity_type

    return find


def _check_installed(model: str | None) -> None:
    """Raise ConfigError for a spaCy model that Presidio would download."""
    if model is None:
        return
    import spacy.util

    if not (spacy.util.is_package(model) or spacy.util.ensure_path(model).exists()):
        raise ConfigError(
            f"mask='presidio:{model}' needs that spaCy model: python -m spacy download {model}, or give "
            "the path of its folder"
        )
