"""Who serves models, as data: one row a provider. A row says where it is, where its key stands,
what its API accepts and how that differs from OpenAI's. Nothing hosted has been called: each row
names the pages that it was read from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal

from ..messages import Mode, Prompt


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The limits of a provider's batch API, which answers within a day.

    - api: the name of the batch API.
    - requests: the most in one batch; size: the most bytes of all of them together.
    - share: the cost of an answer as a share of the usual price.
    - root: the beginning of each request's path.
    """

    api: Literal["openai", "anthropic"]
    requests: int
    size: int
    share: Decimal = Decimal("0.5")
    root: str = "/v1"


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of models, and what its API accepts.

    Address and key:

    - base_url: the URL. Names in braces stand for environment variables, such as that of the region.
    - key_env, url_env: the environment variables of its key and of its URL; None if there is none.
    - url_path: what follows a URL that is only a host.
    - key_header: the header of the key if it is not the usual one of the dialect.

    What is sent:

    - dialect: the name of the API that it speaks.
    - target: the name of the schema target; bounds: the most characters of strings and items of arrays, in
      place of the target's own; bare_decimals: with them, whether decimals are numbers of JSON.
    - modes: how it can be asked for a record, best first.
    - shows_schema: whether the server shows the schema to the model. If it only constrains the decoding, the
      prompt has to show it.
    - max_tokens: its name of that parameter; names: its names of others.
    - defaults: parameters that are sent unless the caller gives them.
    - prompt: which instructions suit its models.
    - timeout: seconds that one request may take, unless the caller says otherwise.

    What it supports:

    - stream_usage: whether a stream reports its usage if `stream_options` ask for it, unasked (then it may
      reject the option), or never.
    - tools, logprobs, images, pdfs: whether the API accepts them, if the model does.
    - prompt_cache: whether a repeated prefix costs less: by itself ("automatic"), if the request marks its
      end ("marks") or gives it a name ("key"), or never ("none").
    - image_types: media types of the images that it accepts.
    - max_image, max_inline: the most base64 digits of one image, and of all images and files in one request;
      max_pdf: the most bytes of one PDF. None if no limit is documented.
    - max_output: tokens of the longest reply of any of its current models; None if that depends on the served
      model.
    - batch: its batch API; None if it has none that we speak.

    Grammars:

    - grammar: the member of the request that takes a Lark grammar of llguidance in place of a
      response_format; a dot leads into an object. It can constrain values to the text, the model to the whole
      schema, and JSON to the usual white space.
    - lines: whether objects in such a grammar, and in examples, stand over several lines.
    - outlined: whether the prompt shows nested records, too, though a grammar holds the model to their shape.
    - weighs_nulls: whether a string that the grammar holds to the text gives way to a likelier null.
    - grounded: whether the grammar is used by default. Elsewhere that depends on how the server was started,
      so you ask for it.
    - after_runaway: what is added to the body of the request after a reply that was cut off.

    Sources:

    - source: the page that the row was read from; sources: other pages, by what they document.
    """

    name: str
    base_url: str | None
    key_env: str | None
    target: str
    source: str
    dialect: str = "openai_chat"
    url_env: str | None = None
    url_path: str = ""
    key_header: str | None = None
    modes: tuple[Mode, ...] = tuple(Mode)
    shows_schema: bool = False
    max_tokens: str = "max_tokens"
    names: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    stream_usage: Literal["asked", "unasked", "never"] = "asked"
    tools: bool = True
    logprobs: bool = False
    images: bool = False
    pdfs: bool = False
    prompt_cache: Literal["automatic", "marks", "key", "none"] = "none"
    image_types: tuple[str, ...] = ("image/png", "image/jpeg", "image/gif", "image/webp")
    max_image: int | None = None
    max_pdf: int | None = None
    max_inline: int | None = None
    max_output: int | None = None
    grammar: str | None = None
    grounded: bool = False
    prompt: Prompt = Prompt.PLAIN
    timeout: float = 120.0
    after_runaway: Mapping[str, Any] = field(default_factory=dict)
    batch: BatchLimits | None = None
    bounds: tuple[int, int] | None = None
    bare_decimals: bool = False
    lines: bool = False
    outlined: bool = True
    weighs_nulls: bool = False
    sources: Mapping[str, str] = field(default_factory=dict)


_OPENAI = Provider(
    "openai",
    "https://api.openai.com/v1",
    "OPENAI_API_KEY",
    "openai",
    "https://platform.openai.com/docs/api-reference/chat/create",
    url_env="OPENAI_BASE_URL",
    shows_schema=True,
    max_tokens="max_completion_tokens",
    logprobs=True,
    images=True,
    pdfs=True,
    prompt_cache="automatic",
    max_output=128_000,
    batch=BatchLimits("openai", 50_000, 200_000_000),
    sources={
        "prompt_cache": "https://platform.openai.com/docs/guides/prompt-caching",
        "pdfs": "https://platform.openai.com/docs/guides/pdf-files",
        "max_output": "https://platform.openai.com/docs/models",
        "batch": "https://platform.openai.com/docs/guides/batch",
    },
)
# Makes a model's next repetition unlikely, and takes what a record repeats on purpose. Source:
# https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md, "dry_multiplier".
_AGAINST_REPETITION = {"dry_multiplier": 0.8, "dry_allowed_length": 4, "dry_penalty_last_n": 64}
_LLAMACPP = Provider(
    "llamacpp",
    "http://127.0.0.1:8080/v1",
    None,
    "llamacpp",
    "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
    logprobs=True,
    images=True,
    prompt_cache="automatic",
)
_ROWS = (
    _OPENAI,
    replace(
        _OPENAI,
        name="openai-responses",
        source="https://platform.openai.com/docs/api-reference/responses/create",
        dialect="openai_responses",
        stream_usage="unasked",
    ),
    Provider(
        "anthropic",
        "https://api.anthropic.com/v1",
        "ANTHROPIC_API_KEY",
        "anthropic",
        "https://platform.claude.com/docs/en/api/messages",
        dialect="anthropic",
        url_path="/v1",
        stream_usage="unasked",
        modes=(Mode.JSON_SCHEMA, Mode.TOOL, Mode.PROMPT),
        shows_schema=True,
        defaults={"max_tokens": 16_000},  # it has to be said; without a stream, more may take too long
        images=True,
        pdfs=True,
        max_image=5_242_880,
        max_inline=32_000_000,
        prompt_cache="marks",
        max_output=128_000,
        batch=BatchLimits("anthropic", 100_000, 256_000_000),
        sources={
            "modes": "https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
            "prompt_cache": "https://platform.claude.com/docs/en/build-with-claude/prompt-caching",
            "pdfs": "https://platform.claude.com/docs/en/build-with-claude/pdf-support",
            "max_image": "https://github.com/anthropics/claude-code/issues/14887",  # the API's own error
            "max_inline": "https://platform.claude.com/docs/en/api/overview#request-size-limits",
            "max_output": "https://platform.claude.com/docs/en/about-claude/models/overview",
            "batch": "https://platform.claude.com/docs/en/build-with-claude/batch-processing",
        },
    ),
    Provider(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        "GEMINI_API_KEY",
        "gemini",
        "https://ai.google.dev/api/generate-content",
        dialect="gemini",
        url_path="/v1beta",
        stream_usage="unasked",
        shows_schema=True,
        logprobs=True,
        images=True,
        pdfs=True,
        image_types=("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"),
        max_pdf=50_000_000,
        prompt_cache="automatic",
        max_output=65_536,
        sources={
            "modes": "https://ai.google.dev/gemini-api/docs/structured-output",
            "prompt_cache": "https://ai.google.dev/gemini-api/docs/caching",
            "pdfs": "https://ai.google.dev/gemini-api/docs/document-processing",
            "image_types": "https://ai.google.dev/gemini-api/docs/image-understanding",
            "max_pdf": "https://ai.google.dev/gemini-api/docs/file-input-methods",
            "max_output": "https://ai.google.dev/gemini-api/docs/models",
        },
    ),
    replace(
        _OPENAI,
        name="azure",
        base_url=None,  # each customer has one of their own
        key_env="AZURE_OPENAI_API_KEY",
        target="azure",
        source="https://learn.microsoft.com/azure/foundry/openai/api-version-lifecycle",
        url_env="AZURE_OPENAI_ENDPOINT",
        url_path="/openai/v1",
        key_header="api-key",
        batch=BatchLimits("openai", 100_000, 200_000_000, root=""),
        sources={**_OPENAI.sources, "batch": "https://learn.microsoft.com/azure/foundry/openai/how-to/batch"},
    ),
    replace(
        _LLAMACPP,
        name="local",
        base_url=None,  # started in this process, see transport.local
        target="local",
        images=False,
        modes=(Mode.JSON_SCHEMA, Mode.JSON_OBJECT, Mode.PROMPT),
        tools=False,  # this, what is written and the samplers are each model's own, see transport.models
        defaults={"temperature": 0, "max_tokens": 1024},
        after_runaway=_AGAINST_REPETITION,
        timeout=600,  # on two cores a long text takes minutes, and asked again it would take them again
        grammar="grammar",
        grounded=True,
    ),
    _LLAMACPP,
    Provider(
        "ollama",
        "http://127.0.0.1:11434/v1",
        None,
        "ollama",
        "https://docs.ollama.com/api/openai-compatibility",
        logprobs=True,
        images=True,
        prompt_cache="automatic",
    ),
    Provider(
        "vllm",
        "http://127.0.0.1:8000/v1",
        None,
        "vllm",
        "https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        logprobs=True,
        images=True,
        prompt_cache="automatic",
        grammar="structured_outputs.grammar",  # with --structured-outputs-config.backend guidance
        sources={
            "prompt_cache": "https://docs.vllm.ai/en/latest/features/automatic_prefix_caching.html",
            "grammar": "https://docs.vllm.ai/en/latest/features/structured_outputs/",
        },
    ),
    Provider(
        "sglang",
        "http://127.0.0.1:30000/v1",
        None,
        "sglang",
        "https://docs.sglang.ai/advanced_features/structured_outputs.html",
        logprobs=True,
        images=True,
        prompt_cache="automatic",
        grammar="ebnf",  # with --grammar-backend llguidance
        sources={
            "images": "https://docs.sglang.ai/basic_usage/openai_api_vision.html",
            "grammar": "https://docs.sglang.ai/advanced_features/structured_outputs.html",
        },
    ),
    Provider(
        "mistral",
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
        "mistral",
        "https://docs.mistral.ai/api/endpoint/chat",
        names={"seed": "random_seed"},
        stream_usage="unasked",
        images=True,
        prompt_cache="key",
        sources={
            "images": "https://docs.mistral.ai/capabilities/vision/",
            "prompt_cache": "https://docs.mistral.ai/studio-api/conversations/advanced/prompt-caching",
        },
    ),
    Provider(
        "groq",
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
        "groq",
        "https://console.groq.com/docs/structured-outputs",
        max_tokens="max_completion_tokens",
        images=True,
        max_inline=4_000_000,
        prompt_cache="automatic",
        max_output=65_536,
        sources={
            "logprobs": "https://console.groq.com/docs/openai",
            "images": "https://console.groq.com/docs/vision",
            "prompt_cache": "https://console.groq.com/docs/prompt-caching",
            "max_output": "https://console.groq.com/docs/models",
        },
    ),
    Provider(
        "together",
        "https://api.together.xyz/v1",
        "TOGETHER_API_KEY",
        "together",
        "https://docs.together.ai/docs/json-mode",
        logprobs=True,
        images=True,
        sources={
            "logprobs": "https://docs.together.ai/docs/logprobs",
            "images": "https://docs.together.ai/docs/vision-overview",
        },
    ),
    Provider(
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_API_KEY",
        "fireworks",
        "https://docs.fireworks.ai/structured-responses/structured-response-formatting",
        logprobs=True,
        images=True,
        prompt_cache="automatic",
        sources={
            "images": "https://docs.fireworks.ai/guides/querying-vision-language-models",
            "prompt_cache": "https://docs.fireworks.ai/guides/prompt-caching",
        },
    ),
    Provider(
        "cerebras",
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
        "cerebras",
        "https://inference-docs.cerebras.ai/capabilities/structured-outputs",
        max_tokens="max_completion_tokens",
        logprobs=True,
        prompt_cache="automatic",
        sources={"prompt_cache": "https://inference-docs.cerebras.ai/capabilities/prompt-caching"},
    ),
    Provider(
        "deepseek",
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
        "deepseek",
        "https://api-docs.deepseek.com/guides/json_mode",
        modes=(Mode.JSON_OBJECT, Mode.PROMPT),
        logprobs=True,
        prompt_cache="automatic",
        sources={"prompt_cache": "https://api-docs.deepseek.com/guides/kv_cache"},
    ),
    Provider(
        "xai",
        "https://api.x.ai/v1",
        "XAI_API_KEY",
        "xai",
        "https://docs.x.ai/developers/model-capabilities/text/structured-outputs",
        max_tokens="max_completion_tokens",
        images=True,
        prompt_cache="automatic",
        sources={
            "images": "https://docs.x.ai/developers/model-capabilities/images/understanding",
            "prompt_cache": "https://docs.x.ai/developers/models",
        },
    ),
    Provider(
        "bedrock",
        "https://bedrock-runtime.{AWS_REGION}.amazonaws.com/openai/v1",
        "AWS_BEARER_TOKEN_BEDROCK",
        "bedrock",
        "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html",
        url_env="AWS_BEDROCK_BASE_URL",
        url_path="/openai/v1",
        max_tokens="max_completion_tokens",
        sources={"modes": "https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"},
    ),
    Provider(
        "vertex",
        "https://{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com/v1/projects/{GOOGLE_CLOUD_PROJECT}"
        "/locations/{GOOGLE_CLOUD_LOCATION}/endpoints/openapi",
        "VERTEX_ACCESS_TOKEN",  # of `gcloud auth print-access-token`; it lasts an hour
        "vertex",
        "https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview",
        shows_schema=True,
        images=True,
        prompt_cache="automatic",
        max_output=65_536,
        sources={
            "prompt_cache": "https://ai.google.dev/gemini-api/docs/caching",
            "max_output": "https://ai.google.dev/gemini-api/docs/models",
        },
    ),
    Provider(
        "cohere",
        "https://api.cohere.ai/compatibility/v1",
        "CO_API_KEY",
        "cohere",
        "https://docs.cohere.com/docs/compatibility-api",
        modes=(Mode.TOOL, Mode.JSON_OBJECT, Mode.PROMPT),  # its own spelling of a schema is another
        stream_usage="unasked",
        sources={"modes": "https://docs.cohere.com/docs/structured-outputs"},
    ),
    Provider(
        "openrouter",
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
        "openai",
        "https://openrouter.ai/docs/features/structured-outputs",
        logprobs=True,
        images=True,
        pdfs=True,
        prompt_cache="automatic",
        sources={
            "pdfs": "https://openrouter.ai/docs/features/multimodal/pdfs",
            "prompt_cache": "https://openrouter.ai/docs/features/prompt-caching",
        },
    ),
)
PROVIDERS: Mapping[str, Provider] = MappingProxyType({row.name: row for row in _ROWS})

# Any other server that speaks the API, named by its base_url: promise nothing beyond the strict subset.
COMPATIBLE = Provider(
    "compatible", None, None, "compatible", "the caller's base_url", logprobs=True, images=True
)
