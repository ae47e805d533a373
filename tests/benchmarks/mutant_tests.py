"""Which tests reach a line, and whether they notice a change there: for `tests.benchmarks.mutants`.

Tests run in a fork of this process, which has imported pytest and what extractor needs, but not extractor.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp  # noqa: F401  (imported before the fork)
import coverage
import httpx  # noqa: F401
import jsonschema  # noqa: F401
import pydantic  # noqa: F401
import pytest

ROOT = Path(__file__).parents[2]
BY_TIME = "it takes too long"
BY_IMPORT = "the tests can't be collected"
BROKEN = 99  # the status of a fork that failed before the tests ended
WALL = 15  # a busy machine: seconds by the clock for a second of CPU that is allowed


@dataclass(frozen=True)
class Reach:
    """What a run without a fault has shown. lines: by file, the tests that executed each line."""

    tests: Sequence[str]
    seconds: Sequence[float]  # of CPU, for each test
    lines: Mapping[str, Mapping[int, Sequence[int]]]

    def of(self, path: str, lines: Iterable[int], most: float) -> list[str]:
        """Return the tests that reach the lines, the most specific first, within `most` seconds of CPU.

        Tests of the whole file stand for those of a line that only the import executes.
        """
        reached = self.lines.get(path, {})
        found = {test for line in lines for test in reached.get(line, ())}
        found = found or {test for tests in reached.values() for test in tests}
        wide = self._widths()
        ordered = sorted(found, key=lambda test: (wide[test], test))
        return [self.tests[test] for test in self._within(ordered, most)]

    def cost(self, tests: Iterable[str]) -> float:
        """Return the seconds of CPU that tests took."""
        known = dict(zip(self.tests, self.seconds, strict=True))
        return sum(known[test] for test in tests)

    def _widths(self) -> list[int]:
        width = [0] * len(self.tests)
        for lines in self.lines.values():
            for tests in lines.values():
                for test in tests:
                    width[test] += 1
        return width

    def _within(self, tests: Iterable[int], most: float) -> Iterator[int]:
        left = most
        for test in tests:
            if (left := left - self.seconds[test]) >= 0:
                yield test


def statement(source: str, line: int) -> range:
    """Return the lines of the innermost statement at a line; of a compound statement its head."""
    found = range(line, line + 1)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno):
            body = getattr(node, "body", None)
            last = body[0].lineno - 1 if body else node.end_lineno or node.lineno
            if line <= max(last, node.lineno):
                found = range(node.lineno, max(last, node.lineno) + 1)
    return found


class _Watch:
    """A plugin: what each test executes, and how long it takes."""

    def __init__(self, measure: coverage.Coverage) -> None:
        self.measure, self.seconds = measure, dict[str, float]()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.measure.switch_context(item.nodeid)
        began = time.process_time()
        yield
        self.seconds[item.nodeid] = time.process_time() - began
        self.measure.switch_context("")


class _Only:
    """A plugin: these tests in this order. The first that fails is written to a file."""

    def __init__(self, tests: Sequence[str], told: Path) -> None:
        self.order, self.told = {test: index for index, test in enumerate(tests)}, told

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self.order), key=lambda item: self.order[item.nodeid]
        )

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.told.write_text(report.nodeid, "utf-8")


def _pytest(copy: Path, arguments: Sequence[str], plugins: Sequence[Any]) -> int:
    os.chdir(copy)
    sys.path[:] = [str(copy), *(path for path in sys.path if Path(path or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
        del sys.modules[name]  # they are those of the checkout
    quiet = ("-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "-n", "0", "--sample-seed", "0")
    return int(pytest.main([*quiet, *arguments], plugins=list(plugins)))


def measured(copy: Path, rooms: Sequence[str], folders: Sequence[str], marks: str, file: Path) -> Reach:
    """Run the tests once without a fault, and keep in `file` what each reached."""

    def run() -> int:
        measure = coverage.Coverage(data_file=None, include=[f"{copy}/extractor/{room}/*" for room in rooms])
        watch = _Watch(measure)
        measure.start()
        code = _pytest(copy, ["-m", marks, *folders], [watch])
        measure.stop()
        file.write_text(json.dumps(_reached(copy, measure.get_data(), watch.seconds)), "utf-8")
        return code

    code = forked(run, cpu=3600, output=file.with_suffix(".log"))
    if code != 0:
        raise SystemExit(f"the tests fail without a fault ({code}): see {file.with_suffix('.log')}")
    return kept(file)


def _reached(copy: Path, data: coverage.CoverageData, seconds: Mapping[str, float]) -> dict[str, Any]:
    number = {test: index for index, test in enumerate(seconds)}
    lines: dict[str, dict[int, list[int]]] = {}
    for name in data.measured_files():
        by_line = data.contexts_by_lineno(name)
        lines[str(Path(name).relative_to(copy))] = {
            line: [number[test] for test in tests if test in number] for line, tests in by_line.items()
        }
    return {"tests": list(seconds), "seconds": list(seconds.values()), "lines": lines}


def kept(file: Path) -> Reach:
    """Return what a run before has kept."""
    found = json.loads(file.read_text("utf-8"))
    lines = {
        name: {int(line): tests for line, tests in each.items()} for name, each in found["lines"].items()
    }
    return Reach(found["tests"], found["seconds"], lines)


def noticed(copy: Path, tests: Sequence[str], cpu: float) -> str | None:
    """Return the test that fails, or what else shows the fault; None if all pass.

    cpu: seconds of CPU after which the fault counts as noticed.
    """
    told = copy / ".failed"
    told.unlink(missing_ok=True)
    files = sorted({test.partition("::")[0] for test in tests})
    code = forked(lambda: _pytest(copy, files, [_Only(tests, told)]), cpu, output=copy / ".output")
    if code == 0:
        return None
    if told.exists():
        return told.read_text("utf-8")
    return BY_TIME if code is None else BY_IMPORT


def forked(run: Any, cpu: float, output: Path) -> int | None:
    """Run a function in a fork, and return its status; None if it used up its time, by CPU or by clock."""
    child = os.fork()
    if child == 0:
        code = BROKEN
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_CPU, (int(cpu) + 1, int(cpu) + 2))
            sink = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for number in (1, 2):
                os.dup2(sink, number)
            code = run()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return _waited(child, time.monotonic() + WALL * cpu)


def _waited(child: int, until: float) -> int | None:
    status = None
    try:
        while time.monotonic() < until:
            done, raw = os.waitpid(child, os.WNOHANG)
            if done:
                child, status = 0, raw
                break
            time.sleep(0.02)
    finally:
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
    return None if status is None or os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def copied(folder: Path) -> Path:
    """Return a copy of the checkout's files without those that git ignores."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes((ROOT / name).read_bytes())
    return folder
