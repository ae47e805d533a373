"""Checks of the caller's on the record of a long text, and which chunks are read once more. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from ..errors import ConfigError, Problem
from ..evidence.chunking import Chunk
from ..evidence.leaves import leaves
from ..groups import Check
from .outcome import ChunkOutcome, DocumentExtraction

MOST = 6  # chunks that are read once more
OVERLOOKED, CONFLICT = 10, 5  # as many as so many values that stand nowhere in the text


def checks_of(given: Any) -> Mapping[str, Check]:
    """Return checks by their names. given: a function, several by name, or None. Raises ConfigError."""
    if given is None:
        return {}
    named = given if isinstance(given, Mapping) else {getattr(given, "__name__", "check"): given}
    if not all(isinstance(name, str) and name and callable(check) for name, check in named.items()):
        raise ConfigError(f"check must be a function of the record, or several by name, not {given!r:.80}")
    return dict(named)


def failures(checks: Mapping[str, Check], record: Any) -> list[Problem]:
    """Return a problem for each check that a record does not pass. Its type is "check", or "check_raised" if
    the check raises, or returns something else than None, True, False or a sentence.
    """
    found = list[Problem]()
    for name, check in checks.items():
        try:
            said = check(record)
        except MemoryError:
            raise
        except Exception as error:
            why = f"the check {name!r} raised {type(error).__name__}: {error}"
            found.append(Problem("", why, type="check_raised"))
            continue
        if isinstance(said, str) and said:
            found.append(Problem("", f"the check {name!r} failed: {said}", type="check"))
        elif said is False:
            found.append(Problem("", f"the check {name!r} failed", type="check"))
        elif said is not None and said is not True:
            why = f"the check {name!r} returned {said!r:.80}, not None, True, False or a sentence"
            found.append(Problem("", why, type="check_raised"))
    return found


def told(problems: Sequence[Problem], names: Sequence[str], masked: bool) -> str:
    """Return what the prompt says about checks that failed. masked: whether values are hidden from it, which
    the caller's sentences may have.
    """
    if masked:
        return f"a check of the whole record failed ({', '.join(names)})"
    return "; ".join(problem.reason for problem in problems)


def suspects(
    ledger: Mapping[Chunk, ChunkOutcome], found: DocumentExtraction[Any], most: int
) -> tuple[Chunk, ...]:
    """Return the chunks in which a mistake is most likely, at most so many. They have lines that look like
    items and gave none, values that other chunks contradict, or values that are not in their text. If none
    has any, all of them, if they are no more.
    """
    read = {
        chunk: line for chunk, line in ledger.items() if line.error is None and line.extraction is not None
    }
    signs = {chunk: _signs(chunk, line, found) for chunk, line in read.items()}
    likely = sorted((c for c in signs if signs[c]), key=lambda c: (-signs[c], c.reading, c.start))[:most]
    return tuple(likely) or (tuple(read) if len(read) <= most else ())


def _signs(chunk: Chunk, line: ChunkOutcome, found: DocumentExtraction[Any]) -> int:
    overlooked = sum(chunk.start <= each.start < chunk.end for each in found.coverage.overlooked)
    spans = chain.from_iterable(c.spans for conflict in found.conflicts for c in conflict.candidates)
    conflicts = sum(chunk.start <= span.start < chunk.end for span in spans)
    return OVERLOOKED * overlooked + CONFLICT * conflicts + sum(1 for _ in _unplaced(line))


def _unplaced(line: ChunkOutcome) -> Iterator[str]:
    """Yield the leaves of a chunk's record that stand nowhere in its text."""
    if line.extraction is None:
        return
    evidence = line.extraction.evidence
    for leaf in leaves(line.extraction.record):
        if not isinstance(leaf.json, bool | None) and not evidence.get(leaf.pointer, ()):
            yield leaf.pointer
