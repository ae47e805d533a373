"""What tests ask of a record type."""

from __future__ import annotations

from typing import Any

from extractor.schema import RecordType
from extractor.schema.outline import Check, Meaning, Records


def checker_of(record_type: Any, written: bool = False) -> Check:
    return RecordType.of(record_type).checker(written)


def described(record_type: Any) -> dict[str, Any]:
    return RecordType.of(record_type).described()


def hidden_in(record_type: Any) -> list[str]:
    return RecordType.of(record_type).hidden


def meaning_of(record_type: Any) -> Meaning:
    return RecordType.of(record_type).meaning()


def records_of(record_type: Any) -> Records:
    return RecordType.of(record_type).records()
