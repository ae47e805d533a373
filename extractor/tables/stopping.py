"""Signals that stop a run: the first lets it finish what is in flight, the second ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from ..bulk import Stop
from ..files import Halted

_WAITING = b"Stopping: what is in flight is waited for. A second signal ends the run at once.\n"
_TOLD = {signal.SIGTERM: "it was terminated"}


class Stopping:
    """Whether a run has been asked to stop. advice: what the run said about it."""

    def __init__(self, stop: Stop) -> None:
        self._stop, self._signal, self.advice = stop, 0, ""

    def __bool__(self) -> bool:
        return self._signal != 0

    def __str__(self) -> str:
        return _TOLD.get(signal.Signals(self._signal), "it was interrupted")

    @property
    def status(self) -> int:
        """The exit status that says so, 128 and the signal's number."""
        return 128 + self._signal

    def receive(self, number: int, _: FrameType | None) -> None:
        """Ask the run to stop. Raises Halted the second time."""
        if self._signal:
            self._stop.halted = True
            raise Halted
        self._signal = number
        with suppress(OSError):
            os.write(2, _WAITING)  # what prints in the meantime may hold the lock of sys.stderr
        self.advice = self._stop()


@contextmanager
def stopping(stop: Stop, signals: Sequence[signal.Signals]) -> Iterator[Stopping]:
    """Yield what tells whether a signal has come; it calls `stop`, and what is under way goes on.

    A signal that this process ignores stays ignored; in another thread than the main one none is heard.
    Raises Halted with the second signal.
    """
    told, before = Stopping(stop), {each: signal.getsignal(each) for each in signals}
    heard = [each for each in signals if before[each] is not signal.SIG_IGN]
    if threading.current_thread() is not threading.main_thread():
        heard = []
    for each in heard:
        signal.signal(each, told.receive)
    try:
        yield told
    finally:
        for each in heard:
            signal.signal(each, before[each])
