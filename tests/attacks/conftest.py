"""The fixture `bounded`, and the table of all trials at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import pytest

from .bounds import Outcome, run


class Bounded(Protocol):
    """Runs a trial within its bounds, and fails the test where it passes them."""

    def __call__(
        self, trial: Callable[..., Any], *args: Any, seconds: float = 10.0, megabytes: float = 400.0
    ) -> Outcome: ...


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "attacks" in item.path.parts:
            item.add_marker(pytest.mark.attack)


@pytest.fixture
def bounded(request: pytest.FixtureRequest) -> Bounded:
    def bounded(
        trial: Callable[..., Any], *args: Any, seconds: float = 10.0, megabytes: float = 400.0
    ) -> Outcome:
        outcome = run(trial, args, seconds, megabytes)
        said = f"{outcome.seconds:8.2f} / {seconds:<5g} {outcome.megabytes:6.0f} / {megabytes:<6g}"
        request.node.user_properties.append(("trial", f"{said} {outcome}"))
        if outcome.killed:
            pytest.fail(outcome.error)
        return outcome

    return bounded


def pytest_terminal_summary(terminalreporter: Any) -> None:
    lines = [
        (report.nodeid.partition("attacks/")[2], outcome, told)
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
        if "tests/attacks/" in report.nodeid
        for told in _told(report)
    ]
    if not lines:
        return
    terminalreporter.section("attacks: seconds / bound, megabytes / bound, how it ended")
    for name, outcome, told in sorted(lines):
        terminalreporter.line(f"{'held  ' if outcome == 'passed' else 'FAILED'} {name:90} {told}")
    held = sum(outcome == "passed" for _, outcome, _ in lines)
    terminalreporter.line(f"{len(lines)} trials, {held} held")


def _told(report: Any) -> list[str]:
    """Return the bounds and the end of each trial of a test; its own seconds where it ran in this process."""
    told = [value for name, value in report.user_properties if name == "trial"]
    return told or [f"{report.duration:8.2f} / -          - / -      in the process of the tests"]
