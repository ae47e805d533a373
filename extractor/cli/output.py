"""Files that a command writes: whole or not at all, for the owner alone."""

from __future__ import annotations

from functools import partial

from ..tables.output import opened as opened_file
from ..tables.output import opened_bytes as opened_byte_file

opened = partial(opened_file, hint=" with -o")
opened_bytes = partial(opened_byte_file, hint=" with -o")
