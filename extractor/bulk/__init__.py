"""Many rows: a window of them in flight, within limits and budget, with a journal of what was paid for.

Other rooms import from here, from `bulk.frames` (tables: rows in, cells out) and from `bulk.journal` (where
answers are kept). A name is loaded with its module on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import lazy_names

if TYPE_CHECKING:
    from .display import Told as Told
    from .display import reason_lines as reason_lines
    from .display import shown as shown
    from .display import summary as summary
    from .estimate import (
        Estimate as Estimate,
    )
    from .estimate import (
        SecondModel as SecondModel,
    )
    from .estimate import (
        answer_tokens as answer_tokens,
    )
    from .estimate import (
        prompt_tokens as prompt_tokens,
    )
    from .estimating import RowsLeft as RowsLeft
    from .estimating import estimated as estimated
    from .job import RUN_OPTIONS as RUN_OPTIONS
    from .job import Job as Job
    from .job import arows as arows
    from .job import cancel as cancel
    from .job import rows as rows
    from .limits.budget import RunBudget as RunBudget
    from .limits.sharing import LimitRequest as LimitRequest
    from .limits.sharing import Pool as Pool
    from .outcomes import Row as Row
    from .outcomes import RowOutcome as RowOutcome
    from .outcomes import ToldText as ToldText
    from .page import RunFacts as RunFacts
    from .page import kinds as kinds
    from .page import run_page as run_page
    from .quarantine import (
        Line as Line,
    )
    from .quarantine import (
        is_quarantined as is_quarantined,
    )
    from .quarantine import (
        line_of as line_of,
    )
    from .quarantine import (
        problem_cells as problem_cells,
    )
    from .quarantine import (
        quarantined as quarantined,
    )
    from .reasons import unnumbered as unnumbered
    from .run import INTERRUPTED as INTERRUPTED
    from .run import Stop as Stop
    from .texts import Files as Files
    from .texts import Select as Select
    from .texts import row_maker as row_maker


__getattr__ = lazy_names(
    globals(),
    {
        "display": "Told reason_lines shown summary",
        "estimate": "Estimate SecondModel answer_tokens prompt_tokens",
        "estimating": "RowsLeft estimated",
        "job": "Job RUN_OPTIONS arows cancel rows",
        "limits.budget": "RunBudget",
        "limits.sharing": "LimitRequest Pool",
        "outcomes": "Row RowOutcome ToldText",
        "page": "RunFacts kinds run_page",
        "quarantine": "Line is_quarantined line_of problem_cells quarantined",
        "reasons": "unnumbered",
        "run": "INTERRUPTED Stop",
        "texts": "Files Select row_maker",
    },
)
