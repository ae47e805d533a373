"""How many small faults the tests find: `python -m tests.benchmarks.mutants [--count 300] [--seed 0]`.

Needs cosmic-ray. A sample of places in the dialogue, the compiler of types and bulk runs is drawn. At each
place one operator of cosmic-ray changes the code of a copy of the checkout, such as `<` to `<=`. The quick
tests of its room run on it, then those of the other two. A fault is found if a test fails, or if the tests
take ten times as long. What they do not find is printed with its change: some changes can't be seen, others
lack a test, or have one that is slow. The exit status is 1 below the share --least.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).parents[2]
TESTS: Mapping[str, Sequence[str]] = {
    "dialogue": ("tests/dialogue", "tests/test_odd_replies.py", "tests/test_conversation.py"),
    "schema": ("tests/schema", "tests/test_golden_schemas.py"),
    "bulk": ("tests/bulk",),
}
QUICK = "not slow and not crash and not server and not model"
PATIENCE = 10  # times what the tests take without a fault
UNSEEN = "BitOr"  # stands in annotations, which are not evaluated


@dataclass(frozen=True)
class Mutant:
    """One operator at one place of a file. occurrence: which of the operator's places in the file."""

    path: Path
    line: int
    operator: str
    occurrence: int

    @property
    def room(self) -> str:
        """The package that it is in."""
        return self.path.parts[1]

    def code(self, source: str) -> str | None:
        """Return the changed source; None if the operator changes nothing there."""
        changed = mutate_code(source.encode(), plugins.get_operator(self.operator)(), self.occurrence)
        return None if changed is None else changed if isinstance(changed, str) else changed.decode()


def mutants(path: Path) -> Iterator[tuple[Any, Mutant]]:
    """Yield each mutant of a file with its place."""
    nodes = list(ast_nodes(get_ast((ROOT / path).read_text("utf-8"))))
    for name in plugins.operator_names():
        kind = plugins.get_operator(name)
        if UNSEEN in name or kind.arguments():
            continue
        places = (place for node in nodes for place, _ in kind().mutation_positions(node))
        for occurrence, place in enumerate(places):
            yield place, Mutant(path, place[0], name, occurrence)


def drawn(count: int, seed: int) -> list[Mutant]:
    """Return a sample: places are drawn alike, and at each place one operator."""
    by_place: dict[Any, list[Mutant]] = {}
    for room in TESTS:
        for path in sorted((ROOT / "extractor" / room).rglob("*.py")):
            for place, mutant in mutants(path.relative_to(ROOT)):
                by_place.setdefault((mutant.path, place), []).append(mutant)
    chance = random.Random(seed)
    places = chance.sample(sorted(by_place, key=str), min(count, len(by_place)))
    return [chance.choice(by_place[place]) for place in places]


def passes(copy: Path, room: str, seconds: float | None = None) -> bool:
    """Whether a room's tests pass in the copy. seconds: after which they count as failed."""
    quiet = ("-q", "-x", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", QUICK)
    command: list[str] = [sys.executable, "-B", "-m", "pytest", *quiet, *TESTS[room]]
    try:
        return subprocess.run(command, cwd=copy, capture_output=True, timeout=seconds).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def survives(copy: Path, mutant: Mutant, seconds: Mapping[str, float]) -> str | None:
    """Return the change that no test notices; None if one does."""
    file = copy / mutant.path
    source = file.read_text("utf-8")
    changed = mutant.code(source)
    if changed is None or changed == source:
        return None
    try:
        file.write_text(changed, "utf-8")
        rooms = sorted(TESTS, key=lambda room: room != mutant.room)  # its own first
        if not all(passes(copy, room, seconds[room]) for room in rooms):
            return None
    finally:
        file.write_text(source, "utf-8")
    lines = unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@")


def copied(folder: Path) -> Path:
    """Return a copy of the checkout's files without those that git ignores."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    return folder


def main(count: int, seed: int, least: float) -> int:
    sample = drawn(count, seed)
    made, alive = Counter(each.room for each in sample), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        copy, patience = copied(Path(folder)), dict[str, float]()
        for room in TESTS:
            began = time.monotonic()
            assert passes(copy, room), f"the tests of {room} fail without any fault"
            patience[room] = PATIENCE * (time.monotonic() - began)
        for mutant in sample:
            change = survives(copy, mutant, patience)
            alive[mutant.room] += change is not None
            end = "found" if change is None else f"survives\n{change}"
            print(f"{mutant.path}:{mutant.line} {mutant.operator}: {end}", flush=True)
    for room in TESTS:
        print(f"{room:9} {made[room] - alive[room]:4} of {made[room]:4} found")
    share = 1 - alive.total() / len(sample)
    print(f"{len(sample) - alive.total()} of {len(sample)} found, {share:.1%}; seed {seed}")
    return int(share < least)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.0)
    given = parser.parse_args()
    sys.exit(main(given.count, given.seed, given.least))
