"""The judge of plain JSON records: `jsonschema`, with ECMAScript's patterns and a bounded number of steps.

`jsonschema` evaluates a reference each time it is met, and collects the errors of every branch of a union.
For a type that refers to itself this doubles with each level. Here what a reference says of a value is found
once, and only problems are reported. What still takes too many steps is a problem of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Protocol

from ....errors import Problem
from ....messages import JSON
from ....pointers import pointer as as_pointer
from ...grounding.verbatim import REASON, VERBATIM, stands
from ...patterns.ecmascript import Matcher, matcher
from .drafts import MAX_REASON
from .formats import MOST, conforms, is_too_long

MAX_PROBLEMS = 50
STEPS, STEPS_A_VALUE = 300_000, 50  # keywords that are asked until a record is given up
STEPS_TOLD = 5_000  # keywords that are asked to tell what is wrong
_SLOW = 60_000  # steps that a slow pattern counts as
_SHOWN = 80  # characters, or members, of a value that are shown in a message
_TOO_MANY = "its check takes too many steps"

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any]]


class JudgeRecord(Protocol):
    """Says what is wrong with a record, () if nothing is. text: where marked values have to stand."""

    def __call__(self, record: JSON, text: str | None = None) -> tuple[Problem, ...]:
        """Return the problems."""
        ...


class _TooManySteps(Exception):
    """The check was given up."""


@dataclass
class _Course:
    """What is known while one record is judged: keywords get nothing from the call.

    enums: the members of enums, by identity. fits, names: whether a value fits what a reference leads to, and
    which members that evaluates, by the identities of both.
    """

    enums: dict[int, frozenset[Any]]
    text: str | None
    steps: int
    telling: int = STEPS_TOLD
    quick: bool = False  # nobody reads what is wrong
    naming: bool = False  # keywords yield the members that they evaluate, and judge nothing
    fits: dict[tuple[int, int], bool] = field(default_factory=dict)
    names: dict[tuple[int, int], frozenset[str]] = field(default_factory=dict)
    without: dict[int, Mapping[str, JSON]] = field(default_factory=dict)

    def step(self, count: int = 1) -> None:
        """Count steps. Raises _TooManySteps."""
        if self.quick:
            self.steps -= count
            if self.steps < 0:
                raise _TooManySteps
        else:
            self.telling -= count

    @contextmanager
    def doing(self, *, quick: bool, naming: bool) -> Iterator[None]:
        """Do something else for a while."""
        before = self.quick, self.naming
        self.quick, self.naming = quick, naming
        try:
            yield
        finally:
            self.quick, self.naming = before

    def valid(self, validator: Any, value: JSON, schema: JSON) -> bool:
        """Return whether a value fits a subschema."""
        with self.doing(quick=True, naming=False):
            return next(validator.descend(value, schema), None) is None

    def named(self, validator: Any, value: JSON, schema: JSON) -> set[str]:
        """Return the members of an object that a schema evaluates."""
        with self.doing(quick=True, naming=True):
            return {error.message for error in validator.descend(value, schema)}


_course: ContextVar[_Course] = ContextVar("course")


def judge_by(schema: Mapping[str, JSON]) -> JudgeRecord:
    """Return the function that says what is wrong with a value by a schema of draft 2020-12 whose references
    are all its own, () if nothing is.
    """
    validator, enums = _kind()(schema), dict[int, frozenset[Any]]()

    def judge(record: JSON, text: str | None = None) -> tuple[Problem, ...]:
        course = _Course(enums, text, STEPS + STEPS_A_VALUE * _values(record))
        token = _course.set(course)
        try:
            if course.valid(validator, record, schema):
                return ()
            return tuple(map(_problem, islice(validator.iter_errors(record), MAX_PROBLEMS)))
        except _TooManySteps:
            return (Problem("", _TOO_MANY, None, "steps"),)
        except RecursionError:
            return (Problem("", "it is nested too deeply to be checked", None, "recursion_loop"),)
        except (OverflowError, ValueError) as error:  # infinity or NaN, as a multiple of something
            return (Problem("", f"it can't be checked: {error}", None, "number"),)
        finally:
            _course.reset(token)

    return judge


def _values(record: JSON) -> int:
    """Return how many values a record is made of."""
    count, pending = 0, [record]
    while pending:
        value = pending.pop()
        count += 1
        if isinstance(value, (dict, list)):
            pending += value.values() if isinstance(value, dict) else value
    return count


def _problem(error: Any) -> Problem:
    from jsonschema.exceptions import best_match

    error = best_match([error])
    kind = (error.validator or "false").removeprefix("x-")  # the schema that nothing fits has no keyword
    return Problem(as_pointer(error.absolute_path), error.message[:MAX_REASON], error.instance, kind)


@cache
def _kind() -> Any:
    """Return the validator class: draft 2020-12 with our own keywords, each of which counts as a step."""
    from jsonschema.validators import Draft202012Validator, extend

    own = {
        "$ref": _reference(Draft202012Validator.VALIDATORS["$ref"]),
        "additionalProperties": _additional_properties,
        "anyOf": _any_of,
        "const": _const,
        "enum": _enum,
        "format": _format,
        "oneOf": _one_of,
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "type": _type,
        "unevaluatedProperties": _unevaluated_properties,
        "uniqueItems": _unique_items,
        VERBATIM: _verbatim,
    }
    keywords = {**Draft202012Validator.VALIDATORS, **own}
    return extend(Draft202012Validator, {name: _counted(name, each) for name, each in keywords.items()})


def _counted(name: str, keyword: Keyword) -> Keyword:
    """Return a keyword that counts as a step. It adds nothing to the stack while a record is only judged."""
    naming = keyword if name == "$ref" else _NAMING.get(name, _naming_nothing)

    def counted(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
        course = _course.get()
        course.step()
        if course.naming:
            return naming(validator, said, value, schema)
        found = keyword(validator, said, value, schema) or iter(())
        return found if course.quick else _told(found, value, course)

    return counted


def _told(errors: Iterator[Any], value: JSON, course: _Course) -> Iterator[Any]:
    """Yield errors without the long values that `jsonschema` writes into their messages."""
    for error in errors:
        if len(error.message) > _SHOWN:
            course.step(len(error.message) // _SHOWN)
            error.message = _brief(error.message, value)
        yield error


def _brief(message: str, value: JSON) -> str:
    """Return a message without a long value in it."""
    shown = repr(value)
    return message.replace(shown, "the value") if len(shown) > _SHOWN else message


def _error(message: str, **more: Any) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message, **more)


def _shown(value: JSON) -> str:
    """Return a value as messages show it: in full only if it is short."""
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN else "the value"
    pending, seen = [value], 0
    while pending:
        each = pending.pop()
        seen += len(each) if isinstance(each, (str, dict, list)) else 1
        if seen > _SHOWN:
            return "the value"
        if isinstance(each, (dict, list)):
            pending += [*each, *each.values()] if isinstance(each, dict) else each
    return shown if len(shown := repr(value)) <= _SHOWN else "the value"


def _room(frames: int = 100) -> None:
    """Raise RecursionError unless there is room on the stack: where it ends, the library below panics."""
    if frames:
        _room(frames - 1)


# -- keywords


def _reference(keyword: Keyword) -> Keyword:
    def reference(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
        course = _course.get()
        key = id(schema), id(value)
        if course.naming:
            if key not in course.names:
                found = [error.message for error in keyword(validator, said, value, schema)]
                course.names[key] = frozenset(found)
            yield from map(_error, course.names[key])
            return
        if key not in course.fits:
            _room()
            with course.doing(quick=True, naming=False):
                course.fits[key] = next(keyword(validator, said, value, schema), None) is None
        if course.fits[key]:
            return
        if course.quick or course.telling < 0:
            yield _error(f"{_shown(value)} is not valid by {said}")
        else:
            yield from keyword(validator, said, value, schema)

    return reference


def _any_of(validator: Any, choices: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    course, context = _course.get(), []
    for choice in choices:
        if course.valid(validator, value, choice):
            return
    if not course.quick:
        context = _context(validator, choices, value)
    yield _error(f"{_shown(value)} is not valid under any of the given schemas", context=context)


def _one_of(validator: Any, choices: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    course = _course.get()
    fitting = [n for n, choice in enumerate(choices) if course.valid(validator, value, choice)]
    if len(fitting) > 1:
        reprs = ", ".join(f"{choices[n]!r:.{_SHOWN}}" for n in fitting)
        yield _error(f"{_shown(value)} is valid under each of {reprs}")
    elif not fitting:
        context = [] if course.quick else _context(validator, choices, value)
        yield _error(f"{_shown(value)} is not valid under any of the given schemas", context=context)


def _context(validator: Any, choices: JSON, value: JSON) -> list[Any]:
    """Return what is wrong with a value by each choice."""
    return [
        error
        for n, choice in enumerate(choices)
        for error in islice(validator.descend(value, choice, schema_path=n), MAX_PROBLEMS)
    ]


def _type(validator: Any, kinds: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(validator.is_type(value, kind) for kind in kinds):
        yield _error(f"{_shown(value)} is not of type {', '.join(map(repr, kinds))}")


def _enum(validator: Any, values: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    enums = _course.get().enums
    if id(values) not in enums:
        enums[id(values)] = frozenset(map(_told_apart, values))
    if _told_apart(value) not in enums[id(values)]:
        yield _error(f"{_shown(value)} is not one of {values!r:.{MAX_REASON}}")


def _const(validator: Any, wanted: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    if _told_apart(value) != _told_apart(wanted):
        yield _error(f"{wanted!r:.{MAX_REASON}} was expected")


def _unique_items(validator: Any, wanted: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    if wanted and isinstance(value, list) and len({_told_apart(each) for each in value}) < len(value):
        yield _error(f"{_shown(value)} has non-unique elements")


def _pattern(validator: Any, pattern: str, value: JSON, schema: JSON) -> Iterator[Any]:
    if not isinstance(value, str):
        return
    found = _searched(matcher(pattern), value)
    if found is None:
        yield _error(f"it takes too many steps to say whether {_shown(value)} matches {pattern!r:.{_SHOWN}}")
    elif not found:
        yield _error(f"{_shown(value)} does not match {pattern!r}")


def _searched(pattern: Matcher, text: str) -> bool | None:
    """Return whether a pattern matches; what a slow one takes is counted."""
    found = pattern.quick(text)
    if found is None:
        _course.get().step(_SLOW)
        found = pattern(text)
    return found


def _format(validator: Any, name: str, value: JSON, schema: JSON) -> Iterator[Any]:
    if conforms(value, name):
        return
    if isinstance(value, str) and is_too_long(value, name):
        yield _error(f"at most {MOST[name]:,} characters are checked as {name!r}")
    else:
        yield _error(f"{_shown(value)} is not a {name!r}")


def _verbatim(validator: Any, wanted: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    text = _course.get().text
    if wanted is True and text is not None and not stands(value, text):
        yield _error(REASON)


def _pattern_properties(validator: Any, patterns: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    for pattern, rule in patterns.items() if isinstance(value, dict) else ():
        search = matcher(pattern)
        for name, member in value.items():
            found = _searched(search, name)
            if found:
                yield from validator.descend(member, rule, path=name, schema_path=pattern)
            elif found is None:
                yield _error(f"it takes too many steps to say whether {_shown(name)} matches {pattern!r}")


def _extra(schema: Mapping[str, JSON], value: Mapping[str, JSON]) -> list[str]:
    """Return the members that neither `properties` nor `patternProperties` speak of."""
    patterns = [matcher(pattern) for pattern in schema.get("patternProperties", ())]
    named = schema.get("properties", {})
    others = [name for name in value if name not in named]
    return [name for name in others if not any(_searched(pattern, name) for pattern in patterns)]


def _additional_properties(validator: Any, rule: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    extra = _extra(schema, value) if isinstance(value, dict) else []
    if isinstance(rule, dict):
        for name in extra:
            yield from validator.descend(value[name], rule, path=name)
    elif extra and not rule:
        yield _error(f"Additional properties are not allowed ({', '.join(map(repr, extra))})")


def _unevaluated_properties(validator: Any, rule: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    course = _course.get()
    if id(schema) not in course.without:  # kept: identities of what is freed come back
        course.without[id(schema)] = {k: v for k, v in schema.items() if k != "unevaluatedProperties"}
    known = course.named(validator, value, course.without[id(schema)])
    extra = [n for n in value if n not in known and not course.valid(validator, value[n], rule)]
    if extra:
        why = "allowed" if rule is False else "valid under the given schema"
        yield _error(f"Unevaluated properties are not {why} ({', '.join(map(repr, extra))})")


# -- which members of an object a keyword evaluates, yielded as the messages of errors


def _naming_nothing(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    return iter(())


def _naming_properties(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    yield from (_error(name) for name in said if name in value)


def _naming_matched(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    for pattern in said:
        yield from (_error(name) for name in value if _searched(matcher(pattern), name))


def _naming_additional(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    yield from map(_error, _extra(schema, value))


def _naming_unevaluated(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    yield from map(_error, value)


def _naming_valid(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    course = _course.get()
    for choice in said:
        if course.valid(validator, value, choice):
            yield from map(_error, course.named(validator, value, choice))


def _naming_dependent(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    for name, choice in said.items():
        if name in value:
            yield from map(_error, _course.get().named(validator, value, choice))


def _naming_if(validator: Any, said: JSON, value: JSON, schema: JSON) -> Iterator[Any]:
    course = _course.get()
    holds = course.valid(validator, value, said)
    chosen = [said, schema.get("then", True)] if holds else [schema.get("else", True)]
    for each in chosen:
        yield from map(_error, course.named(validator, value, each))


_NAMING: Mapping[str, Keyword] = {
    "properties": _naming_properties,
    "patternProperties": _naming_matched,
    "additionalProperties": _naming_additional,
    "unevaluatedProperties": _naming_unevaluated,
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _naming_valid),
    "dependentSchemas": _naming_dependent,
    "if": _naming_if,
}


# -- values that compare as JSON compares them


def _told_apart(value: JSON) -> Any:
    """Return something hashable that is equal for equal JSON: 1 is 1.0, and true is not 1. Numbers are texts:
    one can choose many that have the same hash.
    """
    if isinstance(value, list):
        return "list", tuple(map(_told_apart, value))
    if isinstance(value, dict):
        return "dict", frozenset((name, _told_apart(each)) for name, each in value.items())
    if isinstance(value, float):
        return "number", hex(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return "number", hex(value)
    return value
