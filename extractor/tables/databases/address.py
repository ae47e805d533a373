"""The address of a database, and names in it. Pure. No text contains the password."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ...errors import ConfigError

SCHEMES = {"postgresql": "postgresql", "postgres": "postgresql", "sqlite": "sqlite", "duckdb": "duckdb"}
BROKEN = (
    "this is not the URL of a PostgreSQL database, such as postgresql://USER@HOST/DATABASE: in names "
    "and passwords write %, /, @, :, ? and # as %25, %2F, %40, %3A, %3F and %23"
)
MEMORY = ":memory:"
_PASSWORDS = ("password", "sslpassword")  # of libpq, among the parameters of a URL
_PART = r'"(?:[^"]|"")+"|[^".]+'
_NAME = re.compile(rf"(?:({_PART})\.)?({_PART})")


@dataclass(frozen=True, slots=True, repr=False)
class DatabaseAddress:
    """A database. kind: "postgresql", "sqlite" or "duckdb". place: what its driver opens: a URL, which
    may hold a password, or the path of a file. As text it is the URL without the password, which is
    also all that is pickled: elsewhere the password has to come out of the environment again.
    """

    kind: str
    url: str
    place: str = field(compare=False)
    secrets: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, url: str | DatabaseAddress) -> DatabaseAddress:
        """Return the address that a URL means. Raises ConfigError."""
        if isinstance(url, DatabaseAddress):
            return url
        if (kind := _kind(url)) is None:
            raise ConfigError("the URL of a database is postgresql://..., sqlite:///FILE or duckdb:///FILE")
        return _server(url) if kind == "postgresql" else _file(kind, url)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return repr(self.url)

    def __reduce__(self) -> tuple[object, ...]:
        return DatabaseAddress.of, (self.url,)

    @property
    def exists(self) -> bool:
        """Whether there is something to look into: a server, or a file."""
        return self.kind == "postgresql" or (self.place != MEMORY and Path(self.place).exists())

    def hide(self, text: str) -> str:
        """Return the text without the password, wherever it came from."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def is_database(url: str) -> bool:
    """Whether a text is the URL of a database that `DatabaseAddress.of` knows."""
    return _kind(url) is not None


def without_password(text: str) -> str:
    """Return a command's word; the password is taken out where it is the URL of a database."""
    try:
        return str(DatabaseAddress.of(text)) if is_database(text) else text
    except ConfigError:
        return text.partition("://")[0] + "://..."


def _kind(url: str) -> str | None:
    scheme, colon, _ = url.partition("://")
    return SCHEMES.get(scheme.partition("+")[0].lower()) if colon else None  # postgresql+psycopg://


def _server(url: str) -> DatabaseAddress:
    rest = url.partition("://")[2]
    try:
        parts = urlsplit(f"postgresql://{rest}")
        password = parts.password
    except ValueError:
        raise ConfigError(BROKEN) from None
    if "@" in parts.path + parts.query or parts.fragment:  # of a password that has a / or a ?
        raise ConfigError(BROKEN)
    user, at, host = parts.netloc.rpartition("@")
    given = [each.partition("=") for each in parts.query.split("&") if each]
    query = "&".join("".join(each) for each in given if unquote(each[0]) not in _PASSWORDS)
    shown = f"postgresql://{user.partition(':')[0]}{at}{host}{parts.path}" + (f"?{query}" if query else "")
    secrets = [password or "", *(value for name, _, value in given if unquote(name) in _PASSWORDS)]
    hidden = {each for secret in secrets if secret for each in (secret, unquote(secret))}
    return DatabaseAddress(
        "postgresql", shown, f"postgresql://{rest}", tuple(sorted(hidden, key=len, reverse=True))
    )


def _file(kind: str, url: str) -> DatabaseAddress:
    rest = url.partition("://")[2]
    path = unquote(rest.removeprefix("/"))
    if rest and not rest.startswith("/"):
        raise ConfigError(
            f"{url} names no file: write {kind}:///{rest}, or {kind}:////{rest} for an absolute path"
        )
    if path in ("", MEMORY) and kind == "sqlite":
        raise ConfigError(f"{url} names no file: write {kind}:///FILE.db")
    return DatabaseAddress(kind, url, path or MEMORY)


# -- names


class Name(NamedTuple):
    """A table. schema: "" for the one that the connection looks into first."""

    schema: str
    table: str

    @classmethod
    def of(cls, text: str) -> Name:
        """Return the table that "table" or "schema.table" names, with its upper and lower case. A name with a
        dot or a quote in it is written in quotes, as in SQL. Raises ConfigError.
        """
        found = _NAME.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"{text!r} is not the name of a table: write TABLE, SCHEMA.TABLE, or names in quotes"
            )
        return cls(*map(_unquoted, found.groups("")))

    @property
    def sql(self) -> str:
        """The name as it stands in a statement."""
        return ".".join(map(quoted, filter(None, self)))

    def beside(self, table: str) -> Name:
        """Return another table in the same schema."""
        return Name(self.schema, table)

    def __str__(self) -> str:
        return ".".join(filter(None, self))


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def quoted(name: str) -> str:
    """Return an identifier as SQL takes it, whatever is in it. Raises ConfigError for U+0000."""
    if "\0" in name or not name:
        raise ConfigError(f"{name!r} can't be a name in a database")
    return '"' + name.replace('"', '""') + '"'


def listed(names: Sequence[str]) -> str:
    """Return identifiers as a list in SQL."""
    return ", ".join(map(quoted, names))
