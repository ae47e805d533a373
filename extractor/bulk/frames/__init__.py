"""Tables: a column of texts in, cells of records out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...lazy import lazy_names

if TYPE_CHECKING:
    from .cells import (
        ColumnShape as ColumnShape,
    )
    from .cells import (
        Gathered as Gathered,
    )
    from .cells import (
        Lose as Lose,
    )
    from .cells import (
        cell as cell,
    )
    from .cells import (
        confidence_cell as confidence_cell,
    )
    from .cells import (
        error_cell as error_cell,
    )
    from .cells import (
        escalation_cell as escalation_cell,
    )
    from .cells import (
        evidence_cell as evidence_cell,
    )
    from .cells import (
        keep_quiet as keep_quiet,
    )
    from .cells import (
        shape_of as shape_of,
    )
    from .cells import (
        usage_cell as usage_cell,
    )
    from .enrich import (
        Opened as Opened,
    )
    from .enrich import (
        check_columns as check_columns,
    )
    from .enrich import (
        check_names as check_names,
    )
    from .enrich import (
        columns_of as columns_of,
    )
    from .enrich import (
        enriching as enriching,
    )
    from .enrich import (
        gathering as gathering,
    )
    from .enrich import (
        is_frame as is_frame,
    )
    from .enrich import (
        is_name as is_name,
    )
    from .enrich import (
        open_frame as open_frame,
    )
    from .enrich import (
        rows_of as rows_of,
    )


__getattr__ = lazy_names(
    globals(),
    {
        "cells": (
            "ColumnShape Gathered Lose cell confidence_cell error_cell escalation_cell evidence_cell "
            "keep_quiet shape_of usage_cell"
        ),
        "enrich": (
            "Opened check_columns check_names columns_of enriching gathering is_frame is_name open_frame "
            "rows_of"
        ),
    },
)
