"""Archives of related parts, as Word, Excel and PowerPoint write them. Source: ECMA-376, part 2.

Names are compared without their namespaces: the strict form of these documents differs in those alone.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

from .unreadable import ReadFailed

UNPACKED = 500_000_000  # bytes of all parts together
PARTS = 20_000


def check_archive(data: bytes) -> None:
    """Raise ReadFailed for an archive that is damaged, or unpacks to too much."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            parts = archive.infolist()
    except (BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ReadFailed(
            "damaged", f"the document is an incomplete archive; it may be cut off: {error}"
        ) from error
    if len(parts) > PARTS or sum(part.file_size for part in parts) > UNPACKED:
        raise ReadFailed(
            "too_large", f"the document unpacks to more than {UNPACKED:,} bytes or {PARTS:,} parts"
        )
    if any(part.flag_bits & 1 for part in parts):
        raise ReadFailed("encrypted", "the document is encrypted: save it without a password")


@dataclass(frozen=True, slots=True)
class Related:
    """A part that another one names. kind: the last step of the relationship's type, such as "header"."""

    id: str
    kind: str
    place: str


class Package:
    """The parts of an archive, and which of them belong together."""

    def __init__(self, data: bytes) -> None:
        check_archive(data)
        self._archive = ZipFile(BytesIO(data))
        self._names = frozenset(self._archive.namelist())

    def data(self, place: str) -> bytes:
        """Return a part. Raises KeyError."""
        return self._archive.read(place)

    def tree(self, place: str) -> Any:
        """Return the root element of a part. Raises KeyError, ParseError."""
        return ElementTree.fromstring(self.data(place))  # noqa: S314  bounded by the process

    def related(self, place: str = "", kind: str | None = None) -> Iterator[Related]:
        """Yield the parts that the one at `place` names, or the archive itself, if they are there."""
        folder, name = posixpath.split(place)
        listed = posixpath.join(folder, "_rels", f"{name}.rels")
        if listed not in self._names:
            return
        for each in self.tree(listed):
            target = posixpath.normpath(posixpath.join("/", folder, unquote(each.get("Target", ""))))[1:]
            found = Related(each.get("Id", ""), each.get("Type", "").rpartition("/")[2], target)
            if target in self._names and kind in (None, found.kind):
                yield found


def local(element: Any) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def attribute(element: Any, name: str) -> str | None:
    """Return an attribute by its name without the namespace."""
    found = (value for key, value in element.attrib.items() if key.rpartition("}")[2] == name)
    return next(found, None)


def child(element: Any, *names: str) -> Any:
    """Return the first child of this name, of that the next one, and so on; None if one is missing."""
    for name in names:
        element = next((each for each in element if local(each) == name), None)
        if element is None:
            return None
    return element


def descendants(element: Any, name: str) -> Iterator[Any]:
    """Yield the elements of this name within one, in order."""
    return (each for each in element.iter() if local(each) == name)
