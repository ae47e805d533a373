"""Names of options in messages: Python's keywords, or those of the command line. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spelling:
    """The options that errors name. The defaults are those of Python."""

    output: str = "into="
    append: str = "append=True"
    limit: str = "limit="
    sample: str = "sample="
    quarantine: str = "quarantine="
    resume: str = "resume=True"
    retry_failed: str = 'retry="failed"'
    into: str = "DatabaseSink"
    key: str = "DatabaseSink(key=)"


PYTHON = Spelling()
SHELL = Spelling(
    output="-o",
    append="--append",
    limit="--limit",
    sample="--sample",
    quarantine="--quarantine",
    resume="--resume",
    retry_failed="--retry-failed",
    into="--into",
    key="--key",
)
