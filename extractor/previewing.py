"""What a call would send, shown before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from . import bulk
from .messages import Usage
from .model import Endpoint, Model
from .parts import Prepared
from .secrets import Secret
from .task import Task

MASK = "***"
HERE = "http://127.0.0.1/v1"  # the embedded model's server has another port each time


@dataclass(frozen=True, slots=True)
class Preview:
    """A request as it would be sent. print(preview) shows it as HTTP, with an indented body.

    - headers: without keys.
    - tokens: of the prompt, estimated from the length of the body.
    - cost: US dollars for the prompt and an answer of the length that its schema suggests; None if no price
      is known.
    - fields: what this request asks for, as JSON pointers, if it is one of several.
    - parts: the requests for all parts of the record, this one first; empty if one request asks for all.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    tokens: int
    cost: Decimal | None = None
    fields: tuple[str, ...] = ()
    parts: tuple[Preview, ...] = field(default=(), repr=False)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def __str__(self) -> str:
        head = [f"POST {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())]
        plan = [f"# part {i} asks for {', '.join(each.fields)}" for i, each in enumerate(self.parts, 1)]
        return "\n".join([*plan, *head, "", json.dumps(self.json, ensure_ascii=False, indent=2)])


def preview(models: Sequence[Model], record_type: Any, text: Any, options: Mapping[str, Any]) -> Preview:
    """Return the first request of a call. Raises ConfigError and SchemaError as the call would."""
    prepared = Prepared(models, record_type, options)
    tasks, plan = prepared.tasks(models[0]), prepared.division.plan
    shown = [_shown(models[0], task, text) for task in tasks]
    if len(shown) == 1:
        return shown[0]
    parts = tuple(replace(each, fields=fields) for each, fields in zip(shown, plan, strict=True))
    return replace(parts[0], parts=parts)


def _shown(model: Model, task: Task[Any], text: Any) -> Preview:
    step = task.ask(text)
    config = model.settings.config
    endpoint = Endpoint(config.base_url or HERE, Secret(MASK if config.api_key else ""))
    post = model.post(endpoint, step.request, 1.0)
    own = {name.lower() for name in model.settings.headers.reveal()}
    headers = {name: MASK if name.lower() in own else value for name, value in post.headers.items()}
    tokens = bulk.prompt_tokens(len(post.body))
    cost = model.policy.budget.price(model.name, Usage(tokens, bulk.answer_tokens(task.compiled.schema)))
    return Preview(post.url, headers, post.body, tokens, cost)
