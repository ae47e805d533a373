"""The progress of a run in a notebook: one output that is redrawn, and whose last state stays. No widgets."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

EVERY = 0.25  # seconds between two states; the last one is always drawn
WARN = "color:#b26a00"


@dataclass(frozen=True, slots=True)
class NotebookLines:
    """A bar and lines of text, as a notebook shows them. done: a share in [0, 1], None if that is not
    known. why: what is not as it should be.
    """

    done: float | None
    counts: str
    why: Sequence[str]
    pace: str

    def __repr__(self) -> str:
        return "\n".join([self.counts, *self.why, self.pace])

    def _repr_html_(self) -> str:
        share = "" if self.done is None else f' value="{self.done:.4f}"'
        lines = [f"<div>{escape(self.counts)}</div>"]
        lines += [f'<div style="{WARN}">{escape(each)}</div>' for each in self.why]
        lines.append(f'<div style="opacity:.65">{escape(self.pace)}</div>')
        bar = f'<progress max="1"{share} style="width:24em;max-width:100%"></progress>'
        return f'<div style="font-variant-numeric:tabular-nums">{bar}{"".join(lines)}</div>'


def in_notebook() -> bool:
    """Whether this code runs in a cell of a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")


class NotebookDisplay:
    """One output of a cell. `show` draws it anew, but not too often; `end` draws its last state."""

    def __init__(self) -> None:
        self._handle: Any = None
        self._last: NotebookLines | None = None
        self._drawn = 0.0

    def show(self, lines: NotebookLines) -> None:
        """Draw the lines, unless others were drawn just now."""
        self._last, now = lines, time.monotonic()
        if self._handle is None or now - self._drawn >= EVERY:
            self._drawn = now
            self._draw(lines)

    def end(self) -> None:
        """Draw the last lines that were reported."""
        if self._last is not None:
            self._draw(self._last)

    def _draw(self, lines: NotebookLines) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(lines, display_id=True)
        else:
            self._handle.update(lines)
