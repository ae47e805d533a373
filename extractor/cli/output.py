"""Files that a command writes: whole or not at all, for the owner alone."""

from __future__ import annotations

from functools import partial

from ..tables.output import opened as opened_file

opened = partial(opened_file, hint=" with -o")
