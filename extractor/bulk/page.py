"""A run as one page: self-contained HTML, everything in it escaped. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from math import floor, log10
from typing import Any

from ..masking import ADDED, GUESSED, MISSPELT
from ..results import Progress
from .frames.cells import error_cell, latency
from .outcomes import RowOutcome
from .reasons import count, reason_of, shared

TOLD = (ADDED, GUESSED, MISSPELT)  # notes that a run tells with their counts
BINS_A_DECADE = 8
WIDTH, HEIGHT = 760, 180
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head><body>{body}</body></html>
"""
STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
:root{color-scheme:light dark;--quiet:#5b6875;--line:#d9e0e7;--bar:#3b76b5}
@media(prefers-color-scheme:dark){:root{--quiet:#9aa8b5;--line:#2c3743;--bar:#6ea6de}}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}.quiet{color:var(--quiet)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.75rem;margin:1.25rem 0}
.card{border:1px solid var(--line);border-radius:.5rem;padding:.6rem .8rem}
.card b{display:block;font-size:1.35rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.35rem .6rem}
td,th{border-bottom:1px solid var(--line);overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.9em}
svg{width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--quiet)}
rect{fill:var(--bar)}line{stroke:var(--quiet)}
"""


@dataclass(slots=True)
class RunFacts:
    """What a run's rows came to, gathered row by row. slow: rows by latency, in eighths of a decade."""

    failures: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    messages: dict[str, str] = field(default_factory=dict)
    slow: Counter[int] = field(default_factory=Counter)
    attempts: int = 0
    notes: Counter[str] = field(default_factory=Counter)  # rows by what is to be known of their records

    def add(self, outcome: RowOutcome[Any]) -> None:
        """Take in a row."""
        error = error_cell(outcome)
        if error is not None:
            self._fail(error["kind"], error["message"], reason_of(outcome) or error["kind"])
        self.attempts += len(outcome.attempts)
        if outcome.record is not None:
            self.notes.update(each for each in TOLD if any(each in note for note in outcome.notes))
        seconds = latency(outcome.attempts)
        if seconds > 0 and not outcome.from_cache:
            self.slow[floor(log10(seconds) * BINS_A_DECADE)] += 1

    def told_notes(self) -> list[str]:
        """Return what is to be known of the records, with the number of rows: "3 rows: the model ..."."""
        return [f"{rows:,} {'row' if rows == 1 else 'rows'}: {note}" for note, rows in self.notes.items()]

    def fail(self, kind: str, message: str) -> None:
        """Take in why a row has no record."""
        self._fail(kind, message, f"{kind}: {shared(message)}")

    def _fail(self, kind: str, message: str, reason: str) -> None:
        self.failures[kind] += 1
        self.messages.setdefault(kind, message)
        count(self.reasons, reason)


def run_page(
    title: str, command: str, progress: Progress, facts: RunFacts, retry: str | None, ended: str
) -> str:
    """Return the page. retry: the command that asks the failed rows again. ended: how the run ended."""
    parts = [
        f"<h1>{escape(title)}</h1><p class=quiet>{escape(ended)}<br><code>{escape(command)}</code></p>",
        _cards(progress, facts),
        _failures(facts, retry),
        "".join(f"<p>{escape(each)}</p>" for each in facts.told_notes()),
        "<h2>Seconds for a row</h2>",
        latency_plot(facts.slow),
    ]
    return PAGE.format(title=escape(title), style=STYLE, body="".join(parts))


def _cards(progress: Progress, facts: RunFacts) -> str:
    cost = "unknown" if progress.cost is None else f"${progress.cost.quantize(Decimal('0.0001'))}"
    speed = progress.done / progress.elapsed if progress.elapsed else 0
    cards = {
        "rows": f"{progress.done:,}",
        "ok": f"{progress.ok:,}",
        "repaired": f"{progress.repaired:,}",
        "failed": f"{progress.failed:,}",
        "empty": f"{progress.empty:,}",
        "from the journal": f"{progress.from_cache:,}",
        "requests and replies": f"{facts.attempts:,}",
        "prompt tokens": f"{progress.usage.prompt_tokens:,}",
        "completion tokens": f"{progress.usage.completion_tokens:,}",
        "cost": cost,
        "seconds": f"{progress.elapsed:,.1f}",
        "rows a second": f"{speed:,.1f}",
    }
    return (
        f"<div class=cards>{''.join(f'<div class=card><b>{v}</b>{k}</div>' for k, v in cards.items())}</div>"
    )


def _failures(facts: RunFacts, retry: str | None) -> str:
    if not facts.failures:
        return "<h2>Failures</h2><p>None.</p>"
    rows = "".join(
        f"<tr><td>{escape(kind)}<td class=n>{count:,}<td>{escape(facts.messages[kind][:300])}"
        for kind, count in facts.failures.most_common()
    )
    again = f"<p>Try them again: <code>{escape(retry)}</code></p>" if retry else ""
    return f"<h2>Failures</h2><table><tr><th>kind<th class=n>rows<th>first message{rows}</table>{again}"


def latency_plot(slow: Mapping[int, int]) -> str:
    """Return a histogram of latencies as SVG, on a logarithmic scale; bins as in RunFacts."""
    if not slow:
        return "<p>Nothing was sent.</p>"
    first = min(slow) // BINS_A_DECADE * BINS_A_DECADE
    last = -(-(max(slow) + 1) // BINS_A_DECADE) * BINS_A_DECADE
    most, step = max(slow.values()), WIDTH / (last - first)
    bars = "".join(
        _bar(edge, rows, (edge - first) * step, step, rows / most) for edge, rows in sorted(slow.items())
    )
    ticks = "".join(_tick(edge, (edge - first) * step) for edge in range(first, last + 1, BINS_A_DECADE))
    return (
        f'<svg viewBox="0 0 {WIDTH + 40} {HEIGHT + 24}" role="img" aria-label="Seconds for a row">'
        f'<line x1="20" x2="{WIDTH + 20}" y1="{HEIGHT}" y2="{HEIGHT}"/>'
        f'<text x="20" y="12">{most:,} rows</text>{bars}{ticks}</svg>'
    )


def _tick(edge: int, left: float) -> str:
    return f'<text x="{20 + left:.1f}" y="{HEIGHT + 16}" text-anchor="middle">{_seconds(edge)} s</text>'


def _bar(edge: int, rows: int, left: float, width: float, part: float) -> str:
    height = part * (HEIGHT - 20)
    place = f'x="{20 + left + 1:.1f}" y="{HEIGHT - height:.1f}" width="{width - 2:.1f}" height="{height:.1f}"'
    return f"<rect {place}><title>{rows:,} rows, {_seconds(edge)} to {_seconds(edge + 1)} s</title></rect>"


def _seconds(edge: int) -> str:
    return f"{10 ** (edge / BINS_A_DECADE):.3g}"


def kinds(facts: RunFacts) -> Sequence[str]:
    """Return the failures as words: "3 status"."""
    return [f"{count:,} {kind}" for kind, count in facts.failures.most_common()]
