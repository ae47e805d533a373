"""A bulk run through a storm of failures, and the fair weather after it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from extractor import Attempt, Extractor, Run
from extractor.results import Progress
from extractor.telemetry.events import AttemptEnded, Event
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
    errors, the limits of concurrency at the end of each, and what the server saw; `broken`: how many
    requests this process sent in a pause that it had been told of, by its own clock.

    One reply in twenty is no JSON, so with two repairs one row in 7,600 would have no record.
    """
    seen = list[tuple[float, Attempt]]()

    def watch(event: Event) -> None:
        if isinstance(event, AttemptEnded):
            seen.append((time.monotonic(), event.attempt))

    limits = {"storm": 0, "fair": 0}
    storm = replace(STORM, latency=0.02, retry_after=retry_after)
    with (
        running(storm) as server,
        Extractor("any", base_url=server.base_url, max_retries=8, max_repairs=8, on_event=watch) as extractor,
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
            "broken": broken_pauses(seen),
            **server.stats(),
        }


def broken_pauses(seen: Sequence[tuple[float, Attempt]]) -> int:
    """Return how many attempts began in a pause that an attempt before had ended with.

    seen: each attempt with the moment when its end was known, in seconds of one clock.
    """
    pauses = [(at, at + wait) for at, a in seen if a.failure and (wait := a.failure.retry_after)]
    begins = [at - attempt.latency for at, attempt in seen]
    return sum(any(told < begin < until for told, until in pauses) for begin in begins)
