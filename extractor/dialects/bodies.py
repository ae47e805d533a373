"""Request bodies as bytes. The parts that all texts share are written once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from operator import attrgetter
from typing import Any

from ..errors import ConfigError
from ..messages import JSON, Message, Request, StrictSchema
from .dialect import Dialect
from .providers import Provider

KEPT = 64  # forms
_BLANK = "(here stands the text of the last message)"
_beside = attrgetter(*(each.name for each in fields(Message) if each.name not in ("role", "content")))
_NOTHING = _beside(Message("user"))
_quoted = json.JSONEncoder(ensure_ascii=False).encode


class Bodies:
    """How a provider's requests are written. Safe to use from several threads.

    If a request differs from an earlier one only in the text of its last message, that text is put into the
    earlier body. The dialect need not make the whole body again.
    """

    def __init__(self, dialect: Dialect, provider: Provider) -> None:
        self._dialect, self._provider = dialect, provider
        self._forms: dict[Any, tuple[StrictSchema | None, tuple[bytes, ...]]] = {}

    def write(self, request: Request, *, stream: bool = False) -> bytes:
        """Return the request's body. Raises ConfigError for a value that is not JSON, and for a parameter
        that the API lacks.
        """
        last = request.messages[-1] if request.messages else None
        if last is None or not _takes_form(request, last):
            return self._plain(request, stream)
        form = self._form(request, last, stream)
        if len(form) != 2:
            return self._plain(request, stream)
        try:
            return _quoted(last.content).encode().join(form)
        except UnicodeEncodeError:  # a lone surrogate
            return self._plain(request, stream)

    def _form(self, request: Request, last: Message, stream: bool) -> tuple[bytes, ...]:
        """The body before and after the blank; something else if there is no such form, or not yet: a
        request that comes once needs none.
        """
        schema = request.response_schema
        key = (
            stream,
            request.model,
            request.mode,
            request.messages[:-1],
            repr(request.params),  # so that 1, 1.0 and True stay apart
            id(schema and schema.schema),
        )
        known, form = self._forms.get(key, (None, None))
        if form is None or (known is not schema and known != schema):
            if len(self._forms) >= KEPT:
                self._forms.clear()
            self._forms[key] = (schema, ())
            return ()
        if not form:
            blank = replace(request, messages=(*request.messages[:-1], replace(last, content=_BLANK)))
            form = _split(_json(self._dialect.encode(blank, self._provider, stream=stream)))
            self._forms[key] = (schema, form)
        return form

    def _plain(self, request: Request, stream: bool) -> bytes:
        return written(self._dialect.encode(request, self._provider, stream=stream))


def _takes_form(request: Request, last: Message) -> bool:
    """Whether a text, which is not blank, may be all that tells the request from others of its kind."""
    return (
        request.response_schema is not None
        and request.grammar is None
        and not request.tools
        and request.tool_choice is None
        and last.role == "user"
        and all(isinstance(m.content, str) and _beside(m) == _NOTHING for m in request.messages)
        and bool(str(last.content).strip())
    )


def _split(body: str) -> tuple[bytes, ...]:
    try:
        return tuple(part.encode() for part in body.split(_quoted(_BLANK)))
    except UnicodeEncodeError:
        return (b"",)


def written(body: Mapping[str, JSON]) -> bytes:
    """Return a body as JSON. Raises ConfigError."""
    try:
        return _json(body).encode()
    except UnicodeEncodeError:  # a lone surrogate in the text: escape it
        return _json(body, ascii_only=True).encode()


def _json(body: Mapping[str, JSON], ascii_only: bool = False) -> str:
    try:
        return json.dumps(body, ensure_ascii=ascii_only, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"the request can't be written as JSON: {error}") from error
