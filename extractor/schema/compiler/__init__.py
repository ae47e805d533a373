"""A record type -> its strict schema and its codec, within what a target takes. Pure."""
