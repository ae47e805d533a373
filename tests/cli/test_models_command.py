"""`extractor models` and `extractor serve`, and the embedded model at work."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ended import Cli

from extractor import Extractor
from extractor.transport.models import MODELS, cache_folder


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXTRACTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EXTRACTOR_OFFLINE", "1")


@pytest.mark.usefixtures("empty_cache")
def test_models_are_listed_with_size_licence_and_whether_they_are_here(cli: Cli) -> None:
    end = cli("models", "list")
    assert end.status == 0
    assert "local:smollm2  98 MB  0.4 GB of memory  Apache-2.0" in end.out
    default = "local:qwen2.5-coder-1.5b  1,117 MB  1.7 GB of memory  Apache-2.0  (the default)\n  small (Qwen"
    assert default in end.out
    assert "not on this machine: extractor models pull smollm2" in end.out


@pytest.mark.usefixtures("empty_cache")
def test_what_a_broken_pull_has_left_is_listed_and_removed(cli: Cli) -> None:
    part = cache_folder() / f"{MODELS['smollm2'].file_name}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(bytes(9_000_000))
    assert "9 MB of it are on this machine: extractor models pull smollm2" in cli("models", "list").out
    assert cli("models", "remove", "local:smollm2").err == "deleted 9 MB of smollm2\n"
    assert not part.exists()
    assert cli("models", "remove", "smollm2").err == "smollm2 is not on this machine\n"


@pytest.mark.parametrize("command", [("models", "pull"), ("models", "remove"), ("serve",)])
def test_an_unknown_model_is_a_clear_error(cli: Cli, command: tuple[str, ...]) -> None:
    end = cli(*command, "smollm3")
    assert (end.status, end.out) == (2, "")
    assert "known are smollm2" in end.err


@pytest.mark.slow
@pytest.mark.usefixtures("cli", "empty_cache")
def test_without_network_the_missing_model_is_not_downloaded(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text")
    # in a process of its own: this one may have the model's server running, and need no file
    command = [sys.executable, "-m", "extractor", "extract", "-t", "datetime:date", str(tmp_path / "a.txt")]
    end = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (end.returncode, end.stdout) == (2, "")
    assert "run `extractor models pull qwen2.5-coder-1.5b` with a network" in " ".join(end.stderr.split())


def test_a_file_that_is_no_model_cannot_be_served(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_text("no model")
    end = cli("serve", tmp_path / "x.gguf", "--port", "0")
    assert end.status == 2
    assert "is not a GGUF file" in end.err


with_model = pytest.mark.usefixtures("smollm2")


@with_model
def test_a_model_of_this_machine_extracts_from_files(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    schema = {"type": "object", "properties": {"town": {"enum": ["Bern", "Basel"]}}, "required": ["town"]}
    Path("visit.json").write_text(json.dumps(schema))
    Path("a.txt").write_text("We were in Basel.")
    end = cli("extract", "--schema", "visit.json", "a.txt", "--max-tokens", "30", "-m", "local:smollm2")
    assert (end.status, end.err) == (0, "")
    assert end.lines[0]["record"]["town"] in ("Bern", "Basel")


@with_model
def test_a_model_of_this_machine_is_served_to_others_until_it_is_interrupted() -> None:
    command = [sys.executable, "-m", "extractor", "serve", "smollm2", "--port", "0", "--context", "512"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        said = re.fullmatch(r"Serving smollm2 at (\S+) \(API key: (\S+)\)\n", program.stdout.readline())
        assert said is not None
        with Extractor("smollm2", base_url=said[1], api_key=said[2]) as extractor:
            assert extractor.chat([{"role": "user", "content": "Hello!"}], max_tokens=5).content
        program.send_signal(signal.SIGINT)
        assert program.wait(30) == 0
