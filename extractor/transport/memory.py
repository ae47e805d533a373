"""How much memory a new process may take: of the machine, of its container, of its own limits."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def available(root: Path = ROOT) -> int | None:
    """Return the bytes that can be had now, None if the system does not tell.

    root: where /proc and /sys are. The smallest of these counts. The kernel's estimate of what is available,
    with its swap. What is left in each control group of this process, up to the outermost. The limit of a
    process's addresses. If there is no /proc: all of the machine's memory.
    """
    readings = [_of_machine(root), *_of_groups(root), _of_process()]
    return min((each for each in readings if each is not None), default=None)


def _of_machine(root: Path) -> int | None:
    numbers = _numbers(_text(root / "proc/meminfo"))
    if "MemAvailable:" in numbers:
        return 1024 * (numbers["MemAvailable:"] + numbers.get("SwapFree:", 0))
    import psutil

    return int(psutil.virtual_memory().total)


def _of_groups(root: Path) -> Iterator[int]:
    """Yield the bytes left in each control group, of both versions of their file system."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            yield from _left(root / "sys/fs/cgroup", path, ("memory.max", "memory.high"), "memory.current")
        elif "memory" in controllers.split(","):
            names = ("memory.limit_in_bytes",)
            yield from _left(root / "sys/fs/cgroup/memory", path, names, "memory.usage_in_bytes")


def _left(top: Path, path: str, limits: tuple[str, ...], used: str) -> Iterator[int]:
    inner = Path(path.strip("/"))
    for group in (top / each for each in (inner, *inner.parents)):
        usage, statistics = _text(group / used).strip(), _numbers(_text(group / "memory.stat"))
        files = statistics.get("active_file", 0) + statistics.get("inactive_file", 0)  # given back on demand
        for limit in (_text(group / name).strip() for name in limits):
            if limit.isdigit() and usage.isdigit():
                yield max(0, int(limit) - max(0, int(usage) - files))


def _of_process() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def _numbers(text: str) -> dict[str, int]:
    """Return the lines "name number ..." of a text, by name."""
    parts = (line.split() for line in text.splitlines())
    return {part[0]: int(part[1]) for part in parts if len(part) > 1 and part[1].isdigit()}


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
