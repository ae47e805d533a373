"""What a call would send, shown before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .bulk import prompt_tokens
from .model import Endpoint, Model
from .secrets import Secret
from .task import Task

MASK = "***"
HERE = "http://127.0.0.1/v1"  # the embedded model's server has another port each time


@dataclass(frozen=True, slots=True)
class Preview:
    """A request as it would be sent. headers: without keys. tokens: of the prompt, estimated from the length
    of the body. print(it) shows it as HTTP does, with the body set out.
    """

    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    tokens: int

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    def __str__(self) -> str:
        head = [f"POST {self.url}", *(f"{name}: {value}" for name, value in self.headers.items())]
        return "\n".join([*head, "", json.dumps(self.json, ensure_ascii=False, indent=2)])


def preview(model: Model, record_type: Any, text: Any, options: Mapping[str, Any]) -> Preview:
    """Return the first request of a call. Raises ConfigError and SchemaError as the call would."""
    step = Task[Any](model, record_type, **options).ask(text)
    config = model.settings.config
    endpoint = Endpoint(config.base_url or HERE, Secret(MASK if config.api_key else ""))
    post = model.post(endpoint, step.request, 1.0)
    own = {name.lower() for name in model.settings.headers.reveal()}
    headers = {name: MASK if name.lower() in own else value for name, value in post.headers.items()}
    return Preview(post.url, headers, post.body, prompt_tokens(len(post.body)))
