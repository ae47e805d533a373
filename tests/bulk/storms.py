"""A bulk run through a storm of failures, and the fair weather after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from extractor import Extractor, Run
from extractor.results import Progress
from tests.loopback import STORM, Echo, Weather, running


def weathered(
    folder: Path,
    rows: int,
    fair: int,
    concurrency: int,
    retry_after: Sequence[float | str | None],
    rows_per_request: int = 1,
) -> dict[str, Any]:
    """Run `rows` through a storm, then `fair` more without. Return the outcomes' indexes, records and
    errors, the limits of concurrency at the end of each, and what the server saw.

    One reply in twenty is no JSON, so with two repairs one row in 7,600 would have no record.
    """
    limits = {"storm": 0, "fair": 0}
    storm = replace(STORM, latency=0.02, retry_after=retry_after)
    with (
        running(storm) as server,
        Extractor("any", base_url=server.base_url, max_retries=8, max_repairs=8) as extractor,
    ):

        def look(progress: Progress) -> None:
            limits["storm" if progress.done < rows else "fair"] = progress.limit

        outcomes = []
        texts = (f"The text of row {row}" for row in range(rows + fair))
        journal = folder / "journal.sqlite"
        run = Run(
            journal=journal,
            concurrency=concurrency,
            on_progress=look,
            rows_per_request=rows_per_request,
        )
        for outcome in extractor.rows(texts, Echo, run=run):
            outcomes.append(outcome)
            if len(outcomes) == rows:
                in_storm = server.stats()
                server.weather(Weather(latency=0.02))
        return {
            "indexes": [o.index for o in outcomes],
            "right": sum(o.record == Echo.of(o.key) for o in outcomes),
            "errors": [repr(o.error) for o in outcomes if o.error],
            "limits": limits,
            "in_storm": in_storm,
            **server.stats(),
        }
