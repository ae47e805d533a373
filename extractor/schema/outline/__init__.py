"""Record types for what does not send them: their outline, checks of JSON, records out of tables. Pure."""

from .arrow import Column, Records, json_text, snake_case
from .check import Check
from .meaning import Meaning, changes, stamp
from .members import members
from .python import HIDDEN
from .tabular import ABSENT, Fit, Fitting

__all__ = [
    "ABSENT",
    "HIDDEN",
    "Check",
    "Column",
    "Fit",
    "Fitting",
    "Meaning",
    "Records",
    "changes",
    "json_text",
    "members",
    "snake_case",
    "stamp",
]
