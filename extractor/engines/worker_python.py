"""Which Python Spark's workers run, and whether it has what a step needs."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import Protocol

from ..errors import ConfigError

PROBE = "import sys, extractor, pyarrow; print('%d.%d' % sys.version_info[:2])"
LONGEST = 120.0  # seconds that an import may take on a machine that is busy


class WorkerContext(Protocol):
    """What a SparkContext says of its workers. pythonExec: the program that they run. master: "local[2]" on
    this machine.
    """

    pythonExec: str  # noqa: N815  Spark's name
    master: str | None


def check_workers(context: WorkerContext) -> None:
    """Raise ConfigError if workers on this machine run a Python that can't carry out a step. What other
    machines run can't be seen from here.
    """
    if not (context.master or "").startswith("local"):
        return
    found = shutil.which(context.pythonExec)
    if found == sys.executable:
        return
    why = "is not there" if found is None else _why_not(found)
    if why is not None:
        raise ConfigError(
            f"Spark's workers would run {found or context.pythonExec}, which {why}. Spark takes "
            "PYSPARK_PYTHON, else the first python3 of PATH, which differs if the environment is not "
            f"activated. Before you create the session, set PYSPARK_PYTHON={sys.executable}, as in "
            'os.environ["PYSPARK_PYTHON"] = sys.executable'
        )


def _why_not(python: str) -> str | None:
    """Return why a Python can't carry out a step, None if it can."""
    try:
        ended = subprocess.run(  # noqa: S603  what Spark itself would start
            [python, "-c", PROBE], capture_output=True, text=True, timeout=LONGEST, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"can't be started: {error}"
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"exit status {ended.returncode}"]
        return f"can't import this library and pyarrow ({said[-1][:200]})"
    here = "{}.{}".format(*sys.version_info)
    return (
        None if ended.stdout.strip() == here else f"is Python {ended.stdout.strip()[:20]}, but this is {here}"
    )
