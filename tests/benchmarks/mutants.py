"""How many small faults the tests find: `python -m tests.benchmarks.mutants [--count 300] [--seed 0]`.

Needs cosmic-ray and coverage. A sample of places in the dialogue, the compiler of types and bulk runs is
drawn. At each place one operator of cosmic-ray changes the code of a copy of the checkout, such as `<` to
`<=`. The quick tests of these rooms run once without a fault, which shows the tests that reach each line.
Those of a mutant's lines run on it, the most specific first, for at most 20 seconds of CPU. A fault is found
if a test fails, or if the tests take ten times as long.

Each mutant is a line of JSON in `.mutants/seed-N.jsonl`. The same command goes on where it was stopped, and
judges a mutant again if its file has changed. What no test finds is printed with its change: some changes
can't be seen, others lack a test, or have one that is slow. The exit status is 1 below the share --least.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from tests.benchmarks.mutant_tests import ROOT, Reach, copied, kept, measured, noticed, statement

RESULTS = ROOT / ".mutants"
TESTS: Mapping[str, Sequence[str]] = {
    "dialogue": (
        "tests/dialogue",
        "tests/test_odd_replies.py",
        "tests/test_conversation.py",
        "tests/test_hopeless.py",
        "tests/cli/test_probe_command.py",
    ),
    "schema": ("tests/schema", "tests/test_golden_schemas.py", "tests/tables/test_types.py"),
    "bulk": ("tests/bulk",),
}
QUICK = "not slow and not crash and not server and not model"
FIRST = 10  # the most specific tests run alone, since few files are collected for them
MOST = 20  # seconds of CPU for the tests of a mutant
PATIENCE = 10  # times what the tests take without a fault
START = 30  # seconds of CPU to collect them, with patience
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


@dataclass(frozen=True)
class Verdict:
    """How a mutant ended. by: the test that found it; None if none of `tests` did. change: as a diff."""

    mutant: str
    room: str
    source: str  # the SHA-256 of the file that was changed
    tests: int
    by: str | None
    change: str


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


def sources() -> list[Path]:
    """Return the modules that are changed."""
    return [path for room in TESTS for path in sorted((ROOT / "extractor" / room).rglob("*.py"))]


def state() -> str:
    """Return what tells these sources from others."""
    return digest("".join(path.read_text("utf-8") for path in sources()))[:16]


def sampled(count: int, seed: int) -> list[Mutant]:
    """Return the sample, as it was kept if the sources are the same: to draw one takes a while."""
    file = RESULTS / f"sample-{count}-{seed}-{state()}.json"
    if not file.exists():
        told = [[str(each.path), each.line, each.operator, each.occurrence] for each in drawn(count, seed)]
        file.write_text(json.dumps(told), "utf-8")
    return [Mutant(Path(path), *rest) for path, *rest in json.loads(file.read_text("utf-8"))]


def drawn(count: int, seed: int) -> list[Mutant]:
    """Return a sample: places are drawn alike, and at each place one operator."""
    by_place: dict[Any, list[Mutant]] = {}
    for path in sources():
        for place, mutant in mutants(path.relative_to(ROOT)):
            by_place.setdefault((mutant.path, place), []).append(mutant)
    chance = random.Random(seed)
    places = chance.sample(sorted(by_place, key=str), min(count, len(by_place)))
    return [chance.choice(by_place[place]) for place in places]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_code(source: str) -> bool:
    """Whether a source is Python: an operator takes `**` of a mapping for a power."""
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def judged(copy: Path, mutant: Mutant, reach: Reach) -> Verdict | None:
    """Run the tests on a mutant; None if the operator makes no other code there."""
    file = copy / mutant.path
    source = file.read_text("utf-8")
    changed = mutant.code(source)
    if changed is None or changed == source or not is_code(changed):
        return None
    tests = reach.of(str(mutant.path), statement(source, mutant.line), MOST)
    by = None
    try:
        file.write_text(changed, "utf-8")
        for cached in file.parent.glob(f"__pycache__/{file.stem}.*"):
            cached.unlink()  # of the same size and second, it would be taken for the change
        for some in filter(None, (tests[:FIRST], tests[FIRST:])):
            by = by or noticed(copy, some, START + PATIENCE * reach.cost(some))
    finally:
        file.write_text(source, "utf-8")
    lines = unified_diff(source.splitlines(), changed.splitlines(), lineterm="", n=0)
    change = "\n".join(line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@")
    return Verdict(name(mutant), mutant.room, digest(source), len(tests), by, change)


def name(mutant: Mutant) -> str:
    return f"{mutant.path}:{mutant.line} {mutant.operator} {mutant.occurrence}"


def before(file: Path) -> dict[tuple[str, str], Verdict]:
    """Return the verdicts of earlier runs, by mutant and source."""
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    found = [Verdict(**json.loads(line)) for line in lines]
    return {(each.mutant, each.source): each for each in found}


def reached(copy: Path) -> Reach:
    """Return which tests reach which lines, measured again if a module has changed."""
    file = RESULTS / f"reach-{state()}.json"
    return kept(file) if file.exists() else measured(copy, tuple(TESTS), sum(TESTS.values(), ()), QUICK, file)


def verdicts(sample: Sequence[Mutant], file: Path) -> Iterator[Verdict]:
    """Yield a verdict for each mutant, those of earlier runs first."""
    earlier, left = before(file), list[Mutant]()
    for mutant in sample:
        known = earlier.get((name(mutant), digest((ROOT / mutant.path).read_text("utf-8"))))
        if known is None:
            left.append(mutant)
        else:
            yield known
    if not left:
        return
    with tempfile.TemporaryDirectory() as folder, file.open("a", encoding="utf-8") as kept_in:
        copy = copied(Path(folder).resolve())
        reach = reached(copy)
        sys.dont_write_bytecode = True
        for mutant in left:
            began = time.monotonic()
            if (verdict := judged(copy, mutant, reach)) is not None:
                kept_in.write(json.dumps(asdict(verdict)) + "\n")
                kept_in.flush()
                by = verdict.by or f"survives {verdict.tests} tests\n{verdict.change}"
                print(f"{time.monotonic() - began:.0f} s  {verdict.mutant}: {by}", flush=True)
                yield verdict


def main(count: int, seed: int, least: float) -> int:
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / ".gitignore").write_text("*\n", "utf-8")
    made, found = Counter[str](), Counter[str]()
    for number in (signal.SIGINT, signal.SIGTERM):  # so that no fork is left behind
        signal.signal(number, signal.default_int_handler)
    try:
        for verdict in verdicts(sampled(count, seed), RESULTS / f"seed-{seed}.jsonl"):
            made[verdict.room] += 1
            found[verdict.room] += verdict.by is not None
    except KeyboardInterrupt:
        print("stopped; the same command goes on")
    for room in TESTS:
        print(f"{room:9} {found[room]:4} of {made[room]:4} found")
    share = found.total() / max(made.total(), 1)
    print(f"{found.total()} of {made.total()} found, {share:.1%}; {count} drawn by seed {seed}")
    return int(share < least)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--least", type=float, default=0.0)
    given = parser.parse_args()
    sys.exit(main(given.count, given.seed, given.least))
