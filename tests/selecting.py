"""A pytest plugin: which tests run, how long each may take, and what a run left out.

`--attacks` runs the tests in `tests/attacks` too; without it a run imports none, unless it names their file.
`--whole` runs every case of every corpus. Without it, a test marked `sampled(n)` runs n of its cases,
drawn by `--sample-seed`, which the run prints, and properties get a quarter of their examples.
`--ran FILE` appends the outcome of each test. `python -m tests.selecting --skipped FILE` lists what was
skipped in every run that FILE tells of; without `--skipped` it says why, and fails if there is any.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# seconds after which a test hangs: it is stopped, and fails; the largest of its marks counts
LIMITS = {"attack": 600, "slow": 600, "model": 600, "crash": 600, "server": 300}
LIMIT = 180
SERVERS = {"postgresql", "redis", "one_redis"}
MODELS = {"smollm2"}
TIMED = HealthCheck.too_slow  # judges by real time, which a busy machine makes a lie
SHARES = {"whole": 100, "sample": 25}  # examples of a property
ALLOWED = {
    "root writes anywhere": "CI is root",
    "needs a server that was built with TLS": "Debian's Redis was built without",
}
ATTACKS = Path(__file__).parent / "attacks"
_left_out = pytest.StashKey[dict[str, int]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("selecting")
    group.addoption("--attacks", action="store_true", help="run the tests that are marked attack, too")
    group.addoption("--whole", action="store_true", help="run every case of every corpus, not a sample")
    group.addoption("--sample-seed", type=int, help="draw the samples of the corpora by this number")
    group.addoption("--ran", metavar="FILE", help="append the outcome of each test to FILE, as JSON Lines")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[_left_out] = {}
    given = getattr(config, "workerinput", {}).get("sample_seed", config.option.sample_seed)
    profile = "whole" if config.option.whole else "sample"
    for name, share in SHARES.items():
        settings.register_profile(name, max_examples=share, deadline=None, suppress_health_check=[TIMED])
    settings.load_profile(profile)
    config.option.sample_seed = random.SystemRandom().randrange(10_000) if given is None else given


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Attacks are not even imported by a run without them."""
    return True if collection_path == ATTACKS and not config.option.attacks else None


# --- modules and items stay until the end: no collector of garbage goes through them again and again


def pytest_collection(session: pytest.Session) -> None:
    gc.disable()


def pytest_collection_finish(session: pytest.Session) -> None:
    gc.freeze()
    gc.enable()


def examples(n: int) -> int:
    """Return how many examples of a property are drawn where n are drawn with --whole; at least one."""
    return max(1, n * settings.default.max_examples // SHARES["whole"])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        _mark_by_fixture(item)
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_limit(item)))
    if not config.option.whole:
        _sample(config, items)


def _mark_by_fixture(item: pytest.Item) -> None:
    names = set(getattr(item, "fixturenames", ()))
    if names & SERVERS:
        item.add_marker("server")
    if names & MODELS:
        item.add_marker("model")


def _limit(item: pytest.Item) -> int:
    return max([LIMITS[mark.name] for mark in item.iter_markers() if mark.name in LIMITS], default=LIMIT)


def _sample(config: pytest.Config, items: list[pytest.Item]) -> None:
    cases = defaultdict[tuple[str, int], list[pytest.Item]](list)
    for item in items:
        if mark := item.get_closest_marker("sampled"):
            cases[item.nodeid.partition("[")[0], mark.args[0]].append(item)
    left = [item for (name, n), each in cases.items() for item in _not_drawn(config, name, n, each)]
    if left:
        gone = {item.nodeid for item in left}
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.nodeid not in gone]
        config.stash[_left_out].update(Counter(item.nodeid.partition("[")[0] for item in left))


def _chance(config: pytest.Config, name: str) -> random.Random:
    return random.Random(f"{config.option.sample_seed} {name}")


def _not_drawn(config: pytest.Config, name: str, n: int, items: list[pytest.Item]) -> list[pytest.Item]:
    shuffled = sorted(items, key=lambda item: item.nodeid)  # collected in any order
    _chance(config, name).shuffle(shuffled)
    return shuffled[n:]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: the tests also wait, for servers and processes."""
    return (os.cpu_count() or 1) + 1


class Sample:
    """What a test of a whole corpus draws from it, unless all of it was asked for."""

    def __init__(self, config: pytest.Config, name: str) -> None:
        self._config, self._name = config, name

    def __call__(self, corpus: Iterable[Any], n: int) -> list[Any]:
        """Return n members of `corpus` in its own order; all of them with --whole."""
        members = list(corpus)
        if self._config.option.whole or len(members) <= n:
            return members
        self._config.stash[_left_out][self._name] = len(members) - n
        chance = _chance(self._config, self._name)
        return [members[index] for index in sorted(chance.sample(range(len(members)), n))]


@pytest.fixture
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(request.config, request.node.nodeid)


# --- workers of pytest-xdist draw by the seed of their controller, and tell it what they left out


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash[_left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["sample_seed"] = node.config.option.sample_seed


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    told = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[_left_out].update(told)  # all left out the same cases; a sample is one worker's


# --- what is told at the end


def pytest_report_header(config: pytest.Config) -> str:
    return _chosen(config)


def _chosen(config: pytest.Config) -> str:
    if config.option.whole:
        return "corpora: whole"
    return f"corpora: a sample of each, drawn by --sample-seed {config.option.sample_seed}"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    left, skipped = config.stash[_left_out], terminalreporter.stats.get("skipped", [])
    _append(config.option.ran, terminalreporter.stats)
    if not (left or skipped):
        return
    terminalreporter.section("left out")
    if left:
        tests = {name.partition("[")[0] for name in left}
        terminalreporter.line(f"{sum(left.values()):,} cases of {len(tests)} tests; {_chosen(config)}")
        terminalreporter.line("all of them: python -m pytest -q -n auto --whole")
    for reason, count in Counter(map(_reason, skipped)).most_common():
        terminalreporter.line(f"{count:,} skipped: {reason}")


def _reason(report: Any) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(reason).removeprefix("Skipped: ")


# --- was each test run somewhere?


def _append(path: str | None, stats: dict[str, list[Any]]) -> None:
    if path is None:
        return
    with Path(path).open("a") as file:
        for outcome in ("passed", "skipped"):
            for report in stats.get(outcome, []):
                reason = _reason(report) if outcome == "skipped" else ""
                file.write(json.dumps([outcome, report.nodeid, reason]) + "\n")


def never_run(lines: Iterable[str]) -> dict[str, str]:
    """Return the tests, and files of tests, that were skipped wherever they were collected, and why."""
    outcomes = [json.loads(line) for line in lines]
    passed = {name for outcome, name, _ in outcomes if outcome == "passed"}
    files = {name.partition("::")[0] for name in passed}
    skipped = {name: why for outcome, name, why in outcomes if outcome == "skipped" and why not in ALLOWED}
    return {name: why for name, why in skipped.items() if name not in passed and name not in files}


def main(arguments: Sequence[str]) -> int:
    """Print what no run has run; return the exit status."""
    *flags, path = arguments
    missing = never_run(Path(path).read_text().splitlines())
    if flags:
        print("\n".join(sorted(missing)))
        return 0
    for name, why in sorted(missing.items()):
        print(f"{name}: {why}")
    print(f"skipped wherever it was collected: {len(missing)}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
