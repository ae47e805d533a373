"""Names that a target takes, and that nothing else has. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Container, Iterable

from ..messages import JSON


def fresh(base: str, taken: Container[str]) -> str:
    """Return `base`, with a number if it is taken."""
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}_{number}"
    return name


def distinct(names: Iterable[str]) -> list[str]:
    """Return the names in letters, digits and underscores of any script, all different."""
    result: dict[str, None] = {}
    numbers: dict[str, int] = {}  # the last of each base, as thousands may share one
    for base in (re.sub(r"\W+", "_", name) for name in names):
        name, number = base, numbers.get(base, 1)
        while name in result:
            number += 1
            name = f"{base}_{number}"
        numbers[base] = number
        result[name] = None
    return list(result)


def legal(name: str, otherwise: str, most: int) -> str:
    """Return `name` in ASCII letters, digits and underscores, with a hash of what it was."""
    kept = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:most] or otherwise
    return f"{kept}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def definition_name(ref: str, body: dict[str, JSON]) -> str:
    """Return a legal name for a definition: its type's, without its module and its address in memory."""
    path = re.sub(r":\d+", "", ref.removeprefix("#/$defs/"))
    wanted = str(body.get("title") or re.sub(r"(?:\w+\.)+(\w)", r"\1", path))
    kept = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_")[:48]
    return kept if kept and wanted.isascii() else legal(wanted, "type", 40)
