"""Records in a cluster: one step from Arrow batches to Arrow batches, and thin shells around it, `ray` and
`spark`, which are imported by their names.
"""

from .step import ArrowStep

__all__ = ["ArrowStep"]
