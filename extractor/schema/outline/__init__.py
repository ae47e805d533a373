"""Record types for what does not send them: their outline, checks of JSON, records out of tables. Pure."""

from .checking import Check, checker_of
from .described import HIDDEN, Lenient, described, hidden_in, members
from .tabular import ABSENT, Fit, Fitting

__all__ = [
    "ABSENT",
    "HIDDEN",
    "Check",
    "Fit",
    "Fitting",
    "Lenient",
    "checker_of",
    "described",
    "hidden_in",
    "members",
]
