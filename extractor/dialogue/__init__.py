"""What to say next: states, wording, back-off. Pure but for two shells of a few lines."""

from .input import INPUT_CUT
from .judge import (
    BOUND_REACHED,
    Judge,
    Measure,
    Part,
    Verdict,
    accept,
    how_called,
    judge_record,
    judge_tool_calls,
    readable_arguments,
    stopped_early,
    taken_by,
)
from .ladder import ModeLadder, refuses_logprobs, refuses_schema, steps_down
from .policy import Bound, Budget, Policy, dollars, moves_on, with_body
from .probe import Findings, ProbeAnswer
from .prompts import BRIEF, DEFAULT_PROMPT, PACK, PLACEHOLDERS, PLAIN, TOGETHER, PromptTemplate, small_prompt
from .rejected import RejectedPart, corrected
from .remedies import MAX_TOKENS
from .shells import adrive, drive
from .states import Ask, Step, start
from .turns import joined
from .wording import (
    SMALL_TASK,
    SMALL_TASK_IN_LINES,
    TASK,
    example_messages,
    question,
    repair,
    shown_schema,
)

__all__ = [
    "BOUND_REACHED",
    "BRIEF",
    "DEFAULT_PROMPT",
    "INPUT_CUT",
    "MAX_TOKENS",
    "PACK",
    "PLACEHOLDERS",
    "PLAIN",
    "SMALL_TASK",
    "SMALL_TASK_IN_LINES",
    "TASK",
    "TOGETHER",
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
    "PromptTemplate",
    "RejectedPart",
    "Step",
    "Verdict",
    "accept",
    "adrive",
    "corrected",
    "dollars",
    "drive",
    "example_messages",
    "how_called",
    "joined",
    "judge_record",
    "judge_tool_calls",
    "moves_on",
    "question",
    "readable_arguments",
    "refuses_logprobs",
    "refuses_schema",
    "repair",
    "shown_schema",
    "small_prompt",
    "start",
    "steps_down",
    "stopped_early",
    "taken_by",
    "with_body",
]
