"""Where in strict JSON text the leaves of a record are said, and what their tokens tell."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic_core import from_json

from ...confidence import Calibration, Measured, Path, TokenScore, leaf_spans
from ...evidence.leaves import Leaf, leaves
from ...messages import JSON
from ...pointers import Step, pointer
from ..codec.values import ChoiceCodec
from ..compiled import CompiledSchema
from .parts import Part, root_part
from .scan import Node, Scan


class Place(NamedTuple):
    """start: in the text. value: what is said there. choice: whether it is one of a few that are named."""

    start: int
    value: JSON
    choice: bool


def measured(
    compiled: CompiledSchema[Any],
    calibration: Calibration | None,
    record: Any,
    text: str,
    told: Mapping[Path, TokenScore],
) -> Measured:
    """Return what is known of how sure the leaves of a record are.

    text: the strict JSON that the record was decoded from. told: the log-probabilities of its values.
    """
    said = places(compiled, text)
    at = {start: told[path] for path, (start, _) in leaf_spans(text).items() if path in told}
    found = _pairs(leaves(record), said)
    by_leaf = {leaf.pointer: at[place.start] for leaf, place in found if place.start in at}
    choices = frozenset(leaf.pointer for leaf, place in found if place.choice)
    return Measured(by_leaf, choices=choices, calibration=calibration)


def places(compiled: CompiledSchema[Any], text: str) -> dict[str, Place]:
    """Return where the leaves of plain JSON are said, by JSON pointer; those that can't be distinguished are
    left out.
    """
    scan = Scan()
    scan.feed(text + " ")  # a number ends where something follows
    return {} if scan.root is None else dict(_walk(scan, scan.root, root_part(compiled), ()))


def _walk(scan: Scan, node: Node, part: Part, steps: tuple[Step, ...]) -> Iterator[tuple[str, Place]]:
    if node.kind not in "{[":
        yield pointer(steps), Place(node.start, from_json(scan.raw(node)), isinstance(part.form, ChoiceCodec))
    elif (found := part.settled(scan, node, scan.length)) and found[0] is not node:
        yield from _walk(scan, *found, steps)
    elif found:
        for child in found[1].children(scan, found[0], scan.length):
            yield from _walk(scan, child.node, child.part, (*steps, *child.steps))


def _pairs(found: list[Leaf], said: Mapping[str, Place]) -> list[tuple[Leaf, Place]]:
    """Pair the leaves with what was said. Validators may sort a list, or remove items. So within a list, a
    leaf belongs to the reply's value at its place only if the values are equal, and else to the next equal
    one.
    """
    pairs, left = list[tuple[Leaf, Place]](), dict(said)
    later = list[Leaf]()
    for leaf in found:
        place = left.get(leaf.pointer)
        if place and (_same(leaf, place) or not any(isinstance(step, int) for step in leaf.path)):
            pairs.append((leaf, left.pop(leaf.pointer)))
        else:
            later.append(leaf)
    others = defaultdict[str, list[Place]](list)
    for where, place in left.items():
        others[_field(where)].append(place)
    for leaf in later:
        among = others[_field(leaf.pointer)]
        place = next((place for place in among if _same(leaf, place)), None)
        if place is not None:
            among.remove(place)
            pairs.append((leaf, place))
    return pairs


def _same(leaf: Leaf, place: Place) -> bool:
    return bool(leaf.json == place.value) or str(leaf.json) == str(place.value)


def _field(where: str) -> str:
    return re.sub(r"/\d+(?=/|$)", "/*", where)
