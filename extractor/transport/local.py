"""A model on this machine: llama.cpp behind its own chat-completions API, on a loopback port.

Each process has its own server for each model, started on first use. It is a child process, and ends
with the process that started it.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from ..errors import ConfigError, ServiceError
from ..systems import stop_signals
from . import llama, memory
from .models import MODELS, demand_memory, resolve, traits_of


class LocalServer:
    """A running server. `base_url` ends in /v1; `api_key` is what it asks for; `model` is its name there.

    A context manager: leaving it closes the server, as does the end of the process.
    """

    def __init__(self, base_url: str, api_key: str, model: str, process: subprocess.Popen[bytes]) -> None:
        self.base_url, self.api_key, self.model = base_url, api_key, model
        self._process, self._owner = process, os.getpid()
        _running.add(self)

    def __repr__(self) -> str:
        return f"LocalServer({self.model!r}, {self.base_url!r})"

    def __reduce__(self) -> str:
        raise TypeError("a LocalServer belongs to its process: start another one in this process")

    def __enter__(self) -> LocalServer:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._owner == os.getpid() and self._process.poll() is None

    def close(self) -> None:
        """End the server now; requests under way are cut off. A second close does nothing."""
        if self._owner == os.getpid():  # a forked child must not end its parent's server
            _end(self._process)

    def _disown(self) -> None:
        """Let go of the pipe in a forked child, or the server would outlive the parent."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process.returncode = 0  # not ours to wait for


def serve(
    spec: str,
    *,
    port: int = 0,
    context: int | None = None,
    threads: int | None = None,
    parallel: int = 1,
    api_key: str | None = None,
    timeout: float = 300.0,
) -> LocalServer:
    """Return a server of the model `spec`, ready for requests.

    spec: the name of a known model, or the path of a GGUF file. port: 0 takes a free one. context:
    tokens that one request may use, prompt and reply together; default what suits the model. threads:
    default all cores this process may use while it reads the prompt, and while it writes as many as suit
    the model. parallel: requests at a time; each takes the memory of one context, and on few cores they
    are no faster together than one after the other. api_key: default a random one. timeout: seconds to
    wait until the model is loaded. Raises ConfigError, also if there is too little memory.
    """
    settings = _settings(spec, port, context, threads, parallel, api_key)
    return _start(settings, timeout)


def _settings(
    spec: str,
    port: int = 0,
    context: int | None = None,
    threads: int | None = None,
    parallel: int = 1,
    api_key: str | None = None,
    verbosity: int = 1,  # errors only
) -> dict[str, Any]:
    if find_spec("xllamacpp") is None:
        raise ConfigError("local models need llama.cpp: run `pip install 'typed-extractor[local]'`")
    for name, value in {"context": context, "threads": threads, "parallel": parallel}.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name} must be at least 1, not {value}")
    import psutil

    traits = traits_of(spec)
    demand_memory(spec, memory.available(), context, parallel)
    path = resolve(spec)
    return {
        "path": str(path),
        "alias": spec if spec in MODELS else path.stem,
        "context": context or traits.context,
        "parallel": parallel,
        "threads": threads or traits.threads or whole_cores(cores(), psutil.cpu_count(logical=False)),
        "prompt_threads": threads or cores(),
        "port": port,
        "api_key": api_key or secrets.token_urlsafe(24),
        "verbosity": verbosity,
        "sys_path": sys.path,
    }


def shared(spec: str) -> LocalServer:
    """Return this process's server of the model `spec`, started on first use. Raises ConfigError.

    Safe to call from many threads, and in a forked child, which gets a server of its own.
    """
    key = spec if spec in MODELS else os.path.realpath(os.path.expanduser(spec))
    with _lock:
        server = _shared.get(key)
        if server is None or not server.alive:
            server = _shared[key] = serve(spec)
        return server


def serve_forever(spec: str, report: Callable[[str], None], **options: Any) -> None:
    """Serve the model `spec` until SIGINT or SIGTERM; for the main thread. `options` are those of `serve`.

    report: is called with the base URL, the key and the model's name once they can be used. Raises
    ConfigError, also where the server ends by itself.
    """
    with serve(spec, **options) as server, _stopped_by_signals() as stopped:
        report(f"Serving {server.model} at {server.base_url} (API key: {server.api_key})")
        while not stopped.wait(0.2):
            if not server.alive:
                raise ConfigError(f"the server of {server.model} stopped unexpectedly")


@contextmanager
def _stopped_by_signals() -> Iterator[threading.Event]:
    stopped = threading.Event()
    signals = stop_signals()
    before = [signal.signal(each, lambda *_: stopped.set()) for each in signals]
    try:
        yield stopped
    finally:
        for each, handler in zip(signals, before, strict=True):
            signal.signal(each, handler)


