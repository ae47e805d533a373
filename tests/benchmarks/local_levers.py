"""CPU seconds of llama.cpp's levers with the embedded model, each beside how it is run.

    python -m tests.benchmarks.local_levers [MODEL] [TEXTS] [LEVER...]

MODEL: qwen2.5-coder-0.5b by default. TEXTS of the project's examples, one of each kind in turn (3), are read
as `Extractor.run` asks for them. Two servers answer in turn, one as the library starts it and one with the
lever, each after a text that nobody counts. Seconds are those of the server's process, so that other work
on the machine counts little; tokens a second are of both together. "same" counts the replies that are equal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, TypeAlias

import httpx
import psutil

from extractor import Extractor
from extractor.demo import examples_folder, load_kinds
from extractor.transport import llama, models

Change: TypeAlias = Callable[[Any, Any], None]  # xllamacpp's module, and the parameters that are changed
KEY, CONTEXT = "levers", 8192


@dataclass(frozen=True)
class Lever:
    """What differs: in how the server is started, and in the request."""

    name: str
    change: Change = lambda x, params: None
    body: Mapping[str, Any] | None = None


def _set(**values: Any) -> Change:
    def change(x: Any, params: Any) -> None:
        for name, value in values.items():
            setattr(params, name, value)

    return change


def _cache(kind: str) -> Change:
    def change(x: Any, params: Any) -> None:
        params.cache_type_k = params.cache_type_v = getattr(x.ggml_type, f"GGML_TYPE_{kind}")

    return change


def _flash(kind: str) -> Change:
    def change(x: Any, params: Any) -> None:
        params.flash_attn_type = x.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_ENABLED
        _cache(kind)(x, params)

    return change


def _threads(writing: int, reading: int) -> Change:
    def change(x: Any, params: Any) -> None:
        params.cpuparams.n_threads, params.cpuparams_batch.n_threads = writing, reading

    return change


def _n_grams(kind: str, size: int, more: int) -> Change:
    def change(x: Any, params: Any) -> None:
        params.speculative.types = [
            getattr(x.common_speculative_type, f"COMMON_SPECULATIVE_TYPE_NGRAM_{kind.upper()}")
        ]
        told = getattr(params.speculative, f"ngram_{kind}")
        told.size_n, told.size_m, told.min_hits = size, more, 1

    return change


LEVERS = {
    each.name: each
    for each in (
        Lever("nothing"),
        Lever("beginning of the prompt read anew", body={"cache_prompt": False}),
        Lever("n-grams of 2, 4 words ahead", _n_grams("simple", 2, 4)),
        Lever("n-grams of 3, 8 words ahead", _n_grams("simple", 3, 8)),
        Lever("n-grams of 4, 16 words ahead, by map", _n_grams("map_k", 4, 16)),
        Lever("flash attention, cache of float16", _flash("F16")),
        Lever("flash attention, cache of 8 bit", _flash("Q8_0")),
        Lever("cache of float16", _cache("F16")),
        Lever("one thread", _threads(1, 1)),
        Lever("one thread for writing", _threads(1, 2)),
        Lever("micro-batch of 512 tokens", _set(n_ubatch=512)),
        Lever("micro-batch of 32 tokens", _set(n_ubatch=32)),
        Lever("JSON Schema in place of our grammar", body={"grammar": None}),
    )
}


def serve(lever: str) -> None:
    """Serve with a lever until the standard input ends. Settings are its first line."""
    import xllamacpp

    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    params = llama.parameters(json.loads(sys.stdin.readline()))
    LEVERS[lever].change(xllamacpp, params)
    server = xllamacpp.Server(params)
    print(server.listening_address, file=answer, flush=True)
    sys.stdin.read()
    os._exit(0)


class Server:
    """A server with a lever, in a process of its own."""

    def __init__(self, model: str, lever: Lever) -> None:
        found = models.cached(model)
        if found is None:
            raise SystemExit(f"pull {model} first")
        settings = {"path": str(found), "alias": model, "context": CONTEXT, "parallel": 1, "port": 0}
        cores = os.cpu_count() or 1
        settings |= {"threads": cores, "prompt_threads": cores, "api_key": KEY, "verbosity": -1}
        self.lever = lever
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.local_levers", "--serve", lever.name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"OMP_WAIT_POLICY": "passive", **os.environ},
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(settings) + "\n")
        self.process.stdin.flush()
        self.url = self.process.stdout.readline().strip()

    def ask(self, body: Mapping[str, Any], schema: Any) -> tuple[float, str, int]:
        """Return the CPU seconds of an answer, its text and its tokens."""
        sent = {**body, **(self.lever.body or {})}
        if sent.get("grammar", "") is None:
            del sent["grammar"]
            sent["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
        before = self._seconds()
        head = {"Authorization": f"Bearer {KEY}"}
        reply = httpx.post(f"{self.url}/v1/chat/completions", json=sent, headers=head, timeout=900).json()
        said = reply["choices"][0]["message"]["content"]
        return self._seconds() - before, said, reply["usage"]["completion_tokens"]

    def _seconds(self) -> float:
        spent = psutil.Process(self.process.pid).cpu_times()
        return spent.user + spent.system

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def bodies(model: str, count: int) -> list[tuple[dict[str, Any], Any]]:
    """Return the requests about the shortest texts of each kind in turn, and the schemas of their records."""
    kinds = load_kinds(examples_folder())
    by_kind = [
        [(kind.record_type, each) for each in sorted(kind.examples, key=lambda e: len(e.text))]
        for kind in kinds
    ]
    turns = [each for row in zip_longest(*by_kind) for each in row if each is not None]
    with Extractor(f"local:{model}") as ex:
        made = []
        for record_type, each in turns[: count + 1]:
            body: Any = ex.preview(record_type, each.text).json
            made.append((dict(body), record_type.model_json_schema()))
    return made


def measured(model: str, usual: Server, lever: Lever, asked: list[tuple[dict[str, Any], Any]]) -> str:
    """Return a line of the table."""
    other = Server(model, lever)
    try:
        *counted, first = asked
        for server in (usual, other):
            server.ask(*first)
        pairs = [(usual.ask(*each), other.ask(*each)) for each in counted]
    finally:
        other.end()
    before, after = sum(a[0] for a, _ in pairs), sum(b[0] for _, b in pairs)
    each = ", ".join(f"{b[0] / a[0]:.2f}" for a, b in pairs)
    same, tokens = sum(a[1] == b[1] for a, b in pairs), sum(b[2] for _, b in pairs)
    cells = (lever.name, f"{before:.1f}", f"{after:.1f}", f"{after / before:.2f} ({each})")
    return f"| {' | '.join(cells)} | {tokens} | {same} of {len(pairs)} |"


def main(model: str, texts: int, names: list[str]) -> None:
    """Print a table."""
    asked, usual = bodies(model, texts), Server(model, LEVERS["nothing"])
    print("| lever | s without | s with | ratio (by text) | tokens | same |")
    print("| --- | --- | --- | --- | --- | --- |")
    try:
        for name in names:
            print(measured(model, usual, LEVERS[name], asked), flush=True)
    finally:
        usual.end()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2])
    else:
        chosen, count, *rest = [*sys.argv[1:], *("qwen2.5-coder-0.5b", "3")[len(sys.argv) - 1 :]]
        main(chosen, int(count), rest or list(LEVERS))
