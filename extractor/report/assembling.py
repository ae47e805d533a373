"""Data and assets in, one HTML page out: no network, no script but its own. Pure.

Data stand in the page as JSON, and its script shows them by `textContent` alone; the content security
policy lets nothing else run. So a text with markup in it stays text.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, TypeAlias

JSON: TypeAlias = Any


def assembled(asset: str, data: JSON, title: str, connect: str = "", pictures: str = "") -> str:
    """Return a page of this room's assets, `asset` with .html, .css and .js. connect: what its script may
    send requests to, as the policy has it; by default nothing. pictures: from where it shows some, likewise.
    """
    style, script = _asset(f"{asset}.css"), _asset(f"{asset}.js")
    policy = f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'"
    policy += f"; connect-src {connect}" if connect else ""
    policy += f"; img-src {pictures}" if pictures else ""
    values = {
        "policy": escape(policy),
        "title": escape(_written(title)),
        "style": style,
        "script": script,
        "data": _embedded(data),
    }
    return _filled(_asset(f"{asset}.html"), values)


_IN_SCRIPT = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def _embedded(data: JSON) -> str:
    """Return JSON that neither ends a script element nor begins a comment in one."""
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if _written(written) != written:
        written = json.dumps(data, separators=(",", ":"))
    return written.translate(_IN_SCRIPT)


def _written(text: str) -> str:
    """Return the text without lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Return the template with each {{name}} replaced, once: what a value holds is not looked into."""
    pieces = template.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += values[name], rest
    return "".join(filled)


def _digest(source: str) -> str:
    return f"sha256-{b64encode(sha256(source.encode()).digest()).decode()}"


@cache
def _asset(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
