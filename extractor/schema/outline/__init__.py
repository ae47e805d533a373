"""Record types for what does not send them: their outline, checks of JSON, records out of tables. Pure."""

from ..nodes import ABSENT
from .arrow import Records, snake_case
from .check import Check
from .meaning import Meaning, changes, fingerprint
from .members import members
from .python import HIDDEN
from .tabular import Fit, Fitting

__all__ = [
    "ABSENT",
    "HIDDEN",
    "Check",
    "Fit",
    "Fitting",
    "Meaning",
    "Records",
    "changes",
    "fingerprint",
    "members",
    "snake_case",
]
