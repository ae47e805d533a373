"""Small JSON files that one process leaves for the next, below the cache folder, for the owner alone."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from ..messages import JSON
from .models import cache_root

MOST = 100_000  # bytes: a longer file is none of ours


def path_of(folder: str, *names: str) -> Path:
    """Return where something is kept that has these names."""
    return cache_root() / folder / f"{sha256(json.dumps(names).encode()).hexdigest()[:32]}.json"


def load(path: Path) -> JSON:
    """Return what was kept, None where nothing was or it can't be read."""
    try:
        with path.open("rb") as file:
            return json.loads(file.read(MOST))
    except (OSError, ValueError, RecursionError):
        return None


def save(path: Path, value: JSON) -> None:
    """Keep a value, whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".", dir=path.parent)  # mode 0600
    try:
        with open(handle, "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
