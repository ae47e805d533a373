"""What to say next: states, wording, back-off. Pure but for two shells of a few lines."""

from .judge import BOUND_REACHED, Judge, Verdict, accept, judge_record, judge_tool_calls
from .policy import Policy
from .shells import aconverse, converse
from .states import Ask, Step, start
from .wording import example_messages, question, system_message

__all__ = [
    "BOUND_REACHED",
    "Ask",
    "Judge",
    "Policy",
    "Step",
    "Verdict",
    "accept",
    "aconverse",
    "converse",
    "example_messages",
    "judge_record",
    "judge_tool_calls",
    "question",
    "start",
    "system_message",
]
