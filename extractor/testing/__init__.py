"""A loopback server that speaks the APIs of model providers and misbehaves on demand.

```python
with ChatServer([status(429, retry_after=1), reply({"total": 12})]) as server:
    client = OpenAI(base_url=server.base_url, api_key="any")
```

The pytest fixture is in `extractor.testing.fixtures`.
"""

from .batches import BatchScript
from .cassette import Cassette, Exchange, cassette
from .received import ReceivedRequest
from .replies import (
    Delivery,
    Drop,
    Event,
    Raw,
    Reply,
    Response,
    Scripted,
    Shaped,
    Sse,
    Status,
    body,
    calls,
    drop,
    filtered,
    logprobs,
    no_choices,
    rate_limits,
    raw,
    refusal,
    reply,
    shaped,
    slow,
    split,
    status,
    stream,
    truncated,
)
from .script import Script, ScriptEnded
from .server import ChatServer
from .using import use
from .values import value_of

__all__ = [
    "BatchScript",
    "Cassette",
    "ChatServer",
    "Delivery",
    "Drop",
    "Event",
    "Exchange",
    "Raw",
    "ReceivedRequest",
    "Reply",
    "Response",
    "Script",
    "ScriptEnded",
    "Scripted",
    "Shaped",
    "Sse",
    "Status",
    "body",
    "calls",
    "cassette",
    "drop",
    "filtered",
    "logprobs",
    "no_choices",
    "rate_limits",
    "raw",
    "refusal",
    "reply",
    "shaped",
    "slow",
    "split",
    "status",
    "stream",
    "truncated",
    "use",
    "value_of",
]
