"""The keywords of a client and of its calls, with their types: said once for sync and async."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from os import PathLike
from typing import Any, Literal, Required, TypeAlias, TypedDict, cast

from .dialects import Provider
from .errors import ConfigError
from .groups import GROUPS, Check, Chunks, Columns, Run, in_group
from .messages import Mode, Prompt, Turns
from .pricing import Price
from .quotas import SharedQuota
from .readers.given import Reading
from .results import Progress
from .saying import ByRow, Day, Examples, FromColumn
from .secrets import Headers
from .telemetry.events import Event
from .transport.connection import Timeouts

Tool: TypeAlias = type | Callable[..., Any] | Mapping[str, Any]
Parts: TypeAlias = Literal["auto", "never"] | int
MAX_ROUNDS, MAX_CALLS = 10, 200  # of `run_tools`


class Params(TypedDict, total=False):
    """Parameters of the chat-completions API. They are sent as they are, or under the name that the
    provider's API uses.

    - extra_body: parameters that only your server knows. They are added to the request body.

    Source: https://platform.openai.com/docs/api-reference/chat/create.
    """

    audio: Mapping[str, Any]
    extra_body: Mapping[str, Any] | None
    frequency_penalty: float | None
    logit_bias: Mapping[str, int] | None
    logprobs: bool | None
    max_completion_tokens: int | None
    max_tokens: int | None
    metadata: Mapping[str, str] | None
    modalities: Sequence[str]
    n: int | None
    parallel_tool_calls: bool
    prediction: Mapping[str, Any] | None
    presence_penalty: float | None
    prompt_cache_key: str
    prompt_cache_retention: str
    reasoning_effort: str | None
    response_format: Mapping[str, Any]
    safety_identifier: str
    seed: int | None
    service_tier: str | None
    stop: str | Sequence[str] | None
    store: bool | None
    temperature: float | None
    top_logprobs: int | None
    top_p: float | None
    user: str
    verbosity: str | None
    web_search_options: Mapping[str, Any]


class ExtractOptions(Params, total=False):
    """Keywords of the calls that extract records.

    In `rows` and `frame`, each of the first six but `prompt` may be a FromColumn, which takes its value from
    each row. `instructions`, `context`, `reference_date` and `locale` may also be a function of the row.

    - prompt, reference_date, locale: as in Extractor.
    - instructions: added to the instructions of the Extractor.
    - examples: pairs of a text and its record, or mappings with `text`, `record` and perhaps `evidence`; or a
      function that chooses them for a text.
    - context: what Pydantic validators find in `info.context`. The text is added to it as "text".
    - evidence: "quote" makes the model quote the text for each value, see Extraction.quotes.
      Extraction.evidence needs no option and costs nothing.
    - confidence: True for a score of each value, see Extraction.confidence; or the file that `extractor
      calibrate` wrote, which turns scores into probabilities.
    - samples: how many answers to ask for, by default what `tuned` says, else 1. The answer that agrees most
      with the others is taken, and their agreement counts in the confidence.
    - strict_reading, read_values: as in Extractor.
    - extras: "keep" lets the objects of a JSON Schema document have members that it neither names nor
      forbids. By default they are sent as closed.
    - mask: what is replaced before anything is sent, see Extractor.
    - reading: how a Path or bytes are read, a Reading. A Source has been read already.
    - parts: "auto", the default, asks for a type in several requests if it exceeds what the server takes in
      one; "never"; or the number of requests. See Extraction.parts.
    """

    prompt: Prompt | str | None
    instructions: str | ByRow | None
    examples: Examples | FromColumn
    context: Mapping[str, Any] | ByRow | None
    reference_date: Day | ByRow | None
    locale: str | ByRow | None
    evidence: bool | Literal["quote"] | None
    confidence: bool | str | PathLike[str] | None
    samples: int
    strict_reading: bool
    read_values: bool
    extras: Literal["keep"] | None
    mask: Any
    reading: Reading | None
    parts: Parts


class UpdateOptions(Params, total=False):
    """Keywords of `update`.

    - instructions, context, prompt, reference_date, locale, strict_reading, read_values, mask, reading: as in
      ExtractOptions.
    """

    prompt: Prompt | str | None
    instructions: str | None
    context: Mapping[str, Any] | None
    reference_date: Day | None
    locale: str | None
    strict_reading: bool
    read_values: bool
    mask: Any
    reading: Reading | None


class LiveRowOptions(ExtractOptions, total=False):
    """Keywords of calls over many rows.

    - run: how the run goes, a Run.

    The other keywords are fields of Run. As keywords of their own they are deprecated.

    - concurrency: the most requests in flight. The number in use adapts to what the service can handle.
    - journal: where answers are kept, so that none is paid for twice: a file, the URL of a server such as
      redis://host/0, True for the file in the user's cache folder (the default), or False for none. None is
      an error.
    - retry: "failed" asks again if the journal has an answer without a record.
    - max_cost: US dollars that the run may cost.
    - requests_per_minute, tokens_per_minute: the quota, if you know it. Otherwise it is learned.
    - limiter: shares the quota with other workers if the journal does not: an extractor.types.SharedQuota.
    - ordered: False yields rows as they are done.
    - on_progress: called with the Progress of the run, a few times a second.
    - rows_per_request: how many short texts share a request.
    """

    run: Run | None
    concurrency: int
    journal: Any
    retry: Literal["failed"] | None
    max_cost: Decimal | float | None
    requests_per_minute: float | None
    tokens_per_minute: float | None
    limiter: SharedQuota | None
    ordered: bool
    on_progress: Callable[[Progress], None] | None
    rows_per_request: int


class RowOptions(LiveRowOptions, total=False):
    """Keywords of calls over many rows, see LiveRowOptions.

    - mode: "batch" uses the provider's batch API, which answers within a day and at half the price. "live",
      the default, asks at once.
    """

    mode: Literal["live", "batch"]


class DocumentOptions(RowOptions, total=False):
    """Keywords of `document`.

    - chunks: how the text is split, and how the records of its chunks are merged, a Chunks.
    - progress: as in ColumnOptions.

    The other keywords are fields of Chunks. As keywords of their own they are deprecated.

    - window: the context window in tokens, for a request with its answer. It is needed if neither the library
      nor the server knows it.
    - chunk: the most characters of a chunk, by default what fits the window.
    - overlap: how many characters of the previous chunk each chunk begins with.
    - passes: how often the text is read, each time with other borders, to find more.
    - rereads: how many passages may be read again because lines in them look like items that were overlooked.
    - key: what identifies an item of a list: the name of a field; or for each list, by its JSON pointer, a
      name, several names, or "" for the item itself.
    - counts: how many items a list must have, by its JSON pointer: a number, or the pointer of the field that
      holds it.
    - check: a function of the whole record, or several by name, that says what is wrong with it.
    """

    chunks: Chunks | None
    window: int | None
    chunk: int | None
    overlap: int | None
    passes: int
    rereads: int
    key: str | Mapping[str, str | Sequence[str]] | None
    counts: Mapping[str, int | str] | None
    check: Check | Mapping[str, Check] | None
    progress: bool | None


class ColumnOptions(TypedDict, total=False):
    """Keywords of calls that return a frame or a table.

    - columns: which columns are added, a Columns.
    - progress: whether progress is shown on standard error. By default it is shown in a terminal and in a
      notebook.

    The other keywords are fields of Columns. As keywords of their own they are deprecated.

    - name: the name of the new column, by default that of the record type in snake case. The names of the
      others begin with it.
    - flatten: a column for each member of the record, under the member's name. If you give `name`, `<name>_`
      comes before it.
    - usage, evidence, version: whether to add columns of tokens and cost, of evidence, and of the version of
      the record type. A column of confidence is added if you ask for confidence.
    """

    columns: Columns | None
    name: str | None
    flatten: bool
    usage: bool
    version: bool
    progress: bool | None


class FrameOptions(RowOptions, ColumnOptions, total=False):
    """Keywords of `frame`, see ColumnOptions, RowOptions and ExtractOptions."""


class ParseOptions(Params, total=False):
    """Keywords of `parse`.

    - context: what Pydantic validators find in `info.context`.
    - strict_reading, read_values: as in Extractor.
    """

    context: Mapping[str, Any] | None
    strict_reading: bool
    read_values: bool


class ChatOptions(Params, total=False):
    """Keywords of `chat` and `chat_stream`.

    - tools: Pydantic models, annotated functions or JSON Schemas that the model may call; several, or one.
    - tool_choice: "auto", "none", "required", or the name of the tool that the model must call.
    """

    tools: Sequence[Tool] | Tool
    tool_choice: str | Mapping[str, Any] | None


class RunToolsOptions(Params, total=False):
    """Keywords of `run_tools`.

    - tools: functions, and Pydantic models with a `__call__`. They are run on validated arguments. A call of
      a type without `__call__` is the answer, and ends the conversation.
    - tool_choice: as in ChatOptions, but it forces a call only in the first round.
    - max_rounds: the most replies of the model.
    - max_calls: the most calls of tools, in all replies together.
    """

    tools: Required[Sequence[Tool] | Tool]
    tool_choice: str | Mapping[str, Any] | None
    max_rounds: int
    max_calls: int


class ModelOptions(TypedDict, total=False):
    """Keywords of Extractor without those that belong to one host or one budget. Extractor describes each."""

    base_url: str | None
    grounded: bool | None
    mode: Mode | str
    strict_reading: bool
    read_values: bool
    fallback: Any  # names of models and Extractors, one or several
    turns: Turns | str
    prompt: Prompt | str | None
    on: Mapping[str | int, str | Sequence[str]] | None
    max_repairs: int
    max_retries: int
    timeout: float | Timeouts
    proxy: str | None
    verify: Any
    http2: bool
    max_reply_bytes: int | None
    max_line_bytes: int | None
    deadline: float | None
    max_tokens_total: int | None
    prices: Mapping[str, Price] | None
    retry_wait: Any
    provider: Provider | None
    on_event: Callable[[Event], None] | None
    capture_content: bool | None
    escalate: Any  # where values go that are below: a model, an Extractor, "review" or "null"
    below: Any  # a score, or a Promise, or the path of one
    tuned: Any  # what `extractor tune` found: a Tuned, or the path of its file
    parts: Parts
    max_fields: int | None


class ClientOptions(ModelOptions, Params, total=False):
    """Keywords of Extractor and AsyncExtractor. Extractor describes each."""

    api_key: str | Callable[[], str] | None
    instructions: str | None
    reference_date: Day | None
    locale: str | None
    mask: Any
    max_cost: Decimal | float | None
    extra_headers: Mapping[str, str] | Headers | None


class EngineOptions(ModelOptions, LiveRowOptions, ColumnOptions, total=False):
    """Keywords of a step that runs on other machines: those of a model, and those of `frame`."""


PARAMETERS = frozenset(Params.__annotations__)
ANSWERS_DEPEND_ON = PARAMETERS | {  # options of a client, but for keys and how its server is reached
    *("base_url", "grounded", "mode", "turns", "prompt", "instructions", "reference_date", "locale", "mask"),
    *("strict_reading", "read_values", "on", "max_repairs", "max_tokens_total", "parts", "max_fields"),
    *("fallback", "escalate", "below", "tuned"),
}
COUNTS = frozenset({"max_tokens", "max_completion_tokens", "n"})
OF_DOCUMENTS = frozenset(
    {"chunk", "chunks", "window", "overlap", "passes", "rereads", "key", "counts", "check"}
)
OF_READING = frozenset({"text_form", "page_images", "ocr"})
_OF_CLIENT = (
    frozenset({*ClientOptions.__annotations__, "model", "http_client"})
    - PARAMETERS
    - {"instructions", "prompt", "reference_date", "locale"}
)
_ELSEWHERE: Sequence[tuple[frozenset[str], str]] = (  # names that are other calls', and what takes them
    (OF_DOCUMENTS, "is an option of `document`, for one long text at a time{grouped}"),
    (_OF_CLIENT, "is an option of Extractor(..., {name}=...); for one call: ex.with_options({name}=...)"),
    (
        frozenset(ExtractOptions.__annotations__) - PARAMETERS,
        "is an option of the calls that extract a record: `run`, `extract`, `stream`, `rows`, ...",
    ),
    (
        frozenset(RowOptions.__annotations__) - frozenset(ExtractOptions.__annotations__),
        "is an option of `rows` and `frame`{grouped}",
    ),
    (frozenset(ColumnOptions.__annotations__), "is an option of `frame`{grouped}"),
    (frozenset(RunToolsOptions.__annotations__) - PARAMETERS, "is an option of `chat` and `run_tools`"),
    (OF_READING, "is an option of `read`; calls that open a document take it{grouped}"),
)
_TYPE_FIRST = "the record type is the first argument: extract(Model, text)"
_REPAIRS = "max_repairs= and max_retries= are options of Extractor(...)"
_AT = "base_url= is the option of Extractor(...)"
_SAID = "instructions= has instructions for the model"
INSTEAD: Mapping[str, str] = {  # names that other libraries have, and what to write here
    **dict.fromkeys(("output_type", "response_model", "response_type", "result_type", "schema"), _TYPE_FIRST),
    "messages": "`parse`, `chat` and `run_tools` take messages; the text is the second argument of `extract`",
    **dict.fromkeys(("content", "input", "inputs", "texts"), "the text is the second argument of `extract`"),
    **dict.fromkeys(("prompt_description", "system", "system_prompt"), _SAID),
    **dict.fromkeys(("attempts", "max_attempts", "num_retries", "retries"), _REPAIRS),
    **dict.fromkeys(("api_base", "endpoint", "host", "model_url", "url"), _AT),
    **dict.fromkeys(("api_token", "token"), "api_key= is the option of Extractor(...)"),
    **dict.fromkeys(("few_shot", "fewshot", "shots"), "examples= takes pairs of a text and its record"),
    **dict.fromkeys(
        ("batch_length", "max_concurrency", "max_workers", "n_jobs", "workers"),
        "run=Run(concurrency=...) bounds the requests in flight, for `rows` and `frame`",
    ),
    **dict.fromkeys(("cache", "cache_dir"), "run=Run(journal=...) keeps the answers, for `rows` and `frame`"),
    **dict.fromkeys(
        ("chunk_size", "max_char_buffer", "max_chunk_size"),
        "chunks=Chunks(size=...) is for `document`",
    ),
}


def check_share(name: str, value: object) -> None:
    """Raise ConfigError unless a value is a share: a number in [0, 1]."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ConfigError(f"{name} must be a number from 0 to 1, not {value!r:.80}")


