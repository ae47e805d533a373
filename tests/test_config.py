"""Which model is meant, and that what is unclear is said before anything is sent."""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import httpx
import pytest
from tenacity import wait_none

from extractor import Extractor
from extractor.config import ALSO_CALLED, Config, configure, lacks_version
from extractor.dialects import PROVIDERS
from extractor.errors import ConfigError
from extractor.options import ClientOptions, check_parameters
from extractor.secrets import Headers, Renewed, Secret
from extractor.testing import ChatServer, reply, status
from extractor.transport.connection import Timeouts

KEY = "sk-secret-0123456789"


def found(
    model: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    env: Mapping[str, str] | None = None,
) -> tuple[str, str, str | None, str]:
    config: Config = configure(model, base_url, api_key, env or {})
    return config.provider.name, config.model, config.base_url, config.api_key.reveal()


@pytest.mark.parametrize(
    ("name", "provider", "model"),
    [
        ("google:gemini-3", "gemini", "gemini-3"),
        ("OpenAI:gpt-5", "openai", "gpt-5"),
        ("openai/gpt-5", "openai", "gpt-5"),
        ("openai/gpt-oss:free", "openai", "gpt-oss:free"),
        ("google/gemini-3", "gemini", "gemini-3"),
        ("xAI/grok-5", "xai", "grok-5"),
        ("x-ai:grok-5", "xai", "grok-5"),
        ("openrouter/openai/gpt-5", "openrouter", "openai/gpt-5"),
        ("groq:openai/gpt-oss", "groq", "openai/gpt-oss"),
        ("azure-openai:mine", "azure", "mine"),
        ("google-vertex:google/g", "vertex", "google/g"),
        ("together_ai/meta/l", "together", "meta/l"),
    ],
)
def test_a_provider_may_be_named_as_other_libraries_name_it(name: str, provider: str, model: str) -> None:
    environment = {
        "AZURE_OPENAI_ENDPOINT": "https://mine.openai.azure.com",
        "GOOGLE_CLOUD_PROJECT": "p",
        "GOOGLE_CLOUD_LOCATION": "global",
    }
    assert found(name, api_key=KEY, env=environment)[:2] == (provider, model)


def test_each_other_name_of_a_provider_leads_to_a_row() -> None:
    assert set(ALSO_CALLED.values()) <= PROVIDERS.keys()
    assert not ALSO_CALLED.keys() & PROVIDERS.keys()


@pytest.mark.parametrize("environment", [{}, {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}])
def test_at_a_url_of_ones_own_a_slash_is_part_of_a_models_name(environment: Mapping[str, str]) -> None:
    here = None if environment else SERVER
    assert found("openai/gpt-oss-20b", here, env=environment)[:3] == (
        "compatible",
        "openai/gpt-oss-20b",
        SERVER,
    )


