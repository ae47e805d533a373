"""The formats' checks: no text passes that the libraries refuse which jsonschema[format] asks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft202012Validator

from extractor.schema.types.documents.formats import conforms, is_checked
from tests.selecting import examples

ORACLE = Draft202012Validator.FORMAT_CHECKER
VALID = {
    "date": ["2026-03-05", "2024-02-29"],
    "date-time": ["2026-03-05T12:00:00Z", "2026-03-05T12:00:00.125+02:00", "2026-03-05t12:00:00z"],
    "duration": ["P1D", "PT1.5S", "-P1DT2H", "P2W", "P1Y2M3DT4H5M6S"],
    "email": ["ada@example.com"],
    "hostname": ["www.example.com", "localhost", "xn--4gbwdl.xn--wgbh1c"],
    "idn-email": ["실례@실례.테스트"],
    "idn-hostname": ["실례.테스트"],
    "ipv4": ["127.0.0.1"],
    "ipv6": ["::1", "::ffff:1.2.3.4"],
    "json-pointer": ["", "/a/0", "/~0~1"],
    "regex": ["^a+$", "[a-z]{2}"],
    "relative-json-pointer": ["0", "1/a", "0#"],
    "time": ["12:00:00Z", "12:00:00.5+01:00"],
    "uri": ["http://example.com/a?b#c", "urn:isbn:1", "mailto:ada@example.com", "http://[::1]/"],
    "uri-reference": ["", "/a", "#f", "http://example.com"],
    "uri-template": ["http://example.com/{id}{?a,b*}", "{x:3}"],
    "uuid": ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
}
INVALID = {
    "date": ["2026-02-29", "2026-3-5", "20260305", "2026-W10-4"],
    "date-time": [
        "2026-03-05T12:00:00",
        "2026-03-05 12:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-03-05T24:00:00Z",
    ],
    "duration": ["P", "PT", "P1YT", "P1W1D", "P1D1Y", "1D", "P٢Y", "P1D\n"],
    "email": ["ada"],
    "hostname": ["-a", "a-", "a_b", "a..b", "a" * 64 + ".com", ""],
    "idn-hostname": ["〮실례.테스트"],
    "ipv4": ["256.1.1.1", "01.2.3.4", "1.2.3"],
    "ipv6": ["12345::", ":::"],
    "iri": ["a", "http://a b"],
    "iri-reference": ["\\\\a"],
    "json-pointer": ["a", "/~2", "#/a"],
    "regex": ["(", "[a", "*"],
    "relative-json-pointer": ["01", "-1", "/a", "1##", "١/a"],
    "time": ["12:00:00", "24:00:00Z", "12:00:60Z", "12:00:00+25:00"],
    "uri": ["//a", "a", "http://a b", "http://a/\\", "http://ünï", ""],
    "uri-reference": ["\\a", "a b", "%zz"],
    "uri-template": ["{", "}", "{x:0}", "{x y}"],
    "uuid": ["2eb8aa08aa9811eab4aa73b441d16380"],
}
# What only the specifications take: a leap second (RFC 3339, 5.6), the year 0, the operators that RFC 6570,
# 2.2, reserves, and a 0 inside of the number that a relative pointer begins with.
SPECIFIED = {
    "date-time": re.compile(r"(?s).*[Tt ]\d\d:\d\d:60.*|0000-.*"),
    "time": re.compile(r"(?s)\d\d:\d\d:60.*"),
    "relative-json-pointer": re.compile(r"(?s)[1-9][0-9]*0[0-9].*"),
    "uri-template": re.compile(r"(?s).*\{[=,!@|].*"),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in VALID for text in VALID[name]])
def test_texts_of_a_format_are_of_it(name: str, text: str) -> None:
    assert conforms(text, name)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in INVALID for text in INVALID[name]])
def test_other_texts_are_not(name: str, text: str) -> None:
    assert not conforms(text, name)


def test_each_format_that_jsonschema_checks_with_all_its_libraries_is_checked() -> None:
    assert len(ORACLE.checkers) == 17, "a library of a format is missing here"
    assert all(map(is_checked, ORACLE.checkers))


@st.composite
def altered(draw: st.DrawFn) -> tuple[str, str]:
    """A format and a text that is nearly one of it."""
    name = draw(st.sampled_from(sorted(VALID)))
    text = draw(st.sampled_from(VALID[name] + INVALID.get(name, [])))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 2)))
    return name, text[:start] + draw(st.text("0169:-+.,/~#{}[]%@aTZPYMWDHSx é\n", max_size=3)) + text[end:]


@pytest.mark.slow
@given(altered())
@settings(max_examples=examples(2_000), deadline=None)
def test_no_text_passes_that_the_libraries_refuse(case: tuple[str, str]) -> None:
    name, text = case
    if conforms(text, name) and not (name in SPECIFIED and SPECIFIED[name].fullmatch(text)):
        assert refused_by_library(name, text) is False


def refused_by_library(name: str, text: str) -> bool:
    try:
        return not ORACLE.conforms(text, name)
    except Exception:  # an unexpected text, at which the library stumbles
        return True


@pytest.mark.parametrize("value", [3, None, ["a"], {"a": 1}])
def test_a_format_says_nothing_of_what_is_no_string(value: object) -> None:
    assert all(conforms(value, name) for name in VALID)
    assert conforms("anything", "unheard-of")
