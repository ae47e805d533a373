"""Codecs: records <-> strict JSON, one class for each form that a value has on the wire. Pure."""
