"""What to say next: states, wording, back-off. Pure but for two shells of a few lines."""

from .input import INPUT_CUT
from .judge import (
    BOUND_REACHED,
    Judge,
    Measure,
    Part,
    Verdict,
    accept,
    judge_record,
    judge_tool_calls,
    readable_arguments,
    taken_by,
)
from .ladder import ModeLadder, refuses_logprobs, refuses_schema, steps_down
from .policy import Bound, Budget, Policy, dollars, moves_on, with_body
from .probe import Findings, ProbeAnswer
from .shells import adrive, drive
from .states import MAX_TOKENS, Ask, Step, start
from .turns import joined
from .wording import (
    PACK_TASK,
    SMALL_TASK,
    TASK,
    brief_question,
    example_messages,
    question,
    shown_schema,
    system_message,
)

__all__ = [
    "BOUND_REACHED",
    "INPUT_CUT",
    "MAX_TOKENS",
    "PACK_TASK",
    "SMALL_TASK",
    "TASK",
    "Ask",
    "Bound",
    "Budget",
    "Findings",
    "Judge",
    "Measure",
    "ModeLadder",
    "Part",
    "Policy",
    "ProbeAnswer",
    "Step",
    "Verdict",
    "accept",
    "adrive",
    "brief_question",
    "dollars",
    "drive",
    "example_messages",
    "joined",
    "judge_record",
    "judge_tool_calls",
    "moves_on",
    "question",
    "readable_arguments",
    "refuses_logprobs",
    "refuses_schema",
    "shown_schema",
    "start",
    "steps_down",
    "system_message",
    "taken_by",
    "with_body",
]
