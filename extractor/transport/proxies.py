"""Proxies of the environment, read as curl reads them; and whether the network is forbidden."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from ..errors import ConfigError

FORBIDDEN = "EXTRACTOR_NO_NETWORK"
SCHEMES = ("http", "https", "socks5", "socks5h")


def is_loopback(url: str) -> bool:
    """Whether a URL points at this machine; proxies of the environment are not asked for those."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_allowed(url: str, environment: Mapping[str, str]) -> None:
    """Raise ConfigError if EXTRACTOR_NO_NETWORK is set, unless a URL points at this machine."""
    if environment.get(FORBIDDEN, "").lower() in ("", "0", "false", "no") or is_loopback(url):
        return
    raise ConfigError(
        f"{FORBIDDEN} is set, but this would be sent to {urlsplit(url).hostname}: redirect it to a test "
        "server with extractor.testing.use(server), replay a cassette, or unset the variable"
    )


def proxy_of(url: str) -> str | None:
    """Return the URL of the proxy that the environment names for `url`, None if there is none."""
    from urllib.request import getproxies, proxy_bypass  # takes a while to import

    parts = urlsplit(url)
    if is_loopback(url) or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return proxy and checked_proxy(proxy if "://" in proxy else f"http://{proxy}")


def checked_proxy(url: str) -> str:
    """Return a proxy's URL. Raises ConfigError without its text, which may hold a password."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
        str(parts.hostname).encode("idna")
    except ValueError:  # which says the password, too
        known = False
    if not known or not url.isprintable() or " " in url or parts.path.strip("/"):
        raise ConfigError(
            "a proxy is a URL, http://host:port, https://... or socks5://...; other characters than letters "
            "and digits in its user and password are percent-encoded"
        ) from None
    return url
