"""The most tokens that a request can take, read from its body as it is sent. Pure.

Some requests may cost more than their text and the longest answer. They have no bound here, and are named:
files, sound, searches, content that the provider stores, and tiers and models with another price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ..errors import ConfigError
from ..messages import JSON, Usage
from .fields import mapping, mappings
from .replies import parse_json

# Tokens of one picture. gpt-4o-mini takes the most: 2,833, and 5,667 for each of at most eight tiles.
# Source: https://platform.openai.com/docs/guides/images-vision#calculating-costs.
MOST_OF_IMAGE = 50_000
# What the provider adds where there are tools. Anthropic's models take up to 804 tokens for it.
# Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview#pricing.
MOST_OF_TOOLS = 1_000
# Names are compared without underscores and capitals: some APIs take them in two spellings.
LIMITS = frozenset(
    {"maxtokens", "maxcompletiontokens", "maxoutputtokens", "maxnewtokens", "numpredict", "npredict"}
)
ANSWERS = frozenset({"n", "candidatecount", "bestof", "numreturnsequences", "beamwidth"})
WITHIN = frozenset({"generationconfig", "options", "parameters"})  # objects in which these may stand
MESSAGES = frozenset({"messages", "input", "contents", "system", "systeminstruction", "instructions"})
UNBOUND = frozenset(
    {
        "audio",
        "cachedcontent",
        "container",
        "conversation",
        "inferencegeo",
        "mcpservers",
        "models",
        "plugins",
        "preset",
        "previousresponseid",
        "prompt",
        "websearchoptions",
    }
)
DEARER = ("priority", "fast")  # values of `service_tier` and `speed`
FUNCTIONS = ("function", "custom")  # types of tools that the caller carries out
IMAGES = ("image", "image_url", "input_image")
TEXTS = frozenset(
    {
        "ephemeral",  # a mark of what is to be cached
        "function",
        "function_call",
        "function_call_output",
        "input_text",
        "message",
        "output_text",
        "reasoning",
        "redacted_thinking",
        "refusal",
        "summary_text",
        "text",
        "thinking",
        "tool_result",
        "tool_use",
    }
)
INLINE = frozenset({"inlinedata", "filedata"})  # Gemini's pictures and files
OTHERS = frozenset({"audio", "file", "fileid", "fileurl", "inputaudio", "video", "videourl"})
ANYTHING = frozenset({"args", "arguments", "response"})  # members whose value is a tool's own, sent as text
_HOUR = re.compile(rb'"ttl": ?"1h"')  # as a text within a JSON string it would be escaped


def most_usage(body: bytes, model: str, longest: int | None = None) -> Usage:
    """Return the most tokens that a request can take. Raises ConfigError if nothing bounds them.

    A token has at least one byte, so a prompt of text has no more tokens than bytes. model: the one whose
    price is meant. longest: tokens of the longest answer, where the body sets no limit.
    """
    read = mapping(parse_json(body))
    for what in _unbound(read, body, model):
        raise ConfigError(f"a budget can't cover {what}: its cost is not known in advance")
    images = [size for name in read if _plain(name) in MESSAGES for size in _images(read[name])]
    prompt = len(body) - sum(images) + MOST_OF_IMAGE * len(images) + MOST_OF_TOOLS * ("tools" in read)
    answer = _limit(read, longest) * _answers(read)
    if read.get("prediction") is not None:
        answer += len(body)  # predicted tokens that the answer does not have are paid for as its own
    return Usage(prompt, answer, cache_write_tokens=prompt if b'"cache_control"' in body else 0)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _members(body: Mapping[str, JSON]) -> Iterator[tuple[str, JSON]]:
    """Yield the members that say how to answer, by their plain names."""
    for name, value in body.items():
        plain = _plain(name)
        if value is not None:
            yield plain, value
        if plain in WITHIN:
            yield from _members(mapping(value))


def _limit(body: Mapping[str, JSON], longest: int | None) -> int:
    """Return the tokens of the longest answer. Of several limits it is not known which one holds."""
    limits = [value for name, value in _members(body) if name in LIMITS]
    for limit in limits:
        if type(limit) is not int or limit < 0:
            raise ConfigError(f"max_tokens={limit!r:.80} is invalid: a budget needs a whole number")
    if not limits and longest is None:
        raise ConfigError("a budget needs the length of the longest answer: set max_tokens=...")
    return max(limits, default=longest or 0)


def _answers(body: Mapping[str, JSON]) -> int:
    counts = [value for name, value in _members(body) if name in ANSWERS]
    for count in counts:
        if type(count) is not int or count < 1:
            raise ConfigError(f"n={count!r:.80} is invalid: a budget needs a whole number")
    return max(counts, default=1)


def _unbound(body: Mapping[str, JSON], written: bytes, model: str) -> Iterator[str]:
    """Yield what has no bound in a body, but for its messages."""
    if body.get("model", model) != model:
        yield f"the model {body['model']!r:.80} where {model!r} was meant"
    for name, value in _members(body):
        if name in UNBOUND:
            yield f"{name!r} in the body"
        elif name in ("servicetier", "speed") and value in DEARER:
            yield f"service that is {value!r}"
        elif name in ("modalities", "responsemodalities") and value not in (["text"], ["TEXT"]):
            yield "answers that are not text"
    for tool in mappings(body.get("tools")):
        if not _is_function(tool):
            yield f"a tool of the provider's own, {tool.get('type') or sorted(tool)!r:.80}"
    if _HOUR.search(written):
        yield "a cache that is kept for an hour"


def _is_function(tool: Mapping[str, JSON]) -> bool:
    if {_plain(name) for name in tool} == {"functiondeclarations"}:
        return True
    return tool.get("type", "custom") in FUNCTIONS and bool(tool.keys() & {"name", *FUNCTIONS})


def _images(value: JSON) -> Iterator[int]:
    """Yield the characters of each picture in messages. Raises ConfigError for content that is neither a
    picture nor text.
    """
    if isinstance(value, list):
        for item in value:
            yield from _images(item)
    if not isinstance(value, dict):
        return
    kind, names = value.get("type"), {_plain(name) for name in value}
    if kind in IMAGES or _media(value).startswith("image/"):
        yield _longest(value)
    elif (kind is not None and kind not in TEXTS) or names & (INLINE | OTHERS):
        raise ConfigError(
            f"a budget can't cover a part of a message that is not text, {kind or sorted(value)!r:.80}: "
            "its cost is not known in advance. Send pages as images, or as text"
        )
    else:
        for name, member in value.items():
            if _plain(name) not in ANYTHING and not (kind == "tool_use" and name == "input"):
                yield from _images(member)


def _media(part: Mapping[str, JSON]) -> str:
    """Return the media type of a part of Gemini's, "" if it tells none."""
    for name, held in part.items():
        if _plain(name) in INLINE:
            said = next((kind for key, kind in mapping(held).items() if _plain(key) == "mimetype"), "")
            return said if isinstance(said, str) else ""
    return ""


def _longest(value: JSON) -> int:
    """Return the characters of the longest text in a part."""
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max(map(_longest, inner), default=0)
