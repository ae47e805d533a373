"""Bytes out and back: HTTP, server-sent events, and the embedded model."""
