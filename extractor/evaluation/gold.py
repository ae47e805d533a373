"""Lines of gold: a text, or the path of one, with its record and where the values stand.

One format for `eval`, `calibrate`, `--examples` and `review`: {"text" or "path", "record", "evidence":
[{"pointer", "start", "end"}]}; offsets in code points, end exclusive. A `sha256` of the text, where it is
there, has to agree. Older names are read too: `gold` for `record`, and `path` in evidence for `pointer`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from .. import readers
from ..errors import ConfigError, UnreadableSource
from ..messages import JSON
from ..readers.given import USUAL, Reading
from ..readers.kinds import is_text

Place: TypeAlias = tuple[int, int]  # start and end in the text, end exclusive
Places: TypeAlias = Mapping[str, Sequence[Place]]  # by the JSON pointer of a leaf
SHAPE = (
    'a case is {"text": "...", "record": {...}}, or "path" of a file instead of "text", with "id" and '
    '"evidence": [{"pointer": "/field", "start": 0, "end": 5}] where there are such'
)


def object_in(line: str, where: str) -> dict[str, JSON]:
    """Return the object on a line. Raises ConfigError."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: this is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise ConfigError(f"{where}: {SHAPE}")
    return told


def text_in(told: Mapping[str, JSON], folder: Path, where: str, reading: Reading = USUAL) -> str | None:
    """Return the text of a line, None if it names none. Raises ConfigError.

    A path may be that of a document, such as a PDF: its text is as `read` returns it. reading: how.
    folder: where paths begin; a file elsewhere, such as a key, is not read, since lines may be strangers'.
    """
    text, path = told.get("text"), told.get("path")
    if not isinstance(text, str) and isinstance(path, str):
        text = _read(path, folder, where, reading)
    if not isinstance(text, str):
        return None
    if told.get("sha256") not in (None, digest(text)):
        raise ConfigError(f"{where}: the text has changed since it was labelled: its sha256 differs")
    return text


def digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def places_in(told: Mapping[str, JSON], length: int, where: str) -> Places | None:
    """Return the spans of a line by pointer, None if it gives none. Raises ConfigError for one that is
    no span of a text of so many characters.
    """
    evidence = told.get("evidence")
    if evidence is None:
        return None
    places: dict[str, list[Place]] = {}
    for one in evidence if isinstance(evidence, list) else [evidence]:
        pointer = one.get("pointer", one.get("path")) if isinstance(one, dict) else None
        match one:
            case {"start": int(start), "end": int(end)} if 0 <= start < end <= length and _is_text(pointer):
                places.setdefault(str(pointer), []).append((start, end))
            case _:
                raise ConfigError(f"{where}: {one!r} is not a span of the text; {SHAPE}")
    return places


def _is_text(pointer: Any) -> bool:
    return isinstance(pointer, str)


def _read(path: str, folder: Path, where: str, reading: Reading) -> str:
    try:
        file, root = (folder / path).resolve(), folder.resolve()
        if not file.is_relative_to(root):
            raise ConfigError(f"{where}: {path} is not below {root}, the folder of the labels")
        data = file.read_bytes()
        if is_text(data):
            return data.decode("utf-8-sig")
        return readers.read(data, name=path, text_form=reading.text_form, ocr=reading.ocr).text
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: {path} is neither text in UTF-8 nor a known document") from error
    except UnreadableSource as error:
        raise ConfigError(f"{where}: {path}: {error}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{where}: cannot read {path}: {reason}") from error
