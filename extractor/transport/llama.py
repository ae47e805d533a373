"""llama.cpp itself, loaded with its own HTTP server. As a script, it serves until its standard input ends.

`local` runs this file by its path in a process of its own, so it imports nothing of the package. A
process of its own, because the native server holds Python's lock while a model loads, and waits for
ever when it is torn down with a request under way.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any


def load(settings: Mapping[str, Any]) -> Any:
    """Return xllamacpp's running `Server`. Raises RuntimeError if the model cannot be loaded."""
    import xllamacpp

    return xllamacpp.Server(parameters(settings))


def parameters(settings: Mapping[str, Any]) -> Any:
    """Return xllamacpp's `CommonParams` of a server.

    settings: path, alias, context (tokens a slot), parallel (slots), threads,
    prompt_threads (while it reads), port, api_key, verbosity.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = settings["path"]
    params.model_alias = {settings["alias"]}
    params.n_parallel = settings["parallel"]
    params.n_ctx = settings["context"] * settings["parallel"]  # llama.cpp shares it out
    params.cpuparams.n_threads = settings["threads"]
    params.cpuparams_batch.n_threads = settings["prompt_threads"]
    params.port = settings["port"]
    params.api_keys = [settings["api_key"]]
    params.verbosity = settings["verbosity"]
    # A prompt whose beginning is cached gives the very numbers of a whole one only without flash
    # attention, and with a cache type that llama.cpp multiplies alike for one token and for many.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_BF16
    params.n_ubatch = 128  # the memory for attention grows with it
    params.n_predict = 2048  # where a request gives no max_tokens: a small model may never stop
    params.cache_ram_mib = 0  # it would keep up to 8 GiB of earlier prompts
    params.warmup = params.ui = params.endpoint_slots = False
    return params


def main() -> None:
    """Read settings, one line of JSON; write one line back: the address, or the error. Then serve."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever native code prints is no answer
    settings = json.loads(sys.stdin.readline())
    sys.path[:] = settings["sys_path"]
    try:
        server = load(settings)
        reply = {"address": server.listening_address}
    except Exception as error:
        reply = {"error": str(error)}
    print(json.dumps(reply), file=answer, flush=True)
    if "address" in reply:
        sys.stdin.read()  # ends with the process that started us, however that ends
        os._exit(0)  # not sys.exit: see the top


if __name__ == "__main__":
    main()
