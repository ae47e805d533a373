"""What was learnt of a model's server from its replies. A value: each dialogue makes the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .dialogue import refuses_logprobs, refuses_schema, steps_down
from .messages import Attempt, Mode, Outcome, StrictSchema, Turns

MOST_LOWERED = 100  # schemas


@dataclass(frozen=True, slots=True)
class Learnt:
    """modes: those that the server may take, best first. lowered: the modes for single schemas that it did
    not take in a stronger one, by `_key`, the latest of them. turns: the turns that it takes. tells_logprobs:
    whether it may be asked for log-probabilities.
    """

    modes: tuple[Mode, ...]
    turns: Turns
    tells_logprobs: bool
    lowered: Mapping[str, tuple[Mode, ...]] = field(default_factory=dict)

    def after(self, attempts: Sequence[Attempt]) -> Learnt:
        """Return what is known after a dialogue: a mode that the server took in place of a stronger one
        counts for all, or for one schema.
        """
        if not attempts or attempts[-1].outcome is Outcome.TRANSPORT:
            return self
        if len(attempts) == 1 and attempts[0].request.turns is self.turns:
            return self  # nothing was refused
        turns = max(self.turns, attempts[-1].request.turns, key=tuple(Turns).index)
        refused = any(attempt.failure and refuses_logprobs(attempt.failure) for attempt in attempts)
        tells = self.tells_logprobs and not refused
        modes, lowered = self.modes, self.lowered
        for failure, request in steps_down(attempts):
            if request.mode not in modes:
                continue
            lower = modes[modes.index(request.mode) :]
            if refuses_schema(failure) and request.response_schema is not None:
                lowered = _latest({**lowered, _key(request.response_schema): lower})
            else:
                modes = lower
        if (modes, turns, tells, lowered) == (self.modes, self.turns, self.tells_logprobs, self.lowered):
            return self
        return replace(self, modes=modes, turns=turns, tells_logprobs=tells, lowered=lowered)

    def modes_for(self, strict: StrictSchema) -> tuple[Mode, ...]:
        """Return the modes in which a schema may be asked for."""
        lower = self.lowered.get(_key(strict)) if self.lowered else None
        return self.modes if lower is None or len(self.modes) < len(lower) else lower


def _latest(lowered: Mapping[str, tuple[Mode, ...]]) -> Mapping[str, tuple[Mode, ...]]:
    """Return the modes of the latest schemas: with codes of a vocabulary, each text has its own."""
    return dict(list(lowered.items())[-MOST_LOWERED:])


def _key(strict: StrictSchema) -> str:
    return json.dumps([strict.name, strict.schema], sort_keys=True)