def check_count(name: str, value: object, least: int) -> None:
    """Raise ConfigError unless a value is a whole number, and not below the least."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigError(f"{name} must be a whole number, at least {least}, not {value!r}")


def checked_parts(given: Any) -> Parts:
    """Return what `parts=` says. Raises ConfigError."""
    if given not in ("auto", "never") and not (type(given) is int and given > 0):
        raise ConfigError(f'parts must be "auto", "never" or a number of requests, not {given!r:.80}')
    return cast(Parts, given)


def check_parameters(params: Mapping[str, Any]) -> None:
    """Raise ConfigError for a name that the chat-completions API does not have, and for a count below 1."""
    for name in COUNTS & params.keys():
        if params[name] is not None:
            check_count(name, params[name], least=1)
    for name in sorted(set(params) - PARAMETERS):
        raise ConfigError(unknown(name))


def unknown(name: str) -> str:
    """Return what to say of a keyword that is not for this call: whose it is, or what may have been meant."""
    if whose := _whose(name):
        return f"{name!r} {whose}"
    if name in INSTEAD:
        return f"{name!r} is not a keyword here: {INSTEAD[name]}"
    elsewhere = (each for names, _ in _ELSEWHERE for each in sorted(names))
    near = next(iter(get_close_matches(name, (*sorted(PARAMETERS), *elsewhere), 1)), None)
    hint = "." if near is None else f"; did you mean {near!r}?"
    if near and (whose := _whose(near)):
        hint += f" That {whose}."
    return (
        f"{name!r} is not a parameter of the chat-completions API{hint} Put parameters that only your "
        f"server knows into extra_body={{{name!r}: ...}}"
    )


def _whose(name: str) -> str | None:
    """Return which call takes a keyword of ours; None for one that is not ours."""
    now = in_group(name, *GROUPS)
    said = f" as {now}" if now else ""
    return next((what.format(name=name, grouped=said) for names, what in _ELSEWHERE if name in names), None)
