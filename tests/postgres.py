"""A real PostgreSQL of this machine, in a temporary folder, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

USER, PASSWORD = "hüter", "ge:h/e@i#m%"
USER_IN_URL, PASSWORD_IN_URL = "h%C3%BCter", "ge%3Ah%2Fe%40i%23m%25"
_NUMBERS = count()
LIVELY = "-c fsync=off -c autovacuum=off"


def binaries() -> Path | None:
    """The folder of initdb and pg_ctl: Debian keeps them out of PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = str(debian[-1]) if debian else shutil.which("initdb")
    return Path(found).parent if found else None


@contextmanager
def running() -> Iterator[str]:
    """Yield the URL of a server with nothing in it, with its password."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    (folder / "password").write_text(PASSWORD)
    port = _free_port()
    if os.getuid() == 0:  # as which PostgreSQL does not run
        for place in (folder, folder / "password"):
            shutil.chown(place, "postgres")
    data, told = (
        folder / "data",
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}",
    )
    try:
        _call(
            *("initdb", "-D", data, "-U", USER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"),
            *(f"--pwfile={folder / 'password'}", "--no-sync"),
        )
        _call("pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", f"{told} {LIVELY}", "start")
        try:
            yield f"postgresql://{USER_IN_URL}:{PASSWORD_IN_URL}@127.0.0.1:{port}/postgres"
        finally:
            _call("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _call(program: str, *arguments: object) -> None:
    folder = binaries()
    assert folder
    command: Sequence[str] = [str(folder / program), *map(str, arguments)]
    if os.getuid() == 0:
        command = ["runuser", "-u", "postgres", "--", *command]
    environment: Mapping[str, str] = {**os.environ, "LC_ALL": "C.UTF-8"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", env=environment, timeout=120)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def empty_database(url: str) -> str:
    """Make one more database on a server; return its URL."""
    from adbc_driver_postgresql import dbapi

    name = f"test_{next(_NUMBERS)}"
    with dbapi.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    return url.removesuffix("postgres") + name
