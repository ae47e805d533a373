"""What a server supports: tiny requests that find it out, and the meaning of their replies. Pure."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from ..messages import JSON, REJECTED, Completion, Failure, FailureKind, Message, Mode, StrictSchema, Usage
from .judge import CUT_OFF

MAX_AGE = 30 * 24 * 3600.0  # seconds: servers learn, so what one did a month ago is asked again
LIMIT = 500  # tokens of a reply: enough for models that think first


class ProbeAnswer(StrEnum):
    """What a server does about a feature."""

    YES = "yes"
    IGNORED = "ignored"  # it takes the request, and does not do what it asks for
    NO = "no"  # it says so
    UNKNOWN = "unknown"  # the reply does not tell


@dataclass(frozen=True, slots=True)
class Question:
    """One feature, and what asks for it. shows: whether a reply shows that the server has it."""

    feature: str
    text: str
    shows: Callable[[Completion], bool]
    mode: Mode | None = None
    logprobs: bool = False
    image: bool = False

    @property
    def messages(self) -> tuple[Message, ...]:
        """What is said to the model."""
        if not self.image:
            return (Message("user", self.text),)
        picture = {"type": "image_url", "image_url": {"url": _red()}}
        return (Message("user", [{"type": "text", "text": self.text}, picture]),)


@dataclass(frozen=True, slots=True)
class Findings:
    """What one server does with one model. asked_at: Unix time. answers: by mode or other feature."""

    answers: Mapping[str, ProbeAnswer]
    asked_at: float
    requests: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = None

    def ladder(self, modes: tuple[Mode, ...]) -> tuple[Mode, ...]:
        """Return those modes, best first, that the server was not found to lack; never none."""
        lacking = (ProbeAnswer.NO, ProbeAnswer.IGNORED)
        return tuple(mode for mode in modes if self.answers.get(mode) not in lacking) or modes[-1:]

    def is_fresh(self, now: float) -> bool:
        """Whether it was found out within the last 30 days. now: Unix time."""
        return 0 <= now - self.asked_at < MAX_AGE

    def to_json(self) -> dict[str, JSON]:
        """Return it as it is kept."""
        return {
            "answers": {feature: str(answer) for feature, answer in self.answers.items()},
            "asked_at": self.asked_at,
            "requests": self.requests,
            "usage": {name: getattr(self.usage, name) for name in Usage.__slots__},
            "cost": None if self.cost is None else str(self.cost),
        }

    @classmethod
    def of(cls, kept: JSON) -> Findings | None:
        """Return what was kept; None if it is not what `to_json` gives."""
        try:
            answers = {str(feature): ProbeAnswer(answer) for feature, answer in kept["answers"].items()}
            cost = None if kept["cost"] is None else Decimal(kept["cost"])
            usage = Usage(**{name: int(kept["usage"].get(name, 0)) for name in Usage.__slots__})
            return cls(MappingProxyType(answers), float(kept["asked_at"]), int(kept["requests"]), usage, cost)
        except (AttributeError, InvalidOperation, LookupError, TypeError, ValueError):
            return None


def answer(question: Question, event: Completion | Failure) -> ProbeAnswer:
    """Return what a reply tells. It comes from a server that answers plain questions."""
    if isinstance(event, Failure):
        lasting = event.kind is FailureKind.STATUS and event.status not in _PASSING
        return ProbeAnswer.NO if lasting else ProbeAnswer.UNKNOWN
    if question.shows(event):
        return ProbeAnswer.YES
    return ProbeAnswer.UNKNOWN if event.finish_reason in (*CUT_OFF, REJECTED) else ProbeAnswer.IGNORED


_PASSING = frozenset({401, 403, 408, 409, 425, 429, 502, 503, 504, 529})  # nothing to do with the feature


def _object(text: str | None) -> Mapping[str, JSON]:
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_colour(completion: Completion) -> bool:
    return _object(completion.content).get("colour") in _COLOURS and len(_object(completion.content)) == 1


def _is_call(completion: Completion) -> bool:
    calls = completion.tool_calls
    return (
        bool(calls) and calls[0].function.name == SCHEMA.name and bool(_object(calls[0].function.arguments))
    )


def _has_logprobs(completion: Completion) -> bool:
    return bool(completion.choices and completion.choices[0].logprobs)


def _red() -> str:
    """Return a red square of 64 x 64 pixels as a data URL. Source: https://www.w3.org/TR/png-3/."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * 64) * 64
    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


_COLOURS = ("teal", "mauve")
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": list(_COLOURS)}},
    "required": ["colour"],
    "additionalProperties": False,
}
SCHEMA = StrictSchema("colour", _SCHEMA)
FORBIDDEN = 'ProbeAnswer with exactly this and nothing else: {"taste": "sweet", "number": 7}'
PLAIN = Question("streamed usage", "Say hello.", lambda completion: completion.usage is not None)
QUESTIONS = (
    Question(Mode.JSON_SCHEMA, FORBIDDEN, _is_colour, Mode.JSON_SCHEMA),
    Question(Mode.TOOL, "Say hello in plain words. Call no function.", _is_call, Mode.TOOL),
    Question(
        Mode.JSON_OBJECT,
        "Say hello in plain words, not in JSON.",
        lambda completion: bool(completion.content) and "{" in str(completion.content)[:20],
        Mode.JSON_OBJECT,
    ),
    Question("logprobs", "Say hello.", _has_logprobs, logprobs=True),
    Question(
        "images",
        "Which colour is this picture? ProbeAnswer with one word.",
        lambda completion: "red" in (completion.content or "").lower(),
        image=True,
    ),
)