class Tokens:
    """A key that changes, as an access token does."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        return f"{self.made * 1111}-secret-token"


def test_a_key_may_be_a_function_that_is_asked_before_each_request() -> None:
    with ChatServer([status(503, retry_after=0), reply("Hi")]) as server:
        tokens = Tokens()
        with Extractor("m", base_url=server.base_url, api_key=tokens, retry_wait=wait_none()) as ex:
            ex.chat([{"role": "user", "content": "Hi"}])
    assert len(server.requests) == 2
    assert tokens.made == 2


def test_a_key_of_a_function_shows_nowhere_and_pickles_nowhere() -> None:
    key = Renewed(Tokens())
    assert key.reveal() != key.reveal()
    assert key.redact("bad keys 1111-secret-token, 2222-secret-token") == "bad keys ***, ***"
    assert "secret" not in repr(key)
    assert not pickle.loads(pickle.dumps(key))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: None, "function must return a string, not NoneType"),
        (lambda: " ", "function must return a string, not str"),
        (lambda: "a\nb", "an HTTP header can't contain"),
        (lambda: {}["token"], "raised KeyError: 'token'"),
    ],
)
def test_a_function_that_gives_no_key_is_a_config_error(make: Callable[[], Any], says: str) -> None:
    ex = Extractor("openai:m", base_url="http://127.0.0.1:9/v1", api_key=make)
    with ex, pytest.raises(ConfigError, match=re.escape(says)):
        ex.chat([{"role": "user", "content": "Hi"}])


def test_a_client_of_ones_own_signs_requests_by_its_httpx_auth() -> None:
    class Signature(httpx.Auth):
        requires_request_body = True

        def auth_flow(self, request: httpx.Request) -> Iterator[httpx.Request]:
            request.headers["Authorization"] = f"AWS4-HMAC-SHA256 {len(request.content)}"
            yield request

    heard: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        heard.append(f"{request.headers['Authorization']} of {len(request.content)}")
        choice = {"message": {"content": "Hi"}, "finish_reason": "stop"}
        return httpx.Response(200, json={"choices": [choice]})

    url = "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1"
    with (
        httpx.Client(auth=Signature(), transport=httpx.MockTransport(answer)) as client,
        Extractor("bedrock:m", base_url=url, api_key="unused", http_client=client) as ex,
    ):
        assert ex.chat([{"role": "user", "content": "Hi"}]).content == "Hi"
    (signed,) = heard
    size = signed.rpartition(" ")[2]
    assert signed == f"AWS4-HMAC-SHA256 {size} of {size}"


OPENAI = "https://api.openai.com/v1"
FIREWORKS = "https://api.fireworks.ai/inference/v1"
SERVER = "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize(
    ("arguments", "env", "expected"),
    [
        ((), {}, ("local", "qwen2.5-coder-1.5b", None, "")),
        ((), {"OPENAI_API_KEY": KEY}, ("local", "qwen2.5-coder-1.5b", None, "")),
        ((), {"EXTRACTOR_MODEL": "openai:m", "OPENAI_API_KEY": KEY}, ("openai", "m", OPENAI, KEY)),
        (("local:smollm2",), {"EXTRACTOR_MODEL": "openai:x"}, ("local", "smollm2", None, "")),
        (("local:/models/a.gguf",), {}, ("local", "/models/a.gguf", None, "")),
        (("openai:m", None, "given"), {"OPENAI_API_KEY": KEY}, ("openai", "m", OPENAI, "given")),
        (("openai:gpt-5-mini",), {"OPENAI_API_KEY": f" {KEY}\n"}, ("openai", "gpt-5-mini", OPENAI, KEY)),
        (("openai:m",), {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": SERVER}, ("openai", "m", SERVER, KEY)),
        (("m", SERVER), {}, ("compatible", "m", SERVER, "")),
        (("m", SERVER + "/"), {"OPENAI_API_KEY": KEY}, ("compatible", "m", SERVER, KEY)),
        (("llama3:8b", SERVER), {}, ("compatible", "llama3:8b", SERVER, "")),
        (("m",), {"OPENAI_BASE_URL": SERVER}, ("compatible", "m", SERVER, "")),
        ((None, SERVER), {"EXTRACTOR_MODEL": "m"}, ("compatible", "m", SERVER, "")),
        (("ollama:llama3:8b",), {}, ("ollama", "llama3:8b", "http://127.0.0.1:11434/v1", "")),
        (("groq:a/b",), {"GROQ_API_KEY": KEY}, ("groq", "a/b", "https://api.groq.com/openai/v1", KEY)),
        (("fireworks:a:b",), {"FIREWORKS_API_KEY": KEY}, ("fireworks", "a:b", FIREWORKS, KEY)),
    ],
)  # fmt: skip
def test_arguments_come_before_the_environment_and_that_before_the_embedded_model(
    arguments: tuple[str, ...], env: Mapping[str, str], expected: tuple[str, ...]
) -> None:
    assert found(*arguments, env=env) == expected


@pytest.mark.parametrize(
    ("model", "env", "url"),
    [
        (
            "bedrock:m",
            {"AWS_REGION": "eu-west-1"},
            "https://bedrock-runtime.eu-west-1.amazonaws.com/openai/v1",
        ),
        ("bedrock:m", {"AWS_BEDROCK_BASE_URL": "https://proxy.example"}, "https://proxy.example/openai/v1"),
        (
            "vertex:google/g",
            {"GOOGLE_CLOUD_PROJECT": "mine", "GOOGLE_CLOUD_LOCATION": "europe-west4"},
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/mine/locations/europe-west4/endpoints/openapi",
        ),
        (
            "vertex:google/g",
            {"GOOGLE_CLOUD_PROJECT": "mine", "GOOGLE_CLOUD_LOCATION": "global"},
            "https://aiplatform.googleapis.com/v1/projects/mine/locations/global/endpoints/openapi",
        ),
    ],
)
def test_regions_and_projects_come_from_the_environment(model: str, env: Mapping[str, str], url: str) -> None:
    assert found(model, api_key=KEY, env=env)[2] == url


@pytest.mark.parametrize(
    ("model", "env", "says"),
    [
        ("bedrock:m", {}, "set AWS_REGION, or AWS_BEDROCK_BASE_URL, or give base_url="),
        ("bedrock:m", {"AWS_REGION": "evil.example/x?"}, "AWS_REGION is not a valid region or project"),
        ("vertex:m", {"GOOGLE_CLOUD_LOCATION": "global"}, "set GOOGLE_CLOUD_PROJECT, or give base_url="),
        ("vertex:m", {"GOOGLE_CLOUD_PROJECT": "mine"}, "set GOOGLE_CLOUD_LOCATION, or give base_url="),
    ],
)
def test_a_region_or_project_that_is_not_known_is_asked_for(
    model: str, env: Mapping[str, str], says: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        found(model, api_key=KEY, env=env)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gpt-5-mini",), "write 'provider:model', for instance 'openai:gpt-5-mini'"),
        (("opnai/gpt-5-mini",), "for instance 'openai:gpt-5-mini'"),
        (("meta-llama/Llama-4",), "for instance 'openrouter:meta-llama/Llama-4'"),
        (("claude-opus-5",), "for instance 'anthropic:claude-opus-5'"),
        (("opnai:gpt-5-mini",), "did you mean 'openai'?"),
        (("openai:gpt-5-mini",), "set OPENAI_API_KEY"),
        (("groq:m",), "set GROQ_API_KEY"),
        (("google:m",), "set GEMINI_API_KEY"),
        (("OpenAI/m",), "set OPENAI_API_KEY"),
        (("openai/",), "names a provider but no model: write 'openai:MODEL'"),
        (("openai:", None, KEY), "names a provider but no model"),
        ((None, SERVER), "name the model"),
        (("m", "localhost:8000"), "base_url is not a URL"),
        (("m", "ftp://host"), "base_url is not a URL"),
        (("m", "http://"), "base_url is not a URL"),
        (("m", "http://host:99999999"), "base_url is not a URL"),
        (("m", f"http://user:{KEY}@host/v1"), "give a key as api_key="),
        (("m", f"http://host/v1?key={KEY}"), "give a key as api_key="),
        (("m", f"{SERVER}/chat/completions"), f"write '{SERVER}'"),
        (("anthropic:m", "https://host/v1/messages/", KEY), "write 'https://host/v1'"),
        (("m", SERVER, f"{KEY}…"), "copied correctly"),
        (("m", SERVER, f"{KEY}\nX-Evil: 1"), "copied correctly"),
    ],
)
def test_what_is_unclear_is_a_config_error_that_says_what_to_do(
    arguments: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        found(*arguments)
    assert says in str(raised.value)
    assert KEY not in str(raised.value)


def test_an_unknown_parameter_is_refused_with_the_name_that_was_meant() -> None:
    with pytest.raises(ConfigError, match="did you mean 'temperature'"):
        check_parameters({"temprature": 0})
    check_parameters({"temperature": 0, "extra_body": {"min_p": 0.1}})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "max_repairs",
            "is an option of Extractor(..., max_repairs=...); for one call: ex.with_",
        ),
        ("api_key", "is an option of Extractor(..., api_key=...)"),
        ("model", "is an option of Extractor"),
        ("examples", "is an option of the calls that extract a record"),
        ("instructions", "is an option of the calls that extract a record"),
        ("journal", "is an option of `rows`"),
        ("flatten", "is an option of `frame`"),
        ("tools", "is an option of `chat` and `run_tools`"),
        ("overlap", "is an option of `document`"),
        ("max_repair", "did you mean 'max_repairs'?"),
    ],
)
def test_a_keyword_that_another_call_takes_is_refused_with_that_call(name: str, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        check_parameters({name: 1})
    assert says in str(raised.value)


@pytest.mark.parametrize("url", ["https://host/api", "https://host/openai/deployments/x"])
def test_a_url_without_a_version_is_told_with_the_one_that_most_servers_want(url: str) -> None:
    assert f"{url}/v1" in str(lacks_version(url))


@pytest.mark.parametrize("url", [SERVER, OPENAI, "https://host/v1beta/openai", "https://host/api/v3"])
def test_a_url_with_a_version_lacks_none(url: str) -> None:
    assert lacks_version(url) is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"timeout": 0}, "timeout must be a number of seconds above 0, not 0"),
        ({"timeout": -1.5}, "not -1.5"),
        ({"timeout": math.nan}, "not nan"),
        ({"timeout": "30"}, "not '30'"),
        ({"timeout": None}, "not None"),
        ({"deadline": 0}, "deadline must be a number of seconds above 0"),
        ({"max_repairs": -1}, "max_repairs must be a whole number, at least 0"),
        ({"max_retries": 1.5}, "max_retries must be a whole number, at least 0"),
        ({"max_tokens_total": 0}, "max_tokens_total must be a whole number, at least 1"),
        ({"max_cost": 0}, "max_cost is a number of US dollars above 0"),
    ],
)
def test_a_bound_within_which_nothing_could_come_is_refused(options: ClientOptions, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        Extractor("m", base_url=SERVER, **options)
    assert says in str(raised.value)


def test_timeouts_are_above_zero_each() -> None:
    with pytest.raises(ConfigError, match="first_byte must be a number of seconds above 0"):
        Timeouts(first_byte=0)
    assert Timeouts(first_byte=None, request=math.inf).request == math.inf


def test_a_key_shows_in_no_repr_and_no_pickle() -> None:
    secret, headers = Secret(KEY), Headers({"X-Key": KEY})
    config = configure("openai:m", None, KEY, {})
    for value in (secret, headers, config, [config]):
        assert KEY not in repr(value)
        assert KEY not in f"{value}"
    assert KEY.encode() not in pickle.dumps(config)
    assert not pickle.loads(pickle.dumps(secret))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(headers)
    assert secret.redact(f"bad key {KEY}!") == "bad key ***!"
