"""Which model, where, with which key: by argument, then environment, then the embedded default. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from urllib.parse import urlsplit

from .dialects import COMPATIBLE, PROVIDERS, Provider
from .errors import ConfigError
from .messages import Failure, FailureKind
from .secrets import Renewed, Secret, checked_key

DEFAULT_MODEL = "local:qwen2.5-coder-1.5b"
ALSO_CALLED = {  # as other libraries and the models' own names say it
    "aws_bedrock": "bedrock",
    "azure_openai": "azure",
    "claude": "anthropic",
    "fireworks_ai": "fireworks",
    "google": "gemini",
    "google_genai": "gemini",
    "google_vertex": "vertex",
    "grok": "xai",
    "hosted_vllm": "vllm",
    "llama.cpp": "llamacpp",
    "mistralai": "mistral",
    "together_ai": "together",
    "vertex_ai": "vertex",
    "x_ai": "xai",
}
API_PATHS = ("/chat/completions", "/completions", "/responses", "/messages", "/models")
VERSION = re.compile(r"/v\d+\w*(/|$)")  # in a URL's path


@dataclass(frozen=True, slots=True)
class Config:
    """One model, found. base_url: None for the embedded model, whose server is started on first use."""

    provider: Provider
    model: str
    base_url: str | None
    api_key: Secret = field(default_factory=Secret)


def configure(
    model: str | None,
    base_url: str | None,
    api_key: str | Callable[[], str] | None,
    environment: Mapping[str, str],
    override: Provider | None = None,
    keyless: bool = False,
) -> Config:
    """Return what to talk to. Raises ConfigError if that is not clear, before anything is sent.

    override: a row of the caller's own, in place of the one that the model's name says. keyless: nothing
    reaches the provider, so that no key has to be there.
    """
    name = model or environment.get("EXTRACTOR_MODEL") or (None if base_url else DEFAULT_MODEL)
    if not isinstance(name, str | None):
        raise ConfigError(
            f"the name of a model must be a string such as 'openai:gpt-5-mini', not {name!r:.60}; pass "
            "the record type to the call: ex.extract(Model, text)"
        )
    if name is None:
        raise ConfigError(f"name the model that {base_url} serves: Extractor(base_url=..., model='...')")
    anywhere = base_url or environment.get("OPENAI_BASE_URL")  # names of models there may have a slash
    provider, rest = _parted(name, slash=not anywhere)
    if provider is None:
        if not anywhere:
            raise ConfigError(_unknown_model(name))
        provider, base_url = COMPATIBLE, anywhere
    if not rest:
        raise ConfigError(f"{name!r} names a provider but no model: write '{provider.name}:MODEL'")
    provider = override or provider
    if provider.url_env:
        base_url = base_url or environment.get(provider.url_env)
    return Config(
        provider,
        rest,
        _checked_url(base_url or _own_url(provider, environment), provider),
        _key(provider, api_key, base_url, environment, keyless),
    )


def fallback_at(
    name: str, first_name: str | None, first: Config, base_url: str | None, environment: Mapping[str, str]
) -> tuple[str, bool]:
    """Return the name by which a fallback model is configured, and whether it is asked where the first model
    is, with its key. Raises ConfigError if it would be asked elsewhere though the first has a URL of the
    caller's, base_url: then texts would go to a host that nobody has named.
    """
    provider, _ = _parted(name, slash=False)
    own, _ = _parted(first_name or "", slash=base_url is None)
    if provider is None:
        here = own is None or base_url is not None
        return (f"{own.name}:{name}" if own and here else name), here
    if provider is own:
        return name, True
    said = provider.name == "local" or bool(provider.url_env and environment.get(provider.url_env))
    if base_url and not said:
        raise ConfigError(f"it would be asked at {provider.base_url}, not at {base_url}")
    return name, False


def _parted(name: str, slash: bool) -> tuple[Provider | None, str]:
    """Return the provider that a name begins with, and the rest; None and the name where it says none.
    slash: whether "provider/model" is read as well.
    """
    for mark in ":/" if slash else ":":
        prefix, found, rest = name.partition(mark)
        word = prefix.lower().replace("-", "_")
        provider = PROVIDERS.get(prefix) or PROVIDERS.get(prefix.lower())
        provider = provider or PROVIDERS.get(ALSO_CALLED.get(word, ""))
        if found and provider:
            return provider, rest
    return None, name


def advice(failure: Failure, config: Config, url: str) -> str:
    """Return what to look at after a failure of a request to a model at a URL; "" if nothing is likely."""
    env = "OPENAI_API_KEY" if config.provider is COMPATIBLE else config.provider.key_env
    if failure.kind in (FailureKind.CONNECT, FailureKind.TIMEOUT, FailureKind.DROPPED):
        return f"asked at {url}"
    if failure.status in (401, 403) or (failure.status == 400 and "api key" in failure.message.lower()):
        key = "with the key that it has" if config.api_key else "without a key"
        return f"{config.model!r} was asked at {url}, {key}: give api_key=" + (
            f", or set {env}" if env else ""
        )
    if failure.status in (404, 405):
        about_model = "model" in f"{failure.code} {failure.message}".lower()
        lacks = None if about_model else lacks_version(url)
        return f"the request for {config.model!r} went to {url}" + (f"; {lacks}" if lacks else "")
    return ""


def _unknown_model(name: str) -> str:
    known = ", ".join(PROVIDERS)
    prefix, colon, _ = name.partition(":")
    if not colon:
        return (
            f"unknown model {name!r}: write 'provider:model', for instance {_example(name)!r}, with one "
            f"of the providers {known}; or give the base_url of the server that has it"
        )
    near = _provider_like(prefix)
    hint = f" (did you mean {near!r}?)" if near else ""
    return f"unknown provider {prefix!r} in {name!r}{hint}: the providers are {known}; or give a base_url"


def _example(name: str) -> str:
    """Return how a model's name that says no provider could be written."""
    owner, slash, rest = name.partition("/")
    if slash:
        provider = _provider_like(owner)
        return f"{provider}:{rest}" if provider else f"openrouter:{name}"
    family = name.partition("-")[0].lower()
    return f"{ALSO_CALLED.get(family) or (family if family in PROVIDERS else 'openai')}:{name}"


