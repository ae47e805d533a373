"""A journal's URL is read strictly, and its password is shown nowhere."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extractor.bulk.journal.address import JournalAddress, is_url, masked
from extractor.bulk.run import RunSettings
from extractor.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("valkey://host", "redis://host"),
        ("valkeys://host/3", "rediss://host/3"),
        ("rediss://host?ssl_ca_certs=/ca.pem", "rediss://host?ssl_ca_certs=%2Fca.pem"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock?db=2"),
        ("redis://me:p%2Fw@host/0?prefix=mail&lease=60", "redis://me:p%2Fw@host/0"),
    ],
)
def test_urls_are_read_as_redis_py_takes_them(given: str, meant: str) -> None:
    assert is_url(given)
    assert JournalAddress.of(given).url == meant


def test_prefix_and_lease_are_our_own() -> None:
    address = JournalAddress.of("redis://host?prefix=mail&lease=60")
    assert (address.prefix, address.lease) == ("mail", 60.0)
    assert (JournalAddress.of("redis://host").prefix, JournalAddress.of("redis://host").lease) == (
        "extractor",
        20.0,
    )


def test_a_password_may_stay_in_the_environment_with_all_its_characters() -> None:
    address = JournalAddress.of("redis://:${PASSWORD}@host", {"PASSWORD": "p/w@#:%"})
    assert address.url == "redis://:p%2Fw%40%23%3A%25@host"
    assert str(address) == "redis://:${PASSWORD}@host"
    with pytest.raises(ConfigError, match="needs PASSWORD in the environment"):
        JournalAddress.of("redis://:${PASSWORD}@host", {})


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://host", "neither a file nor a server"),
        ("redis://host:port", "can't be read"),
        ("redis://host?colour=red", "colour; the options are prefix"),
        ("redis://host?lease=soon", "a lease of at least 1"),
        ("redis://host?lease=0", "a lease of at least 1"),
        ("redis://:secret@host:x", "can't be read"),
        ("redis://:sec/ret@host", "can't be read"),
        ("redis://:sec#ret@host", "can't be read"),
        ("ftp://me:secret@host", "neither"),
        ("redis://host?password=secret&colour=red", "colour"),
        ("redis://[secret@host", "can't be read"),
    ],
)
def test_a_url_that_is_wrong_is_refused_without_its_password(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        RunSettings(journal=url)
    told = f"{caught.value!r} {caught.value.__cause__!r} {pickle.dumps(caught.value)!r}"
    assert "secret" not in told
    assert "sec" not in told


@given(
    st.text(st.characters(codec="ascii", exclude_characters=" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"), min_size=8)
)
def test_no_text_about_a_journal_has_its_password(password: str) -> None:
    url = f"redis://me:0{password}0@host:1/0?prefix=x"
    assert masked(f"run --journal {url}") == "run --journal redis://***@host:1/0?prefix=x"
    told: list[Any] = [masked(url)]
    try:
        told.append(JournalAddress.of(url))
    except ConfigError as error:
        told.append(error)
    assert f"0{password}0" not in f"{told!r} {told[-1]!s}"


def test_settings_do_not_show_their_journal() -> None:
    assert "secret" not in repr(RunSettings(journal="redis://:secret@host"))
