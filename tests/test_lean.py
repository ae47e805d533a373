"""A plain install is small: few libraries, each of them needed; the rest are extras that say so."""

from __future__ import annotations

import ast
import resource
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from extractor.__main__ import answered, lacks
from extractor.bulk.display import shown
from extractor.results import Progress

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DEVELOPERS = {"browser", "docs", "judges", "lint", "test"}
THEIRS = {"fsspec", "pandas", "polars", "IPython"}  # imported where the caller has them


def named(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


def with_theirs(names: set[str]) -> set[str]:
    """What is installed with some distributions, on this machine."""
    pending, found = list(names), set()
    while pending:
        if (name := canonicalize_name(pending.pop())) not in found:
            found.add(name)
            pending += _required(name)
    return found


def _required(name: str) -> list[str]:
    try:
        needed = [Requirement(each) for each in requires(name) or ()]
    except PackageNotFoundError:
        return []
    return [each.name for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]


@cache
def imported() -> dict[str, set[str]]:
    """The packages that ours imports anywhere, with the distributions that they are of, on this machine."""
    found = set()
    for path in (ROOT / "extractor").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                found.add(node.module.partition(".")[0])
    installed = packages_distributions()
    others = found - set(sys.stdlib_module_names) - {"extractor"}
    return {name: set(map(canonicalize_name, installed.get(name, ()))) for name in others}


def test_a_plain_install_names_at_most_twelve_libraries() -> None:
    assert len(PROJECT["dependencies"]) <= 12


@pytest.mark.slow
def test_each_library_that_is_imported_is_installed_by_a_requirement_or_an_extra() -> None:
    users = {name for extra in EXTRAS.keys() - DEVELOPERS for name in named(EXTRAS[extra])}
    known = with_theirs(named(PROJECT["dependencies"])) | users | {"pytest"}  # pytest brings the fixture's
    found = {name: some for name, some in imported().items() if some and name not in THEIRS}
    assert {name for name, some in found.items() if not some & known} == set()


@pytest.mark.slow
def test_each_library_of_a_plain_install_is_imported() -> None:
    assert named(PROJECT["dependencies"]) <= set().union(*imported().values())


@pytest.mark.parametrize("extra", ["all", "local", "test"])
def test_the_command_line_comes_with_what_people_install(extra: str) -> None:
    assert any("cli" in Requirement(each).extras for each in EXTRAS[extra])


def test_all_is_every_extra_for_users_but_engines_models_and_gpl() -> None:
    (whole,) = map(Requirement, EXTRAS["all"])
    apart = {"heic", "presidio"}  # a wheel with code under the GPL; models of hundreds of megabytes
    assert whole.extras == EXTRAS.keys() - DEVELOPERS - {"all", "frames", "ray", "spark"} - apart


def test_a_command_without_its_libraries_says_what_to_install() -> None:
    assert lacks(lambda name: object()) == ""
    assert lacks({"rich": object()}.get) == (
        "error: the command line needs typer: pip install 'typed-extractor[cli]'\n"
    )
    assert "typer and rich" in lacks(lambda name: None)


def test_the_version_alone_is_told_without_loading_a_command() -> None:
    assert answered(["--version"]).startswith("extractor ")
    assert answered(["run", "--version"]) == answered([]) == ""


@pytest.mark.slow
def test_the_version_takes_at_most_three_tenths_of_a_second() -> None:
    assert min(cpu_of_version() for _ in range(3)) < 0.3  # seconds; the machine may be busy


def cpu_of_version() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "extractor", "--version"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.parametrize(
    ("console", "lines"), [(None, 1), (SimpleNamespace(is_terminal=False, is_jupyter=False), 1)]
)
def test_progress_without_rich_or_a_terminal_is_plain_lines(
    console: object, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown(True, 3, open_console=lambda: console) as tell:
        tell(Progress(elapsed=99.0))
    assert len(capsys.readouterr().err.splitlines()) == lines