def _provider_like(word: str) -> str | None:
    word = word.lower()
    if word in PROVIDERS:
        return word
    near = get_close_matches(word, PROVIDERS, 1, cutoff=0.75)
    return ALSO_CALLED.get(word) or (near[0] if near else None)


def _own_url(provider: Provider, environment: Mapping[str, str]) -> str | None:
    """Return where a provider is, its placeholders filled from the environment. Raises ConfigError."""
    url = provider.base_url
    for name in dict.fromkeys(re.findall(r"\{(\w+)\}", url or "")):
        value = environment.get(name, "")
        if not value:
            others = f"{provider.url_env}, or give base_url=" if provider.url_env else "give base_url="
            raise ConfigError(f"{provider.name} has no URL: set {name}, or {others}")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.:_-]*", value):
            raise ConfigError(f"{name} is not a valid region or project: {value!r}")
        url = str(url).replace(f"{{{name}}}", value)
    return url and url.replace("//global-", "//")  # Vertex AI's global endpoint has no region in its host


def _checked_url(url: str | None, provider: Provider) -> str | None:
    if url is None and provider.name == "local":
        return None
    if url is None and provider.url_env:
        raise ConfigError(f"{provider.name} has no URL: set {provider.url_env}, or give base_url=")
    try:
        parts = urlsplit(url or "")
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        str(parts.hostname).encode("idna")  # how a name is looked up: its parts have 1 to 63 characters
    except ValueError:
        valid = False
    if not valid or not str(url).isprintable() or " " in str(url):
        raise ConfigError(
            f"base_url is not a URL: {url!r}; a URL looks like 'https://host/v1' or "
            "'http://127.0.0.1:8000/v1'"
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError("base_url must be only a host and a path: give a key as api_key=")
    url = str(url).rstrip("/")
    if url.endswith(API_PATHS):
        whole = next(path for path in API_PATHS if url.endswith(path))
        raise ConfigError(
            f"base_url must not include {whole}, which is added: write {url.removesuffix(whole)!r}"
        )
    return url if parts.path.strip("/") else url + provider.url_path


def lacks_version(base_url: str) -> str | None:
    """Return what a URL may lack where a server knows no such path; None for one with a version in it."""
    if VERSION.search(urlsplit(base_url).path):
        return None
    return f"base_url={base_url!r} has no version in its path; most servers need {base_url + '/v1'!r}"


def _key(
    provider: Provider,
    api_key: str | Callable[[], str] | None,
    base_url: str | None,
    environment: Mapping[str, str],
    keyless: bool,
) -> Secret:
    if callable(api_key):
        return Renewed(api_key)
    env = "OPENAI_API_KEY" if provider is COMPATIBLE else provider.key_env
    key = (api_key or (environment.get(env) if env else None) or "").strip()
    own_server = base_url and provider.base_url  # in place of the usual one; it may well want no key
    if not key and provider.key_env and not own_server and not keyless:
        raise ConfigError(f"{provider.name} has no key: set {provider.key_env}, or give api_key=")
    return Secret(checked_key(key) or None)
