"""A journal's URL: the server it names, and a form without passwords for messages. Pure."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from ...errors import ConfigError

PREFIX = "extractor"
LEASE = 20.0  # seconds that a worker counts as alive after its last heartbeat
_SCHEMES = {"redis": "redis", "rediss": "rediss", "unix": "unix", "valkey": "redis", "valkeys": "rediss"}
_OPTIONS = re.compile("db|username|password|client_name|ssl_.+|socket_.+")  # of redis-py's from_url
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRETS = re.compile(r"(?<=://)(?!\w*:?\$\{\w+\}@)[^\s]*(?=@)|(?<=password=)(?!\$\{\w+\}(?:&|$))[^&\s]*")


@dataclass(frozen=True, slots=True)
class JournalAddress:
    """A Redis or Valkey server. url: as redis-py takes it, passwords and all; it is never shown.
    prefix: begins the names of all keys. lease: seconds after which a silent worker counts as dead.
    """

    shown: str
    url: str = field(repr=False)
    prefix: str = PREFIX
    lease: float = LEASE

    @classmethod
    def of(cls, given: str, environ: Mapping[str, str] = os.environ) -> JournalAddress:
        """Read a URL. ${NAME} in it is a variable of the environment. Raises ConfigError."""
        shown = masked(given)
        missing = [name for name in _VARIABLE.findall(given) if name not in environ]
        if missing:
            raise ConfigError(f"the journal {shown} needs {', '.join(missing)} in the environment")
        try:
            parts = urlsplit(_VARIABLE.sub(lambda found: quote(environ[found[1]], safe=""), given))
            readable = parts.port != 0 and not parts.fragment
        except ValueError:
            readable = False
        if not readable:
            raise ConfigError(
                f"the journal {shown} can't be read as a URL: write special characters of a password as %XX, "
                "or keep it in the environment, redis://:${NAME}@HOST"
            )
        if parts.scheme not in _SCHEMES:
            raise ConfigError(
                f"the journal {shown} is neither a file nor a server: write redis://HOST:6379/0, "
                "rediss://..., unix:///PATH or valkey://..."
            )
        options = dict(parse_qsl(parts.query))
        prefix, lease = options.pop("prefix", PREFIX), options.pop("lease", str(LEASE))
        unknown = [name for name in options if not _OPTIONS.fullmatch(name)]
        if unknown:
            raise ConfigError(
                f"the journal {shown} has unknown options, {', '.join(unknown)}; the options are prefix, "
                "lease, db, username, password, client_name, ssl_... and socket_..."
            )
        if not (prefix and lease.replace(".", "", 1).isdigit() and float(lease) >= 1):
            raise ConfigError(f"the journal {shown} needs a non-empty prefix, and a lease of at least 1")
        url = f"{_SCHEMES[parts.scheme]}://{parts.netloc}{parts.path}?{urlencode(options)}"
        return cls(shown, url.rstrip("?"), prefix, float(lease))

    def __str__(self) -> str:
        return self.shown


def is_url(text: str) -> bool:
    """Whether a text is a URL rather than a path."""
    return "://" in text


def masked(text: str) -> str:
    """Return a text whose URLs, if it has any, tell no user and no password but by a variable's name."""
    return _SECRETS.sub("***", text)