def cores() -> int:
    """Return how many cores this process may use: its affinity, and its container's quota."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota = Path("/sys/fs/cgroup/cpu.max").read_text()
    except OSError:
        quota = "max"
    return within_quota(affinity, quota)


def whole_cores(usable: int, physical: int | None) -> int:
    """Return how many threads write: one a core, since two of one core only wait for each other. If nobody
    tells which are which, half of what this process may use.
    """
    return max(1, usable // 2 if physical is None else min(usable, physical))


def within_quota(cores: int, quota: str) -> int:
    """Return `cores`, or fewer where a cgroup's cpu.max ("200000 100000" is two cores) allows fewer."""
    allowance, _, period = quota.partition(" ")
    if not allowance.isdigit() or not period.strip().isdigit():
        return cores
    return max(1, min(cores, int(allowance) // int(period)))


def _start(settings: Mapping[str, Any], timeout: float) -> LocalServer:
    with tempfile.TemporaryFile() as log:
        process = _spawn(log)
        try:
            with _killed_after(timeout, process) as expired:
                reply = _exchange(process, settings)
        except BaseException:
            _end(process)
            raise
        if "address" not in reply:
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)  # llama.cpp writes its reasons from a thread of its own
            _end(process)
            why = f"it took longer than {timeout:g} seconds" if expired.is_set() else _reason(log)
            raise ConfigError(_failure(settings, why or reply.get("error") or _exit(process)))
    return LocalServer(f"{reply['address']}/v1", settings["api_key"], settings["alias"], process)


@contextmanager
def _killed_after(seconds: float, process: subprocess.Popen[bytes]) -> Iterator[threading.Event]:
    """Kill `process`, and set what is yielded, unless the block is left within `seconds`."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        process.kill()

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def _spawn(log: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", llama.__file__]  # -P: our neighbour http.py is not the library's http
    return subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        start_new_session=True,  # Ctrl-C is for the program, which ends us when it ends
        env={"OMP_WAIT_POLICY": "passive", **os.environ},  # spinning threads starve on a busy machine
    )


def _exchange(process: subprocess.Popen[bytes], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Send the settings, the key among them, where no list of processes shows them; return the answer."""
    assert process.stdin is not None  # noqa: S101
    assert process.stdout is not None  # noqa: S101
    try:
        process.stdin.write(json.dumps(settings).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        return {}
    line = process.stdout.readline()
    return dict(json.loads(line)) if line else {}


def _failure(settings: Mapping[str, Any], why: str) -> str:
    return (
        f"llama.cpp could not serve {settings['path']} with a context of {settings['context']} tokens for "
        f"{settings['parallel']} request(s) at a time, on port {settings['port'] or 'any'}: {why}"
    )


def _reason(log: IO[bytes]) -> str:
    """Return llama.cpp's own errors, of lines such as "0.00.022.702 E llama_model_load: error ...: ..."."""
    log.seek(0)
    lines = log.read().decode(errors="replace").splitlines()
    errors = [line.partition(" E ")[2].strip() for line in lines if " E " in line] or lines[-5:]
    return "; ".join(list(dict.fromkeys(errors))[:2])[:1000]  # what follows repeats the first


def _exit(process: subprocess.Popen[bytes]) -> str:
    return f"its process ended with status {process.returncode}, as when memory runs out"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


@contextmanager
def in_process(
    spec: str, *, context: int | None = None, threads: int = 1
) -> Iterator[Callable[[Mapping[str, Any]], dict[str, Any]]]:
    """Yield a function that answers a chat-completions body, loaded into this very process: no HTTP.

    For comparisons and debugging: while the model loads, all of this process's threads stand still.
    Raises ConfigError if the model cannot be loaded, ServiceError if a body is rejected.
    """
    try:
        server = llama.load(_settings(spec, context=context, threads=threads, verbosity=-1))
    except RuntimeError as error:
        raise ConfigError(f"llama.cpp could not load {spec}: {error}") from error
    yield partial(_answer, server)


def _answer(server: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    try:
        reply = server.handle_chat_completions(dict(body))
    except ValueError as error:
        raise ServiceError(str(error), status=400) from error
    if "error" in reply:
        raise ServiceError(reply["error"]["message"], status=reply["error"]["code"])
    return dict(reply)


_shared: dict[str, LocalServer] = {}
_running: weakref.WeakSet[LocalServer] = weakref.WeakSet()
_lock = threading.RLock()


def _close_all() -> None:
    for server in list(_running):
        server.close()


def _start_afresh() -> None:
    """Forget, in a forked child, the servers and the lock of the parent."""
    global _lock
    for server in list(_running):
        server._disown()
    _shared.clear()
    _running.clear()
    _lock = threading.RLock()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_afresh)
