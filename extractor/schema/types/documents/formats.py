"""Which texts are of a format of JSON Schema's.

Most formats are judged by `jsonschema-rs`, which is there for patterns anyway; the others by `jsonschema`, by
checks that need no further library. Source: JSON Schema 2020-12 validation, section 7.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

MOST = {"regex": 2_000, "uri-template": 4_000}  # characters of formats whose checks are not linear

_BY_RUST = (
    *("date-time", "hostname", "iri", "iri-reference", "json-pointer", "relative-json-pointer"),
    *("time", "uri", "uri-reference", "uri-template"),
)
_BY_PYTHON = ("date", "email", "idn-email", "idn-hostname", "ipv4", "ipv6", "regex", "uuid")

# ISO 8601's, which has fractions where RFC 3339, appendix A, has none: Pydantic writes "PT1.5S". A sign is
# ISO 8601-2's.
_NUMBER = r"[+-]?[0-9]+(?:[.,][0-9]+)?"
_DURATION = re.compile(
    rf"[+-]?P(?!\Z)(?:{_NUMBER}W|(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}D)?"
    rf"(?:T(?!\Z)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?)\Z"
)


def is_checked(name: str) -> bool:
    """Return whether a format is checked at all."""
    return name in _checks()


def is_too_long(text: str, name: str) -> bool:
    """Return whether a text is too long for the check of a format: it is none of that format, then."""
    return len(text) > MOST.get(name, len(text))


def conforms(instance: object, format: str) -> bool:  # noqa: A002  as `jsonschema` calls it
    """Return whether a value has a format. A value that is not a string has every format, and so has a string
    if the format is not checked.
    """
    check = _checks().get(format)
    if check is None or not isinstance(instance, str):
        return True
    if is_too_long(instance, format):
        return False
    try:
        return check(instance)
    except Exception:  # what the library of a format raises at a text that it does not expect
        return False


@cache
def _checks() -> Mapping[str, Callable[[str], bool]]:
    return {
        "duration": lambda text: _DURATION.match(text) is not None,
        **{name: _by_rust(name) for name in _BY_RUST},
        **{name: _by_python(name) for name in _BY_PYTHON},
    }


def _by_rust(name: str) -> Callable[[str], bool]:
    from jsonschema_rs import Draft202012Validator

    return Draft202012Validator({"format": name}, validate_formats=True).is_valid


def _by_python(name: str) -> Callable[[str], bool]:
    from jsonschema.validators import Draft202012Validator

    checker = Draft202012Validator.FORMAT_CHECKER
    return lambda text: bool(checker.conforms(text, name))
