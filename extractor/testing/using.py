"""Redirects code with a fixed model to a test's server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import urlsplit

from ..transport import tape
from ..transport.exchange import Post
from .server import ChatServer

# How the paths of all providers end: a ChatServer has no others' beginnings, such as /inference/v1.
_GEMINI = re.compile(r"/v1beta/.+")
_OPENAI = re.compile(
    r"/(chat/completions|responses|messages(/batches(/.*)?)?|batches(/.*)?|files(/.*)?|models(/.*)?)$"
)


@contextmanager
def use(server: ChatServer) -> Iterator[ChatServer]:
    """Redirect each request of this process to a server, whatever model the code names, until the block ends.

    Clients that exist already are redirected too. No key is needed, and the embedded model is not started.
    Raises RuntimeError if the server has not been started.
    """
    root = server.url

    def redirected(call: Post) -> Post:
        return replace(call, url=root + path_of(call.url))

    with tape.leading(redirected):
        yield server


def path_of(url: str) -> str:
    """Return the path, with its query, by which a ChatServer knows what a provider's URL is for."""
    parts = urlsplit(url)
    if found := _GEMINI.search(parts.path):
        path = found[0]
    elif found := _OPENAI.search(parts.path):
        path = f"/v1{found[0]}"
    else:
        path = parts.path
    return path + (f"?{parts.query}" if parts.query else "")
