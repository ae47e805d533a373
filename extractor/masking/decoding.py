"""Records out of replies about masked texts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import ExtractionError, InvalidJSON, Unjudged
from .masks import Masked

T = TypeVar("T")


def decode_masked(masked: Masked, decode: Callable[[str], T], text: str) -> T:
    """Return the record with the values that were hidden. Its problems are named without them.

    A value that looks like a misspelt placeholder is one, unless the type takes it alone as it is written.
    """
    told = list[ExtractionError]()
    for reading in dict.fromkeys((masked.misspelt.restored(text), text)):
        try:
            return decode(masked.json_back(reading))
        except MemoryError:
            raise
        except InvalidJSON as error:
            told.append(error if error.__cause__ is None else _unjudged(error.__cause__))
        except ExtractionError as error:
            told.append(error)
        except Exception as error:  # of a validator: its message would contain the values
            told.append(Unjudged.of(error))
    first = told[0]
    problems = [masked.hidden_problem(problem) for problem in first.problems]
    raise type(first)(masked.hidden(str(first)), problems)  # outside: the cause holds the values


def _unjudged(cause: BaseException) -> Unjudged:
    return Unjudged.of(cause if isinstance(cause, Exception) else Exception(str(cause)))
