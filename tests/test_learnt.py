"""What is learnt of a server that does not take a schema."""

from __future__ import annotations

from extractor.learnt import MOST_LOWERED, Learnt
from extractor.messages import (
    Attempt,
    Failure,
    FailureKind,
    Message,
    Mode,
    Outcome,
    Request,
    StrictSchema,
    Turns,
)

ALL = (Mode.JSON_SCHEMA, Mode.TOOL, Mode.PROMPT)


def strict(number: int) -> StrictSchema:
    return StrictSchema("Order", {"enum": [f"code-{number}"]})


def refused_once(number: int) -> list[Attempt]:
    """Return a dialogue whose schema the server took as a tool's only."""
    refusal = Failure(FailureKind.STATUS, "Invalid schema for response_format", 400)

    def asked(mode: Mode) -> Request:
        return Request("m", (Message("user", "?"),), mode=mode, response_schema=strict(number))

    return [
        Attempt(asked(Mode.JSON_SCHEMA), Outcome.TRANSPORT, "m", failure=refusal),
        Attempt(asked(Mode.TOOL), Outcome.OK, "m"),
    ]


def test_only_the_latest_schemas_that_were_refused_are_remembered() -> None:
    known, asked = Learnt(ALL, Turns.ANY, True), MOST_LOWERED + 5
    for number in range(asked):
        known = known.after(refused_once(number))
    assert len(known.lowered) == MOST_LOWERED
    assert known.modes_for(strict(asked - 1)) == known.modes_for(strict(5)) == ALL[1:]
    assert known.modes_for(strict(0)) == known.modes_for(strict(4)) == ALL
    assert known.modes == ALL
