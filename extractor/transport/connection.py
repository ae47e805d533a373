"""How our own clients reach a server: through which proxy, trusting whom, and how long they wait."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from urllib.parse import urlsplit

from ..errors import ConfigError
from ..keywords import names_wrong_keywords
from .exchange import CONNECT_TIMEOUT
from .proxies import checked_proxy


def check_seconds(name: str, seconds: object) -> None:
    """Raise ConfigError unless a time is a number above 0."""
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not seconds > 0:
        raise ConfigError(f"{name} must be a number of seconds above 0, not {seconds!r}")


@names_wrong_keywords({"read": "between_chunks", "timeout": "request", "total": "request"})
@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait.

    - connect: for the connection.
    - first_byte: until the reply begins; None for as long as `request`.
    - between_chunks: from one piece of the reply to the next; None for as long as `request`.
    - request: for one request and its whole reply; for a stream, until the next piece.

    `deadline` bounds a whole call, with its repairs and retries.
    """

    connect: float = CONNECT_TIMEOUT
    first_byte: float | None = None
    between_chunks: float | None = None
    request: float = 120.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a time in which nothing can come."""
        for each in fields(self):
            seconds = getattr(self, each.name)
            if seconds is not None or each.name in ("connect", "request"):
                check_seconds("timeout" if each.name == "request" else each.name, seconds)

    @classmethod
    def of(cls, timeout: float | Timeouts) -> Timeouts:
        """Return Timeouts from one number."""
        return timeout if isinstance(timeout, Timeouts) else cls(request=timeout)


@dataclass(frozen=True, slots=True)
class ConnectionOptions:
    """How a server is reached.

    - proxy: the URL of a proxy; None for the environment's.
    - verify: which certificates are trusted: True for the system's authorities, False for any certificate,
      the path of a file of authorities, or an SSLContext, which may hold a client certificate.
    - http2: whether HTTP/2 is used if the server supports it.
    """

    proxy: str | None = field(default=None, repr=False)  # it may hold a password
    verify: ssl.SSLContext | str | os.PathLike[str] | bool = True
    http2: bool = False

    def __post_init__(self) -> None:
        """Raise ConfigError for what would fail on first use."""
        if self.proxy is not None:
            checked_proxy(self.proxy)
        if self.proxy is not None and self.proxy.startswith("socks") and find_spec("socksio") is None:
            raise ConfigError("a SOCKS proxy needs `pip install 'httpx[socks]'`")
        if self.http2 and find_spec("h2") is None:
            raise ConfigError("http2=True needs `pip install 'typed-extractor[http2]'`")
        if isinstance(self.verify, str | os.PathLike) and not os.path.exists(self.verify):
            raise ConfigError(f"verify: there is no file {os.fspath(self.verify)}")

    @property
    def has_password(self) -> bool:
        """Whether it holds a secret: some proxies take a key as the user."""
        return self.proxy is not None and "@" in urlsplit(self.proxy).netloc

    def context(self, usual: ssl.SSLContext) -> ssl.SSLContext:
        """Return how the server's certificate is verified. usual: what verify=True stands for."""
        match self.verify:
            case ssl.SSLContext():
                return self.verify
            case True:
                return usual
            case False:
                trusting = ssl.create_default_context()
                trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
                return trusting
        return _trusting(os.fspath(self.verify))


def _trusting(path: str) -> ssl.SSLContext:
    try:
        folder = os.path.isdir(path)
        return ssl.create_default_context(capath=path if folder else None, cafile=None if folder else path)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"verify: {path} has no certificates: {error}") from error
