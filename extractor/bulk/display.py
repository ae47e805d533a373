"""The progress of a run: one changing line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..results import Progress
from ..words import printable
from .notebook import NotebookDisplay, NotebookLines, in_notebook

if TYPE_CHECKING:
    from rich.console import Console

MOST_REASONS = 3  # that are shown of why rows failed
EVERY = 10.0  # seconds between plain lines
Told = Callable[[Progress], None]


def summary(progress: Progress, total: int | None = None, unit: str = "rows", journal: bool = True) -> str:
    """Return a run's counts in one line. journal: whether the line says where answers were read back from."""
    rows = f"{progress.done:,}" + (f" of {total:,}" if total is not None else "") + f" {unit}"
    paid = progress.usage.total_tokens
    parts = [
        rows,
        f"{progress.ok:,} ok",
        *([f"{progress.repaired:,} repaired"] if progress.repaired else []),
        *([f"{progress.failed:,} failed"] if progress.failed else []),
        *([f"{progress.empty:,} empty"] if progress.empty else []),
        *([_read_back(progress, journal)] if progress.from_cache else []),
        f"{paid:,} tokens",
        *([f"${progress.cost:.4f}{_unpriced(progress)}"] if progress.cost is not None else []),
    ]
    return ", ".join(parts)


def _unpriced(progress: Progress) -> str:
    return f" and {progress.unpriced:,} replies of unknown cost" if progress.unpriced else ""


def _read_back(progress: Progress, named: bool) -> str:
    """Return how many rows came out of the journal, and which one that is."""
    place = progress.journal if named else None
    return " ".join(filter(None, (f"{progress.from_cache:,} from the journal", place)))


def reason_lines(failures: Mapping[str, int], most: int = MOST_REASONS) -> list[str]:
    """Return why rows failed, the most frequent reasons first: "1,728 × HTTP 500 overloaded"."""
    ranked = sorted(failures.items(), key=lambda each: -each[1])
    told = [f"{count:,} × {reason}" for reason, count in ranked[:most]]
    left = ranked[most:]
    others = f"{sum(count for _, count in left):,} × {len(left):,} other reasons"
    return [*told, others] if left else told


def told_reasons(progress: Progress) -> list[str]:
    """Return why rows failed, and why requests are sent again."""
    again = reason_lines(progress.retried)
    return [*reason_lines(progress.failures), *(f"{each}, asked again" for each in again)]


def pace(progress: Progress, total: int | None = None, unit: str = "rows") -> str:
    """Return how fast it goes, what is under way, and when it will be done."""
    if progress.batches:
        return waiting(progress)
    speed = progress.done / progress.elapsed if progress.elapsed else 0.0
    parts = [f"{speed:,.1f} {unit}/s", f"{progress.in_flight} in flight, limit {progress.limit}"]
    if progress.paused_until is not None:
        parts.append(f"paused for {progress.paused_until:.0f} s")
    if total is not None and speed and progress.done < total:
        parts.append(f"{timedelta(seconds=round((total - progress.done) / speed))} left")
    return ", ".join(parts)


def waiting(progress: Progress) -> str:
    """Return what the provider says of the batches that are waited for."""
    batches = progress.batches
    states = Counter(status.state for status in batches)
    done, total = (sum(getattr(status, name) for status in batches) for name in ("done", "total"))
    failed = sum(status.failed for status in batches)
    parts = [
        f"{len(batches)} {'batch' if len(batches) == 1 else 'batches'}: "
        + ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in states.items()),
        f"{done:,} of {total:,} requests answered" + (f", {failed:,} failed" if failed else ""),
        f"{timedelta(seconds=int(progress.elapsed))} so far",
    ]
    return "; ".join(parts)


@contextmanager
def shown(
    show: bool | None,
    total: int | None,
    told: Told | None = None,
    unit: str = "rows",
    open_console: Callable[[], Console | None] | None = None,
) -> Iterator[Told]:
    """Yield what a run is to tell its progress to.

    show: None to show it only on a terminal or in a notebook. told: is called as well. unit: what a row is
    called. On a terminal and in a notebook the last state stays; elsewhere, where show is True, there is a
    line every ten seconds. open_console: returns a console, None if there is no rich: a terminal gets
    lines, then.
    """
    if show is not False and open_console is None and in_notebook():
        with _notebook(total, unit) as display:
            yield _all([*([] if told is None else [told]), display])
        return
    console = (open_console or _console)()
    live = console is not None and (console.is_terminal or console.is_jupyter)
    watched = live or (console is None and sys.stderr.isatty())
    displays = [] if told is None else [told]
    if show is False or (show is None and not watched):
        yield _all(displays)
    elif console is None or not live:
        yield _all([*displays, _lines(total, unit)])
    else:
        with _bar(console, total, unit) as display:
            yield _all([*displays, display])


def _console() -> Console | None:
    """Return the console on standard error; None if rich, of the extra cli, is not installed."""
    try:
        from rich.console import Console
    except ModuleNotFoundError:
        return None
    return Console(stderr=True, highlight=False)


def _all(displays: list[Told]) -> Told:
    def tell(progress: Progress) -> None:
        for display in displays:
            display(progress)

    return tell


def _lines(total: int | None, unit: str) -> Told:
    last, known = 0.0, list[str]()

    def line(progress: Progress) -> None:
        nonlocal last, known
        if not 0 <= progress.elapsed - last < EVERY:  # it begins anew after batches
            last, before, known = progress.elapsed, known, told_reasons(progress)
            counts, speed = summary(progress, total, unit, journal=False), pace(progress, total, unit)
            said = [f"{counts}; {speed}", *(f"  {each}" for each in known if each not in before)]
            sys.stderr.write("".join(printable(each) + "\n" for each in said))

    return line


@contextmanager
def _notebook(total: int | None, unit: str) -> Iterator[Told]:
    output = NotebookDisplay()

    def drawn(progress: Progress) -> None:
        share = progress.done / total if total else None
        counts, speed = summary(progress, total, unit), pace(progress, total, unit)
        output.show(NotebookLines(share, counts, told_reasons(progress), speed))

    try:
        yield drawn
    finally:
        output.end()


@contextmanager
def _bar(console: Console, total: int | None, unit: str) -> Iterator[Told]:
    from rich.live import Live
    from rich.progress_bar import ProgressBar

    def drawn(progress: Progress) -> Any:
        from rich.console import Group
        from rich.text import Text

        bar = ProgressBar(total, progress.done, width=40, pulse=total is None)
        counts, speed = summary(progress, total, unit), pace(progress, total, unit)
        why = [Text(printable(each), style="yellow") for each in told_reasons(progress)]
        return Group(bar, Text(printable(counts)), *why, Text(printable(speed), style="dim"))

    with Live(drawn(Progress()), console=console, refresh_per_second=8, redirect_stdout=False) as live:
        yield lambda progress: live.update(drawn(progress))
