"""How much memory can be had: the least that the machine, its groups and the process's limits leave."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from extractor.transport.memory import available

MACHINE = {"proc/meminfo": "MemTotal: 9000 kB\nMemFree: 10 kB\nMemAvailable:    8000 kB\nSwapFree: 1000 kB\n"}
V2 = {
    **MACHINE,
    "proc/self/cgroup": "0::/user/session\n",
    "sys/fs/cgroup/user/memory.max": "5000000\n",
    "sys/fs/cgroup/user/memory.current": "4000000\n",
    "sys/fs/cgroup/user/memory.stat": "anon 900\nactive_file 300000\ninactive_file 200000\n",
    "sys/fs/cgroup/user/session/memory.max": "max\n",
    "sys/fs/cgroup/user/session/memory.high": "max\n",
    "sys/fs/cgroup/user/session/memory.current": "1000000\n",
}
CONTAINER = {  # with a view of its own, in which its group is the root
    **MACHINE,
    "proc/self/cgroup": "0::/\n",
    "sys/fs/cgroup/memory.max": "3000000\n",
    "sys/fs/cgroup/memory.current": "1000000\n",
}
V1 = {
    **MACHINE,
    "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/abc\n0::/\n",
    "sys/fs/cgroup/memory/memory.limit_in_bytes": "2500000\n",  # what /docker/abc is inside of the container
    "sys/fs/cgroup/memory/memory.usage_in_bytes": "500000\n",
}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        (MACHINE, 9000 * 1024),
        (V2, 1_500_000),
        ({**V2, "sys/fs/cgroup/user/session/memory.high": "1200000"}, 200_000),
        ({**V2, "sys/fs/cgroup/user/memory.current": "7000000"}, 0),
        (CONTAINER, 2_000_000),
        (V1, 2_000_000),
        ({**V1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712"}, 9000 * 1024),
        ({**MACHINE, "proc/self/cgroup": "nonsense\n0::/../escaped\n"}, 9000 * 1024),
    ],
)
def test_the_least_of_what_the_machine_and_its_groups_leave_counts(
    tmp_path: Path, files: Mapping[str, str], free: int
) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert available(tmp_path) == free


def test_without_proc_it_is_the_memory_of_the_machine(tmp_path: Path) -> None:
    free = available(tmp_path)
    assert free is None or free > 10**8


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit that the system keeps")
def test_a_process_that_may_take_little_is_told_so_before_a_model_is_loaded() -> None:
    program = """
import resource
from extractor.errors import ConfigError
from extractor.transport import local
resource.setrlimit(resource.RLIMIT_AS, (450_000_000, 450_000_000))
try:
    local.serve("qwen2.5-coder-1.5b")
except ConfigError as error:
    print(error)
"""
    end = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "0.5 GB are free: take local:smollm2, which needs 0.4 GB" in end.stdout, end.stderr
