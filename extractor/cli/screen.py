"""What a person at a terminal sees: progress on standard error, tables, errors in one paragraph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from ..messages import JSON
from ..words import printable
from ..words import shortened as cut
from .lines import Line, LineTally, tally

LONGEST_CELL = 28  # characters
WITHOUT_TERMINAL = 160  # characters in a line, if there is no window
LONGEST_SAID = 10_000  # characters of a message
STYLES = {"ok": "green", "repaired": "green", "right": "green", "wrong": "red", "plain": ""}


class Screen(Console):
    """A console on which strings are nothing but words: no markup, no escapes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a string as text; rich calls this for titles, headings and cells too."""
        return super().render_str(printable(text), **options)


def standard_error() -> Console:
    """Return the console for progress and errors."""
    return Screen(stderr=True)


def console_on(stream: TextIO) -> Console:
    """Return the console for tables on `stream`."""
    width = None if stream.isatty() else WITHOUT_TERMINAL
    return Screen(file=stream, width=width)


def say(message: str, style: str = "") -> None:
    """Print a message on standard error; a terminal wraps it between words."""
    _print(safe(cut(message, LONGEST_SAID), style))


def tell(message: str) -> None:
    """Print what is good to know, where somebody is there to read it."""
    if standard_error().is_terminal:
        say(message)


def say_error(message: str) -> None:
    """Print one paragraph on standard error."""
    _print(Text.assemble(("error: ", "bold red"), safe(cut(message, LONGEST_SAID))))


def safe(text: str, style: str = "") -> Text:
    """Return text that moves no cursor and sets no colour, whatever a source or a model put into it."""
    return Text(printable(text), style)


def echo(text: str, nl: bool = True, err: bool = False) -> None:
    """Print text on standard output as `safe` has it, without colours and not wrapped."""
    typer.echo(printable(text), nl=nl, err=err)


def _print(text: Text) -> None:
    console = standard_error()
    console.print(text, soft_wrap=not console.is_terminal)


# -- progress


class Counter:
    """Shows how many inputs are done, on a terminal; elsewhere it is silent."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._tally = progress, LineTally()
        self._task = progress.add_task("", total=total, tally="")

    def begin(self, source: str) -> None:
        """Show which input is being worked on."""
        self._progress.update(self._task, description=printable(shortened(source)))

    def chunks(self, done: int) -> None:
        """Show how many chunks of the input have been read."""
        self._progress.update(self._task, tally=f"{self._tally}, {done:,} chunks of")

    def pages(self, done: int, total: int) -> None:
        """Show how many pages of the input have been read, and of how many."""
        self._progress.update(self._task, tally=f"{self._tally}, page {done:,} of {total:,} of")

    def done(self, line: Line) -> None:
        """Count one more input."""
        self._tally += tally(line)
        self._progress.update(self._task, advance=1, tally=str(self._tally))

    def write(self, stream: TextIO, text: str) -> None:
        """Write a line to the stream, above the display where both are on the terminal."""
        if stream.isatty() and not self._progress.disable:
            self._progress.console.out(text, highlight=False)
        else:
            stream.write(f"{text}\n")
            stream.flush()


@contextmanager
def counting(total: int) -> Iterator[Counter]:
    """Yield a counter over `total` inputs; what it shows is gone afterwards."""
    columns = (
        SpinnerColumn(),
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
        TextColumn("{task.fields[tally]}", markup=False),
        TextColumn("{task.description}", style="dim", markup=False),
    )
    with _progress(*columns) as progress:
        yield Counter(progress, total)


@contextmanager
def reading(what: str) -> Iterator[Callable[[str], None]]:
    """Yield a function that shows how far reading a file is, in words, on a terminal."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with _progress(*columns) as progress:
        task = progress.add_task(printable(what))
        yield lambda said: progress.update(task, description=printable(f"{what}: {said}"))


@contextmanager
def downloading(what: str) -> Iterator[Callable[[int, int], None]]:
    """Yield a function that shows the bytes so far and in all, from its first call on."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with _progress(*columns) as progress:
        task = progress.add_task(printable(what), visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)


@contextmanager
def _progress(*columns: ProgressColumn) -> Iterator[Progress]:
    console = standard_error()
    silent = not console.is_terminal
    progress = Progress(*columns, console=console, transient=True, disable=silent, redirect_stdout=False)
    with nullcontext() if silent else progress:  # rich before 15 ends with an empty line even where disabled
        yield progress


# -- tables


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One value in a table of records. style: a key of STYLES."""

    value: JSON
    style: str = "plain"


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One input in a table of records. note: what stands after the outcome."""

    source: str
    outcome: str
    cells: Mapping[str, ShownCell]
    note: str = ""


def record_table(rows: Sequence[ShownRow], width: int, title: str = "", note: str = "") -> Table:
    """Return a table of records with the fields that `width` characters have room for.

    note: the heading of the rows' notes; "" for none.
    """
    longest = max(16, min(LONGEST_CELL, width // 6))
    lead = [
        ("text", [safe(shortened(row.source, longest)) for row in rows]),
        ("outcome", [safe(row.outcome, STYLES.get(row.outcome, "red")) for row in rows]),
        *([(note, [safe(row.note) for row in rows])] if note else []),
    ]
    names = dict.fromkeys(name for row in rows for name in row.cells)
    fields = [(name, [_text(row.cells.get(name), longest) for row in rows]) for name in names]
    room = width - 1 - sum(map(_width, lead))
    kept = how_many_fit([_width(column) for column in fields], room)
    columns = lead + fields[:kept]
    table = Table(title=title or None, title_justify="left", title_style="bold", caption_justify="left")
    for heading, _ in columns:
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for cells in zip(*(cells for _, cells in columns), strict=True):
        table.add_row(*cells)
    if hidden := [name for name, _ in fields[kept:]]:
        table.caption = f"not shown: {', '.join(hidden)}"
    return table


def how_many_fit(widths: Sequence[int], room: int) -> int:
    """Return how many of the columns fit into `room` characters, from the first on; one at least."""
    taken = accumulate(widths)
    return max(min(1, len(widths)), sum(so_far <= room for so_far in taken))


def _width(column: tuple[str, Sequence[Text]]) -> int:
    heading, cells = column
    return 3 + max(len(heading), *(cell.cell_len for cell in cells))  # 3: frame and padding


def _text(cell: ShownCell | None, longest: int) -> Text:
    text = Text("") if cell is None else safe(shown(cell.value), STYLES[cell.style])
    text.truncate(longest, overflow="ellipsis")
    return text


def shown(value: JSON) -> str:
    """Return a value as a cell shows it: on one line, without what would not fit."""
    match value:
        case None:
            return "–"
        case list():
            whole = any(isinstance(each, dict | list) for each in value)
            return f"{len(value)} of them" if whole else ", ".join(map(shown, value))
        case dict():
            return " ".join(shown(v) for v in value.values() if v is not None)
        case bool():
            return "yes" if value else "no"
    return " ".join(str(value).split())


def shortened(path: str, length: int = LONGEST_CELL) -> str:
    """Return at most `length` characters of a path: of its last part, where it is too long."""
    if len(path) <= length:
        return path
    last = f"…/{path.rpartition('/')[2]}" if "/" in path else path
    return last if len(last) <= length else f"{last[: length - 1]}…"
