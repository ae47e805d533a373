"""Gold -> what examples are taken from, what candidates are compared on, and what is looked at once. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from ..errors import ConfigError
from ..evaluation.cases import Case

FEWEST_TEXTS = 10  # in each part: with fewer, an interval tells nothing
SHARES = (0.4, 0.7)  # where training ends, and where validation does


@dataclass(frozen=True, slots=True)
class GoldSplit:
    """Three parts without a text in common. train: examples come from here. validation: candidates are
    compared here. test: the best one is compared with the untuned model here, once.
    """

    train: tuple[Case, ...]
    validation: tuple[Case, ...]
    test: tuple[Case, ...]


def split_gold(cases: Sequence[Case], seed: int = 0) -> GoldSplit:
    """Return the parts of the gold, the same for the same texts in any order. Equal texts, but for white
    space, are in one part. Raises ConfigError if a part would have fewer than ten texts.
    """
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(" ".join(case.text.split()), []).append(case)
    order = sorted(groups, key=lambda text: _ticket(text, seed))
    ends = [round(len(order) * share) for share in SHARES]
    parts = order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] :]
    if min(map(len, parts)) < FEWEST_TEXTS:
        least = next(n for n in range(FEWEST_TEXTS, 100) if _smallest(n) >= FEWEST_TEXTS)
        raise ConfigError(
            f"too little gold: there are {len(order)} different texts, but at least {least} are needed, "
            f"so that training, validation and test have {FEWEST_TEXTS} each"
        )
    return GoldSplit(*(tuple(case for text in part for case in groups[text]) for part in parts))


def _smallest(count: int) -> int:
    first, second = (round(count * share) for share in SHARES)
    return min(first, second - first, count - second)


def _ticket(text: str, seed: int) -> bytes:
    return sha256(f"{seed}\0{text}".encode("utf-8", "surrogatepass")).digest()
