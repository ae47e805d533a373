"""Who serves models, as data: one row a provider. A row says where it is, where its key stands,
and how its chat API differs from OpenAI's. `source` names the page that each row was read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ..messages import Mode


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of models behind a chat-completions API.

    key_env: the environment variable of its key; None where no key is needed. target: the name of
    the schema target. dialect: the name of the API that it speaks. modes: what it takes to make the
    model answer with a record, best first. shows_schema: whether the server itself puts the schema
    before the model; where it only constrains the decoding, the prompt has to. max_tokens: its name
    for that parameter. stream_usage: whether it takes `stream_options.include_usage`. defaults:
    parameters sent unless the caller gives them.
    """

    name: str
    base_url: str | None
    key_env: str | None
    target: str
    source: str
    dialect: str = "openai_chat"
    modes: tuple[Mode, ...] = tuple(Mode)
    shows_schema: bool = False
    max_tokens: str = "max_tokens"
    stream_usage: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)


_ROWS = (
    Provider(
        "openai",
        "https://api.openai.com/v1",
        "OPENAI_API_KEY",
        "openai",
        "https://platform.openai.com/docs/api-reference/chat/create",
        shows_schema=True,
        max_tokens="max_completion_tokens",
    ),
    Provider(
        "local",
        None,  # started in this process, see transport.local
        None,
        "local",
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        defaults={"temperature": 0, "max_tokens": 1024},
    ),
    Provider(
        "llamacpp",
        "http://127.0.0.1:8080/v1",
        None,
        "llamacpp",
        "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    ),
    Provider(
        "ollama",
        "http://127.0.0.1:11434/v1",
        None,
        "ollama",
        "https://docs.ollama.com/api/openai-compatibility",
    ),
    Provider(
        "vllm",
        "http://127.0.0.1:8000/v1",
        None,
        "vllm",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
    ),
    Provider(
        "sglang",
        "http://127.0.0.1:30000/v1",
        None,
        "sglang",
        "https://docs.sglang.ai/advanced_features/structured_outputs.html",
    ),
    Provider(
        "mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "mistral",
        "https://docs.mistral.ai/api/endpoint/chat",
        stream_usage=False,  # sends it unasked and refuses the option
    ),
    Provider(
        "groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "groq",
        "https://console.groq.com/docs/structured-outputs",
        max_tokens="max_completion_tokens",
    ),
    Provider(
        "together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "together",
        "https://docs.together.ai/docs/json-mode",
    ),
    Provider(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        "fireworks",
        "https://docs.fireworks.ai/structured-responses/structured-response-formatting",
    ),
    Provider(
        "cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        "cerebras",
        "https://inference-docs.cerebras.ai/capabilities/structured-outputs",
        max_tokens="max_completion_tokens",
    ),
    Provider(
        "deepseek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "deepseek",
        "https://api-docs.deepseek.com/guides/json_mode",
        modes=(Mode.JSON_OBJECT, Mode.PROMPT),
    ),
    Provider(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "openai",
        "https://openrouter.ai/docs/features/structured-outputs",
    ),
)
PROVIDERS: Mapping[str, Provider] = MappingProxyType({row.name: row for row in _ROWS})

# Any other server that speaks the API, named by its base_url: promise nothing beyond the strict subset.
COMPATIBLE = Provider("compatible", None, None, "openai", "the caller's base_url")
