"""Which answer of a script a request gets."""

from __future__ import annotations

from collections.abc import Callable, MutableSequence, Sequence
from itertools import chain, repeat
from typing import TypeAlias, get_args

from .received import ReceivedRequest
from .replies import Raw, Response, Scripted, Status, status

Play: TypeAlias = Callable[[ReceivedRequest], Scripted]
Script: TypeAlias = Scripted | Play | Sequence[Scripted | Play]
Handler: TypeAlias = Callable[[ReceivedRequest, Play], Response | Raw]  # one call of one API


class ScriptEnded(AssertionError):
    """A request came for which the script has no answer left."""


def player(
    script: Script, *, repeat_last: bool = False, late: MutableSequence[Exception] | None = None
) -> Play:
    """Return the function that gives each request its answer, in the order of the calls. late: where a
    ScriptEnded is put for each request beyond the end. Raises TypeError if an entry is no answer.
    """
    for entry in script if isinstance(script, Sequence) and not isinstance(script, str) else [script]:
        if not (callable(entry) or isinstance(entry, get_args(Scripted))):
            raise TypeError(f"{entry!r:.80} is not an answer of a script: write reply({entry!r:.40})")
    if callable(script):
        return script
    if not isinstance(script, Sequence):
        return lambda request: script
    further = script[-1] if repeat_last and script else _ended(len(script), late)
    answers = chain(script, repeat(further))

    def play(request: ReceivedRequest) -> Scripted:
        answer = next(answers)
        return answer(request) if callable(answer) else answer

    return play


def _ended(length: int, late: MutableSequence[Exception] | None) -> Play:
    def refuse(request: ReceivedRequest) -> Status:
        message = f"The script has ended: it has {length} answers, and this is request {request.index + 1}."
        if late is not None:
            late.append(ScriptEnded(message))
        # a status that no client asks again after
        return status(400, message, code="script_ended", headers={"x-should-retry": "false"})

    return refuse
