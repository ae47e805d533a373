"""Small JSON files that one process leaves for the next, below the cache folder, for the owner alone."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

from ..files import cache_folder, make_folder, replacing
from ..messages import JSON

MOST = 100_000  # bytes: a longer file is none of ours


def path_of(folder: str, *names: str) -> Path:
    """Return where something is kept that has these names."""
    return cache_folder() / folder / f"{sha256(json.dumps(names).encode()).hexdigest()[:32]}.json"


def load(path: Path) -> JSON:
    """Return what was kept, None if nothing was or it can't be read."""
    try:
        with path.open("rb") as file:
            return json.loads(file.read(MOST))
    except (OSError, ValueError, RecursionError):
        return None


def save(path: Path, value: JSON) -> None:
    """Keep a value, whole or not at all. Raises OSError."""
    make_folder(path.parent)
    with replacing(str(path)) as file:
        file.write(json.dumps(value).encode())
