"""A real Redis or Valkey server on a free port of 127.0.0.1, which keeps nothing unless it is told to."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

BINARY = next(filter(None, map(shutil.which, ("redis-server", "valkey-server"))), None)


@dataclass
class RedisServer:
    """options: as in redis.conf."""

    folder: Path
    options: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket(self) -> str:
        return f"unix://{self.folder / 'redis.sock'}"

    def client(self) -> Any:
        import redis

        return redis.Redis.from_url(self.url, password=self.options.get("requirepass"))

    def start(self) -> None:
        """Start it, again on the same port, and return once it answers."""
        self.port = self.port or free_port()
        given = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "unixsocket": "redis.sock",
            "dir": str(self.folder),
        }
        given |= {"save": "", "loglevel": "warning", "logfile": "redis.log", **self.options}
        options = [part for name, value in given.items() for part in (f"--{name}", value)]
        assert BINARY
        self.process = subprocess.Popen([BINARY, *options], stdout=subprocess.DEVNULL)
        ends = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except Exception:
                if self.process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError((self.folder / "redis.log").read_text()) from None
                time.sleep(0.02)

    def stop(self) -> None:
        """Kill it."""
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()

    @contextmanager
    def back_after(self, seconds: float) -> Iterator[None]:
        """Have it start again after a while, and in any case before the block ends."""
        timer = threading.Timer(seconds, self.start)
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def freeze(self, frozen: bool = True) -> None:
        """Have it answer nobody, though the connections stand; or go on."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def redis_server(folder: Path, **options: str) -> Iterator[RedisServer]:
    """Yield a server that ends with the block. Skips the test where there is none on this machine."""
    pytest.importorskip("redis", reason="needs the `redis` extra")
    if BINARY is None:
        pytest.skip("needs redis-server or valkey-server")
    server = RedisServer(folder, {name.replace("_", "-"): value for name, value in options.items()})
    try:
        server.start()
        yield server
    finally:
        server.stop()
