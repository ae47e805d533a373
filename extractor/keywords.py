"""What is said of a keyword that a class of options does not have. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import wraps
from types import MappingProxyType
from typing import Any, TypeVar

from .errors import ConfigError

T = TypeVar("T")
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def names_wrong_keywords(instead: Mapping[str, str] = NO_NAMES) -> Callable[[type[T]], type[T]]:
    """Return a decorator of a class: a keyword that it does not have raises ConfigError, which says what may
    have been meant. An argument that is missing, or is one too many, stays Python's TypeError, with the form
    of the call as its note.

    instead: which of its keywords is meant by names that others have.
    """

    def with_names(kind: type[T]) -> type[T]:
        original: Callable[..., None] = kind.__init__

        @wraps(original)
        def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807
            try:
                original(self, *args, **given)
            except TypeError as error:
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:  # it was begun
                    raise
                if wrong := _wrong_keyword(kind.__name__, original, given, instead):
                    raise wrong from None
                error.add_note(f"The call is {_form(kind.__name__, original)}")
                raise

        __init__.__doc__ = kind.__doc__
        kind.__init__ = __init__  # type: ignore[method-assign]
        return kind

    return with_names


def _keywords(original: Callable[..., None]) -> list[inspect.Parameter]:
    return list(inspect.signature(original).parameters.values())[1:]


def _wrong_keyword(
    name: str, original: Callable[..., None], given: Mapping[str, Any], instead: Mapping[str, str]
) -> ConfigError | None:
    known = [each.name for each in _keywords(original)]
    wrong = next((each for each in given if each not in known), None)
    if wrong is None:
        return None
    near = [instead[wrong]] if wrong in instead else get_close_matches(wrong, known, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ConfigError(f"{name} has no {wrong!r}: {hint}It has {', '.join(known)}")


def _form(name: str, original: Callable[..., None]) -> str:
    """Return how the call is written: what it needs, and dots for the rest."""
    known = _keywords(original)
    needed = [each for each in known if each.default is inspect.Parameter.empty]
    first = needed or known[:1]
    return f"{name}({', '.join((*(f'{each.name}=...' for each in first), '...'))})"
