"""Words of pictures, kept by the picture: to recognise them takes seconds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from ..files import cache_folder, make_folder, replacing

Kept: TypeAlias = Sequence[Any]


def place_of(picture: bytes, edition: str) -> Path:
    """Return the file that the words of a picture are kept in. edition: what they also depend on."""
    name = sha256(edition.encode() + b"\0" + picture).hexdigest()
    return cache_folder() / "ocr" / name[:2] / f"{name}.json"


def load(place: Path) -> Kept | None:
    """Return what is kept; None if there is nothing, or it is damaged."""
    try:
        told = json.loads(place.read_bytes())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, list) else None


def save(place: Path, words: Kept) -> None:
    """Keep words, for the owner alone to read. A disk that takes nothing is no error."""
    with suppress(OSError):
        make_folder(place.parent)
        with replacing(str(place)) as file:
            file.write(json.dumps(words).encode())
