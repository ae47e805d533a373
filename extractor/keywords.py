"""What is said of a keyword that a public class or function does not have. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar, cast

from .errors import ConfigError

T = TypeVar("T")
LIKE = 0.85  # max_tokens is not max_tokens_total, and samples not try_samples
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def names_wrong_keywords(instead: Mapping[str, str] = NO_NAMES) -> Callable[[T], T]:
    """Return a decorator of a class or a function: a keyword that it does not have raises ConfigError, which
    says what may have been meant. An argument that is missing, or is one too many, stays Python's TypeError,
    with the form of the call as its note. A function with `**options` passes on what is like none of its own.

    instead: which of its keywords is meant by names that others have.
    """

    def with_names(callee: T) -> T:
        if not isinstance(callee, type):
            function = cast("Callable[..., Any]", callee)
            return cast(T, _checked(function, function.__name__, instead))
        made: Any = callee
        made.__init__ = _checked(made.__init__, callee.__name__, instead)
        made.__init__.__doc__ = callee.__doc__
        return callee

    return with_names


def _checked(original: Callable[..., Any], name: str, instead: Mapping[str, str]) -> Callable[..., Any]:
    parameters = [each for each in inspect.signature(original).parameters.values() if each.name != "self"]
    known = [each for each in parameters if each.kind is not each.VAR_KEYWORD]
    names = [each.name for each in known]
    passes_on = len(known) < len(parameters)

    @wraps(original)
    def call(*args: Any, **given: Any) -> Any:
        others = [each for each in given if each not in names] if passes_on else ()
        if wrong := next((each for each in others if get_close_matches(each, names, 1, LIKE)), None):
            raise _wrong(name, wrong, names, instead)
        try:
            return original(*args, **given)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # it was begun
                raise
            if not passes_on and (wrong := next((each for each in given if each not in names), None)):
                raise _wrong(name, wrong, names, instead) from None
            error.add_note(f"The call is {_form(name, known)}")
            raise

    return call


def _wrong(name: str, wrong: str, known: list[str], instead: Mapping[str, str]) -> ConfigError:
    near = [instead[wrong]] if wrong in instead else get_close_matches(wrong, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ConfigError(f"{name} has no {wrong!r}: {hint}It has {', '.join(known)}")


def _form(name: str, known: list[inspect.Parameter]) -> str:
    """Return how the call is written: what it needs, and dots for the rest."""
    needed = [each for each in known if each.default is inspect.Parameter.empty] or known[:1]
    written = [f"{each.name}=..." if each.kind is each.KEYWORD_ONLY else each.name for each in needed]
    return f"{name}({', '.join((*written, '...'))})"
