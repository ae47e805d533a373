"""A model on this machine: one server for each process and model, gone when its process is."""

import http.client
import json
import pickle
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from extractor.errors import ConfigError, ServiceError
from extractor.transport import local
from extractor.transport.local import LocalServer, in_process, serve, shared, whole_cores, within_quota
from tests.transport.gguf_files import gguf

BODY = {
    "messages": [
        {"role": "system", "content": "Extract the record from the text as JSON."},
        {
            "role": "user",
            "content": "Invoice 88-17 of Fenwick Tools, 5 March 2026, total 8.80 EUR. Thank you!",
        },
    ],
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "name": "invoice",
            "schema": {
                "type": "object",
                "properties": {"number": {"type": "string", "maxLength": 20}, "total": {"type": "number"}},
                "required": ["number", "total"],
                "additionalProperties": False,
            },
        },
    },
    "temperature": 0,
    "max_tokens": 60,
}
OTHER = {"messages": [{"role": "user", "content": "What is an invoice? " * 9}], "max_tokens": 3}
SHARED_PREFIX = {**BODY, "messages": [BODY["messages"][0], {"role": "user", "content": "Invoice 88-19"}]}  # type: ignore[index]


def call(
    base_url: str, path: str, key: str | None = None, body: Mapping[str, Any] | None = None
) -> tuple[int, str]:
    url = urlsplit(base_url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with closing(http.client.HTTPConnection(url.hostname or "", url.port, timeout=60)) as connection:
        connection.request(
            "POST" if body else "GET", url.path + path, json.dumps(body) if body else None, headers
        )
        response = connection.getresponse()
        return response.status, response.read().decode()


def chat(server: LocalServer, body: Mapping[str, Any]) -> str:
    status, text = call(server.base_url, "/chat/completions", server.api_key, body)
    assert status == 200, text
    return str(json.loads(text)["choices"][0]["message"]["content"])


def streamed(server: LocalServer, body: Mapping[str, Any]) -> str:
    _, text = call(server.base_url, "/chat/completions", server.api_key, {**body, "stream": True})
    events = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return "".join(event["choices"][0]["delta"].get("content") or "" for event in events)


def gone(base_url: str, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            call(base_url, "/models")
        except OSError:
            return True
        time.sleep(0.05)
    return False


def python(program: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_server_answers_on_the_loopback_address_under_the_models_name(server: LocalServer) -> None:
    assert server.base_url.startswith("http://127.0.0.1:")
    assert server.base_url.endswith("/v1")
    status, text = call(server.base_url, "/models", server.api_key)
    assert (status, json.loads(text)["data"][0]["id"]) == (200, "smollm2")


@pytest.mark.parametrize("key", [None, "another"])
@pytest.mark.parametrize("path", ["/models", "/chat/completions"])
def test_other_users_of_the_machine_are_turned_away_without_the_key(
    server: LocalServer, path: str, key: str | None
) -> None:
    assert call(server.base_url, path, key, BODY if path == "/chat/completions" else None)[0] == 401


def test_the_key_shows_in_no_repr_no_pickle_and_no_list_of_processes(server: LocalServer) -> None:
    assert server.api_key not in repr(server)
    with pytest.raises(TypeError, match="belongs to its process"):
        pickle.dumps(server)
    assert not any(
        server.api_key.encode() in path.read_bytes()
        for path in Path("/proc").glob(f"{server.pid}/[ce][mn][dv]*")
    )


def test_one_process_has_one_server_of_a_model(server: LocalServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(shared, ["smollm2"] * 16)) == {server}


def test_plain_streamed_and_in_process_replies_are_the_same_text(server: LocalServer) -> None:
    plain = chat(server, BODY)
    assert streamed(server, BODY) == plain
    with in_process("smollm2") as complete:
        assert complete(BODY)["choices"][0]["message"]["content"] == plain
    assert json.loads(plain).keys() == {"number", "total"}


def test_a_reply_does_not_depend_on_what_was_asked_before(server: LocalServer) -> None:
    first = chat(server, BODY)
    for before in (BODY, OTHER, SHARED_PREFIX):
        chat(server, before)
        assert chat(server, BODY) == first
    assert chat(server, {**BODY, "cache_prompt": False}) == first


@pytest.mark.parametrize(
    ("grammar", "reply"),
    [
        ('root ::= "88-" [0-9] [0-9]', r"88-\d\d"),
        ("%llguidance {}\nstart: /[A-Z]{3}-[0-9]{2}/", r"[A-Z]{3}-\d\d"),
        ('%llguidance {}\nstart: %json {"type": "integer", "minimum": 10, "maximum": 12}', "1[012]"),
    ],
)
def test_a_reply_keeps_to_a_gbnf_or_llguidance_grammar(server: LocalServer, grammar: str, reply: str) -> None:
    free = {name: value for name, value in BODY.items() if name != "response_format"}
    assert re.fullmatch(reply, chat(server, {**free, "grammar": grammar}))


def test_a_body_that_llama_cpp_rejects_is_a_service_error_in_process(smollm2: Path) -> None:
    with in_process("smollm2", context=256) as complete:
        with pytest.raises(ServiceError, match="messages") as error:
            complete({"messages": 1})
        assert error.value.status == 400
        with pytest.raises(ServiceError, match="exceeds the available context size"):
            complete({"messages": [{"role": "user", "content": "word " * 300}]})


def test_a_closed_server_is_gone_at_once_and_closing_twice_is_harmless(smollm2: Path) -> None:
    with serve("smollm2", context=512) as server:
        assert server.alive
    server.close()
    assert not server.alive
    assert gone(server.base_url, seconds=1)


def test_a_server_that_died_is_replaced(smollm2: Path) -> None:
    before = shared(str(smollm2))
    before.close()
    after = shared(str(smollm2))
    assert after.alive
    assert after is not before
    after.close()


def test_closing_while_a_request_is_under_way_takes_no_longer(smollm2: Path) -> None:
    server = serve("smollm2", context=4096)
    endless = {**OTHER, "max_tokens": 4000, "ignore_eos": True}
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(call, server.base_url, "/chat/completions", server.api_key, endless)
        while not asked.running():
            time.sleep(0.01)
        time.sleep(0.3)
        server.close()
        assert isinstance(asked.exception(timeout=5), OSError | http.client.HTTPException)


def test_a_program_that_uses_the_model_prints_nothing_of_llama_cpp_and_ends_cleanly(smollm2: Path) -> None:
    program = python(
        """
        import sys, urllib.request
        from extractor.transport.local import shared
        server = shared("smollm2")
        request = urllib.request.Request(server.base_url + "/chat/completions",
            b'{"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 9}',
            {"Authorization": "Bearer " + server.api_key})
        urllib.request.urlopen(request).read()
        assert "xllamacpp" not in sys.modules
        """
    )
    assert program.communicate(timeout=60) == ("", "")
    assert program.returncode == 0


def test_a_killed_program_leaves_no_server_behind(smollm2: Path) -> None:
    program = python(
        """
        import os, signal
        from extractor.transport.local import shared
        print(shared("smollm2").base_url, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    base_url, _ = program.communicate(timeout=60)
    assert base_url.startswith("http://127.0.0.1:")
    assert gone(base_url.strip())


@pytest.mark.skipif(not hasattr(local.os, "fork"), reason="no fork on this system")
def test_a_forked_child_has_a_server_of_its_own_and_leaves_the_parents_running(smollm2: Path) -> None:
    program = python(
        """
        import os, sys
        from extractor.transport.local import shared
        parents = shared("smollm2")
        if os.fork() == 0:
            print(not parents.alive, shared("smollm2").base_url != parents.base_url, flush=True)
            parents.close()
            sys.exit()
        os.wait()
        print(parents.alive, shared("smollm2") is parents)
        """
    )
    out, _ = program.communicate(timeout=60)
    assert out.split() == ["True"] * 4


def test_a_model_of_a_kind_that_llama_cpp_does_not_know_is_an_error_with_its_own_reason(
    tmp_path: Path,
) -> None:
    (tmp_path / "bad.gguf").write_bytes(gguf({"general.architecture": "abacus"}))
    with pytest.raises(ConfigError, match=r"could not serve .*bad\.gguf "):
        serve(str(tmp_path / "bad.gguf"))


def test_half_a_model_is_an_error_with_llama_cpps_own_reason(smollm2: Path, tmp_path: Path) -> None:
    with smollm2.open("rb") as whole:
        (tmp_path / "half.gguf").write_bytes(whole.read(8_000_000))
    with pytest.raises(ConfigError, match="model is corrupted or incomplete"):
        shared(str(tmp_path / "half.gguf"))


@pytest.mark.parametrize("option", ["context", "threads", "parallel"])
def test_an_option_that_leaves_nothing_to_work_with_is_refused(option: str) -> None:
    with pytest.raises(ConfigError, match=f"{option} must be at least 1, not 0"):
        serve("smollm2", **{option: 0})


def test_a_port_that_is_taken_is_an_error_with_the_reason(server: LocalServer) -> None:
    with pytest.raises(ConfigError, match="couldn't bind"):
        serve("smollm2", port=urlsplit(server.base_url).port or 0)


def test_a_model_that_takes_too_long_to_load_is_given_up(smollm2: Path) -> None:
    with pytest.raises(ConfigError, match=r"took longer than 0\.01 seconds"):
        serve("smollm2", timeout=0.01)


def test_without_llama_cpp_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ConfigError, match=r"pip install 'typed-extractor\[local\]'"):
        serve("smollm2")


def test_serving_in_the_foreground_ends_with_a_signal(smollm2: Path) -> None:
    program = python(
        """
        from extractor.transport.local import serve_forever
        serve_forever("smollm2", lambda text: print(text, flush=True), context=512, api_key="sesame")
        """
    )
    assert program.stdout is not None
    line = program.stdout.readline()
    base_url = line.split()[3]
    assert call(base_url, "/models", "sesame")[0] == 200
    program.terminate()
    assert program.communicate(timeout=10) == ("", "")
    assert program.returncode == 0
    assert gone(base_url)


@pytest.mark.parametrize(
    ("cores", "quota", "allowed"),
    [
        (8, "max 100000\n", 8),
        (8, "200000 100000\n", 2),
        (8, "50000 100000\n", 1),
        (2, "800000 100000", 2),
        (4, "", 4),
    ],
)
def test_a_containers_quota_bounds_the_cores(cores: int, quota: str, allowed: int) -> None:
    assert within_quota(cores, quota) == allowed


@pytest.mark.parametrize(
    ("usable", "physical", "threads"),
    [(2, 2, 2), (8, 4, 4), (2, 16, 2), (8, None, 4), (1, None, 1), (1, 1, 1)],
    ids=["virtual cores", "two threads a core", "a container", "not told", "one, not told", "one"],
)
def test_one_thread_a_core_writes(usable: int, physical: int | None, threads: int) -> None:
    assert whole_cores(usable, physical) == threads
