"""Signals that stop a command, and the exit status that says so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from ..bulk import Stop
from ..files import Halted
from ..systems import stop_signals
from ..tables.stopping import Stopping
from ..tables.stopping import stopping as heard
from .screen import say

SIGNALS = stop_signals()


@contextmanager
def stopping(stop: Stop) -> Iterator[Stopping]:
    """Yield what tells whether a signal has come. Raises typer.Exit after a second one."""
    with heard(stop, SIGNALS) as told:
        try:
            yield told
        except Halted:
            say(
                "Stopped at once. Answers so far are in the journal: run the same command again to resume.",
                "yellow",
            )
            raise typer.Exit(told.status) from None
