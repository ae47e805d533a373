"""The ladder of modes: which mode to fall back to if a server rejects one. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..messages import Attempt, Failure, Message, Mode, Request

_REFUSALS = frozenset({400, 404, 415, 422, 501})
_NAMES = {
    Mode.JSON_SCHEMA: re.compile(
        r"response.?format|json.?schema|schema|structured|grammar|output.?(config|format)", re.I
    ),
    Mode.TOOL: re.compile(r"tool|function", re.I),
    Mode.JSON_OBJECT: re.compile(r"(response|output).?format|json.?(object|mode)|mime.?type", re.I),
}
# A refusal that names no cause. Sources: MiniMax-AI/MiniMax-M2.5 #28 ("invalid params", for a schema), and
# Gemini's "Request contains an invalid argument."
_VAGUE = re.compile(
    r"\W*((400|422)\W+)?((bad|invalid|malformed) (request|params?|parameters?|arguments?|input)( error)?"
    r"|request contains an invalid argument|unprocessable (entity|content)|provider returned error"
    r"|unknown error|the server answered with http status (400|422)|(\w+: )?invalid_request_error)?\W*",
    re.I,
)
_ONE_SCHEMA = re.compile(
    r"invalid (json )?schema|in context=|not permitted|property '|too (complex|many|large|deep|long)"
    r"|conversion failed|pars\w+ grammar|grammar error|contains features",
    re.I,
)


@dataclass(frozen=True, slots=True)
class ModeLadder:
    """modes: those that may be tried, best first. request: the first request of a dialogue in a mode.
    shows_schema: whether the prompt shows the schema in a mode. brief: the messages for a question about
    a few values; None if they can't be fewer. spare: parameters that are left out where the server does
    not take them. earlier: modes that were tried first before the server was probed, or since.
    """

    modes: tuple[Mode, ...]
    request: Callable[[Mode], Request]
    shows_schema: Callable[[Mode], bool]
    brief: Callable[[], tuple[Message, ...]] | None = None
    spare: frozenset[str] = frozenset()
    earlier: tuple[Mode, ...] = ()

    def without_spare(self) -> ModeLadder:
        """Return the same without the parameters that can be spared."""
        return replace(self, request=lambda mode: without(self.request(mode), self.spare), spare=frozenset())

    def below(self, mode: Mode) -> Mode | None:
        """Return the next weaker mode, None at the end of the ladder."""
        weaker = self.modes[self.modes.index(mode) + 1 :] if mode in self.modes else ()
        return weaker[0] if weaker else None


def refuses_mode(failure: Failure, mode: Mode) -> bool:
    """Whether a server says that it does not take the mode: a client error whose text names what the
    mode is made of, or nothing at all. What else is wrong with a request is not cured by another mode.
    """
    names = _NAMES.get(mode)
    if failure.status not in _REFUSALS or names is None:
        return False
    return is_vague(failure) or bool(names.search(failure.said))


def is_vague(failure: Failure) -> bool:
    """Whether a server refuses a request without a word of why: it may be the mode that it does not take."""
    silent = not failure.message.startswith("the server answered") or not failure.body.strip()
    return failure.status in (400, 422) and silent and bool(_VAGUE.fullmatch(failure.message))


def without(request: Request, params: frozenset[str]) -> Request:
    """Return a request without some of its parameters."""
    return replace(request, params={n: value for n, value in request.params.items() if n not in params})


def refuses_logprobs(failure: Failure) -> bool:
    """Whether a server says that it tells no log-probabilities, as OpenAI's reasoning models do by a 403."""
    said = failure.said.lower()
    return failure.status in (*_REFUSALS, 403) and "logprob" in said


def refuses_schema(failure: Failure) -> bool:
    """Whether what a server does not take is this one schema, as far as it says, and not schemas as such."""
    return is_vague(failure) or bool(_ONE_SCHEMA.search(failure.said))


def steps_down(attempts: Sequence[Attempt]) -> Iterator[tuple[Failure, Request]]:
    """Yield each refusal of a mode, with the request in a weaker one that followed it."""
    for before, after in pairwise(attempts):
        same_model = before.request.model == after.request.model
        if before.failure is not None and same_model and before.request.mode is not after.request.mode:
            yield before.failure, after.request
