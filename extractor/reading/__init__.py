"""What a reply says: text -> the one JSON value that is the record, and how it was read. Pure."""

from .found import begun_json, found_json, without_thoughts
from .inside import listed
from .readings import Decoded, Read, Reader, how, says_nothing
from .shape import RecordShape, bare, choice_key, distinct, place_names
from .syntax import INDENT, laid_out, mended, value_at, whole_value, written
from .thoughts import CLOSING_MARK, MARK, held_back

__all__ = [
    "CLOSING_MARK",
    "INDENT",
    "MARK",
    "Decoded",
    "Read",
    "Reader",
    "RecordShape",
    "bare",
    "begun_json",
    "choice_key",
    "distinct",
    "found_json",
    "held_back",
    "how",
    "laid_out",
    "listed",
    "mended",
    "place_names",
    "says_nothing",
    "value_at",
    "whole_value",
    "without_thoughts",
    "written",
]
