"""The judge of plain JSON records: `jsonschema` with its format checker, and ECMAScript's patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from itertools import islice
from typing import Any, Protocol

from ..errors import Problem, SchemaError
from ..messages import JSON
from .drafts import DRAFT_2020, MAX_REASON, Place
from .ecmascript import matcher
from .problems import pointer as as_pointer
from .proof import Conforms
from .verbatim import REASON, VERBATIM, stands

MAX_PROBLEMS = 50
_source: ContextVar[str | None] = ContextVar("source", default=None)  # keywords are told nothing of the call


class JudgeRecord(Protocol):
    """Says what is wrong with a record, () if nothing is. text: where marked values have to stand."""

    def __call__(self, record: JSON, text: str | None = None) -> tuple[Problem, ...]:
        """Return the problems."""
        ...


def judge_by(root: Place, places: Iterable[Place], registry: Any) -> JudgeRecord:
    """Return the function that says what is wrong with a value by the schema `root`, () if nothing is.

    places: every schema that references can lead to, through `registry`. Raises SchemaError where
    a pattern cannot be checked.
    """
    _refuse_unread_patterns(root, tuple(places))
    kind = _kind_of(root.dialect.uri)
    validator = kind(root.schema, registry=registry, format_checker=kind.FORMAT_CHECKER)

    def judge(record: JSON, text: str | None = None) -> tuple[Problem, ...]:
        before = _source.set(text)
        try:
            return tuple(map(_problem, islice(validator.iter_errors(record), MAX_PROBLEMS)))
        except RecursionError:
            return (Problem("", "it is nested too deeply to be checked", None, "recursion_loop"),)
        except (OverflowError, ValueError) as error:  # infinity or NaN, as a multiple of something
            return (Problem("", f"it can't be checked: {error}", None, "number"),)
        finally:
            _source.reset(before)

    return judge


def format_checker(dialect: str) -> Conforms:
    """Return the function that says whether a value is of a format, as the judge of that draft has it."""
    conforms: Conforms = _kind_of(dialect).FORMAT_CHECKER.conforms
    return conforms


def is_checked(name: str) -> bool:
    """Return whether the judge checks a format."""
    return name in _kind_of(DRAFT_2020.uri).FORMAT_CHECKER.checkers


def _problem(error: Any) -> Problem:
    from jsonschema.exceptions import best_match

    error = best_match([error])
    shown = repr(error.instance)
    reason = error.message.replace(shown, "the value") if len(shown) > 80 else error.message
    kind = (error.validator or "false").removeprefix("x-")  # the schema that nothing fits has no keyword
    return Problem(as_pointer(error.absolute_path), reason[:MAX_REASON], error.instance, kind)


@lru_cache
def _kind_of(dialect: str) -> Any:
    """Return the validator class of a draft, with ECMAScript's regular expressions instead of Python's, and
    with the formats of all drafts: what is told to a model is checked, whichever draft the document names.
    """
    from jsonschema.validators import Draft202012Validator, extend, validator_for

    return extend(
        validator_for({"$schema": dialect}),
        {
            "pattern": _pattern,
            "patternProperties": _pattern_properties,
            "additionalProperties": _additional_properties,
            VERBATIM: _verbatim,
        },
        format_checker=Draft202012Validator.FORMAT_CHECKER,
    )


def _pattern(validator: Any, pattern: str, value: JSON, schema: JSON) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(value, str) and not matcher(pattern)(value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _verbatim(validator: Any, wanted: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    from jsonschema import ValidationError

    text = _source.get()
    if wanted is True and text is not None and not stands(value, text):
        yield ValidationError(REASON)


def _pattern_properties(validator: Any, patterns: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    for pattern, rule in patterns.items() if isinstance(value, dict) else ():
        for name in filter(matcher(pattern), value):
            yield from validator.descend(value[name], rule, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rule: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not isinstance(value, dict):
        return
    matchers = [matcher(pattern) for pattern in schema.get("patternProperties", ())]
    named = schema.get("properties", {})
    extra = [name for name in value if name not in named and not any(known(name) for known in matchers)]
    if isinstance(rule, dict):
        for name in extra:
            yield from validator.descend(value[name], rule, path=name)
    elif extra and not rule:
        yield ValidationError(f"Additional properties are not allowed ({', '.join(map(repr, extra))})")


def _refuse_unread_patterns(root: Place, places: tuple[Place, ...]) -> None:
    """Raise SchemaError for a pattern that `jsonschema` would read by `re` itself, and cannot."""
    all_of_them = any("unevaluatedProperties" in place.schema for place in places)
    for place in places:
        if all_of_them or place.dialect is not root.dialect:
            for pattern in place.patterns():
                _compile(pattern, place.pointer)


def _compile(pattern: str, pointer: str) -> None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise SchemaError(f"the pattern {pattern!r} cannot be checked: {error}", pointer) from error
