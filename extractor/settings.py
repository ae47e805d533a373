"""A client's options, checked once. Nothing is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .config import Config, configure
from .dialects import Provider
from .dialogue import (
    MAX_TOKENS,
    Bound,
    Budget,
    Findings,
    Policy,
    ProbeAnswer,
    PromptTemplate,
    dollars,
    moves_on,
    with_body,
)
from .errors import ConfigError
from .messages import Mode, Prompt, Turns, Usage
from .options import ClientOptions, Params, Parts, check_count, check_parameters, checked_parts
from .pricing import no_price, pricer
from .saying import Saying
from .secrets import Headers
from .telemetry import Who
from .transport import http, kept, tape
from .transport.connection import check_seconds
from .tuned import Tuned

if TYPE_CHECKING:
    from .masking import TextMask

Given = TypeVar("Given")
Kind = TypeVar("Kind", bound=Turns)
CLIENT_OPTIONS = ClientOptions.__annotations__.keys() - Params.__annotations__.keys()
POLICY_OPTIONS = ("max_repairs", "max_retries", "deadline")
SAID = frozenset({"instructions", "reference_date", "locale"})
CONNECTION_OPTIONS = ("proxy", "verify", "http2")


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for all requests to one model.

    params: of each request, the provider's defaults among them; own_params: those that the caller gave.
    reading: how replies are read, see CompiledSchema.reader. modes: those that may be tried, best first.
    earlier_modes: those that came first before a probe, or after one that is too old by now.
    tells_logprobs: whether the server may be asked for log-probabilities. most_reply, most_line: bytes,
    None for any number. mask: what is hidden in each text. saying: what is said in each extraction.
    parts: in how many requests a record is asked for; max_fields: of one of them, None for any number.
    tuned: what tuning found.
    """

    config: Config
    headers: Headers
    timeouts: http.Timeouts
    connection: http.ConnectionOptions
    who: Who
    params: Mapping[str, Any]
    own_params: Mapping[str, Any]
    saying: Saying
    reading: Mapping[str, Any]
    grounded: bool
    prompt: Prompt | PromptTemplate
    modes: tuple[Mode, ...]
    earlier_modes: tuple[Mode, ...]
    turns: Turns
    tells_logprobs: bool
    most_reply: int | None
    most_line: int | None
    mask: TextMask | None
    tuned: Tuned | None
    parts: Parts
    max_fields: int | None

    @classmethod
    def of(cls, model: str | None, options: ClientOptions, environment: Mapping[str, str]) -> Settings:
        """Return the settings that a client's options make. Raises ConfigError."""
        params = {name: value for name, value in options.items() if name not in CLIENT_OPTIONS}
        check_parameters(params)
        own_row = options.get("provider")
        config = configure(
            model,
            options.get("base_url"),
            options.get("api_key"),
            environment,
            own_row,
            keyless=tape.is_replaying(),
        )
        if config.provider.name == "local":
            config = _fitted(config, own_row=own_row is not None)
        provider, headers = config.provider, options.get("extra_headers") or {}
        probed = provider.name != "local" and own_row is None
        findings = _findings(config) if probed else None
        found = findings.answers.get("logprobs") if findings else None
        tuned = _tuned(options.get("tuned"), config)
        mode = options.get("mode", "auto")
        modes = _modes(mode, config, findings)
        reached: dict[str, Any] = {
            name: value for name, value in options.items() if name in CONNECTION_OPTIONS
        }
        return cls(
            config=config,
            headers=headers if isinstance(headers, Headers) else Headers(headers),
            timeouts=http.Timeouts.of(options.get("timeout", provider.timeout)),
            connection=http.ConnectionOptions(**reached),
            who=Who(
                provider.name,
                config.base_url,
                options.get("on_event"),
                _captured(options.get("capture_content"), environment),
            ),
            params=with_defaults(provider.defaults, params),
            own_params=params,
            saying=Saying.of({name: options[name] for name in SAID & options.keys()}),  # type: ignore[literal-required]
            reading={
                "strictly": bool(options.get("strict_reading")),
                "values": bool(options.get("read_values")),
            },
            grounded=_grounded(
                _first_of(options.get("grounded"), tuned.grounded if tuned else None), provider
            ),
            prompt=prompt_of(_first_of(options.get("prompt"), tuned.prompt if tuned else None))
            or provider.prompt,
            modes=modes,
            earlier_modes=_earlier(config, modes[0]) if probed and mode == "auto" else (),
            turns=_one_of(Turns, "turns", options.get("turns", Turns.ANY)),
            tells_logprobs=provider.logprobs and found in (None, ProbeAnswer.YES, ProbeAnswer.UNKNOWN),
            most_reply=_most_bytes("max_reply_bytes", options, http.LARGE),
            most_line=_most_bytes("max_line_bytes", options, http.LARGE // 4),
            mask=mask_of(options.get("mask")),
            tuned=tuned,
            parts=checked_parts(options.get("parts", "auto")),
            max_fields=_most_fields(options),
        )

    def reads(self, strict_reading: bool | None, read_values: bool | None) -> Mapping[str, Any]:
        """Return how replies are read, where a call may say so."""
        strictly = self.reading["strictly"] if strict_reading is None else strict_reading
        return {
            "strictly": strictly,
            "values": self.reading["values"] if read_values is None else read_values,
        }


def mask_of(given: Any) -> TextMask | None:
    """Return the mask that `mask=` says; None for none. Raises ConfigError."""
    if given is None or given is False:
        return None
    from .masking import TextMask

    return TextMask.of(given)


def _tuned(given: Any, config: Config) -> Tuned | None:
    """Return what was tuned. Raises ConfigError where that was another model."""
    tuned = Tuned.of(given)
    if tuned is not None:
        tuned.check_model(config.model)
    return tuned


def _first_of(given: Given | None, otherwise: Given | None) -> Given | None:
    return otherwise if given is None else given


def with_defaults(defaults: Mapping[str, Any], params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters over their defaults; one limit of tokens goes by two names."""
    if not MAX_TOKENS.isdisjoint(params):
        defaults = {name: value for name, value in defaults.items() if name not in MAX_TOKENS}
    return dict(with_body({**defaults, **params}, defaults.get("extra_body", {})))


def kept_at(config: Config) -> Path:
    """Return where it is kept what a probe found out about a model at a server."""
    provider = config.provider
    return kept.path_of("probes", config.base_url or provider.name, provider.dialect, config.model)


def policy(options: ClientOptions, config: Config, timeouts: http.Timeouts, bound: Bound) -> Policy:
    """Return the bounds of each dialogue. bound: the most that a request can take. Raises ConfigError."""
    given: dict[str, Any] = {name: value for name, value in options.items() if name in POLICY_OPTIONS}
    given["timeout"] = timeouts.request
    if given.get("deadline") is not None:
        check_seconds("deadline", given["deadline"])
    for name in ("max_repairs", "max_retries"):
        check_count(name, given.get(name, 0), least=0)
    if options.get("retry_wait") is not None:
        given["wait"] = options["retry_wait"]
    return Policy(
        **given,
        budget=_budget(options, config, bound),
        moves=moves_on(options.get("on") or {}),
        max_output=config.provider.max_output,
        after_runaway=config.provider.after_runaway,
    )


def _budget(options: ClientOptions, config: Config, bound: Bound) -> Budget:
    prices = options.get("prices") or {}
    if not isinstance(prices, Mapping) or not all(map(callable, prices.values())):
        raise ConfigError(
            f"prices must be a mapping such as {{'gpt-5-mini': Price(...)}}, not {prices!r:.80}"
        )
    price = pricer(config.provider.name, config.model, prices)
    cost, tokens = options.get("max_cost"), options.get("max_tokens_total")
    if tokens is not None:
        check_count("max_tokens_total", tokens, least=1)
    cap = None if cost is None else dollars("max_cost", cost)
    if cap is not None and price(config.model, Usage(1, 1)) is None:
        raise ConfigError(f"max_cost needs the price of {config.model!r}: {no_price(config.model)}")
    return Budget(tokens, cap, price, bound)


def _fitted(config: Config, own_row: bool) -> Config:
    """Return the configuration with what suits the embedded model. own_row: the caller says what suits it.

    Raises ConfigError for a name that is not known, and for a file that is no model.
    """
    from .transport import models

    traits = models.traits_of(config.model)
    row = replace(
        config.provider,
        tools=traits.tools,
        bounds=(traits.max_string, traits.max_array),
        bare_decimals=traits.bare_decimals,
        lines=traits.lines,
        outlined=traits.outlined,
        weighs_nulls=traits.weighs_nulls,
        prompt=traits.prompt,
        defaults=with_body(config.provider.defaults, config.provider.after_runaway if traits.runs_on else {}),
    )
    return config if own_row else replace(config, provider=row)


def _captured(given: bool | None, environment: Mapping[str, str]) -> bool:
    """Whether texts go into spans; else the OpenTelemetry instrumentations' own variable tells."""
    told = environment.get("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "")
    return told.lower() in ("true", "span_only", "span_and_event") if given is None else given


def _findings(config: Config) -> Findings | None:
    """Return what a probe found out about the model, not too long ago."""
    findings = Findings.of(kept.load(kept_at(config)))
    return findings if findings and findings.is_fresh(time.time()) else None


def _modes(mode: Mode | str, config: Config, findings: Findings | None) -> tuple[Mode, ...]:
    """Return the modes that may be tried: the one that the caller forces, or the provider's ladder,
    without what a probe found lacking.
    """
    if mode != "auto" and mode not in list(Mode):
        raise ConfigError(f"mode must be 'auto' or one of {', '.join(Mode)}, not {mode!r}")
    if mode != "auto":
        return (Mode(mode),)
    return findings.ladder(config.provider.modes) if findings else config.provider.modes


def _earlier(config: Config, first: Mode) -> tuple[Mode, ...]:
    """Return the modes that answers of earlier runs may have come in."""
    usual = config.provider.modes
    old = Findings.of(kept.load(kept_at(config)))
    begun = (usual[:1], old.ladder(usual)[:1] if old else ())
    return tuple(mode for mode in dict.fromkeys(sum(begun, ())) if mode is not first)


def prompt_of(given: Prompt | str | None) -> Prompt | PromptTemplate | None:
    """Return the instructions that are meant; None for the provider's. Raises ConfigError."""
    if given is None or given in list(Prompt):
        return None if given is None else Prompt(given)
    if not isinstance(given, str) or "{" not in given:
        known = " and ".join(Prompt)
        raise ConfigError(
            f"prompt must be one of {known}, or a template with {{schema}} in it, not {given!r:.80}"
        )
    return PromptTemplate.of(given)


def _one_of(kind: type[Kind], name: str, given: str) -> Kind:
    if given not in list(kind):
        raise ConfigError(f"{name} must be one of {', '.join(kind)}, not {given!r}")
    return kind(given)


def _grounded(wanted: bool | None, provider: Provider) -> bool:
    if wanted and provider.grammar is None:
        raise ConfigError(
            f"grounded=True needs a server that supports grammars, which {provider.name} does not: mark "
            "members as Verbatim[str], which is checked with every server"
        )
    return provider.grounded if wanted is None else wanted


def _most_bytes(
    name: Literal["max_reply_bytes", "max_line_bytes"], options: ClientOptions, usual: int
) -> int | None:
    most = options.get(name, usual)
    if most is not None:
        check_count(name, most, least=1)
    return most


def _most_fields(options: ClientOptions) -> int | None:
    most = options.get("max_fields")
    if most is not None:
        check_count("max_fields", most, least=1)
    return most
