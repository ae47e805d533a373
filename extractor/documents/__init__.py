"""Long texts: cut into chunks, read chunk by chunk, and merged into one record."""

from .outcome import ChunkOutcome, DocumentExtraction

__all__ = ["ChunkOutcome", "DocumentExtraction"]
