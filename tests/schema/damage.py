"""Wire texts that are nearly right: each place of a good one changed in turn."""

import copy
import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

JSON = Any
Step = str | int
STRANGE: tuple[JSON, ...] = (None, True, -1, 1e308, "strange", [], [[None]], {}, {"key": 1, "tag": "x"})


def damaged(wire: str, most: int = 60) -> Iterator[str]:
    """Yield up to `most` texts that differ from `wire` in one place: strange, missing, doubled or cut off."""
    record = json.loads(wire)
    yield wire[: len(wire) // 2]
    yield wire + wire
    for path, value in islice(places(record), most // 4):
        strange = STRANGE[len(str(path)) % 3 :: 3] if path else STRANGE
        yield from (json.dumps(changed(record, path, other)) for other in strange if other != value)
        if path:
            yield json.dumps(without(record, path))
        if isinstance(value, list) and value:
            yield json.dumps(changed(record, path, [*value, value[0]]))
        if isinstance(value, dict):
            yield json.dumps(changed(record, path, value | {"unknown": 1}))


def places(value: JSON, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], JSON]]:
    """Yield each place in a JSON value, the whole first."""
    yield path, value
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        yield from places(inner, (*path, step))


def changed(record: JSON, path: tuple[Step, ...], value: JSON) -> JSON:
    """Return `record` with another value at `path`."""
    if not path:
        return value
    result = copy.deepcopy(record)
    _parent(result, path)[path[-1]] = value
    return result


def without(record: JSON, path: tuple[Step, ...]) -> JSON:
    """Return `record` without what is at `path`."""
    result = copy.deepcopy(record)
    del _parent(result, path)[path[-1]]
    return result


def _parent(record: JSON, path: tuple[Step, ...]) -> JSON:
    for step in path[:-1]:
        record = record[step]
    return record
